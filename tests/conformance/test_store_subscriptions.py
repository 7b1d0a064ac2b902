"""SubscriptionStore: a reader's no is final, a token works for years, and an address can be erased."""

from __future__ import annotations

import json

import pytest

from aggregator.levels import Wanted
from aggregator.model import SyncReport
from tests.conformance.stores import HOUR, ME, MINUTE, NOW, Scene, attempt, digest, message

DESK = "desk@example.org"


def states(scene: Scene) -> dict[tuple[str, str], tuple[str, str]]:
    return {(s.digest_id, s.address): (s.state, s.origin) for s in scene.stores.subscriptions.list()}


def test_what_the_file_names_is_subscribed(scene: Scene) -> None:
    subs = scene.stores.subscriptions
    assert subs.sync([Wanted("morning", DESK), Wanted("now", DESK)], NOW).added == (f"morning: {DESK}", f"now: {DESK}")
    assert states(scene) == {("morning", DESK): ("active", "config"), ("now", DESK): ("active", "config")}
    assert subs.sync([Wanted("morning", DESK), Wanted("now", DESK)], NOW) == SyncReport()
    assert (
        subs.sync([Wanted("morning", "DESK@example.org"), Wanted("now", DESK), Wanted("now", "Desk@Example.org")], NOW)
        == SyncReport()
    )


def test_one_address_written_twice_is_one(scene: Scene) -> None:
    scene.stores.subscriptions.sync([Wanted("morning", DESK), Wanted("morning", "Desk@example.ORG")], NOW)
    assert len(scene.stores.subscriptions.list()) == 1


def test_one_no_longer_named_ends_and_lives_again_when_named_again(scene: Scene) -> None:
    subs = scene.stores.subscriptions
    subs.sync([Wanted("morning", DESK), Wanted("now", DESK)], NOW)
    assert subs.sync([Wanted("now", DESK)], NOW + HOUR).removed == (f"morning: {DESK}",)
    (ended,) = subs.list("morning")
    assert (ended.state, ended.ended_at) == ("ended", NOW + HOUR)
    assert ended.reason
    assert subs.sync([Wanted("now", DESK)], NOW + HOUR) == SyncReport()
    assert subs.sync([Wanted("morning", DESK), Wanted("now", DESK)], NOW).changed == (f"morning: {DESK}",)
    (again,) = subs.list("morning")
    assert (again.state, again.ended_at, again.reason, again.id) == ("active", None, "", ended.id)


def test_a_readers_end_wins_over_the_file(scene: Scene) -> None:
    subs = scene.stores.subscriptions
    subs.sync([Wanted("morning", DESK)], NOW)
    assert subs.end(subs.list()[0].id, "one click", NOW)
    for wanted in ([Wanted("morning", DESK)], [], [Wanted("morning", DESK)]):
        assert subs.sync(wanted, NOW + HOUR) == SyncReport()
        (ended,) = subs.list()
        assert (ended.state, ended.reason, ended.ended_at) == ("ended", "one click", NOW)


def test_the_file_leaves_alone_what_it_did_not_make(scene: Scene) -> None:
    subs = scene.stores.subscriptions
    subs.add("morning", DESK, NOW)
    subs.sync([Wanted("morning", DESK)], NOW)
    subs.sync([], NOW)
    assert states(scene) == {("morning", DESK): ("active", "operator")}


def test_the_file_gives_thresholds_and_changes_them(scene: Scene) -> None:
    subs = scene.stores.subscriptions
    subs.sync([Wanted("morning", DESK, "title"), Wanted("now", DESK)], NOW)
    assert [s.prominence for s in subs.list()] == ["title", "any"]
    assert subs.sync([Wanted("morning", DESK, "lead"), Wanted("now", DESK)], NOW).changed == (f"morning: {DESK}",)
    assert subs.sync([Wanted("morning", DESK, "lead"), Wanted("now", DESK)], NOW) == SyncReport()
    assert [s.prominence for s in subs.list()] == ["lead", "any"]
    subs.end(subs.list("morning")[0].id, "one click", NOW)
    assert subs.sync([Wanted("morning", DESK, "title"), Wanted("now", DESK)], NOW) == SyncReport()


def test_the_operators_threshold_stays_until_the_operator_gives_another(scene: Scene) -> None:
    subs = scene.stores.subscriptions
    assert subs.add("morning", DESK, NOW).prominence == "any"
    assert subs.add("morning", DESK, NOW, "title").prominence == "title"
    assert subs.add("morning", DESK, NOW).prominence == "title"
    subs.sync([Wanted("morning", DESK, "lead")], NOW)
    assert subs.list()[0].prominence == "title"
    assert json.loads(json.dumps(subs.export(DESK)))["subscriptions"][0]["prominence"] == "title"


def test_lists_by_digest_address_and_state(scene: Scene) -> None:
    subs = scene.stores.subscriptions
    subs.sync([Wanted("now", "b@e.org"), Wanted("morning", "c@e.org"), Wanted("morning", "a@e.org")], NOW)
    subs.end(subs.list("morning")[1].id, "x", NOW)
    assert [(s.digest_id, s.address) for s in subs.list()] == [
        ("morning", "a@e.org"), ("morning", "c@e.org"), ("now", "b@e.org"),
    ]  # fmt: skip
    assert [s.address for s in subs.list("morning", ["active"])] == ["a@e.org"]
    assert [s.address for s in subs.list(states=["ended", "paused"])] == ["c@e.org"]
    assert subs.list("nobody") == []


