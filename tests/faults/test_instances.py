"""Several processes on one home, and daemons that are told to end at any moment: one lives, nothing is lost or doubled."""

from __future__ import annotations

import random
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from aggregator.sample.sink import Sink
from tests import counts
from tests.conformance.feedserver import FeedServer
from tests.e2e.program import descendants, until
from tests.faults.newsroom import GrowingFeed, World
from tests.faults.nursery import Child, Nursery

RACES = counts.count(small=5, storm=50)
ENDS = counts.count(small=5, storm=50)
OFTEN = {"AGGREGATOR__NETWORK__HOST_SPACING": "0s"}


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with Nursery(tmp_path_factory.mktemp("nursery")) as started:
        yield started


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Four feeds that bring something at each request, readers, and their mail server."""
    with FeedServer() as server, Sink() as sink:
        made = World(tmp_path / "home", [GrowingFeed(f"feed{n}", gain=1) for n in range(4)], server, sink)
        file = made.home / "feeds.yaml"
        file.write_text(file.read_text().replace('"5m"', '"1s"'))
        yield made


def settled(world: World, nursery: Nursery) -> list[str]:
    """Let what is left be done, with no more news; everything that is not as promised."""
    for feed in world.feeds:
        feed.gain = 0
    for command in (["poll", "--all"], ["digest", "daily"], ["send"], ["send"]):
        assert nursery.start(world.home, *command).wait(60) == 0
    return world.losses()


def test_of_daemons_that_start_at_once_exactly_one_lives(world: World, nursery: Nursery) -> None:
    wrong = []
    for _ in range(RACES):
        pair = [nursery.start(world.home, "run") for _ in range(2)]
        until(lambda pair=pair: any(one.over for one in pair), "one gives up", 60)  # type: ignore[misc]
        refused, living = sorted(pair, key=lambda one: not one.over)
        said = f"another instance runs here (pid {living.pid})"
        if living.over or refused.wait() != 4 or said not in refused.text:
            wrong.append(refused.text + living.text)
        living.wait_for("running on")
        living.signal(signal.SIGKILL)  # it leaves its lock file, and the next start works all the same
        assert living.wait() == -signal.SIGKILL
    counts.report("two daemons at once, the one that lives killed", RACES, len(wrong))
    assert wrong == []


def test_commands_beside_a_daemon_double_nothing(world: World, nursery: Nursery) -> None:
    die = random.Random(counts.seed())
    daemon = nursery.start(world.home, "run", environ=OFTEN)
    daemon.wait_for("running on")
    commands = (["poll", "--all"], ["poll"], ["digest", "daily"], ["send"], ["send"])
    beside = [nursery.start(world.home, *die.choice(commands)) for _ in range(counts.count(small=6, storm=100))]
    assert {one.wait(120) for one in beside} <= {0}, [one.text for one in beside]
    daemon.signal(signal.SIGTERM)
    assert daemon.wait(10) == 0
    assert "Traceback" not in daemon.text
    losses = settled(world, nursery)
    counts.report("commands beside a daemon", len(beside), len(losses), f"{len(world.sink.messages)} mails, none twice")
    assert losses == []


def test_told_to_end_at_any_moment_it_ends_within_ten_seconds_and_lets_go_of_everything(
    world: World, nursery: Nursery
) -> None:
    die = random.Random(counts.seed())
    wrong: list[str] = []
    for number in range(ENDS):
        daemon = nursery.start(world.home, "run", environ=OFTEN)
        daemon.wait_for("running on" if number % 5 else "added" if not number else "web pages")
        pause = threading.Event()
        pause.wait(die.uniform(0, 2.5))
        daemon.signal(die.choice([signal.SIGTERM, signal.SIGINT]))
        code = daemon.wait(10)
        if code or "Traceback" in daemon.text:
            wrong.append(f"exit {code}: {daemon.text}")
        wrong += [f"left claimed: {row}" for row in claimed(world)]
    losses = settled(world, nursery)
    told = sum(len(feed.entries) for feed in world.feeds)
    counts.report("SIGTERM and SIGINT at random moments", ENDS, len(wrong) + len(losses), f"{told} entries, 0 lost")
    assert wrong + losses == []


def claimed(world: World) -> list[tuple[object, ...]]:
    """What somebody still holds."""
    tables = ("feeds", "articles", "messages")
    return [row for table in tables for row in world.rows(f"SELECT claimed_by FROM {table} WHERE claimed_by NOT NULL")]


def test_a_second_signal_ends_it_at_once_and_nobody_is_left(world: World, nursery: Nursery) -> None:
    world.sink.mode = "hang"
    daemon: Child = nursery.start(world.home, "run", environ=OFTEN | {"AGGREGATOR__MAIL__TIMEOUT": "60s"})
    until(lambda: bool(world.sink.messages), "a mail is on its way", 60)
    below = list(descendants(daemon.pid))
    daemon.signal(signal.SIGTERM)
    daemon.wait_for("stopping: finishing what is under way")
    daemon.signal(signal.SIGTERM)
    assert daemon.wait(2) == 128 + signal.SIGTERM
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in below), "no process is left", 30)
    world.note_doubtful()
    world.sink.mode = "ok"
    assert nursery.start(world.home, "send").wait(60) == 0
    assert settled(world, nursery) == []
