"""FeedStore: who is named, who may be polled, and who holds the right to."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from aggregator.errors import StoreError
from aggregator.model import NO_RECALL, EntryKey, FeedEvent, Hints, PollOutcome
from aggregator.stores import Stores
from tests.conformance.stores import HOUR, ME, MINUTE, NOW, OTHER, Scene, new, poll, spec


def claimed(stores: Stores, owner: str = ME, limit: int = 100, now: object = NOW, **more: object) -> list[str]:
    return [f.id for f in stores.feeds.claim_due(owner, limit, now, **more)]  # type: ignore[arg-type]


def entries_of(stores: Stores) -> dict[str, int]:
    return {f.id: f.entries for f in stores.feeds.list()}


# -- sync ------------------------------------------------------------------------------------------------------------


def test_a_new_feed_is_stored_as_named_and_due_at_once(stores: Stores) -> None:
    wanted = spec(
        "a", title="A", language="be", country="BY", tags=("x", "y"), interval=timedelta(minutes=30), articles="short"
    )
    assert stores.feeds.sync([wanted], NOW).added == ("a",)
    feed = stores.feeds.get("a")
    assert feed is not None
    assert (feed.spec, feed.poll.state, feed.poll.next_poll_at, feed.entries) == (wanted, "new", NOW, 0)
    assert claimed(stores) == ["a"]


def test_syncing_the_same_twice_changes_nothing(scene: Scene) -> None:
    before = scene.stores.feeds.list()
    report = scene.stores.feeds.sync([spec("a"), spec("b")], NOW + HOUR)
    assert (report.added, report.changed, report.removed) == ((), (), ())
    assert scene.stores.feeds.list() == before


def test_what_the_operator_says_changes_and_what_polling_taught_stays(scene: Scene) -> None:
    scene.poll("a", new())
    before = scene.stores.feeds.get("a")
    assert scene.stores.feeds.sync([spec("a", title="Other"), spec("b")], NOW).changed == ("a",)
    after = scene.stores.feeds.get("a")
    assert before is not None
    assert after is not None
    assert (after.spec.title, after.poll, after.entries) == ("Other", before.poll, 1)


def test_a_renamed_feed_keeps_entries_keys_and_validators(scene: Scene) -> None:
    stores = scene.stores
    (entry_id,) = scene.poll("a", new("Talks"), etag='W/"1"')
    report = stores.feeds.sync([spec("c", "https://a.example/rss"), spec("b")], NOW)
    assert (report.added, report.changed, report.removed) == ((), ("c",), ())
    feed = stores.feeds.get("c")
    assert feed is not None
    assert (feed.poll.etag, feed.entries) == ('W/"1"', 1)
    assert stores.polls.known_entries("c", [EntryKey("id", "Talks")])[EntryKey("id", "Talks")].id == entry_id
    assert stores.feeds.get("a") is None
    entry = stores.entries.get(entry_id)
    assert entry is not None
    assert entry.feed_id == "c"


def test_a_changed_url_drops_validators_and_failures_and_is_due_at_once(scene: Scene) -> None:
    state: dict[str, Any] = {
        "etag": "e",
        "last_modified": "m",
        "body_hash": "h",
        "state": "failing",
        "failures": 3,
        "failing_since": NOW,
    }
    scene.poll("a", new(), **state, error="x", error_class="dns", held_until=NOW + HOUR, next_poll_at=NOW + HOUR)
    scene.stores.feeds.sync([spec("a", "https://else.example/"), spec("b")], NOW + MINUTE)
    feed = scene.stores.feeds.get("a")
    assert feed is not None
    p = feed.poll
    assert (p.etag, p.last_modified, p.body_hash, p.failures, p.failing_since) == ("", "", "", 0, None)
    assert (p.state, p.error, p.error_class, p.held_until, p.next_poll_at) == ("new", "", "", None, NOW + MINUTE)
    assert p.last_ok_at is None
    assert feed.entries == 1


def test_swapped_urls_take_their_entries_and_validators_along(scene: Scene) -> None:
    scene.poll("a", new("one"), new("two"), etag="of-a")
    scene.poll("b", new("three"), etag="of-b")
    scene.stores.feeds.sync([spec("a", "https://b.example/rss"), spec("b", "https://a.example/rss")], NOW)
    assert entries_of(scene.stores) == {"a": 1, "b": 2}
    assert [f.poll.etag for f in scene.stores.feeds.list()] == ["of-b", "of-a"]
    assert scene.stores.upkeep.check(deep=True) == []


def test_a_chain_of_names_moves_as_one(scene: Scene) -> None:
    scene.poll("a", new("one"), new("two"))
    scene.poll("b", new("three"))
    report = scene.stores.feeds.sync([spec("b", "https://a.example/rss"), spec("c", "https://b.example/rss")], NOW)
    assert (report.added, report.changed, report.removed) == ((), ("b", "c"), ())
    assert entries_of(scene.stores) == {"b": 2, "c": 1}


def test_a_name_passed_on_with_its_url_starts_anew_elsewhere(scene: Scene) -> None:
    scene.poll("a", new("one"))
    scene.stores.feeds.sync([spec("a", "https://new.example/"), spec("b"), spec("c", "https://a.example/rss")], NOW)
    assert entries_of(scene.stores) == {"a": 0, "b": 0, "c": 1}


def test_a_url_taken_over_from_a_feed_that_goes(scene: Scene) -> None:
    """`a` keeps its name, so it is a change of its URL; `b` goes."""
    scene.poll("a", new("one"), etag="of-a")
    scene.poll("b", new("two"), etag="of-b")
    report = scene.stores.feeds.sync([spec("a", "https://b.example/rss")], NOW)
    assert (report.changed, report.removed) == (("a",), ("b",))
    feed = scene.stores.feeds.get("a")
    assert feed is not None
    assert (feed.poll.etag, feed.entries) == ("", 1)


def test_names_that_are_not_free_are_changes_of_url_all_along_the_chain(stores: Stores) -> None:
    """`c` keeps its name though nobody names it any more, so `b` cannot become `c`, and `a` cannot become `b`."""
    scene = Scene(stores)
    scene.feeds("a", "b", "c")
    scene.poll("a", new("one"))
    report = stores.feeds.sync([spec("b", "https://a.example/rss"), spec("c", "https://b.example/rss")], NOW)
    assert (report.added, report.changed, report.removed) == ((), ("b", "c"), ("a",))
    assert entries_of(stores) == {"b": 0, "c": 0}
    assert [f.spec.url for f in stores.feeds.list()] == ["https://a.example/rss", "https://b.example/rss"]


def test_a_removed_feed_stays_with_its_entries_and_is_polled_no_more(scene: Scene) -> None:
    (entry_id,) = scene.poll("a", new())
    assert scene.stores.feeds.sync([spec("b")], NOW).removed == ("a",)
    assert scene.stores.feeds.sync([spec("b")], NOW).removed == ()
    assert scene.stores.entries.get(entry_id) is not None
    assert scene.stores.feeds.get("a") is None
    assert [f.id for f in scene.stores.feeds.list()] == ["b"]
    assert claimed(scene.stores, now=NOW + HOUR, everything=True) == ["b"]
    assert not scene.stores.feeds.pause("a", NOW)
    assert not scene.stores.feeds.resume("a", NOW)


@pytest.mark.parametrize("name", ["a", "z"])
def test_a_removed_feed_named_again_is_added_and_due(scene: Scene, name: str) -> None:
    scene.poll("a", new(), next_poll_at=NOW + HOUR)
    scene.stores.feeds.sync([spec("b")], NOW)
    assert scene.stores.feeds.sync([spec("b"), spec(name, "https://a.example/rss")], NOW + MINUTE).added == (name,)
    assert entries_of(scene.stores) == {name: 1, "b": 0}
    assert name in claimed(scene.stores, now=NOW + MINUTE)


@pytest.mark.parametrize(
    "specs",
    [
        [spec("a", "https://else.example/"), spec("b")],
        [spec("z", "https://a.example/rss"), spec("b")],
        [spec("a", "https://b.example/rss"), spec("b", "https://a.example/rss")],
    ],
    ids=["url", "id", "swap"],
)
def test_what_is_under_way_when_a_feed_moves_is_left_out(scene: Scene, specs: list[object]) -> None:
    """The answer of the old address must not be stored as the new one's."""
    scene.stores.feeds.claim_due(ME, 10, NOW)
    scene.stores.feeds.sync(specs, NOW)  # type: ignore[arg-type]
    assert scene.stores.polls.commit_polls([PollOutcome("a", poll(), (new(),))], ME, NOW) == {}
    assert list(scene.stores.entries.entries()) == []