def test_the_operator_adds_and_revives(scene: Scene) -> None:
    subs = scene.stores.subscriptions
    added = subs.add("morning", DESK, NOW)
    assert (added.address, added.digest_id, added.state, added.origin, added.created_at) == (
        DESK, "morning", "active", "operator", NOW,
    )  # fmt: skip
    assert subs.add("morning", DESK.upper(), NOW + HOUR) == added
    assert subs.end(added.id, "one click", NOW)
    assert subs.add("morning", DESK, NOW + HOUR) == added


def test_an_end_happens_once(scene: Scene) -> None:
    subs = scene.stores.subscriptions
    added = subs.add("morning", DESK, NOW)
    assert subs.end(added.id, "one click", NOW)
    assert not subs.end(added.id, "again", NOW + HOUR)
    assert not subs.end(999, "nobody", NOW)
    assert [(s.reason, s.ended_at) for s in subs.list()] == [("one click", NOW)]


@pytest.mark.parametrize("outcome", ["sent", "dead", "cancelled"])
def test_a_token_works_for_years(scene: Scene, outcome: str) -> None:
    claimed = scene.claimed()
    subs = scene.stores.subscriptions
    scene.stores.outbox.settle([attempt(claimed, outcome)], ME)  # type: ignore[arg-type]
    found = subs.find_token(claimed.token)
    assert found is not None
    assert (found.id, found.address, found.digest_id) == (claimed.subscription_id, DESK, "morning")
    subs.end(found.id, "one click", NOW)
    ended = subs.find_token(claimed.token)
    assert ended is not None
    assert ended.state == "ended"
    assert subs.find_token(claimed.token[:-1]) is None
    assert subs.find_token("") is None


def test_an_export_says_all_that_is_stored_as_plain_data(scene: Scene) -> None:
    claimed = scene.claimed(DESK)
    scene.stores.outbox.settle([attempt(claimed, "waiting", detail="451 later")], ME)
    scene.message("other@example.org")
    found = scene.stores.subscriptions.export("Desk@Example.org")
    json.dumps(found)
    assert [s["digest_id"] for s in found["subscriptions"]] == ["morning"]
    assert [(m["message_id"], m["state"], m["error"]) for m in found["messages"]] == [
        (claimed.message_id, "waiting", "451 later")
    ]
    assert [a["detail"] for a in found["attempts"]] == ["451 later"]
    assert found["suppressed"] is False
    nobody = scene.stores.subscriptions.export("nobody@example.org")
    assert (nobody["subscriptions"], nobody["messages"], nobody["suppressed"]) == ([], [], False)


def test_an_erased_address_is_nowhere_any_more(scene: Scene) -> None:
    """Not in a list, and not in what a mail server said of it either."""
    subs = scene.stores.subscriptions
    scene.digests(digest("morning", "csto", to=(DESK, "other@example.org")), digest("now", every="instant"))
    subs.sync([Wanted("morning", DESK), Wanted("morning", "other@example.org")], NOW)
    dead, sent, waiting = scene.claimed(DESK), scene.claimed(DESK), scene.message(DESK)
    scene.stores.outbox.settle(
        [attempt(dead, "dead", detail=f"550 <{DESK.upper()}> unknown"), attempt(sent, "sent")], ME
    )
    assert subs.erase(DESK.upper(), NOW) >= 5
    assert {s.state for s in subs.list() if s.address != "other@example.org"} == {"ended"}
    assert [m.address for m in scene.stores.outbox.list()] == ["", "", ""]
    assert scene.stores.outbox.get(dead.id).error == "550 <(erased)> unknown"  # type: ignore[union-attr]
    for m in (dead, waiting):
        assert not scene.stores.outbox.retry(m.id, NOW)
    assert scene.stores.outbox.claim_due(ME, 9, NOW + HOUR) == []
    assert scene.stores.editions.digests()[0].spec.to == ("other@example.org",)
    found = subs.export(DESK)
    assert (found["subscriptions"], found["messages"], found["attempts"], found["suppressed"]) == ([], [], [], True)
    assert "desk@" not in repr([subs.list(), scene.stores.outbox.list(), scene.stores.editions.digests()]).lower()
    assert subs.find_token(waiting.token) is not None, "an old link still says something sensible"
    assert subs.erase(DESK, NOW + MINUTE) == 0


def test_an_erased_address_stays_away_until_the_operator_names_it(scene: Scene) -> None:
    subs = scene.stores.subscriptions
    subs.sync([Wanted("morning", DESK)], NOW)
    subs.erase(DESK, NOW)
    assert subs.sync([Wanted("morning", " " + DESK.upper()), Wanted("now", DESK)], NOW) == SyncReport()
    assert subs.add("morning", DESK, NOW).state == "active"
    assert subs.export(DESK)["suppressed"] is False
    scene.tell("morning", [], NOW, [message(subs.list(states=["active"])[0].id, DESK)])
    assert [m.address for m in scene.stores.outbox.claim_due(ME, 9, NOW)] == [DESK]


def test_erasing_somebody_unknown_still_keeps_them_away(scene: Scene) -> None:
    assert scene.stores.subscriptions.erase("new@example.org", NOW) == 0
    assert scene.stores.subscriptions.sync([Wanted("morning", "new@example.org")], NOW) == SyncReport()
