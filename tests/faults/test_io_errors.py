"""A write or sync of the log fails, the first, the second, the third ... until a run is through: nothing is lost, nothing told twice."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from email import message_from_bytes
from pathlib import Path

import pytest

from aggregator.app import App, build
from aggregator.errors import StoreError
from aggregator.sample.sink import Sink
from aggregator.store.sqlite import opening
from tests import counts
from tests.conformance.feedserver import FeedServer
from tests.e2e.program import Wire, smtp, write_home
from tests.faults.sqlitefiles import LogMethods, alive

STEP = counts.count(small=41, storm=1)
ERRORS = {"full": sqlite3.SQLITE_FULL, "write": sqlite3.SQLITE_IOERR_WRITE, "sync": sqlite3.SQLITE_IOERR_FSYNC}
TITLES = [f"CSTO statement {n}" if n % 2 else f"town news {n}" for n in range(6)]


class Point:
    """The nth call fails, and with `lasting` each one after it."""

    def __init__(self, nth: int, error: int, *, lasting: bool) -> None:
        self.left, self.error, self.lasting = nth, error, lasting

    @property
    def reached(self) -> bool:
        return self.left <= 0

    def __call__(self, place: int) -> int:  # noqa: ARG002 - the shape that LogMethods asks
        self.left -= 1
        return self.error if self.left == 0 or (self.lasting and self.left < 0) else 0


@contextmanager
def planted(point: Point) -> Iterator[None]:
    real = opening.to_write

    def opened(path: Path, synchronous: str, busy: float, *, make: bool) -> sqlite3.Connection:
        conn = real(path, synchronous, busy, make=make)
        LogMethods(conn, point)
        return conn

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "to_write", opened)
        yield


def cycle(app: App) -> None:
    """The main job, once."""
    for _ in app.poll.sweep(everything=True):
        pass
    app.compose.run()
    for digest in app.stores.editions.digests():
        app.compose.compose(digest, early=True)
    app.send.run()


def losses(home: Path, sink: Sink) -> list[str]:
    """Everything that is not as promised."""
    with closing(sqlite3.connect(home / "var/aggregator.db")) as conn:
        entries = [r[0] for r in conn.execute("SELECT title FROM entries")]
        matched = [r[0] for r in conn.execute("SELECT e.title FROM matches m JOIN entries e ON e.id = m.entry_id")]
        told = [r[0] for r in conn.execute("SELECT match_id FROM edition_matches WHERE edition_id IS NOT NULL")]
        states = [r[0] for r in conn.execute("SELECT state FROM messages")]
        found = [r[0] for r in conn.execute("PRAGMA integrity_check") if r[0] != "ok"]
    received = Counter(str(message_from_bytes(r.content)["Message-ID"]) for r in sink.messages)
    found += [f"entries: {sorted(entries)}"] if sorted(entries) != sorted(TITLES) else []
    found += [f"matches: {matched}"] if sorted(matched) != sorted(t for t in TITLES if "CSTO" in t) else []
    found += [f"told: {told}"] if len(told) != len(matched) else []
    found += [f"messages: {states}"] if set(states) != {"sent"} else []
    # One that fails between the server's yes and our own note of it goes out again, under the same Message-ID.
    found += [f"arrived: {received}"] if len(received) != len(states) or max(received.values()) > 2 else []
    return found


CASES = [(kind, lasting) for kind in ERRORS for lasting in (False, True)]


@pytest.mark.parametrize(("kind", "lasting"), CASES if counts.STORM else [("full", True), ("sync", False)])
def test_whichever_write_fails_nothing_is_lost(tmp_path: Path, kind: str, lasting: bool) -> None:
    refused = copies = 0
    with FeedServer() as server:
        url = server.add("/wire", Wire("wire", *TITLES))
        for nth in range(1, 1000, STEP):
            home = tmp_path / str(nth)
            point = Point(nth, ERRORS[kind], lasting=lasting)
            with Sink() as sink:
                write_home(home, {"wire": url}, settings=smtp(sink.host, sink.port))
                with planted(point):
                    owner = refused_to(home)
                if owner:
                    refused += 1
                    give_back(home, owner)
                assert refused_to(home) == ""
                assert losses(home, sink) == [], nth
                copies += len(sink.messages) - 1
            alive.clear()
            if not point.reached:
                what = f"{kind} fails {'from the nth call on' if lasting else 'once'}"
                counts.report(what, nth // STEP, 0, f"{refused} runs refused, {copies} copies")
                return
    pytest.fail("a run never got through")


def refused_to(home: Path) -> str:
    """One process's life; the owner of what it had in hand when it was refused, "" when it came through."""
    owner = ""
    try:
        with build(home) as app:
            owner = app.owner
            app.sync()
            cycle(app)
    except StoreError as e:
        if e.fault not in ("full", "io"):
            raise
        return owner
    return ""


def give_back(home: Path, owner: str) -> None:
    """As the daemon does before it tries again."""
    with build(home) as app:
        for line in ("poll", "enrich", "send"):
            app.stores.feeds.release(f"{owner}/{line}")