def test_a_feed_removed_while_it_is_polled_is_left_out(scene: Scene) -> None:
    scene.stores.feeds.claim_due(ME, 10, NOW)
    scene.stores.feeds.sync([spec("b")], NOW)
    assert list(scene.stores.polls.commit_polls([PollOutcome("a", poll()), PollOutcome("b", poll())], ME, NOW)) == ["b"]
    scene.stores.feeds.sync([spec("a"), spec("b")], NOW)
    assert claimed(scene.stores, OTHER) == ["a"]


def test_a_sync_that_fails_leaves_everything_as_it_was(scene: Scene) -> None:
    before = scene.stores.feeds.list()
    with pytest.raises(StoreError):
        scene.stores.feeds.sync(
            [spec("a", title="New"), spec("x", "https://q.example"), spec("y", "https://q.example")], NOW
        )
    assert scene.stores.feeds.list() == before


# -- claims ----------------------------------------------------------------------------------------------------------


def test_the_oldest_due_feeds_come_first_and_no_more_than_asked_for(stores: Stores) -> None:
    scene = Scene(stores)
    scene.feeds("a", "b", "c", "d")
    for name, minutes in (("a", 3), ("b", 1), ("c", 2), ("d", 61)):
        scene.poll(name, next_poll_at=NOW + minutes * MINUTE)
    assert claimed(stores, limit=2, now=NOW + HOUR) == ["b", "c"]
    assert claimed(stores, limit=2, now=NOW + HOUR) == ["a"]
    assert claimed(stores, limit=2, now=NOW + HOUR) == []


