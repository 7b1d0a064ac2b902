"""kill -9 at every named point of the lines, of the catalog and of upkeep, at the first, second, third time ... until a run is through."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from aggregator.sample.sink import Received, Sink
from tests import counts
from tests.conformance.feedserver import FeedServer
from tests.faults.newsroom import GrowingFeed, World, Zygote
from tests.faults.points import CATALOG, ENRICH, POLL, SIGNALS, UPKEEP

EVERY = [*CATALOG, *POLL, *ENRICH, *SIGNALS, *UPKEEP]
SAMPLE = [
    "catalog: digests stored", "poll: after the claim", "poll: fetched, not read", "poll: judged and matched",
    "enrich: page read and matched", "signals: after one began", "upkeep: before pruning",
]  # fmt: skip
POINTS = EVERY if counts.STORM else SAMPLE
MOST = counts.count(small=1, storm=100)
"""At most so many kills at one point; fewer where the process does not come there so often."""


@dataclass
class Town:
    """Two feeds, a mailbox, and homes that have polled the feeds once: what is new then needs no worker, but for its pages."""

    folder: Path
    server: FeedServer
    sink: Sink
    zygote: Zygote
    seeds: dict[bool, World] = field(default_factory=dict)
    before: dict[str, list[str]] = field(default_factory=dict)
    received: dict[bool, list[Received]] = field(default_factory=dict)

    def seed(self, *, pages: bool) -> World:
        """The home that others are copied from, made once."""
        if pages not in self.seeds:
            name = "paged" if pages else "plain"
            feeds = [GrowingFeed(f"{name}{number}", 0, pages=self.server if pages else None) for number in range(2)]
            for feed in feeds:
                feed.grow(1)
                self.before[feed.name] = list(feed.entries)
            self.seeds[pages] = world = World(self.folder / name, feeds, self.server, self.sink)
            self.sink._messages.clear()
            self.zygote.fork(world.home)
            assert self.zygote.wait() == 0
            self.received[pages] = list(self.sink.messages)
        return self.seeds[pages]

    def copy(self, name: str, *, pages: bool) -> World:
        """A home of its own for one case, the feeds three entries further."""
        world = copy.copy(self.seed(pages=pages))
        home = self.folder / name
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(world.home, home)
        world.home, world.doubtful = home, set()
        self.sink._messages[:] = self.received[pages]
        for feed in world.feeds:
            feed.entries[:] = self.before[feed.name]
            feed.grow(3)
        return world


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with FeedServer() as server, Sink() as sink:
        zygote = Zygote()
        yield Town(tmp_path_factory.mktemp("town"), server, sink, zygote)
        zygote.close()


def test_the_sample_has_points_of_every_line() -> None:
    assert {name.partition(":")[0] for name in SAMPLE} == {name.partition(":")[0] for name in EVERY}


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_any_point_loses_nothing_and_the_next_start_needs_no_hand(town: Town, point: str) -> None:
    killed = 0
    for nth in range(1, MOST + 1):
        world = town.copy("case", pages=point in ENRICH)
        town.zygote.fork(world.home, die_at=point, nth=nth)
        if town.zygote.wait() != -9:
            break
        killed += 1
        world.note_doubtful()
        town.zygote.fork(world.home)
        assert town.zygote.wait() == 0
        assert world.losses() == [], f"{point}, time {nth}"
    counts.report(f"kill -9 at a point, {point.partition(':')[0]}", killed, 0, point.partition(": ")[2])
    assert killed >= 1, "no process came to this point"
