"""MeasureStore: the numbers of a scrape, each as it is counted row by row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from aggregator.measures import Measures
from aggregator.model import Problem
from aggregator.reading import Signal
from aggregator.stores import Stores
from tests.conformance.stores import HOUR, ME, MINUTE, NOW, Scene, attempt, match, message, new, parsed

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def look(scene: Scene, after: timedelta = timedelta(0), *watchlists: str) -> Measures:
    return scene.stores.measures.look(watchlists, NOW + after)


def test_of_an_empty_store_every_number_is_none_or_nought(stores: Stores) -> None:
    found = stores.measures.look(["csto"], NOW)
    assert found == Measures(
        feeds={},
        failing={},
        due_since=None,
        made={"entries": 0, "editions": 0, "attempts": 0},
        matches={"csto": 0},
        messages={},
        oldest_at=None,
        sent_at=None,
        latency={},
        signals={},
        notices={},
    )


def test_feeds_are_counted_by_state_and_by_what_they_fail_with(scene: Scene) -> None:
    scene.feeds("a", "b", "c", "d", "e")
    scene.poll("a", next_poll_at=NOW + HOUR)
    for feed, error in (("b", "dns"), ("c", "dns"), ("d", "gone")):
        state = "gone" if error == "gone" else "failing"
        scene.poll(feed, state=state, failures=1, failing_since=NOW, error_class=error, next_poll_at=NOW + HOUR)
    scene.stores.feeds.pause("e", NOW)
    found = look(scene)
    assert (found.feeds, found.failing) == (
        {"ok": 1, "failing": 2, "gone": 1, "paused": 1},
        {"dns": 2, "gone": 1},
    )


def test_a_feed_is_due_since_its_moment_unless_something_holds_it(scene: Scene) -> None:
    scene.poll("a", next_poll_at=NOW + MINUTE)
    scene.poll("b", next_poll_at=NOW + HOUR, held_until=NOW + 2 * HOUR)
    assert look(scene).due_since is None
    assert look(scene, HOUR).due_since == NOW + MINUTE
    scene.stores.feeds.pause("a", NOW)
    assert look(scene, HOUR).due_since is None
    assert look(scene, 2 * HOUR).due_since == NOW + HOUR


def test_matches_are_counted_for_the_watchlists_that_are_asked_for(scene: Scene) -> None:
    scene.poll("a", new("x", matches=(match(), match("energy"))), new("y", matches=(match(),)))
    assert look(scene, HOUR, "csto", "energy", "none").matches == {"csto": 2, "energy": 1, "none": 0}
    assert look(scene, HOUR).matches == {}


def test_what_is_gone_was_made_all_the_same(scene: Scene) -> None:
    scene.poll("a", new("x"), new("y"))
    box = scene.stores.outbox
    box.settle([attempt(scene.claimed(), "sent")], ME)
    assert look(scene).made == {"entries": 2, "editions": 1, "attempts": 1}


def test_messages_are_counted_by_what_keeps_them(scene: Scene) -> None:
    box = scene.stores.outbox
    sent, unsure = (scene.claimed(f"{name}@example.org") for name in ("sent", "unsure"))
    box.enter_data(unsure.id, ME, NOW)
    box.settle([attempt(sent, "sent", NOW + MINUTE), attempt(unsure, "unknown", NOW)], ME)
    scene.message("waits@example.org", at=NOW + MINUTE)
    found = look(scene, HOUR)
    assert found.messages == {"waiting": 1, "unknown": 1}
    assert (found.oldest_at, found.sent_at) == (NOW, NOW + 2 * MINUTE)
    scene.stores.upkeep.hold_outbox(NOW + HOUR)
    found = look(scene, HOUR)
    assert (found.messages, found.oldest_at) == ({"held": 2}, None)


def test_the_way_of_an_alert_is_measured_from_its_entry_to_the_mailbox(scene: Scene) -> None:
    subscription = scene.stores.subscriptions.add("now", "desk@example.org", NOW)
    for number, seconds in enumerate((10, 20, 40)):
        entry = parsed(f"e{number}", published_at=NOW - 50 * SECOND)
        (entry_id,) = scene.poll("a", new(entry=entry, matches=(match(),)))
        (found,) = scene.stores.watch.matches(entry_id=entry_id)
        letters = [message(subscription.id, "desk@example.org")]
        scene.tell("now", [found.id], NOW, letters, key=f"k{number}", kind="alert")
        (due,) = scene.stores.outbox.claim_due(ME, 1, NOW)
        at = NOW + seconds * SECOND - MINUTE  # an attempt of these tests takes a minute
        scene.stores.outbox.settle([attempt(due, "sent", at, next_at=at)], ME)
    told = {name: tuple(map(round, values)) for name, values in look(scene, HOUR).latency.items()}
    assert told == {"seen": (20, 20), "published": (70, 70)}
    assert look(scene, DAY + HOUR).latency == {}


def test_signals_and_notices_are_counted_while_they_last(scene: Scene, open_stores: Callable[[], Stores]) -> None:
    number = scene.stores.signals.begin(Signal(0, "burst", "csto", "", NOW, NOW, 42, 5.0, ""))
    scene.stores.signals.begin(Signal(0, "silence", "", "a", NOW, NOW, 0, 9.0, ""))
    problems = [Problem("x", "y", "error", "disk"), Problem("x", "y", "warning", "feed")]
    scene.stores.notices.see(problems, NOW)
    found = open_stores().measures.look([], NOW)
    assert (found.signals, found.notices) == ({"burst": 1, "silence": 1}, {"error": 1, "warning": 1})
    scene.stores.signals.end(number, NOW)
    scene.stores.notices.see(problems[:1], NOW)
    assert (look(scene).signals, look(scene).notices) == ({"silence": 1}, {"error": 1})
