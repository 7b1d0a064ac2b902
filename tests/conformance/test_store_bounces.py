"""BounceStore: mail that came back stops what it must, for as long as it must, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Literal

import pytest

from aggregator.levels import Wanted
from aggregator.readership import Bounce, Subscription
from tests.conformance.stores import HOUR, ME, MINUTE, NOW, Scene, attempt

ANNA = "anna@example.org"
DAY = timedelta(days=1)
HARD = Bounce("hard", "5.1.1", "550 5.1.1 (address): nobody")
SOFT = Bounce("soft", "5.2.2", "552 5.2.2 full")
COMPLAINT = Bounce("complaint", "", "complaint: abuse")


def subscribed(scene: Scene) -> Subscription:
    """Anna gets both digests; Boris gets one."""
    scene.stores.subscriptions.add("morning", "boris@example.org", NOW)
    scene.stores.subscriptions.add("now", ANNA, NOW)
    return scene.stores.subscriptions.add("morning", ANNA, NOW)


def states(scene: Scene, address: str = ANNA) -> list[tuple[str, str]]:
    return [(s.state, s.reason) for s in scene.stores.subscriptions.list() if s.address == address]


def test_a_hard_bounce_suspends_every_subscription_of_the_address_and_no_other(scene: Scene) -> None:
    one = subscribed(scene)
    assert scene.stores.bounces.record(one.id, HARD, NOW) == 2
    assert states(scene) == [("paused", "bounced: 550 5.1.1 (address): nobody")] * 2
    assert states(scene, "boris@example.org") == [("active", "")]
    assert scene.stores.bounces.record(one.id, HARD, NOW) == 0, "it is known"
    assert scene.stores.bounces.recent(NOW) == {"hard": 1}
    assert scene.stores.bounces.recent(NOW + MINUTE) == {}


def test_what_waits_for_it_is_cancelled_and_what_comes_later_too(scene: Scene) -> None:
    waiting, claimed, other = scene.message(ANNA), scene.claimed(ANNA), scene.message("boris@example.org")
    scene.stores.bounces.record(waiting.subscription_id, HARD, NOW)
    box = scene.stores.outbox
    found = box.get(waiting.id)
    assert found is not None
    assert (found.state, found.token, found.error) == ("cancelled", "", "bounced: 550 5.1.1 (address): nobody")
    assert not box.enter_data(claimed.id, ME, NOW), "it stops before the body moves"
    assert [m.id for m in box.claim_due(ME, 9, NOW + HOUR)] == [other.id]


def test_the_file_does_not_wake_a_suspended_address(scene: Scene) -> None:
    subs = scene.stores.subscriptions
    subs.sync([Wanted("morning", ANNA)], NOW)
    scene.stores.bounces.record(subs.list()[0].id, HARD, NOW)
    subs.sync([Wanted("morning", ANNA, "title"), Wanted("now", ANNA)], NOW)
    assert [state for state, _ in states(scene)] == ["paused"], "nor adds another digest to it"


def test_it_is_suppressed_beyond_its_erasure_until_somebody_lifts_that(scene: Scene) -> None:
    one = subscribed(scene)
    scene.stores.bounces.record(one.id, HARD, NOW)
    scene.stores.subscriptions.erase(ANNA, NOW)
    export = scene.stores.subscriptions.export(ANNA)
    assert (export["suppressed"], export["subscriptions"], export["bounces"]) == (True, [], [])
    assert scene.stores.bounces.lift("Anna@Example.org")
    assert not scene.stores.bounces.lift(ANNA)
    assert not scene.stores.subscriptions.export(ANNA)["suppressed"]


def test_lifting_leaves_subscriptions_as_they_are_and_adding_wakes_one(scene: Scene) -> None:
    one = subscribed(scene)
    scene.stores.bounces.record(one.id, HARD, NOW)
    assert [b["status"] for b in scene.stores.subscriptions.export(ANNA)["bounces"]] == ["5.1.1"]
    assert scene.stores.bounces.lift(ANNA)
    assert [state for state, _ in states(scene)] == ["paused", "paused"]
    scene.stores.bounces.record(one.id, SOFT, NOW)
    scene.stores.subscriptions.add("morning", ANNA, NOW)
    assert sorted(state for state, _ in states(scene)) == ["active", "paused"]
    assert scene.stores.bounces.recent(NOW - DAY) == {}, "the operator's word wipes the slate"


def test_soft_bounces_suspend_on_the_fifth_day_of_fourteen(scene: Scene) -> None:
    one = subscribed(scene)
    for day in range(4):
        for hour in range(3):
            assert scene.stores.bounces.record(one.id, SOFT, NOW + day * 3 * DAY + hour * HOUR) == 0
    assert [state for state, _ in states(scene)] == ["active", "active"]
    assert scene.stores.bounces.record(one.id, SOFT, NOW + 13 * DAY) == 2
    assert [state for state, _ in states(scene)] == ["paused", "paused"]


def test_soft_bounces_that_lie_far_apart_suspend_nobody(scene: Scene) -> None:
    one = subscribed(scene)
    assert [scene.stores.bounces.record(one.id, SOFT, NOW + day * 4 * DAY) for day in range(20)] == [0] * 20


@pytest.mark.parametrize(("pause", "suspended"), [(DAY, 1), (4 * DAY, 0)])
def test_mail_that_is_taken_resets_the_score_once_no_report_on_it_can_come(
    scene: Scene, pause: timedelta, suspended: int
) -> None:
    """A relay takes today's mail for a full mailbox too, and sends it back tomorrow."""
    claimed = scene.claimed(ANNA)
    record = scene.stores.bounces.record
    assert [record(claimed.subscription_id, SOFT, NOW + day * DAY) for day in range(4)] == [0] * 4
    at = NOW + 3 * DAY + pause
    scene.stores.outbox.settle([attempt(claimed, "sent", at)], ME)
    assert record(claimed.subscription_id, SOFT, at + HOUR) == suspended


