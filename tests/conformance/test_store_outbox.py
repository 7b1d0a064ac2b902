"""OutboxStore: each message goes out once; who died on the way is found out."""

from __future__ import annotations

from datetime import timedelta

import pytest

from aggregator.publication import Message
from tests.conformance.stores import HOUR, ME, MINUTE, NOW, OTHER, Scene, attempt, message

LATER = NOW + 15 * MINUTE


def now_is(scene: Scene, m: Message) -> Message:
    found = scene.stores.outbox.get(m.id)
    assert found is not None
    return found


# -- claims --------------------------------------------------------------------------------------------------------------


def test_due_messages_are_claimed_oldest_first_and_no_more_than_asked_for(scene: Scene) -> None:
    late = scene.message("a@e.org", at=NOW + 2 * MINUTE)
    early = scene.message("b@e.org", at=NOW)
    middle = scene.message("c@e.org", at=NOW + MINUTE)
    box = scene.stores.outbox
    assert [m.id for m in box.claim_due(ME, 2, NOW + HOUR)] == [early.id, middle.id]
    (last,) = box.claim_due(ME, 2, NOW + HOUR)
    assert (last.id, last.state, last.phase, last.token) == (late.id, "claimed", "connect", late.token)
    assert box.claim_due(ME, 2, NOW + HOUR) == []


def test_a_message_is_due_at_its_moment(scene: Scene) -> None:
    waiting = scene.message(at=NOW)
    assert scene.stores.outbox.claim_due(ME, 9, NOW - timedelta(microseconds=1)) == []
    assert [m.id for m in scene.stores.outbox.claim_due(ME, 9, NOW)] == [waiting.id]


def test_only_narrows_a_claim(scene: Scene) -> None:
    _, two = scene.message("a@e.org"), scene.message("b@e.org")
    assert [m.id for m in scene.stores.outbox.claim_due(ME, 9, NOW, only=[two.id, 999])] == [two.id]


def test_a_claim_lasts_fifteen_minutes(scene: Scene) -> None:
    claimed = scene.claimed()
    box = scene.stores.outbox
    assert box.claim_due(OTHER, 9, LATER - MINUTE) == []
    assert [m.id for m in box.claim_due(OTHER, 9, LATER)] == [claimed.id]
    assert not box.enter_data(claimed.id, ME, NOW)
    assert box.enter_data(claimed.id, OTHER, NOW)


def test_nobody_takes_over_a_message_whose_body_is_on_its_way(scene: Scene) -> None:
    claimed = scene.claimed()
    box = scene.stores.outbox
    assert box.enter_data(claimed.id, ME, LATER - MINUTE)
    assert box.claim_due(OTHER, 9, LATER) == []
    assert [m.id for m in box.claim_due(OTHER, 9, LATER + 14 * MINUTE)] == [claimed.id]


def test_a_claim_that_ran_out_in_phase_data_is_unknown_and_sent_again_as_the_same_message(scene: Scene) -> None:
    claimed = scene.claimed()
    box = scene.stores.outbox
    assert box.enter_data(claimed.id, ME, NOW)
    assert now_is(scene, claimed).phase == "data"
    assert box.claim_due(OTHER, 9, LATER, only=[999]) == []
    assert now_is(scene, claimed).state == "unknown"
    (again,) = box.claim_due(OTHER, 9, LATER)
    assert (again.id, again.message_id, again.token, again.state) == (
        claimed.id, claimed.message_id, claimed.token, "claimed",
    )  # fmt: skip


@pytest.mark.parametrize(("in_data", "state"), [(False, "waiting"), (True, "unknown")])
def test_releasing_a_dead_process_says_how_far_its_messages_came(scene: Scene, in_data: bool, state: str) -> None:
    claimed = scene.claimed()
    if in_data:
        scene.stores.outbox.enter_data(claimed.id, ME, NOW)
    assert scene.stores.feeds.release(ME) >= 1
    found = now_is(scene, claimed)
    assert (found.state, found.phase) == (state, "data" if in_data else "queued")
    assert [m.id for m in scene.stores.outbox.claim_due(OTHER, 9, NOW)] == [claimed.id]


