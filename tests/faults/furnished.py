"""A home with a few hundred entries, matches, an edition and a waiting message, made once and copied; and every command."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from tests.conformance.feedserver import FeedServer
from tests.e2e.program import Wire, aggregator, done, write_home

ENTRIES = 300

READING = [
    ["entries", "--json"],
    ["search", "CSTO"],
    ["stories"],
    ["stories", "show", "1"],
    ["why", "1", "csto"],
    ["export", "entries"],
    ["export", "matches"],
    ["stats"],
    ["editions"],
    ["feeds", "list"],
    ["feeds", "show", "wire"],
    ["watch", "list"],
    ["watch", "backtest", "CSTO"],
    ["watch", "lint"],
    ["watch", "test", "CSTO"],
    ["outbox", "list"],
    ["outbox", "show", "1"],
    ["subscriptions", "list"],
    ["subscriptions", "suppressions", "list"],
    ["digest", "morning", "--preview"],
    ["syndicate", "watchlist", "csto"],
    ["doctor"],
]
WRITING = [
    ["poll"],
    ["send"],
    ["digest", "morning"],
    ["prune"],
    ["backup"],
    ["feeds", "pause", "wire"],
    ["feeds", "resume", "wire"],
    ["outbox", "release"],
    ["outbox", "drop", "1"],
    ["subscriptions", "add", "morning", "new@example.org"],
    ["subscriptions", "end", "1"],
    ["stories", "merge", "1", "2"],
    ["admin", "link"],
    ["run"],
]


def furnish(home: Path) -> Path:
    """Make it, by the commands that a person would use."""
    wire = Wire("wire")
    text = "reported at some length, " * 20
    wire.add(*(f"{'CSTO' if n % 3 == 0 else 'town'} meeting {n} of many" for n in range(ENTRIES)), text=text)
    with FeedServer() as server:
        write_home(home, {"wire": server.add("/wire", wire)}, settings={"web": {"enabled": False}})
        done(home, "poll")
    done(home, "digest", "morning")
    aggregator(home, "backup")
    return home


def copy(home: Path, to: Path) -> Path:
    """Another one like it."""
    shutil.copytree(home, to, symlinks=True)
    return to


@contextlib.contextmanager
def opened(home: Path) -> Iterator[sqlite3.Connection]:
    """Its database, as another program opens it."""
    with contextlib.closing(sqlite3.connect(home / "var/aggregator.db", isolation_level=None)) as conn:
        yield conn
