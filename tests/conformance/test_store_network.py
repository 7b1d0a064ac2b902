"""NetworkStore, and what hosts and gaps mean to feeds and polls."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from aggregator.model import Counted, Feed, Gap, PollOutcome
from aggregator.stores import Stores
from tests.conformance.stores import HOUR, ME, MINUTE, NOW, OTHER, Scene, new, poll, prune, spec

HOST = "https://cms.example:443"
ELSEWHERE = "https://a.example:443"


def feed(stores: Stores, feed_id: str) -> Feed:
    found = stores.feeds.get(feed_id)
    assert found is not None
    return found


def due(stores: Stores, now: datetime, *, everything: bool = False) -> list[str]:
    """What may be polled; nobody keeps it."""
    found = [f.id for f in stores.feeds.claim_due(OTHER, 100, now, everything=everything)]
    stores.feeds.release(OTHER)
    return sorted(found)


@pytest.fixture
def crowd(stores: Stores) -> Scene:
    """Three feeds of one host, one of another."""
    urls = {"one": "https://cms.example/1", "two": "https://cms.example/2", "three": "https://CMS.example:443/3"}
    stores.feeds.sync([spec(i, url) for i, url in urls.items()] + [spec("a")], NOW)
    return Scene(stores)


def told(scene: Scene, feed_id: str, until: datetime, now: datetime = NOW, held_by: str = HOST) -> None:
    """One poll that ends in 429 with Retry-After."""
    scene.stores.feeds.claim_due(ME, 1, now, ids=[feed_id], everything=True)
    state = poll(now, state="failing", failures=1, next_poll_at=until, held_until=until, http_status=429)
    assert scene.stores.polls.commit_polls([PollOutcome(feed_id, state, held_by=held_by)], ME, now)


# -- hosts -----------------------------------------------------------------------------------------------------------


def test_the_word_of_one_url_holds_that_url(crowd: Scene) -> None:
    told(crowd, "one", NOW + HOUR)
    assert due(crowd.stores, NOW + MINUTE, everything=True) == ["a", "three", "two"]
    assert crowd.stores.network.holds(NOW) == []
    assert feed(crowd.stores, "two").hold is None


def test_a_second_url_that_says_the_same_holds_the_host_until_the_later_of_the_two(crowd: Scene) -> None:
    told(crowd, "one", NOW + 2 * HOUR)
    told(crowd, "two", NOW + HOUR, now=NOW + MINUTE)
    assert due(crowd.stores, NOW + 2 * MINUTE, everything=True) == ["a"]
    assert due(crowd.stores, NOW + 2 * HOUR - MINUTE, everything=True) == ["a"]
    assert due(crowd.stores, NOW + 2 * HOUR) == ["a", "one", "three", "two"]
    (hold,) = crowd.stores.network.holds(NOW + MINUTE)
    assert (hold.host, hold.held_until, hold.said_by, hold.said_at) == (HOST, NOW + 2 * HOUR, "two", NOW + MINUTE)
    assert feed(crowd.stores, "three").hold == hold
    assert feed(crowd.stores, "a").hold is None
    assert crowd.stores.network.holds(NOW + 2 * HOUR) == []


def test_a_second_word_after_the_first_hold_is_over_holds_its_url_alone(crowd: Scene) -> None:
    told(crowd, "one", NOW + HOUR)
    told(crowd, "two", NOW + 3 * HOUR, now=NOW + HOUR)
    assert due(crowd.stores, NOW + HOUR, everything=True) == ["a", "one", "three"]


def test_the_same_url_saying_it_twice_is_one_url(crowd: Scene) -> None:
    told(crowd, "one", NOW + HOUR)
    told(crowd, "one", NOW + 2 * HOUR, now=NOW + HOUR)
    assert crowd.stores.network.holds(NOW + HOUR) == []


def test_a_hold_without_a_hosts_word_never_holds_the_host(crowd: Scene) -> None:
    """A 410, or the word of a host that it was sent on to."""
    told(crowd, "one", NOW + HOUR, held_by="")
    told(crowd, "two", NOW + HOUR, held_by=ELSEWHERE)
    assert due(crowd.stores, NOW + MINUTE, everything=True) == ["a", "three"]


def test_a_host_that_others_are_sent_to_is_held_by_their_word(crowd: Scene) -> None:
    told(crowd, "one", NOW + HOUR, held_by=ELSEWHERE)
    told(crowd, "two", NOW + HOUR, held_by=ELSEWHERE)
    assert due(crowd.stores, NOW + MINUTE, everything=True) == ["three"]


def test_answers_that_were_on_the_wire_lengthen_a_hold_and_never_shorten_it(crowd: Scene) -> None:
    crowd.stores.feeds.claim_due(ME, 9, NOW)
    held = []
    for feed_id, hours in (("one", 2), ("two", 3), ("three", 1)):
        until = NOW + hours * HOUR
        state = poll(NOW, state="failing", failures=1, next_poll_at=until, held_until=until, http_status=429)
        crowd.stores.polls.commit_polls([PollOutcome(feed_id, state, held_by=HOST)], ME, NOW)
        held.append([h.held_until for h in crowd.stores.network.holds(NOW)])
    assert held == [[], [NOW + 3 * HOUR], [NOW + 3 * HOUR]]


def test_resuming_one_feed_lifts_the_hold_of_its_host_but_not_the_words_said_to_others(crowd: Scene) -> None:
    told(crowd, "one", NOW + 2 * HOUR)
    told(crowd, "two", NOW + HOUR)
    assert crowd.stores.feeds.resume("three", NOW + MINUTE)
    assert crowd.stores.network.holds(NOW + MINUTE) == []
    assert due(crowd.stores, NOW + MINUTE, everything=True) == ["a", "three"]


def test_a_success_forgets_whose_word_it_was(crowd: Scene) -> None:
    told(crowd, "one", NOW + HOUR)
    crowd.poll("one", now=NOW + HOUR)
    told(crowd, "two", NOW + 3 * HOUR, now=NOW + HOUR)
    assert crowd.stores.network.holds(NOW + HOUR) == []


def test_a_feed_that_moves_to_another_host_is_free(crowd: Scene) -> None:
    told(crowd, "one", NOW + 2 * HOUR)
    told(crowd, "two", NOW + HOUR)
    crowd.stores.feeds.sync([spec("three", "https://new.example/rss"), spec("a")], NOW)
    assert due(crowd.stores, NOW + MINUTE) == ["a", "three"]


# -- gaps ------------------------------------------------------------------------------------------------------------


def missed(scene: Scene, feed_id: str, at: datetime) -> Gap:
    gap = Gap(feed_id, at - HOUR, at - MINUTE, at)
    scene.stores.feeds.claim_due(ME, 1, at, ids=[feed_id], everything=True)
    outcome = PollOutcome(feed_id, poll(at), (new(),), gap=gap)
    assert scene.stores.polls.commit_polls([outcome], ME, at)[feed_id]
    return gap


def test_a_gap_is_stored_with_its_poll_and_found_again(scene: Scene) -> None:
    first, second = missed(scene, "a", NOW), missed(scene, "a", NOW + 2 * HOUR)
    other = missed(scene, "b", NOW + HOUR)
    polls = scene.stores.polls
    assert polls.gaps("a") == [second, first]
    assert set(polls.gaps()) == {first, second, other}
    assert polls.gaps("a", since=NOW + HOUR) == [second]
    assert polls.gaps("nobody") == []
    assert [(f.id, f.gaps) for f in scene.stores.feeds.list()] == [("a", 2), ("b", 1)]


def test_a_poll_without_its_claim_stores_no_gap(scene: Scene) -> None:
    outcome = PollOutcome("a", poll(), gap=Gap("a", NOW, NOW, NOW))
    assert scene.stores.polls.commit_polls([outcome], ME, NOW) == {}
    assert scene.stores.polls.gaps() == []


def test_gaps_follow_a_renamed_feed_and_go_with_retention(scene: Scene) -> None:
    missed(scene, "a", NOW)
    scene.stores.feeds.sync([spec("c", "https://a.example/rss")], NOW)
    assert [g.feed_id for g in scene.stores.polls.gaps("c")] == ["c"]
    prune(scene.stores, NOW + timedelta(days=9), timedelta(days=8))
    assert scene.stores.polls.gaps() == []


def test_the_newest_entry_is_told_by_its_place_in_time(scene: Scene) -> None:
    assert scene.stores.polls.newest_entry("a") is None
    scene.poll("a", new("x", sort_at=NOW), new("y", sort_at=NOW - HOUR))
    assert scene.stores.polls.newest_entry("a") == NOW
    assert scene.stores.polls.newest_entry("b") is None


def test_how_many_items_the_last_document_held_is_kept(scene: Scene) -> None:
    scene.poll("a", items=7)
    assert feed(scene.stores, "a").poll.items == 7
    scene.stores.feeds.sync([spec("a", "https://else.example/"), spec("b")], NOW)
    assert feed(scene.stores, "a").poll.items == 0


# -- outages ---------------------------------------------------------------------------------------------------------


def failed(scene: Scene, feed_id: str, now: datetime = NOW) -> Counted:
    before = feed(scene.stores, feed_id).poll
    after = poll(
        now, state="failing", failures=1, failing_since=now, error_class="dns", error="no such name", last_ok_at=None
    )
    scene.stores.feeds.claim_due(ME, 1, now, ids=[feed_id], everything=True)
    scene.stores.polls.commit_polls([PollOutcome(feed_id, after)], ME, now)
    return Counted(feed_id, before, after)


def test_an_outage_begins_once_ends_once_and_survives_a_restart(scene: Scene, open_stores: object) -> None:
    network = scene.stores.network
    assert network.outage() is None
    assert network.end_outage() is None
    assert network.begin_outage(NOW)
    assert not network.begin_outage(NOW + HOUR)
    again: Stores = open_stores()  # type: ignore[operator]
    assert again.network.outage() == NOW
    assert again.network.end_outage() == NOW
    assert network.outage() is None
    assert network.begin_outage(NOW + HOUR)


def test_failures_counted_before_the_outage_was_known_are_taken_back(scene: Scene) -> None:
    before = feed(scene.stores, "a").poll
    counted = failed(scene, "a")
    scene.stores.network.begin_outage(NOW + MINUTE, [counted])
    after = feed(scene.stores, "a").poll
    assert (after.state, after.failures, after.failing_since) == (before.state, before.failures, before.failing_since)
    assert (after.error, after.error_class, after.next_poll_at) == ("", "", NOW + MINUTE)


@pytest.mark.parametrize("meanwhile", ["polled", "paused", "resumed", "claimed", "removed"])
def test_what_happened_meanwhile_stands(scene: Scene, meanwhile: str) -> None:
    counted = failed(scene, "a")
    later = NOW + MINUTE
    if meanwhile == "polled":
        scene.poll("a", now=later)
    elif meanwhile == "paused":
        scene.stores.feeds.pause("a", later)
    elif meanwhile == "resumed":
        scene.stores.feeds.resume("a", later)
    elif meanwhile == "claimed":
        assert scene.stores.feeds.claim_due(OTHER, 1, later, ids=["a"], everything=True)
    else:
        scene.stores.feeds.sync([spec("b")], later)
    was = scene.stores.feeds.get("a")
    scene.stores.network.begin_outage(later + MINUTE, [counted])
    assert scene.stores.feeds.get("a") == was


def test_in_an_outage_no_feed_counts_as_read_that_was_asked_in_vain(scene: Scene) -> None:
    scene.poll("a", now=NOW)
    scene.poll("b", now=NOW, next_poll_at=NOW + HOUR)
    assert scene.stores.upkeep.checked().ok == 2
    later = NOW + HOUR
    scene.poll("a", now=later, last_ok_at=NOW, next_poll_at=later + MINUTE)
    scene.stores.network.begin_outage(later)
    checked = scene.stores.upkeep.checked()
    assert (checked.feeds, checked.ok) == (2, 0)
    assert {(f.feed_id, f.since, f.error) for f in checked.failing} == {
        (i, later, "our own network is down") for i in ("a", "b")
    }
    scene.stores.network.end_outage()
    assert scene.stores.upkeep.checked().ok == 2