def test_phase_data_is_entered_by_the_holder_alone(scene: Scene) -> None:
    waiting = scene.message("a@e.org")
    claimed = scene.claimed("b@e.org")
    box = scene.stores.outbox
    assert not box.enter_data(waiting.id, ME, NOW)
    assert not box.enter_data(claimed.id, OTHER, NOW)
    assert not box.enter_data(999, ME, NOW)
    assert box.enter_data(claimed.id, ME, NOW)


# -- settling ------------------------------------------------------------------------------------------------------------


def test_what_is_sent_is_settled_and_forgets_its_token(scene: Scene) -> None:
    claimed = scene.claimed()
    scene.stores.outbox.settle([attempt(claimed, "sent", NOW)], ME)
    found = now_is(scene, claimed)
    assert (found.state, found.token, found.error, found.attempts) == ("sent", "", "", 1)
    assert found.settled_at == NOW + MINUTE
    assert scene.stores.outbox.claim_due(ME, 9, NOW + 99 * HOUR) == []
    assert not scene.stores.outbox.retry(found.id, NOW)
    assert not scene.stores.outbox.drop(found.id, NOW)


def test_a_retry_waits_for_its_time(scene: Scene) -> None:
    claimed = scene.claimed()
    again = attempt(claimed, "waiting", phase="connect", next_at=NOW + HOUR, detail="451 later")
    scene.stores.outbox.settle([again], ME)
    found = now_is(scene, claimed)
    assert (found.state, found.phase, found.error, found.attempts) == ("waiting", "queued", "451 later", 1)
    assert (found.next_attempt_at, found.settled_at, found.token) == (NOW + HOUR, None, claimed.token)
    assert scene.stores.outbox.claim_due(ME, 9, NOW + HOUR - MINUTE) == []
    assert [m.attempts for m in scene.stores.outbox.claim_due(ME, 9, NOW + HOUR)] == [1]


def test_a_message_that_may_have_arrived_is_not_taken_for_a_new_one_when_a_person_asks_for_another_try(
    scene: Scene,
) -> None:
    claimed = scene.claimed()
    scene.stores.outbox.settle([attempt(claimed, "unknown", next_at=NOW + HOUR)], ME)
    assert scene.stores.outbox.drop(claimed.id, NOW)
    assert scene.stores.outbox.retry(claimed.id, NOW)
    assert now_is(scene, claimed).state == "unknown"
    assert scene.stores.upkeep.check(deep=True) == []


def test_an_unknown_end_is_tried_again(scene: Scene) -> None:
    claimed = scene.claimed()
    scene.stores.outbox.enter_data(claimed.id, ME, NOW)
    scene.stores.outbox.settle([attempt(claimed, "unknown", next_at=NOW + HOUR)], ME)
    assert (now_is(scene, claimed).state, now_is(scene, claimed).phase) == ("unknown", "data")
    assert [m.id for m in scene.stores.outbox.claim_due(OTHER, 9, NOW + HOUR)] == [claimed.id]


def test_a_dead_message_is_settled_and_can_be_brought_back(scene: Scene) -> None:
    claimed = scene.claimed()
    scene.stores.outbox.settle([attempt(claimed, "dead", NOW, detail="550 no")], ME)
    found = now_is(scene, claimed)
    assert (found.state, found.error, found.settled_at) == ("dead", "550 no", NOW + MINUTE)
    assert scene.stores.outbox.claim_due(ME, 9, NOW + 99 * HOUR) == []
    assert scene.stores.outbox.retry(claimed.id, NOW + HOUR)
    assert now_is(scene, claimed).settled_at is None
    (again,) = scene.stores.outbox.claim_due(ME, 9, NOW + HOUR)
    assert (again.id, again.token) == (claimed.id, claimed.token)