def test_a_feed_is_due_at_its_moment_and_not_before(scene: Scene) -> None:
    scene.poll("a", next_poll_at=NOW + HOUR)
    moment = timedelta(microseconds=1)
    assert "a" not in claimed(scene.stores, now=NOW + HOUR - moment)
    assert "a" in claimed(scene.stores, now=NOW + HOUR)


def test_everything_asks_feeds_that_are_not_due_but_each_once(scene: Scene) -> None:
    for name in ("a", "b"):
        scene.poll(name, next_poll_at=NOW + 2 * HOUR)
    later = NOW + MINUTE
    assert claimed(scene.stores, now=later) == []
    assert claimed(scene.stores, now=later, everything=True, ids=["a"]) == ["a"]
    scene.stores.polls.commit_polls([PollOutcome("a", poll(later))], ME, later)
    assert claimed(scene.stores, now=later, everything=True) == ["b"], "a has been polled since"


def test_the_servers_own_word_holds_even_against_everything(scene: Scene) -> None:
    scene.poll("a", next_poll_at=NOW + HOUR, held_until=NOW + HOUR)
    assert claimed(scene.stores, now=NOW + MINUTE, everything=True) == ["b"]
    assert "a" in claimed(scene.stores, now=NOW + HOUR, everything=True)


def test_ids_narrow_a_claim(scene: Scene) -> None:
    assert claimed(scene.stores, ids=["b", "nobody"]) == ["b"]


def test_what_somebody_holds_nobody_claims_until_ten_minutes_have_passed(scene: Scene) -> None:
    assert claimed(scene.stores) == ["a", "b"]
    almost = NOW + timedelta(minutes=9, seconds=59)
    assert claimed(scene.stores, OTHER) == []
    assert claimed(scene.stores, OTHER, now=almost, everything=True) == []
    assert claimed(scene.stores, ME, now=almost) == []
    assert claimed(scene.stores, OTHER, now=NOW + 10 * MINUTE) == ["a", "b"]


def test_a_commit_ends_the_claim(scene: Scene) -> None:
    scene.poll("a", next_poll_at=NOW)
    assert "a" in claimed(scene.stores, OTHER)


