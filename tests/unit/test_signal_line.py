"""The signals line over a store with weeks of counts in it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aggregator.clock import SetClock
from aggregator.signals import SignalLine
from aggregator.store.sqlite import SqliteStores
from tests import emptydb
from tests.conformance.stores import Scene, match, new, parsed

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
FEEDS = ("a", "b", "c", "d")


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """Four feeds that gave a watchlist an entry each hour for eight weeks, until three days ago."""
    stores = SqliteStores(emptydb.put(tmp_path / "a.db"), secret=b"s" * 32, synchronous="OFF")
    scene = Scene(stores)
    scene.feeds(*FEEDS, now=NOW - 60 * DAY)
    scene.watchlists("csto", now=NOW - 60 * DAY)
    for place, feed in enumerate(FEEDS):
        hours = [NOW - 3 * DAY - n * HOUR for n in range(place, 24 * 56, 4)]
        entries = [new(f"{feed}{at}", entry=parsed(f"{feed}{at}", published_at=at), matches=(match(),)) for at in hours]
        scene.poll(feed, *entries, now=NOW - 3 * DAY)
    yield scene
    stores.upkeep.close()


def silences(scene: Scene) -> list[tuple[str, str]]:
    found = SignalLine(stores=scene.stores, clock=SetClock(NOW)).run().begun
    return [(one.watchlist_id or one.feed_id, one.detail) for one in found if one.watchlist_id]


def heard(scene: Scene, *feeds: str) -> None:
    for hour in range(72):
        scene.poll(feeds[hour % len(feeds)], now=NOW - 3 * DAY + hour * HOUR)


def test_a_silent_watchlist_says_how_many_of_its_feeds_fail_or_are_paused(scene: Scene) -> None:
    heard(scene, "a", "b")
    scene.poll("c", now=NOW, state="failing", failures=3, last_ok_at=NOW - 3 * DAY)
    assert silences(scene) == [("csto", "1 of its 4 feeds failing")]


def test_who_fails_and_who_is_paused_are_counted_apart(scene: Scene) -> None:
    heard(scene, "a")
    scene.poll("c", now=NOW, state="gone", failures=3, last_ok_at=NOW - 3 * DAY)
    scene.poll("d", now=NOW, state="failing", failures=3, last_ok_at=NOW - 3 * DAY)
    scene.stores.feeds.pause("b", NOW)
    assert silences(scene) == [("csto", "2 of its 4 feeds failing, 1 paused")]


def test_a_silent_watchlist_whose_feeds_are_well_says_no_more(scene: Scene) -> None:
    heard(scene, *FEEDS)
    assert silences(scene) == [("csto", "")]


def test_a_watchlist_that_asks_something_else_now_waits_until_a_week_is_known(scene: Scene) -> None:
    heard(scene, *FEEDS)
    scene.watchlists(now=NOW - DAY)
    scene.watchlists("csto", now=NOW - DAY)
    assert silences(scene) == []


def test_a_signal_of_a_watchlist_that_is_gone_is_over(scene: Scene) -> None:
    heard(scene, *FEEDS)
    line = SignalLine(stores=scene.stores, clock=SetClock(NOW))
    assert {one.watchlist_id or one.feed_id for one in line.run().begun} == {"csto", *FEEDS}
    assert line.run().begun == ()
    scene.watchlists(now=NOW)
    assert [one.watchlist_id for one in line.run().ended] == ["csto"]
    assert {one.feed_id for one in scene.stores.signals.list(lasting=True)} == set(FEEDS)


def test_a_new_feed_is_no_burst(scene: Scene) -> None:
    heard(scene, *FEEDS)
    scene.feeds(*FEEDS, "new", now=NOW)
    at_once = [new(f"n{n}", entry=parsed(f"n{n}"), matches=(match(),), sort_at=NOW) for n in range(50)]
    scene.poll("new", *at_once, now=NOW)
    line = SignalLine(stores=scene.stores, clock=SetClock(NOW))
    assert [one.kind for one in line.run().begun if one.watchlist_id] == []
    scene.poll("a", *at_once, now=NOW)
    assert [one.kind for one in line.run().begun if one.watchlist_id] == ["burst"]
