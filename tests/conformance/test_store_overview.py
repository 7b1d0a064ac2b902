"""Overview: feeds and messages in portions, each read costing what it shows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from aggregator.model import ArticleOutcome
from aggregator.overview import FeedsWanted, Listed, Pile
from aggregator.reading import Signal
from aggregator.stores import Stores
from tests.conformance.stores import HOUR, ME, MINUTE, NOW, SQLITE, Scene, attempt, match, new, spec

DAY = timedelta(days=1)
MONTH_AGO = (NOW - 30 * DAY).date()


def ids(listed: Listed) -> list[str]:
    return [feed.id for feed in listed.feeds]


def listed(stores: Stores, limit: int = 200, skip: int = 0, **wanted: object) -> Listed:
    return stores.overview.feeds(FeedsWanted(**wanted), MONTH_AGO, limit, skip)  # type: ignore[arg-type]


@pytest.fixture
def mixed(scene: Scene) -> Scene:
    """Feeds of every kind: ok, failing, gone, new, paused, and one that is silent."""
    tags = {"ok": ("press",), "bad": ("press", "state")}
    names = ("ok", "bad", "worse", "off", "fresh", "still", "quiet")
    scene.stores.feeds.sync([spec(name, tags=tags.get(name, ())) for name in names], NOW)
    failing: dict[str, Any] = {"state": "failing", "failures": 1, "error": "no"}
    scene.poll("ok", *(new(f"t{n}") for n in range(3)))
    scene.poll("bad", failing_since=NOW - HOUR, error_class="dns", last_ok_at=None, etag="", **failing)
    scene.poll("worse", failing_since=NOW, error_class="not_a_feed", last_ok_at=None, etag="", **failing)
    scene.poll("off", state="gone", failing_since=NOW, error_class="gone", error="gone", last_ok_at=None, etag="")
    scene.poll("quiet", malformed="line 3")
    scene.stores.feeds.pause("still", NOW)
    scene.stores.signals.begin(Signal(0, "silence", "", "quiet", NOW, NOW, 0, 9.0, "usually 9"))
    return scene


def test_trouble_comes_first_and_what_is_paused_last(mixed: Scene) -> None:
    assert ids(listed(mixed.stores)) == ["worse", "bad", "off", "quiet", "fresh", "ok", "still"]
    assert ids(listed(mixed.stores, order="title")) == sorted(ids(listed(mixed.stores)))
    assert ids(listed(mixed.stores, order="entries"))[0] == "ok"
    assert ids(listed(mixed.stores, order="next"))[-1] == "still"


def test_of_those_that_are_paused_what_failed_last_comes_first(mixed: Scene) -> None:
    for name in ("bad", "worse"):
        mixed.stores.feeds.pause(name, NOW)
    assert ids(listed(mixed.stores, state="paused")) == ["worse", "bad", "still"]


def test_feeds_are_narrowed_by_state_and_tag(mixed: Scene) -> None:
    assert ids(listed(mixed.stores, state="gone")) == ["off"]
    assert ids(listed(mixed.stores, state="silent")) == ["quiet"]
    assert ids(listed(mixed.stores, state="refused")) == ["worse"]
    assert ids(listed(mixed.stores, state="malformed")) == ["quiet"]
    found = listed(mixed.stores, tag="press")
    assert ids(found) == ["bad", "ok"]
    assert dict(found.by_state) == {"failing": 1, "ok": 1}
    assert found.tags == ("press", "state")
    assert listed(mixed.stores, tag="'\"%").count == 0


def test_a_feed_that_brought_a_process_down_is_refused(mixed: Scene) -> None:
    mixed.stores.feeds.claim_due(ME, 1, NOW + HOUR, ids=["ok"])
    mixed.stores.feeds.release(ME, fallen=True)
    found = listed(mixed.stores, state="refused")
    assert ids(found) == ["worse", "ok"]
    assert [feed.interrupted for feed in found.feeds] == [False, True]


def test_portions_join_without_gap_or_overlap_and_removed_feeds_are_in_none(scene: Scene) -> None:
    names = [f"f{n:03}" for n in range(25)]
    scene.stores.feeds.sync([spec(name) for name in ["was", *names]], NOW)
    scene.stores.feeds.sync([spec(name) for name in names], NOW)
    portions = [listed(scene.stores, 10, skip) for skip in (0, 10, 20, 30)]
    assert [name for portion in portions for name in ids(portion)] == names
    assert {portion.count for portion in portions} == {25}


def test_the_entries_of_many_feeds_are_counted_by_day(mixed: Scene) -> None:
    found = mixed.stores.overview.daily(["ok", "bad"], (NOW - DAY).date(), NOW.date())
    assert {name: list(days) for name, days in found.items()} == {"ok": [0, 3], "bad": [0, 0]}
    assert mixed.stores.overview.daily([], NOW.date(), NOW.date()) == {}


def test_a_feed_s_newest_entries_come_first(scene: Scene) -> None:
    old = scene.entry("old", feed="a")
    scene.entry("other", feed="b", now=NOW + HOUR)
    young = scene.entry("young", feed="a", now=NOW + 2 * HOUR)
    assert [e.id for e in scene.stores.overview.newest("a", 9)] == [young, old]
    assert [e.id for e in scene.stores.overview.newest("a", 1)] == [young]


def test_watchlists_are_named_with_what_a_feed_gave_them(scene: Scene) -> None:
    scene.entry("one", match("csto"), match("energy"), feed="a")
    scene.entry("two", match("csto"), feed="a", now=NOW + HOUR)
    scene.entry("three", match("csto"), feed="b", now=NOW + 2 * HOUR)
    overview = scene.stores.overview
    assert [(f.watchlist_id, f.entries) for f in overview.feeds_into("a", NOW - DAY)] == [("csto", 2), ("energy", 1)]
    assert [f.watchlist_id for f in overview.feeds_into("a", NOW + MINUTE)] == ["csto"]


def test_article_pages_that_were_given_up_are_told_by_feed_and_reason(scene: Scene) -> None:
    for n in range(3):
        scene.entry(f"t{n}", feed="a", now=NOW + n * MINUTE, article="digest")
    last = scene.entry("b1", feed="b", now=NOW + HOUR, article="digest")
    entries, later = scene.stores.entries, NOW + 2 * HOUR
    while tasks := entries.claim_articles(ME, 9, later):
        why = "robots.txt asks not to"
        outcomes = [
            ArticleOutcome(t.entry.id, 1, "", "", (), "given_up", why if t.entry.feed_id == "a" else "too large")
            for t in tasks
        ]
        entries.commit_articles(outcomes, ME, later + (HOUR if tasks[0].entry.id == last else 0 * HOUR))
    found = scene.stores.overview.given_up(9)
    assert {(g.feed_id, g.why, g.pages) for g in found} == {("a", "robots.txt asks not to", 3), ("b", "too large", 1)}
    assert sum(g.pages for g in scene.stores.overview.given_up(2)) == 2
    assert dict(scene.stores.overview.articles("a", NOW - DAY)) == {"given_up": 3}
    assert scene.stores.overview.articles("a", later) == {}


# -- poll now --------------------------------------------------------------------------------------------------------------


def test_hastening_makes_a_feed_due_and_lifts_nothing_that_holds_it(scene: Scene) -> None:
    feeds = scene.stores.feeds
    scene.poll("a", next_poll_at=NOW + 5 * HOUR)
    assert feeds.hasten("a", NOW + MINUTE)
    known = feeds.get("a")
    assert known is not None
    assert (known.poll.next_poll_at, known.poll.next_poll_reason) == (NOW + MINUTE, "asked for by hand")
    assert feeds.hasten("a", NOW + HOUR)
    assert feeds.get("a") == known
    scene.poll("b", next_poll_at=NOW + 5 * HOUR, held_until=NOW + 5 * HOUR)
    assert feeds.hasten("b", NOW + MINUTE)
    assert [f.id for f in feeds.claim_due(ME, 9, NOW + HOUR)] == ["a"]
    assert not feeds.hasten("nobody", NOW)
    feeds.pause("a", NOW)
    assert not feeds.hasten("a", NOW)


# -- messages --------------------------------------------------------------------------------------------------------------


def settled(scene: Scene, address: str, state: str) -> int:
    claimed = scene.claimed(address)
    scene.stores.outbox.settle([attempt(claimed, state)], ME)  # type: ignore[arg-type]
    return claimed.id


def test_messages_stand_on_the_pile_that_says_what_keeps_them(scene: Scene) -> None:
    piles: dict[Pile, int] = {
        "dead": settled(scene, "a@e.org", "dead"),
        "cancelled": settled(scene, "b@e.org", "cancelled"),
        "sent": settled(scene, "c@e.org", "sent"),
        "held": scene.message("d@e.org").id,
    }
    scene.stores.upkeep.hold_outbox(NOW)
    piles["waiting"] = scene.message("e@e.org").id
    overview = scene.stores.overview
    assert {pile: [q.message.id for q in overview.messages(pile, 9)] for pile in piles} == {
        pile: [number] for pile, number in piles.items()
    }
    assert dict(overview.piles(NOW)) == dict.fromkeys(("dead", "cancelled", "held", "waiting"), 1)
    assert "cancelled" not in overview.piles(NOW + HOUR)
    one = overview.messages("held", 9)[0]
    assert (one.held_at, one.can_retry, one.can_drop) == (NOW, True, True)
    gone = overview.message(piles["sent"])
    assert gone is not None
    assert (gone.can_retry, gone.can_drop) == (False, False)
    assert overview.message(0) is None


def test_what_can_be_tried_again_is_what_a_retry_takes(scene: Scene) -> None:
    numbers = [settled(scene, f"{state}@e.org", state) for state in ("dead", "cancelled", "sent", "waiting")]
    dropped = scene.message("dropped@e.org").id
    scene.stores.outbox.drop(dropped, NOW)
    for number in [*numbers, dropped]:
        queued = scene.stores.overview.message(number)
        assert queued is not None
        assert scene.stores.outbox.retry(number, NOW) == queued.can_retry


def test_a_pile_is_read_in_portions(scene: Scene) -> None:
    numbers = [scene.message(f"r{n}@e.org").id for n in range(5)]
    overview, found, before = scene.stores.overview, [], 0
    while portion := overview.messages("waiting", 2, before):
        found += [q.message.id for q in portion]
        before = found[-1]
    assert found == numbers[::-1]


def test_attempts_are_told_in_order(scene: Scene) -> None:
    claimed = scene.claimed()
    scene.stores.outbox.settle([attempt(claimed, "waiting", detail="451 later")], ME)
    [again] = scene.stores.outbox.claim_due(ME, 1, NOW + 2 * HOUR, only=[claimed.id])
    scene.stores.outbox.settle([attempt(again, "sent", NOW + 2 * HOUR)], ME)
    tried = scene.stores.overview.attempts(claimed.id)
    assert [(t.outcome, t.detail, t.started_at) for t in tried] == [
        ("retry", "451 later", NOW),
        ("sent", "said so", NOW + 2 * HOUR),
    ]
    assert scene.stores.overview.attempts(0) == []
    assert scene.stores.overview.suppressed() == 0


# -- cost ------------------------------------------------------------------------------------------------------------------


@SQLITE
def test_a_thousand_feeds_take_as_many_statements_as_ten(scene: Scene) -> None:
    asked: list[int] = []
    for count in (10, 1000):
        scene.stores.feeds.sync([spec(f"f{n}") for n in range(count)], NOW)
        said: list[str] = []
        conn = scene.stores.overview._db.conn  # type: ignore[attr-defined]
        conn.set_trace_callback(said.append)
        found = listed(scene.stores)
        scene.stores.overview.daily(ids(found), MONTH_AGO, NOW.date())
        conn.set_trace_callback(None)
        assert len(found.feeds) == min(count, 200)
        asked.append(len([text for text in said if not text.startswith("--")]))
    assert asked[0] == asked[1] < 12