def test_release_ends_all_claims_of_one_owner_and_counts_them(scene: Scene) -> None:
    scene.entry("x", article="alert")
    scene.message()
    stores = scene.stores
    stores.feeds.claim_due(OTHER, 1, NOW, ids=["b"])
    stores.feeds.claim_due(ME, 1, NOW, ids=["a"])
    stores.entries.claim_articles(ME, 9, NOW)
    assert len(stores.outbox.claim_due(ME, 9, NOW)) == 1
    assert stores.feeds.owners() == [ME, OTHER]
    assert stores.feeds.release(ME) == 3
    assert stores.feeds.release(ME) == 0
    assert stores.feeds.owners() == [OTHER]
    assert claimed(stores, ME) == ["a"]
    assert len(stores.entries.claim_articles(ME, 9, NOW)) == 1
    assert [m.state for m in stores.outbox.list()] == ["waiting"]


def interrupted(stores: Stores, now: Any = NOW) -> dict[str, bool]:
    return {f.id: f.interrupted for f in stores.feeds.claim_due(ME, 9, now)}


def test_feeds_of_a_fallen_process_are_interrupted_until_they_are_polled(scene: Scene) -> None:
    stores = scene.stores
    stores.feeds.claim_due(OTHER, 9, NOW, ids=["a"])
    stores.feeds.release(OTHER, fallen=True)
    assert interrupted(stores) == {"a": True, "b": False}
    stores.feeds.release(ME)
    assert interrupted(stores) == {"a": True, "b": False}, "who stops in time leaves it as it was"
    outcome = PollOutcome(feed_id="a", poll=poll(NOW, next_poll_at=NOW))
    assert list(stores.polls.commit_polls([outcome], ME, NOW)) == ["a"]
    assert interrupted(stores) == {"a": True}, "a poll that read no document says nothing of the one in hand"
    assert list(stores.polls.commit_polls([replace(outcome, recall=NO_RECALL)], ME, NOW)) == ["a"]
    assert interrupted(stores) == {"a": False}


def test_of_a_process_that_is_only_silent_a_message_may_be_on_its_way(scene: Scene) -> None:
    on_its_way, other = scene.claimed("a@e.org"), scene.claimed("b@e.org")
    box, feeds = scene.stores.outbox, scene.stores.feeds
    assert box.enter_data(on_its_way.id, ME, NOW)
    assert feeds.release(ME, fallen=True, sure=False) == 1
    assert {m.id: (m.state, m.phase) for m in box.list()} == {
        on_its_way.id: ("claimed", "data"),
        other.id: ("waiting", "queued"),
    }
    assert feeds.release(ME, fallen=True, sure=False) == 0
    assert feeds.release(ME, fallen=True) == 1
    assert {m.id: m.state for m in box.list()} == {on_its_way.id: "unknown", other.id: "waiting"}


def test_a_feed_whose_claim_ran_out_is_interrupted(scene: Scene) -> None:
    assert interrupted(scene.stores) == {"a": False, "b": False}
    assert interrupted(scene.stores, NOW + 10 * MINUTE) == {"a": True, "b": True}


def test_a_paused_feed_is_never_claimed_and_resumes_at_once(scene: Scene) -> None:
    scene.poll(
        "a", state="failing", failures=7, failing_since=NOW, error="x", error_class="dns", next_poll_at=NOW + HOUR
    )
    assert scene.stores.feeds.pause("a", NOW)
    assert claimed(scene.stores, now=NOW + 9 * HOUR, everything=True) == ["b"]
    assert scene.stores.feeds.resume("a", NOW + MINUTE)
    feed = scene.stores.feeds.get("a")
    assert feed is not None
    assert (feed.poll.state, feed.poll.failures, feed.poll.failing_since, feed.poll.error) == ("ok", 0, None, "")
    assert claimed(scene.stores, now=NOW + MINUTE) == ["a"]
    assert not scene.stores.feeds.pause("nobody", NOW)
    assert not scene.stores.feeds.resume("nobody", NOW)


def test_resume_lifts_the_hold_of_a_gone_feed(scene: Scene) -> None:
    scene.poll("a", state="gone", last_ok_at=None, held_until=NOW + 99 * HOUR, next_poll_at=NOW + 99 * HOUR)
    scene.stores.feeds.resume("a", NOW)
    assert "a" in claimed(scene.stores)
    feed = scene.stores.feeds.get("a")
    assert feed is not None
    assert feed.poll.state == "new"


