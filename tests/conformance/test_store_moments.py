"""Moments: what a wrong clock wrote is put right, what waits as it should is left alone."""

from __future__ import annotations

from datetime import timedelta

from aggregator.model import ArticleOutcome
from aggregator.publication import FailingRelay
from aggregator.readership import Asker
from aggregator.stores import Stores
from tests.conformance.stores import HOUR, ME, MINUTE, NOW, OTHER, Scene, attempt

DAY = timedelta(days=1)
YEARS = timedelta(days=3650)


def test_what_waits_as_it_should_is_left_alone(scene: Scene) -> None:
    scene.poll("a", next_poll_at=NOW + 8 * DAY, held_until=NOW + 8 * DAY)
    scene.message(at=NOW + 2 * DAY)
    version = scene.stores.agenda.version()
    assert scene.stores.moments.set_right(NOW) == 0
    assert scene.stores.agenda.version() == version
    feed = scene.stores.feeds.get("a")
    assert feed is not None
    assert (feed.poll.next_poll_at, feed.poll.held_until) == (NOW + 8 * DAY, NOW + 8 * DAY)


def test_what_waits_longer_than_it_can_have_been_meant_to_waits_no_more(scene: Scene) -> None:
    """A feed, its hold, an article page, a message, a relay: as a clock that is ten years ahead leaves them."""
    stores, ahead = scene.stores, NOW + YEARS
    scene.poll("a", now=ahead, next_poll_at=ahead + HOUR, held_until=ahead + HOUR)
    entry = scene.entry("page", feed="b", now=ahead, article="digest")
    (task,) = stores.entries.claim_articles(ME, 9, ahead)
    stores.entries.commit_articles([ArticleOutcome(entry, 1, "", "", (), "retry", "503", ahead + DAY)], ME, ahead)
    waiting = scene.claimed(now=ahead)
    stores.outbox.settle([attempt(waiting, "waiting", ahead, next_at=ahead + HOUR)], ME)
    stores.relays.pause(FailingRelay("mail", 1, ahead, ahead + HOUR, "refused", "no"))
    assert task.entry.id == entry
    assert stores.entries.claim_articles(ME, 9, NOW) == []
    assert stores.outbox.claim_due(ME, 9, NOW) == []
    assert stores.moments.set_right(NOW) >= 5
    assert [f.spec.id for f in stores.feeds.claim_due(ME, 9, NOW, ids=["a"])] == ["a"]
    assert [t.entry.id for t in stores.entries.claim_articles(ME, 9, NOW)] == [entry]
    assert [m.id for m in stores.outbox.claim_due(ME, 9, NOW)] == [waiting.id]
    assert [one.until for one in stores.relays.failing()] == [NOW]
    assert stores.moments.set_right(NOW) == 0


def test_a_claim_of_the_future_ends(scene: Scene) -> None:
    claimed = scene.stores.feeds.claim_due(OTHER, 9, NOW + YEARS)
    assert claimed
    assert scene.stores.feeds.claim_due(ME, 9, NOW + DAY) == []
    assert scene.stores.moments.set_right(NOW)
    assert len(scene.stores.feeds.claim_due(ME, 9, NOW + MINUTE)) == len(claimed)


def test_when_it_is_known_by_how_much_the_clock_was_set_all_waits_for_as_long_as_before(scene: Scene) -> None:
    for step in (YEARS, -YEARS, HOUR):
        now = NOW + step
        scene.poll("a", now=NOW, next_poll_at=NOW + HOUR)
        message = scene.claimed(f"{step.days}@example.org", now=NOW)
        scene.stores.outbox.settle([attempt(message, "waiting", NOW, next_at=NOW + 2 * HOUR)], ME)
        assert scene.stores.moments.set_right(now, step) == 0
        feed = scene.stores.feeds.get("a")
        assert feed is not None
        assert feed.poll.next_poll_at == now + HOUR
        assert feed.poll.last_poll_at == min(NOW + step, now)
        moved = scene.stores.outbox.get(message.id)
        assert moved is not None
        assert moved.next_attempt_at == now + 2 * HOUR
        scene.stores.moments.set_right(NOW, -step)
        assert scene.stores.outbox.drop(message.id, NOW)


def test_what_was_issued_in_the_future_holds_for_its_own_time(scene: Scene) -> None:
    stores, ahead = scene.stores, NOW + YEARS
    stores.credentials.issue("session", "s", "", ahead, expires_at=ahead + DAY)
    reader = stores.subscriptions.add("morning", "desk@example.org", NOW)
    assert stores.readers.pause(reader.id, ahead + 30 * DAY, Asker("command line"), ahead)
    assert stores.moments.set_right(NOW) == 2
    (session,) = stores.credentials.list(NOW)
    assert (session.created_at, session.expires_at) == (NOW, NOW + DAY)
    (paused,) = stores.subscriptions.list()
    assert paused.paused_until == NOW + 30 * DAY
    assert stores.moments.set_right(NOW) == 0


def test_the_latest_poll_is_that_of_a_feed_that_is_not_paused(scene: Scene) -> None:
    assert scene.stores.moments.latest() is None
    scene.poll("a")
    scene.poll("b", now=NOW + HOUR)
    assert scene.stores.moments.latest() == NOW + HOUR
    scene.stores.feeds.pause("b", NOW + HOUR)
    assert scene.stores.moments.latest() == NOW


def test_what_is_old_is_decided_by_a_moment_that_moves_on_by_a_day(stores: Stores) -> None:
    assert stores.moments.believed(NOW) == NOW  # nothing is there that could be older
    assert stores.moments.believed(NOW + HOUR) == NOW + HOUR
    assert stores.moments.believed(NOW + YEARS) == NOW + HOUR + DAY
    assert stores.moments.believed(NOW + YEARS) == NOW + HOUR + 2 * DAY
    assert stores.moments.believed(NOW) == NOW


def test_before_the_first_asking_the_newest_entry_says_what_time_it_is(scene: Scene) -> None:
    scene.entry("x")
    assert scene.stores.moments.believed(NOW + YEARS) == NOW + DAY
