"""kill -9 at random moments and after every single commit: nothing is lost, nothing is told twice."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from aggregator.sample.sink import Sink
from tests import counts
from tests.conformance.feedserver import FeedServer
from tests.faults.newsroom import GrowingFeed, World, Zygote, kill

KILLS = counts.count(small=15, storm=400)
STEP = counts.count(small=3, storm=1)


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    started = Zygote()
    yield started
    started.close()


def test_random_kills_lose_nothing_and_double_only_what_was_in_phase_data(tmp_path: Path, zygote: Zygote) -> None:
    die = random.Random(counts.seed())
    feeds = [GrowingFeed(f"feed{i}", gain=2) for i in range(4)]
    with FeedServer() as server, Sink() as sink:
        world = World(tmp_path / "home", feeds, server, sink)
        killed = 0
        while killed < KILLS:
            pid = zygote.fork(world.home, cycles=1000)
            # The first moments are imports and workers: most kills shall fall into the work.
            timer = threading.Timer(die.uniform(0.05, 1.2), kill, [pid])
            timer.start()
            assert zygote.wait() == -9
            killed += 1
            world.note_doubtful()
            if sum(len(f.entries) for f in feeds) > 1500:
                for feed in feeds:
                    feed.gain = 0
        for feed in feeds:
            feed.gain = 0
        zygote.fork(world.home, cycles=2)
        assert zygote.wait() == 0
        losses = world.losses()
        doubles = len(sink.messages) - len({m.content for m in sink.messages})
        counts.report("kill -9 at random moments", killed, len(losses), f"{doubles} copies, all in phase data")
        assert losses == []


def test_a_kill_after_any_commit_loses_nothing(tmp_path: Path, zygote: Zygote) -> None:
    """The failure point moves on, commit by commit, until a run is through (as SQLite's own tests do)."""
    for killed, commits in enumerate(range(1, 200, STEP)):
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