def test_a_complaint_ends_for_good(scene: Scene) -> None:
    one = subscribed(scene)
    assert scene.stores.bounces.record(one.id, COMPLAINT, NOW) == 2
    assert states(scene) == [("ended", "complaint: abuse")] * 2
    assert scene.stores.subscriptions.export(ANNA)["suppressed"]
    scene.stores.subscriptions.sync([Wanted("morning", ANNA), Wanted("now", ANNA)], NOW)
    assert [state for state, _ in states(scene)] == ["ended", "ended"], "whatever the file says"


def test_a_complaint_ends_what_a_bounce_suspended(scene: Scene) -> None:
    one = subscribed(scene)
    scene.stores.bounces.record(one.id, HARD, NOW)
    assert scene.stores.bounces.record(one.id, COMPLAINT, NOW) == 2
    assert scene.stores.bounces.record(one.id, HARD, NOW) == 0
    assert [state for state, _ in states(scene)] == ["ended", "ended"]


@pytest.mark.parametrize(("fault", "state"), [("hard", "paused"), ("soft", "active"), ("", "active")])
def test_a_server_that_blames_the_address_at_once_is_a_bounce(
    scene: Scene, fault: Literal["hard", "soft", ""], state: str
) -> None:
    claimed = scene.claimed(ANNA)
    said = "mail server x:25 refuses the recipient: 550 5.1.1 <anna@example.org> nobody"
    tried = replace(attempt(claimed, "dead", NOW, detail=said), status="5.1.1", fault=fault)
    scene.stores.outbox.settle([tried], ME)
    (found,) = scene.stores.subscriptions.list()
    assert found.state == state
    assert scene.stores.bounces.recent(NOW) == ({fault: 1} if fault else {})
    if fault == "hard":
        assert found.reason == "bounced: mail server x:25 refuses the recipient: 550 5.1.1 (address) nobody"
        message = scene.stores.outbox.get(claimed.id)
        assert message is not None
        assert (message.state, message.error) == ("dead", said), "the one that bounced keeps its own end"


def test_without_the_claim_nobody_is_blamed(scene: Scene) -> None:
    claimed = scene.claimed(ANNA)
    scene.stores.outbox.settle([replace(attempt(claimed, "dead"), fault="hard")], "another")
    assert states(scene) == [("active", "")]


def test_a_message_names_its_subscription_and_nobody_else_does(scene: Scene) -> None:
    message = scene.message(ANNA)
    assert scene.stores.bounces.of_message(message.message_id) == message.subscription_id
    assert scene.stores.bounces.of_message("<digest.made-up@news.example>") == 0
    assert scene.stores.bounces.record(999, HARD, NOW) is None
    assert scene.stores.bounces.record(2**62, HARD, NOW) is None