def test_a_pause_during_a_poll_stands(scene: Scene) -> None:
    scene.stores.feeds.claim_due(ME, 1, NOW, ids=["a"])
    scene.stores.feeds.pause("a", NOW)
    scene.stores.polls.commit_polls([PollOutcome("a", poll(etag="x"))], ME, NOW)
    feed = scene.stores.feeds.get("a")
    assert feed is not None
    assert (feed.poll.state, feed.poll.etag) == ("paused", "x")


def test_a_poll_state_comes_back_as_it_was_stored(scene: Scene) -> None:
    state = poll(
        state="failing", etag='W/"\\"ы"', last_modified="Thu, 02 Feb 2023 12:00:00 GMT", body_hash="ff", failures=2,
        failing_since=NOW - HOUR, error_class="http_5xx", error="503", http_status=503, last_ok_at=None,
        held_until=NOW + HOUR, malformed="mismatched tag", title="Own", language="ru", next_poll_reason="failed twice",
        hints=Hints(2 * HOUR, None, frozenset({0, 23}), frozenset({5, 6})), news_at=NOW - HOUR, looked_at=NOW,
        frozen_at=NOW - 2 * HOUR, quiet_polls=3, rhythm=3 * MINUTE, window=HOUR, moved_url="https://m.example/",
        move_target="https://t.example/", move_polls=2, move_refused="https://r.example/",
    )  # fmt: skip
    scene.stores.feeds.claim_due(ME, 9, NOW)
    scene.stores.polls.commit_polls([PollOutcome("a", state)], ME, NOW)
    feed = scene.stores.feeds.get("a")
    assert feed is not None
    assert (feed.poll, feed.title, feed.language) == (state, "Own", "ru")


def test_how_much_of_a_text_may_be_shown_comes_with_every_entry_at_once(scene: Scene) -> None:
    entry_id = scene.entry("x")
    for limit in (200, 0, None):
        scene.stores.feeds.sync([spec("a", excerpt=limit), spec("b")], NOW)
        assert [f.spec.excerpt for f in scene.stores.feeds.list()] == [limit, None]
        entry = scene.stores.entries.get(entry_id)
        assert entry is not None
        assert entry.excerpt == limit


def test_whether_hints_are_heard_is_the_operators_word(scene: Scene) -> None:
    assert scene.stores.feeds.sync([spec("a", hints=False), spec("b")], NOW).changed == ("a",)
    assert [f.spec.hints for f in scene.stores.feeds.list()] == [False, True]


# -- moves -----------------------------------------------------------------------------------------------------------

NEW_HOME = "https://new.example/rss"


def moved(scene: Scene, feed_id: str = "a", **state: Any) -> None:
    scene.poll(feed_id, new("one"), moved_url=NEW_HOME, etag="of-the-new-home", **state)


def test_a_moved_feed_is_polled_where_it_lives_and_keeps_what_feeds_yaml_says(scene: Scene) -> None:
    moved(scene)
    scene.stores.feeds.sync([spec("a"), spec("b")], NOW)
    feed = scene.stores.feeds.get("a")
    assert feed is not None
    assert (feed.url, feed.spec.url, feed.poll.etag) == (NEW_HOME, "https://a.example/rss", "of-the-new-home")
    [claim] = scene.stores.feeds.claim_due(ME, 1, NOW, ids=["a"])
    assert claim.url == NEW_HOME


def test_the_address_it_moved_to_written_into_feeds_yaml_changes_nothing_else(scene: Scene) -> None:
    moved(scene, next_poll_at=NOW + HOUR)
    assert scene.stores.feeds.sync([spec("a", NEW_HOME), spec("b")], NOW).changed == ("a",)
    feed = scene.stores.feeds.get("a")
    assert feed is not None
    assert (feed.url, feed.poll.moved_url, feed.poll.etag, feed.entries) == (NEW_HOME, "", "of-the-new-home", 1)
    assert (feed.poll.state, feed.poll.next_poll_at, feed.poll.last_ok_at) == ("ok", NOW + HOUR, NOW)


def test_also_under_another_name_made_from_the_new_host(scene: Scene) -> None:
    moved(scene)
    report = scene.stores.feeds.sync([spec("new-example", NEW_HOME), spec("b")], NOW)
    assert (report.added, report.changed, report.removed) == ((), ("new-example",), ())
    assert entries_of(scene.stores) == {"new-example": 1, "b": 0}


