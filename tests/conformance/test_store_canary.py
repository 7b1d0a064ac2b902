"""CanaryStore: which copies were handed over, and which have been seen in the mailbox."""

from __future__ import annotations

from aggregator.canary import Copy
from aggregator.publication import Message
from tests.conformance.stores import HOUR, ME, MINUTE, NOW, Scene, attempt

CANARY = "canary@news.example"


def sent(scene: Scene, address: str = CANARY) -> Message:
    claimed = scene.claimed(address)
    scene.stores.outbox.settle([attempt(claimed, "sent")], ME)
    return claimed


def key(scene: Scene, message: Message) -> str:
    found = scene.stores.editions.edition(message.edition_id)
    assert found is not None
    return found.key


def test_copies_are_those_that_were_taken_for_this_address_newest_first(scene: Scene) -> None:
    one, other = sent(scene), sent(scene)
    sent(scene, "desk@example.org")
    scene.message(CANARY)  # not sent yet
    found = scene.stores.canary.copies(CANARY.upper())
    assert [c.key for c in found] == [key(scene, other), key(scene, one)]
    assert {(c.digest_id, c.sent_at, c.arrived_at) for c in found} == {("morning", NOW + MINUTE, None)}


def test_a_copy_arrives_once(scene: Scene) -> None:
    copy = sent(scene)
    expected = Copy("morning", key(scene, copy), NOW + MINUTE, NOW + HOUR)
    assert scene.stores.canary.arrived(CANARY, copy.message_id, NOW + HOUR) == expected
    assert scene.stores.canary.arrived(CANARY, copy.message_id, NOW + 2 * HOUR) == expected, "the first time counts"
    assert scene.stores.canary.copies(CANARY) == [expected]


def test_it_may_arrive_before_anybody_has_noted_that_it_was_taken(scene: Scene) -> None:
    claimed = scene.claimed(CANARY)
    assert scene.stores.outbox.enter_data(claimed.id, ME, NOW)
    found = scene.stores.canary.arrived(CANARY, claimed.message_id, NOW)
    assert found is not None
    assert found.arrived_at == NOW
    assert scene.stores.canary.copies(CANARY) == []
    scene.stores.outbox.settle([attempt(claimed, "sent")], ME)
    assert [c.arrived_at for c in scene.stores.canary.copies(CANARY)] == [NOW]


def test_mail_of_others_and_mail_that_nobody_sent_is_no_copy(scene: Scene) -> None:
    readers, copy = sent(scene, "desk@example.org"), sent(scene)
    for message_id in (readers.message_id, "<made.up@news.example>", ""):
        assert scene.stores.canary.arrived(CANARY, message_id, NOW) is None
    assert scene.stores.canary.arrived("desk@example.org", copy.message_id, NOW) is None
    assert [c.arrived_at for c in scene.stores.canary.copies(CANARY)] == [None]
