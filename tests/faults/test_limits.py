"""The machine's own limits: too few files, too little memory. It says so in a line, loses nothing, blames no feed, and goes on later."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from aggregator.sample.sink import Sink
from tests.conformance.feedserver import FeedServer
from tests.e2e.program import aggregator, until
from tests.faults.newsroom import GrowingFeed, World
from tests.faults.nursery import Nursery

SHORT = {"40 files": {"RLIMIT_NOFILE": 40}, "800 MB of addresses": {"RLIMIT_AS": 800 * 2**20}}
WORDS = {
    "40 files": "too many open files; raise the limit",
    "800 MB of addresses": "this machine or its limits give no more",
}


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with Nursery(tmp_path_factory.mktemp("nursery")) as started:
        yield started


@pytest.mark.parametrize("what", SHORT)
def test_a_daemon_that_is_given_too_little_says_so_and_loses_nothing(
    tmp_path: Path, nursery: Nursery, what: str
) -> None:
    with FeedServer() as server, Sink() as sink:
        world = World(tmp_path / "home", [GrowingFeed(f"feed{n}", gain=1) for n in range(12)], server, sink)
        daemon = nursery.start(
            world.home, "run", limits=SHORT[what], environ={"AGGREGATOR__NETWORK__HOST_SPACING": "0s"}
        )
        daemon.wait_for("running on")
        daemon.wait_for(WORDS[what])
        # For as long as it lasts: once the feeds are polled, what is left may be enough.
        until(
            lambda: WORDS[what] in aggregator(world.home, "doctor").out or "works again" in daemon.text,
            "doctor says so",
            30,
        )
        assert "Traceback" not in daemon.text
        daemon.signal(signal.SIGTERM)
        assert daemon.wait(12) == 0
        assert world.rows("SELECT id, error FROM feeds WHERE failures > 0") == []
        for feed in world.feeds:
            feed.gain = 0
        for command in (["poll", "--all"], ["digest", "daily"], ["send"], ["send"]):
            assert nursery.start(world.home, *command).wait(60) == 0
        assert world.losses() == []
