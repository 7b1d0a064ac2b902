"""kill -9 at random moments and after every single commit: nothing is lost, nothing is told twice."""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPException  # noqa: TID251 - this is a browser
from pathlib import Path
from typing import Self

import pytest

from aggregator.sample.sink import Sink
from tests import counts
from tests.conformance.feedserver import FeedServer
from tests.e2e.browser import Browser
from tests.faults.newsroom import GrowingFeed, World, Zygote, kill, kill_group, kill_workers

KILLS = counts.count(small=10, storm=400)
LONGEST = counts.count(small=2, storm=4)
"""Seconds that a process lives at most."""
MOST_ENTRIES = 1500
STEP = counts.count(small=5, storm=1)
FIRST = int(os.environ.get("AGGREGATOR_KILL_FROM", "1"))
"""Behind which commit the first kill falls; test_mutations knows where its mistakes begin to show."""


def test_random_kills_under_load_lose_nothing_and_double_only_what_was_in_phase_data(
    tmp_path: Path, zygote: Zygote
) -> None:
    """Feeds grow, mail is taken, backups are made and pages are read meanwhile; workers fall alone, processes alone and with them."""
    die = random.Random(counts.seed())
    feeds = [GrowingFeed(f"feed{i}", gain=2) for i in range(4)]
    ways: Counter[str] = Counter()
    with FeedServer() as server, Sink() as sink, Reader(tmp_path / "home/var/url") as reader:
        world = World(tmp_path / "home", feeds, server, sink)
        while ways.total() < KILLS:
            pid = zygote.fork(world.home, cycles=1000, busy=True)
            way = die.choice(list(WAYS))
            # The first moments are imports and workers: most kills shall fall into the work.
            timer = threading.Timer(die.uniform(0.05, LONGEST), WAYS[way], [pid, die.uniform(0.0, 0.5)])
            timer.start()
            assert zygote.wait() == -9
            timer.join()
            ways[way] += 1
            world.note_doubtful()
            assert broken(world.home) == []
            if sum(len(f.entries) for f in feeds) > MOST_ENTRIES:
                for feed in feeds:
                    feed.gain = 0
        for feed in feeds:
            feed.gain = 0
        zygote.fork(world.home, cycles=2, busy=True)
        assert zygote.wait() == 0
        losses = world.losses()
        doubles = len(sink.messages) - len({m.content for m in sink.messages})
        told = f"{doubles} copies, all in phase data; {reader.read} pages read; {dict(sorted(ways.items()))}"
        counts.report("kill -9 at random moments under load", ways.total(), len(losses), told)
        assert losses == []


def with_its_workers(pid: int, _: float) -> None:
    kill_group(pid)


def alone(pid: int, _: float) -> None:
    kill(pid)


def workers_first(pid: int, later: float) -> None:
    """The process goes on without its workers for a while."""
    kill_workers(pid)
    threading.Event().wait(later)
    kill(pid)


WAYS: dict[str, Callable[[int, float], None]] = {
    "alone": alone,
    "with its workers": with_its_workers,
    "workers first": workers_first,
}


class Reader:
    """Somebody who reads the first page again and again, wherever it is served."""

    def __init__(self, url: Path) -> None:
        self._url = url
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._go_on)
        self.read = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _go_on(self) -> None:
        while not self._stop.wait(0.05):
            # Whoever serves it may have fallen, or not have begun.
            with contextlib.suppress(OSError, HTTPException):
                if self._url.exists():
                    self.read += Browser(self._url.read_text()).ask("/").status == 200


def broken(home: Path) -> list[str]:
    """What SQLite finds in the database as the process left it, and in the newest backup."""
    found = []
    for file in (home / "var/aggregator.db", home / "var/again.db"):
        if file.exists():
            with closing(sqlite3.connect(file)) as conn:
                found += [f"{file.name}: {row[0]}" for row in conn.execute("PRAGMA integrity_check") if row[0] != "ok"]
    return found


def test_a_kill_after_any_commit_loses_nothing(tmp_path: Path, zygote: Zygote) -> None:
    """The failure point moves on, commit by commit, until a run is through (as SQLite's own tests do)."""
    for killed, commits in enumerate(range(FIRST, 200, STEP)):
        feed = GrowingFeed("feed", gain=0)
        feed.grow(4)
        with FeedServer() as server, Sink() as sink:
            world = World(tmp_path / str(commits), [feed], server, sink)
            zygote.fork(world.home, cycles=1, die_after_commits=commits)
            died = zygote.wait() == -9
            world.note_doubtful()
            zygote.fork(world.home, cycles=1)
            assert zygote.wait() == 0
            assert world.losses() == [], f"after a kill behind commit {commits}"
        if not died:
            counts.report("kill -9 behind every commit", killed, 0, f"every {STEP}. commit" if STEP > 1 else "")
            return
    pytest.fail("a run never got through")
