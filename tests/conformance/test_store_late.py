"""Between composing and sending: readers who leave, pause, move or are erased meanwhile, and what comes too late for them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from aggregator.digests import outbox as rule
from aggregator.levels import Wanted
from aggregator.publication import FailingRelay, Message
from aggregator.readership import NewToken
from tests.conformance.stores import HOUR, ME, MINUTE, NOW, Scene, attempt, message
from tests.conformance.test_store_readers import ANNA, WEB, added, letter, wish

DAY = timedelta(days=1)


def now_is(scene: Scene, message_id: int) -> Message:
    found = scene.stores.outbox.get(message_id)
    assert found is not None
    return found


def late(scene: Scene, digest_id: str = "morning") -> Message:
    """One message that was given up because time ran out."""
    waiting = scene.message(ANNA, digest_id, NOW)
    assert scene.stores.relays.expire(rule.given_up(NOW + 3 * DAY), NOW + 3 * DAY) == 1
    return waiting


def owed(scene: Scene, digest_id: str = "morning") -> list[int]:
    return [one.message_id for one in scene.stores.alerts.late(digest_id)]


def test_the_last_attempt_of_a_run_is_judged_as_the_others_are(scene: Scene) -> None:
    claimed = scene.claimed(ANNA)
    bad = replace(
        attempt(claimed, "dead", phase="connect", detail="550 5.1.1 no such user"), status="5.1.1", fault="hard"
    )
    assert scene.stores.outbox.claim_due(ME, 9, NOW, settled=[bad]) == []
    assert scene.stores.suppressions.reason(ANNA) == "bounced"


def test_a_database_is_sound_after_a_reader_has_moved(scene: Scene) -> None:
    mine = added(scene)
    scene.tell("csto.hourly", [scene.matched()], NOW + MINUTE, [message(mine.id, ANNA)])
    assert scene.stores.readers.move(mine.id, wish("instant"), WEB, NOW + 2 * MINUTE) is not None
    assert scene.stores.upkeep.check(deep=True) == []


def test_a_letter_that_is_forgotten_is_not_sent_empty(scene: Scene) -> None:
    scene.stores.signups.request(wish(), letter("t"), WEB, NOW, "")
    [waiting] = scene.stores.outbox.claim_due(ME, 9, NOW)
    scene.stores.outbox.settle([attempt(waiting, "dead")], ME)
    scene.stores.readers.tidy(NOW + HOUR)
    scene.stores.outbox.retry(waiting.id, NOW + HOUR)
    assert scene.stores.outbox.content(waiting) is None


def test_who_is_erased_while_an_edition_is_made_gets_no_message(scene: Scene) -> None:
    mine = scene.stores.subscriptions.add("morning", ANNA, NOW)
    scene.stores.subscriptions.erase(ANNA, NOW)
    scene.tell("morning", [], NOW + MINUTE, [message(mine.id, ANNA)])
    assert scene.stores.outbox.list() == []


def test_who_pauses_while_an_edition_is_made_gets_no_message(scene: Scene) -> None:
    mine = scene.stores.subscriptions.add("morning", ANNA, NOW)
    scene.stores.readers.pause(mine.id, None, WEB, NOW)
    scene.tell("morning", [], NOW + MINUTE, [message(mine.id, ANNA)])
    assert scene.stores.outbox.list() == []


def test_who_moves_while_an_edition_is_made_is_told_once(scene: Scene) -> None:
    mine, waits = added(scene), scene.matched()
    assert scene.stores.readers.move(mine.id, wish("instant"), WEB, NOW + MINUTE) is not None
    scene.tell("csto.hourly", [waits], NOW + MINUTE, [message(mine.id, ANNA)])
    assert scene.waiting("csto.instant") == [waits]
    assert scene.stores.outbox.list() == []


def test_a_message_whose_claim_runs_out_while_its_reader_pauses_ends(scene: Scene) -> None:
    claimed = scene.claimed(ANNA)
    scene.stores.readers.pause(claimed.subscription_id, None, WEB, NOW)
    scene.stores.outbox.claim_due(ME, 9, NOW + HOUR)
    scene.stores.outbox.claim_due(ME, 9, NOW + HOUR)
    assert now_is(scene, claimed.id).state == "cancelled"


def test_what_was_late_before_a_pause_is_not_told_after_it(scene: Scene) -> None:
    one = late(scene)
    assert owed(scene) == [one.id]
    scene.stores.readers.pause(one.subscription_id, None, WEB, NOW + 3 * DAY)
    scene.stores.readers.resume(one.subscription_id, WEB, NOW + 60 * DAY)
    assert owed(scene) == []


def test_what_was_late_for_a_reader_who_left_is_not_told_when_it_comes_back(scene: Scene) -> None:
    one = late(scene)
    scene.stores.subscriptions.end(one.subscription_id, "enough", NOW + 3 * DAY)
    scene.stores.subscriptions.add("morning", ANNA, NOW + 99 * DAY)
    assert owed(scene) == []


def test_an_end_taken_back_tells_what_was_late(scene: Scene) -> None:
    mine = added(scene)
    scene.tell("csto.hourly", [], NOW, [message(mine.id, ANNA)])
    soon = NOW + 3 * DAY
    scene.stores.relays.expire(rule.given_up(soon), soon)
    [one] = owed(scene, "csto.hourly")
    scene.stores.readers.end([mine.id], "enough", WEB, soon)

    scene.stores.signups.issue(mine.id, [NewToken("u", "undo", soon + HOUR)], soon)
    assert scene.stores.readers.take_back("u", ["x" * 26], WEB, soon + MINUTE)
    scene.stores.relays.expire(rule.given_up(soon + MINUTE), soon + MINUTE)
    assert owed(scene, "csto.hourly") == [one]


def test_what_is_told_in_one_edition_is_not_told_in_another(scene: Scene) -> None:
    one = late(scene, "now")
    new = replace(message(one.subscription_id, ANNA), tells=(one.id,))
    assert scene.tell("now", [], NOW + 3 * DAY, [new])
    again = replace(message(one.subscription_id, ANNA), tells=(one.id,))
    assert scene.tell("now", [], NOW + 3 * DAY + MINUTE, [again]) == 0


def test_what_a_person_tries_again_meanwhile_is_not_told_as_late(scene: Scene) -> None:
    one = late(scene)
    assert scene.stores.outbox.retry(one.id, NOW + 3 * DAY)
    new = replace(message(one.subscription_id, ANNA), tells=(one.id,))
    assert scene.tell("morning", [], NOW + 3 * DAY, [new]) == 0
    assert now_is(scene, one.id).state == "waiting"


def test_the_file_does_not_end_a_pause_by_naming_another_threshold(scene: Scene) -> None:

    scene.stores.subscriptions.sync([Wanted("morning", ANNA)], NOW)
    [mine] = scene.stores.subscriptions.list()
    scene.stores.readers.pause(mine.id, None, WEB, NOW)
    scene.stores.subscriptions.sync([Wanted("morning", ANNA, "title")], NOW)
    [mine] = scene.stores.subscriptions.list()
    assert (mine.state, mine.prominence) == ("paused", "title")


def test_erasing_takes_an_address_out_of_what_a_relay_said(scene: Scene) -> None:

    scene.stores.relays.pause(FailingRelay("mail", 1, NOW, NOW, "connect", f"450 <{ANNA}> wait"))
    mine = scene.stores.subscriptions.add("morning", ANNA, NOW)
    scene.stores.subscriptions.end(mine.id, f"asked by {ANNA}", NOW)
    scene.stores.subscriptions.erase(ANNA, NOW)
    assert ANNA not in scene.stores.relays.failing()[0].error
    assert ANNA not in scene.stores.subscriptions.list()[0].reason


def test_what_a_server_says_after_an_erasure_names_nobody(scene: Scene) -> None:
    claimed = scene.claimed(ANNA)
    scene.stores.subscriptions.erase(ANNA, NOW)
    bad = replace(attempt(claimed, "dead", phase="connect", detail=f"550 5.1.1 <{ANNA}>: no such user"), fault="hard")
    scene.stores.outbox.settle([bad], ME)
    assert ANNA not in now_is(scene, claimed.id).error


def test_an_alert_that_is_late_is_told_in_one_mail_however_many_follow(scene: Scene) -> None:
    mine = scene.stores.subscriptions.add("now", ANNA, NOW)
    for n in range(3):
        scene.tell("now", [], NOW + n * MINUTE, [message(mine.id, ANNA)], kind="alert")
        scene.stores.relays.expire(rule.given_up(NOW + n * MINUTE + 7 * HOUR), NOW + 7 * HOUR)
        found = [one.message_id for one in scene.stores.alerts.stranded().get("now", [])]
        if n == 0:
            new = replace(message(mine.id, ANNA), tells=tuple(found))
            scene.tell("now", [], NOW + 7 * HOUR, [new], kind="digest")
        else:
            assert found == []


def test_what_told_of_late_alerts_and_came_too_late_itself_is_told(scene: Scene) -> None:
    mine = scene.stores.subscriptions.add("now", ANNA, NOW)
    scene.tell("now", [], NOW, [message(mine.id, ANNA)], kind="digest")
    scene.stores.relays.expire(rule.given_up(NOW + 3 * DAY), NOW + 3 * DAY)
    assert scene.stores.alerts.stranded()


def test_what_came_while_an_alert_was_put_off_is_looked_at_at_once(scene: Scene) -> None:
    seen = scene.matched()
    scene.stores.alerts.hold("now", NOW + 9 * HOUR, seen)
    assert [d.spec.id for d in scene.stores.editions.due(NOW)] == []
    came = scene.matched()
    scene.stores.alerts.hold("now", NOW + 9 * HOUR, seen)
    assert [d.spec.id for d in scene.stores.editions.due(NOW)] == ["now"]
    scene.stores.alerts.hold("now", NOW + 9 * HOUR, came)
    assert scene.stores.editions.due(NOW) == []


def test_alerts_are_counted_by_the_moments_they_were_composed_at(scene: Scene) -> None:
    for number, at in enumerate((NOW, NOW + HOUR, NOW + HOUR, NOW + 2 * HOUR)):
        scene.tell("now", [], at, key=f"k{number}", kind="alert")
    scene.tell("now", [], NOW + 3 * HOUR, kind="digest")
    alerts = scene.stores.alerts
    assert alerts.sent_since("now", NOW + HOUR) == [NOW + HOUR, NOW + 2 * HOUR]
    assert alerts.sent_since("morning", NOW) == []


def test_a_destination_that_takes_something_is_forgotten_as_a_failing_one(scene: Scene) -> None:
    relays = scene.stores.relays
    for name in ("mail", "channel:desk", "channel:room"):
        relays.pause(FailingRelay(name, 1, NOW, NOW + HOUR, "connect", "refused"))
    relays.pause(FailingRelay("mail", 2, NOW, NOW + 2 * HOUR, "connect", "refused again"))
    assert [(one.name, one.failures) for one in relays.failing()] == [
        ("channel:desk", 1),
        ("channel:room", 1),
        ("mail", 2),
    ]
    relays.works("mail")
    assert [one.name for one in relays.failing()] == ["channel:desk", "channel:room"]
    relays.works("")
    assert relays.failing() == []