def test_without_the_claim_nothing_is_recorded(scene: Scene) -> None:
    claimed = scene.claimed()
    scene.stores.outbox.settle([attempt(claimed, "dead")], OTHER)
    assert now_is(scene, claimed).state == "claimed"
    assert scene.stores.subscriptions.export(claimed.address)["attempts"] == []


@pytest.mark.parametrize("taken", [False, True])
def test_what_was_sent_is_sent_although_the_claim_ran_out(scene: Scene, taken: bool) -> None:
    """A slow server's yes arrives late: the message must not go out a second time."""
    claimed = scene.claimed()
    box = scene.stores.outbox
    box.enter_data(claimed.id, ME, NOW)
    assert [m.id for m in box.claim_due(OTHER, 9, LATER, only=[] if taken else [999])] == (
        [claimed.id] if taken else []
    )
    box.settle([attempt(claimed, "sent", LATER)], ME)
    assert now_is(scene, claimed).state == "sent"
    assert not box.enter_data(claimed.id, OTHER, NOW), "whoever took it over stops here"
    box.settle([attempt(claimed, "cancelled", LATER)], OTHER)
    box.settle([attempt(claimed, "sent", LATER)], ME)
    assert (now_is(scene, claimed).state, now_is(scene, claimed).attempts) == ("sent", 1)
    assert box.claim_due(OTHER, 9, LATER + 99 * HOUR) == []


def test_several_attempts_in_one_go(scene: Scene) -> None:
    one, two = scene.claimed("a@e.org"), scene.claimed("b@e.org")
    scene.stores.outbox.settle([attempt(one, "sent"), attempt(two, "dead")], ME)
    assert [m.state for m in scene.stores.outbox.list()] == ["dead", "sent"]
    (tried,) = scene.stores.subscriptions.export("b@e.org")["attempts"]
    assert (tried["outcome"], tried["code"], tried["detail"]) == ("dead", 250, "said so")


# -- nobody is written to who does not want it -----------------------------------------------------------------------------


def test_a_message_of_an_ended_subscription_is_cancelled(scene: Scene) -> None:
    waiting, claimed = scene.message("a@e.org"), scene.claimed("b@e.org")
    unknown = scene.claimed("c@e.org")
    scene.stores.outbox.settle([attempt(unknown, "unknown", next_at=NOW)], ME)
    for m in (waiting, claimed, unknown):
        assert scene.stores.subscriptions.end(m.subscription_id, "one click", NOW)
    assert [now_is(scene, m).state for m in (waiting, claimed, unknown)] == ["cancelled", "claimed", "cancelled"]
    assert not scene.stores.outbox.enter_data(claimed.id, ME, NOW), "it stops before the body moves"
    assert scene.stores.outbox.claim_due(OTHER, 9, LATER) == []
    for m in (waiting, claimed, unknown):
        found = now_is(scene, m)
        assert (found.state, found.token) == ("cancelled", "")
        assert found.settled_at is not None
        assert not scene.stores.outbox.retry(m.id, NOW), "its reader is gone"


def test_an_end_after_the_edition_was_read_and_before_it_was_stored(scene: Scene) -> None:
    subscription = scene.stores.subscriptions.add("morning", "a@e.org", NOW)
    scene.stores.subscriptions.end(subscription.id, "one click", NOW)
    scene.tell("morning", [], NOW, [message(subscription.id, "a@e.org")])
    assert scene.stores.outbox.list() == []


def test_erasing_an_address_stops_what_is_under_way(scene: Scene) -> None:
    claimed = scene.claimed("a@e.org")
    scene.stores.subscriptions.erase("a@e.org", NOW)
    assert not scene.stores.outbox.enter_data(claimed.id, ME, NOW)
    assert scene.stores.outbox.claim_due(OTHER, 9, LATER) == []
    assert (now_is(scene, claimed).state, now_is(scene, claimed).address) == ("cancelled", "")