def test_a_second_feed_at_the_address_it_moved_to_leaves_the_first_alone(scene: Scene) -> None:
    moved(scene)
    assert scene.stores.feeds.sync([spec("a"), spec("b"), spec("c", NEW_HOME)], NOW).added == ("c",)
    assert entries_of(scene.stores) == {"a": 1, "b": 0, "c": 0}


def test_any_other_change_of_url_forgets_the_move(scene: Scene) -> None:
    moved(scene, move_target="https://t.example/", move_polls=2, move_refused="https://r.example/")
    scene.stores.feeds.sync([spec("a", "https://else.example/"), spec("b")], NOW)
    feed = scene.stores.feeds.get("a")
    assert feed is not None
    assert (feed.url, feed.poll.etag) == ("https://else.example/", "")
    assert (feed.poll.moved_url, feed.poll.move_target, feed.poll.move_polls, feed.poll.move_refused) == ("", "", 0, "")


def test_a_move_taken_back_is_remembered_and_told(scene: Scene) -> None:
    stores = scene.stores
    moved(scene, next_poll_at=NOW + HOUR)
    assert stores.history.undo_move("a", NOW + MINUTE)
    feed = stores.feeds.get("a")
    assert feed is not None
    assert (feed.url, feed.poll.moved_url, feed.poll.move_refused) == ("https://a.example/rss", "", NEW_HOME)
    assert (feed.poll.etag, feed.poll.body_hash, feed.poll.next_poll_at, feed.entries) == ("", "", NOW + MINUTE, 1)
    [told] = stores.history.events("a")
    assert (told.kind, told.at, told.feed_id) == ("move_undone", NOW + MINUTE, "a")
    assert told.detail == f"from {NEW_HOME} back to https://a.example/rss"
    assert not stores.history.undo_move("a", NOW), "it has not moved"
    assert not stores.history.undo_move("nobody", NOW)


def test_what_is_under_way_when_a_move_is_taken_back_is_left_out(scene: Scene) -> None:
    moved(scene)
    scene.stores.feeds.claim_due(ME, 9, NOW)
    scene.stores.history.undo_move("a", NOW)
    assert scene.stores.polls.commit_polls([PollOutcome("a", poll(), (new("two"),))], ME, NOW) == {}


def test_who_lives_at_an_address(scene: Scene) -> None:
    moved(scene)
    at = scene.stores.history.living_at
    assert (at(NEW_HOME, "b"), at(NEW_HOME, "a"), at("https://b.example/rss", "a"), at("", "b")) == ("a", "", "b", "")
    scene.stores.feeds.sync([spec("b")], NOW)
    assert at(NEW_HOME, "b") == "", "a removed feed lives nowhere"


def test_events_come_newest_first_follow_a_new_name_and_are_stored_with_the_poll(scene: Scene) -> None:
    for hour, kind in enumerate(["gone", "back"]):
        scene.stores.feeds.claim_due(ME, 9, NOW + hour * HOUR, ids=["a"], everything=True)
        outcome = PollOutcome("a", poll(NOW + hour * HOUR), events=(FeedEvent(kind, "why"),))
        scene.stores.polls.commit_polls([outcome], ME, NOW + hour * HOUR)
    scene.stores.feeds.sync([spec("z", "https://a.example/rss"), spec("b")], NOW)
    assert [(e.feed_id, e.kind, e.at) for e in scene.stores.history.events("z")] == [
        ("z", "back", NOW + HOUR),
        ("z", "gone", NOW),
    ]
    assert [e.kind for e in scene.stores.history.events(limit=1)] == ["back"]
    assert scene.stores.history.events("b") == []


# -- side by side ----------------------------------------------------------------------------------------------------


def test_claimers_side_by_side_share_everything_and_nothing_twice(open_stores: Callable[[], Stores]) -> None:
    views = [open_stores() for _ in range(3)]
    names = [f"f{i:03}" for i in range(120)]
    Scene(views[0]).feeds(*names)
    got: list[str] = []

    def claim(view: Stores, owner: str) -> None:
        while found := view.feeds.claim_due(owner, 7, NOW):
            got.extend(f.id for f in found)

    # Two threads on each view: threads of a process and processes of a machine.
    threads = [threading.Thread(target=claim, args=(views[i % 3], f"o{i}")) for i in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(got) == names
