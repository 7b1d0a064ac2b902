"""What is counted by the hour, and signals: each begun once, told once by a digest, and ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from aggregator.model import Span, Watchlist
from aggregator.publication import Digest, NewEdition
from aggregator.reading import EditionSignal, Headline, Signal, Voice
from aggregator.stores import Stores
from tests.conformance.stores import HOUR, ME, MINUTE, NEVER, NOW, RENDERED, Scene, digest, edition, match, new, parsed

DAY = timedelta(days=1)
BURST = Signal(0, "burst", "csto", "", NOW - 2 * HOUR, NOW, 42, 5.0, "")
SILENCE = Signal(0, "silence", "csto", "", NOW - DAY, NOW, 0, 12.0, "3 of its 8 feeds failing")


@pytest.fixture
def stores(fresh_stores: Callable[[], Stores]) -> Stores:
    return fresh_stores()


@pytest.fixture(autouse=True)
def scene(stores: Stores) -> Scene:
    return Scene(stores).furnished()


def told(signal: Signal, signal_id: int) -> EditionSignal:
    return EditionSignal(
        signal_id, signal.kind, "csto", "CSTO", signal.began_at, signal.found_at, signal.observed, signal.expected, ""
    )


def waiting(stores: Stores, digest_id: str) -> list[int]:
    return [one.id for one in stores.signals.waiting(digest_id, NOW - DAY, NEVER)]


def due(stores: Stores, at: Any) -> list[str]:
    found: list[Digest] = stores.editions.due(at)
    return [one.spec.id for one in found]


# -- hours -----------------------------------------------------------------------------------------------------------


def test_hours_leave_out_feeds_that_came_later(scene: Scene, stores: Stores) -> None:
    scene.poll("a", new("x", matches=(match(),)), new("y", matches=(match(),)))
    assert stores.attention.hours("csto", NOW - DAY) == {NOW: 2}
    assert stores.attention.hours("csto", NOW - DAY, feeds_since=NOW) == {NOW: 2}
    assert stores.attention.hours("csto", NOW - DAY, feeds_since=NOW - HOUR) == {}
    assert stores.attention.hours("csto", NOW + HOUR) == {}


def test_hours_of_a_feed_are_those_its_entries_are_dated_in(scene: Scene, stores: Stores) -> None:
    early = new("x", entry=parsed("x", published_at=NOW - 3 * HOUR))
    scene.poll("a", early, new("y"), new("z"))
    assert stores.attention.hours_of_feed("a", NOW - DAY) == {NOW - 3 * HOUR: 1, NOW: 2}
    assert stores.attention.hours_of_feed("b", NOW - DAY) == {}


def test_answers_are_counted_by_the_hour_in_which_they_came(scene: Scene, stores: Stores) -> None:
    scene.poll("a")
    scene.poll("b", now=NOW + MINUTE)
    scene.poll("a", now=NOW + HOUR, last_ok_at=NOW, state="failing", failures=1)
    assert stores.attention.answers(NOW) == {NOW: 2, NOW + HOUR: 0}


def test_voices_are_feeds_that_answer(scene: Scene, stores: Stores) -> None:
    scene.poll("a", new("x"), new("y"))
    scene.poll("b", new("z"))
    both = [Voice("a", "a", NOW, NOW, 2), Voice("b", "b", NOW, NOW, 1)]
    assert stores.signals.voices(NOW.date()) == both
    scene.poll("b", now=NOW + HOUR, last_ok_at=NOW, state="failing", failures=1)
    assert stores.signals.voices(NOW.date()) == both[:1]
    assert [v.entries for v in stores.signals.voices(NOW.date() + DAY)] == [0]
    stores.feeds.pause("a", NOW)
    assert stores.signals.voices(NOW.date()) == []


def test_headlines_are_the_newest_titles_with_what_was_found_in_them(scene: Scene, stores: Stores) -> None:
    in_body = replace(match(), spans=(Span("body", 0, 5, "x", ""),))
    scene.poll("a", new("ОДКБ meets", matches=(match(),)), new("Others", matches=(in_body,)), new("Weather"))
    today = NOW.date()
    assert stores.attention.headlines("csto", today, today, 9) == [
        Headline("Others"),
        Headline("ОДКБ meets", ((0, 5),)),
    ]
    assert stores.attention.headlines("csto", today, today, 1) == [Headline("Others")]
    assert stores.attention.headlines("csto", today + DAY, today + DAY, 9) == []
    every = stores.attention.headlines("", date.min, date(9999, 12, 30), 9)
    assert every == [Headline("Weather"), Headline("Others"), Headline("ОДКБ meets")]


# -- signals ---------------------------------------------------------------------------------------------------------


def test_a_signal_begins_once_and_again_when_it_is_over(stores: Stores) -> None:
    first = stores.signals.begin(BURST)
    assert stores.signals.begin(BURST) == 0
    assert stores.signals.begin(SILENCE) == first + 1
    assert stores.signals.end(first, NOW + HOUR)
    assert not stores.signals.end(first, NOW + HOUR)
    assert [one.kind for one in stores.signals.list(lasting=True)] == ["silence"]
    assert stores.signals.begin(BURST) == first + 2


def test_watchlists_are_known_since_they_ask_what_they_ask(scene: Scene, stores: Stores) -> None:
    assert stores.signals.watched() == {"csto": NOW, "energy": NOW}
    scene.watchlists("csto", now=NOW + HOUR)
    assert stores.signals.watched() == {"csto": NOW}


def test_a_digest_tells_a_signal_once(stores: Stores) -> None:
    signal_id = stores.signals.begin(BURST)
    assert (waiting(stores, "morning"), waiting(stores, "now")) == ([signal_id], [signal_id])
    telling = edition("morning", NOW, signals=(told(BURST, signal_id),))
    assert stores.editions.commit_editions([NewEdition(telling, RENDERED)], [], NOW + DAY)
    assert (waiting(stores, "morning"), waiting(stores, "now")) == ([], [signal_id])
    again = replace(telling, key="another")
    assert stores.editions.commit_editions([NewEdition(again, RENDERED)], [], NOW + DAY) == []
    assert [one.key for one in stores.editions.editions("morning")] == [telling.key]


def test_a_digest_tells_nothing_older_than_itself_nor_a_silence_that_is_over(scene: Scene, stores: Stores) -> None:
    scene.digests(digest("late", "csto", every="instant"), now=NOW + HOUR)
    stores.signals.begin(BURST)
    assert waiting(stores, "late") == []
    scene.digests(digest("now", "csto", every="instant"), digest("other", "energy", every="instant"))
    silence = stores.signals.begin(SILENCE)
    assert silence in waiting(stores, "now")
    assert waiting(stores, "other") == []
    stores.signals.end(silence, NOW)
    assert silence not in waiting(stores, "now")


def test_an_instant_digest_is_due_while_a_fresh_signal_waits_and_it_is_not_held(stores: Stores) -> None:
    assert due(stores, NOW) == []
    signal_id = stores.signals.begin(BURST)
    assert due(stores, NOW) == ["now"]
    assert due(stores, NOW + 25 * HOUR) == ["morning"]
    stores.alerts.hold("now", NOW + HOUR, 0)
    assert due(stores, NOW + 59 * MINUTE) == []
    assert sorted(due(stores, NOW + 2 * HOUR)) == ["morning", "now"]
    telling = edition("now", NOW, signals=(told(BURST, signal_id),), kind="alert")
    stores.editions.commit_editions([NewEdition(telling, RENDERED)], [], NOW + DAY)
    assert "now" not in due(stores, NOW + 2 * HOUR)


def test_a_claimed_feed_has_a_voice(scene: Scene, stores: Stores) -> None:
    scene.poll("a", new("x"))
    stores.feeds.claim_due(ME, 1, NOW + DAY)
    assert [one.feed_id for one in stores.signals.voices(NOW.date())] == ["a"]


def test_a_watchlist_asks_the_same_under_another_title(scene: Scene) -> None:
    def sync(title: str, query: str, at: datetime) -> datetime:
        scene.stores.watch.sync([Watchlist("csto", title, query)], at)
        return scene.stores.signals.watched()["csto"]

    assert sync("CSTO", "csto OR odkb", NOW) == NOW
    assert sync("The CSTO", "csto OR odkb", NOW + HOUR) == NOW
    assert sync("The CSTO", "csto", NOW + 2 * HOUR) == NOW + 2 * HOUR
    scene.stores.watch.sync([], NOW + 3 * HOUR)
    assert sync("The CSTO", "csto", NOW + 4 * HOUR) == NOW + 4 * HOUR