# -- by hand -------------------------------------------------------------------------------------------------------------


def test_messages_are_listed_newest_first_by_state(scene: Scene) -> None:
    one, two, three = scene.message("a@e.org"), scene.message("b@e.org"), scene.claimed("c@e.org")
    box = scene.stores.outbox
    assert [m.id for m in box.list()] == [three.id, two.id, one.id]
    assert [m.id for m in box.list(["waiting"])] == [two.id, one.id]
    assert [m.id for m in box.list(["waiting", "claimed"], limit=2)] == [three.id, two.id]
    assert box.list(["sent"]) == []
    assert box.get(999) is None


def test_retry_makes_a_waiting_message_due_now(scene: Scene) -> None:
    claimed = scene.claimed()
    box = scene.stores.outbox
    assert not box.retry(claimed.id, NOW), "it is under way"
    box.settle([attempt(claimed, "waiting", next_at=NOW + 9 * HOUR)], ME)
    assert box.retry(claimed.id, NOW + MINUTE)
    assert [m.id for m in box.claim_due(ME, 9, NOW + MINUTE)] == [claimed.id]
    assert not box.retry(999, NOW)


def test_a_dropped_message_is_cancelled_and_can_be_brought_back(scene: Scene) -> None:
    waiting, claimed = scene.message("a@e.org"), scene.claimed("b@e.org")
    box = scene.stores.outbox
    assert box.drop(waiting.id, NOW)
    assert not box.drop(waiting.id, NOW)
    assert not box.drop(claimed.id, NOW), "it is under way"
    assert not box.drop(999, NOW)
    assert (now_is(scene, waiting).state, now_is(scene, waiting).settled_at) == ("cancelled", NOW)
    assert box.claim_due(ME, 9, NOW + HOUR, only=[waiting.id]) == []
    assert box.retry(waiting.id, NOW + HOUR)
    assert [m.token for m in box.claim_due(ME, 9, NOW + HOUR, only=[waiting.id])] == [waiting.token]


def test_editions_to_come_are_held_too_where_that_is_wanted(scene: Scene) -> None:
    box, upkeep = scene.stores.outbox, scene.stores.upkeep
    assert upkeep.hold_outbox(NOW, editions=True) == 0
    assert upkeep.held().since == NOW
    later = scene.message("a@e.org")
    assert box.claim_due(ME, 9, NOW + HOUR) == []
    assert box.release_held(NOW + HOUR) == 1
    assert upkeep.held().since is None
    assert [m.id for m in box.claim_due(ME, 9, NOW + HOUR)] == [later.id]


def test_after_a_restore_nothing_goes_out_until_a_person_says_so(scene: Scene) -> None:
    waiting, claimed, unsure = scene.message("a@e.org"), scene.claimed("b@e.org"), scene.claimed("c@e.org")
    sent, dead, dropped = scene.claimed("d@e.org"), scene.claimed("e@e.org"), scene.message("f@e.org")
    box = scene.stores.outbox
    box.enter_data(unsure.id, ME, NOW)
    box.settle([attempt(sent, "sent"), attempt(dead, "dead")], ME)
    assert scene.stores.upkeep.hold_outbox(NOW) == 4
    assert box.claim_due(OTHER, 9, NOW + 9 * HOUR) == []
    states = [now_is(scene, m).state for m in (waiting, claimed, unsure, sent, dead)]
    assert states == ["waiting", "waiting", "unknown", "sent", "dead"]
    assert box.drop(dropped.id, NOW)
    assert box.retry(waiting.id, NOW), "one by one"
    assert [m.id for m in box.claim_due(OTHER, 9, NOW)] == [waiting.id]
    assert box.release_held(NOW + HOUR) == 2
    assert box.release_held(NOW + HOUR) == 0
    assert [m.id for m in box.claim_due(OTHER, 9, NOW + HOUR, only=[claimed.id, unsure.id])] == [claimed.id, unsure.id]
