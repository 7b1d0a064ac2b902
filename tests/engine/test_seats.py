"""A worker among others: what it says of itself, and what whoever leads does about those who fall silent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aggregator.app import App, build
from aggregator.clock import SetClock
from aggregator.fellows import Worker
from aggregator.health import LineHealth
from aggregator.seats import BEAT, FORGET, GONE, Among
from aggregator.tally import TALLY
from tests.e2e.program import write_home

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
ELSEWHERE = Worker("elsewhere:7:8:ab", "elsewhere", 7, "0.1.0", ("poll", "send"), False, NOW, NOW)


class Clock(SetClock):
    """Its seconds pass when they are passed."""

    def monotonic(self) -> float:
        return self.uptime()


@contextmanager
def seated(home: Path, url: str, clock: Clock, *lines: str) -> Iterator[tuple[App, Among]]:
    feeds = {"a": "http://127.0.0.1:1/a", "b": "http://127.0.0.1:2/b"}
    write_home(home, feeds, settings={"storage": {"url": url}})
    with build(home, {}, clock) as app:
        app.sync()
        seat = Among(app, lines or ("poll", "send"))
        seat.take()
        yield app, seat
        seat.leave()


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


def pass_time(clock: Clock, seat: Among, seconds: float, *alive: Worker) -> None:
    """Seconds of ticks, in which these give signs of life."""
    for _ in range(int(seconds / BEAT)):
        clock.advance(timedelta(seconds=BEAT))
        for one in alive:
            seat._app.stores.workers.beat(replace(one, beat_at=clock.now()))
        seat.live(leads=True)


def names(app: App) -> list[str]:
    return [one.name for one in app.stores.workers.list()]


def test_a_worker_tells_how_it_is_until_it_leaves(tmp_path: Path, postgres_database: str, clock: Clock) -> None:
    with seated(tmp_path, postgres_database, clock) as (app, seat):
        TALLY.count("polls", "new", 3)
        seat.tell({"poll": LineHealth(failures=2, error="no")})
        clock.advance(timedelta(seconds=BEAT))
        seat.live(leads=True)
        [row] = app.stores.workers.list()
        assert (row.name, row.lines, row.leads, row.beat_at) == (app.owner, ("poll", "send"), True, clock.now())
        assert row.counts["polls"] >= 3
        assert row.health["poll"]["failures"] == 2
        clock.advance(timedelta(seconds=1))
        seat.live(leads=True)
        assert app.stores.workers.list() == [row], "not at each tick"
        seat.live(leads=False)
        assert [one.leads for one in app.stores.workers.list()] == [False], "but who leads is said at once"
        seat.leave()
        assert names(app) == []


def test_as_many_are_asked_to_poll_as_live_and_do(tmp_path: Path, postgres_database: str, clock: Clock) -> None:
    with seated(tmp_path, postgres_database, clock, "poll") as (app, seat):
        app.stores.workers.beat(ELSEWHERE)
        pass_time(clock, seat, BEAT, ELSEWHERE)
        assert [seat._count(line) for line in ("poll", "send", "enrich")] == [2, 1, 0]
        pass_time(clock, seat, GONE + 2 * BEAT)
        assert [seat._count(line) for line in ("poll", "send", "enrich")] == [1, 0, 0]


def test_what_a_silent_worker_had_in_hand_is_free_though_its_clock_is_wrong(
    tmp_path: Path, postgres_database: str, clock: Clock
) -> None:
    ahead = replace(ELSEWHERE, beat_at=NOW + timedelta(hours=3))
    with seated(tmp_path, postgres_database, clock) as (app, seat):
        app.stores.workers.beat(ahead)
        owner = f"{ahead.name}/poll"
        taken = app.stores.feeds.claim_due(owner, 9, clock.now())
        assert len(taken) == 2
        pass_time(clock, seat, GONE - BEAT)
        assert app.stores.feeds.owners() == [owner]
        pass_time(clock, seat, 3 * BEAT)
        assert app.stores.feeds.owners() == []
        assert names(app) == sorted([app.owner, ahead.name]), (
            "its row stays for a day: somebody may want to look after it"
        )
        clock.advance(timedelta(seconds=FORGET))
        pass_time(clock, seat, BEAT)
        assert names(app) == [app.owner]


def test_one_that_gives_signs_of_life_keeps_what_it_has(tmp_path: Path, postgres_database: str, clock: Clock) -> None:
    behind = replace(ELSEWHERE, beat_at=NOW - timedelta(hours=3))
    with seated(tmp_path, postgres_database, clock) as (app, seat):
        owner = f"{behind.name}/poll"
        app.stores.feeds.claim_due(owner, 9, clock.now())
        pass_time(clock, seat, 3 * GONE, behind)
        assert app.stores.feeds.owners() == [owner]


def test_a_worker_that_fell_on_this_machine_is_gone_at_once(
    tmp_path: Path, postgres_database: str, clock: Clock
) -> None:
    with seated(tmp_path, postgres_database, clock) as (app, seat):
        place, pid, started, die = app.owner.split(":")
        fallen = replace(ELSEWHERE, name=f"{place}:{pid}:{int(started) - 1}:{die}")
        app.stores.workers.beat(fallen)
        app.stores.feeds.claim_due(f"{fallen.name}/poll", 9, clock.now())
        pass_time(clock, seat, 2 * BEAT)
        assert app.stores.feeds.owners() == []
        assert names(app) == [app.owner]


def test_what_a_fallen_worker_may_just_have_asked_rests_before_another_asks(
    tmp_path: Path, postgres_database: str, clock: Clock
) -> None:
    with seated(tmp_path, postgres_database, clock) as (app, seat):
        place, pid, started, die = app.owner.split(":")
        app.stores.feeds.claim_due(f"{place}:{pid}:{int(started) - 1}:{die}/poll", 9, clock.now())
        while app.stores.feeds.owners():
            pass_time(clock, seat, BEAT)
        spacing = app.configuration.settings.network.longest_spacing
        just_before = clock.now() + spacing - timedelta(seconds=1)
        assert app.stores.feeds.claim_due(f"{app.owner}/poll", 9, just_before) == []
        assert len(app.stores.feeds.claim_due(f"{app.owner}/poll", 9, clock.now() + spacing)) == 2
