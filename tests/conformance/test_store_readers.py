"""SignupStore, ReaderStore, SuppressionStore: a choice sleeps until it is confirmed, a token has one purpose, each step is written down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from aggregator.model import Watchlist
from aggregator.publication import DigestSpec, Schedule
from aggregator.readership import Asked, Asker, NewLetter, NewToken, RenderedLetter, Subscription, Suppressed, Wish
from aggregator.stores import Stores
from tests.conformance.stores import HOUR, ME, MINUTE, NOW, Scene, digest, message

ANNA = "anna@example.org"
WEB = Asker("web", "203.0.113.0/24")
HAND = Asker("command line")
GRAIN = Watchlist("q-1", "grain", "grain")


def wish(rhythm: str = "hourly", watchlist: str = "csto", own: Watchlist | None = None) -> Wish:
    spec = DigestSpec(f"{watchlist}.{rhythm}", "Mine", (watchlist,), Schedule("hourly"), origin="reader")
    if rhythm == "instant":
        spec = replace(spec, schedule=Schedule("instant", wait=timedelta(seconds=10), most=10))
    return Wish(spec, own, NOW + HOUR)


def letter(token: str, kind: str = "confirm", address: str = ANNA, now: datetime = NOW) -> NewLetter:
    tokens = (NewToken(token, kind, now + 2 * HOUR), NewToken(f"{token}-refuse", "refuse", now + 9 * HOUR))  # type: ignore[arg-type]
    rendered = RenderedLetter("Please confirm", b"mail")
    return NewLetter("confirm" if kind == "confirm" else "manage", rendered, address, f"<{token}@x>", tokens)


def events(scene: Scene, address: str = ANNA) -> list[str]:
    return [c["event"] for c in scene.stores.subscriptions.export(address)["consents"]]


def awake(scene: Scene) -> list[str]:
    return [d.spec.id for d in scene.stores.editions.digests() if "." in d.spec.id]


def added(scene: Scene, rhythm: str = "hourly", now: datetime = NOW, **more: object) -> Subscription:
    return scene.stores.readers.add(ANNA, wish(rhythm, **more), HAND, now)  # type: ignore[arg-type]


def test_a_request_makes_a_letter_and_a_pending_subscription_to_a_digest_that_sleeps(scene: Scene) -> None:
    signups = scene.stores.signups
    subscription_id = signups.request(wish(watchlist="q-1", own=GRAIN), letter("t"), WEB, NOW, "text-1")
    [made] = scene.stores.subscriptions.list("q-1.hourly")
    assert (made.id, made.address, made.state, made.origin) == (subscription_id, ANNA, "pending", "visitor")
    assert awake(scene) == []
    assert scene.stores.watch.of_readers() == []
    [waiting] = scene.stores.outbox.claim_due(ME, 9, NOW)
    assert (waiting.kind, waiting.subject, waiting.address, waiting.token) == ("confirm", "Please confirm", ANNA, "t")
    assert scene.stores.outbox.enter_data(waiting.id, ME, NOW)
    assert events(scene) == ["requested"]
    assert [c["detail"] for c in scene.stores.subscriptions.export(ANNA)["consents"]] == ["text-1"]


def test_a_letter_goes_to_the_address_as_its_owner_wrote_it(scene: Scene) -> None:
    added(scene)
    assert scene.stores.signups.remind(letter("t", "manage", "ANNA@example.org"), WEB, NOW)
    assert scene.stores.outbox.list()[0].address == ANNA
    assert not scene.stores.signups.remind(letter("u", "manage", "nobody@example.org"), WEB, NOW)


def test_confirming_wakes_the_digest_and_its_watchlist_once(scene: Scene) -> None:
    signups, readers = scene.stores.signups, scene.stores.readers
    signups.request(wish(watchlist="q-1", own=GRAIN), letter("t"), WEB, NOW, "")
    turn = scene.stores.watch.turn()
    done = readers.activate("t", NOW + HOUR, WEB, NOW + MINUTE)
    assert done is not None
    assert done.state == "active"
    assert awake(scene) == ["q-1.hourly"]
    assert scene.stores.watch.of_readers() == [GRAIN]
    assert scene.stores.watch.turn() > turn
    assert readers.activate("t", NOW + HOUR, WEB, NOW + MINUTE) is None
    assert events(scene) == ["requested", "confirmed"]


def test_a_token_has_one_purpose_and_an_end(scene: Scene) -> None:
    signups = scene.stores.signups
    signups.request(wish(), letter("t"), WEB, NOW, "")
    assert signups.look("t", "confirm", NOW) is not None
    for purpose in ("manage", "undo", "refuse", "unsubscribe"):
        assert signups.look("t", purpose, NOW) is None
    assert scene.stores.subscriptions.find_token("t") is None
    assert signups.look("t", "confirm", NOW + 2 * HOUR) is None
    assert scene.stores.readers.activate("t", NOW, WEB, NOW + 2 * HOUR) is None
    assert scene.stores.readers.activate("t-refuse", NOW, WEB, NOW) is None


def test_requests_are_counted_by_mailbox_network_domain_and_all(scene: Scene) -> None:
    signups = scene.stores.signups
    signups.request(wish(), letter("t", address="a.nna+x@gmail.com"), WEB, NOW, "")
    signups.turn_away("anna@gmail.com", WEB, NOW)
    later = NOW + MINUTE
    assert signups.asked("anna@googlemail.com", "", later) == Asked(1, 1, 0, 0, 1)
    assert signups.asked("boris@gmail.com", WEB.network, later) == Asked(0, 0, 1, 1, 1)
    assert signups.asked("boris@example.org", "198.51.100.0/24", later) == Asked(0, 0, 0, 0, 1)
    assert signups.asked("anna@gmail.com", WEB.network, NOW + 2 * HOUR) == Asked(1, 1, 0, 0, 0)
    assert signups.asked("anna@gmail.com", WEB.network, NOW + timedelta(days=2)) == Asked(0, 1, 0, 0, 0)
    assert signups.asked("anna@gmail.com", WEB.network, NOW + timedelta(days=31)) == Asked()


def test_refusing_ends_all_and_keeps_every_letter_away(scene: Scene) -> None:
    added(scene)
    signups = scene.stores.signups
    signups.request(wish(watchlist="energy"), letter("t"), WEB, NOW, "")
    assert signups.refuse("t-refuse", WEB, NOW)
    assert {s.state for s in scene.stores.subscriptions.list()} == {"ended"}
    assert scene.stores.suppressions.reason(ANNA.upper()) == "refused"
    assert scene.stores.readers.activate("t", NOW, WEB, NOW) is None
    assert scene.stores.outbox.claim_due(ME, 9, NOW + HOUR) == []
    assert awake(scene) == []
    assert not signups.refuse("t", WEB, NOW)
    assert added(scene).state == "active"
    assert scene.stores.suppressions.reason(ANNA) == ""


def test_the_files_leave_readers_digests_and_watchlists_alone(scene: Scene) -> None:
    added(scene, watchlist="q-1", own=GRAIN)
    scene.watchlists("csto")
    scene.digests(digest("morning", "csto"))
    scene.stores.subscriptions.sync([], NOW)
    assert awake(scene) == ["q-1.hourly"]
    assert GRAIN in scene.stores.watch.list()
    assert [s.state for s in scene.stores.subscriptions.list("q-1.hourly")] == ["active"]


def test_moving_keeps_the_subscription_and_what_waits_for_it(scene: Scene) -> None:
    mine = added(scene)
    told, waits = scene.matched(now=NOW), scene.matched(now=NOW + 2 * MINUTE)
    edition = scene.tell("csto.hourly", [told], NOW + MINUTE, [message(mine.id, ANNA)])
    moved = scene.stores.readers.move(mine.id, wish("instant"), WEB, NOW + 3 * MINUTE)
    assert moved is not None
    assert (moved.id, moved.digest_id, moved.state) == (mine.id, "csto.instant", "active")
    assert scene.waiting("csto.instant") == [waits]
    assert [m.state for m in scene.stores.outbox.list() if m.edition_id == edition] == ["waiting"]
    assert awake(scene) == ["csto.instant"]
    assert events(scene) == ["added", "changed"]
    assert scene.stores.readers.move(scene.stores.subscriptions.add("morning", ANNA, NOW).id, wish(), WEB, NOW) is None


def test_whoever_moves_to_a_digest_that_others_have_crosses_a_bridge(scene: Scene) -> None:
    readers = scene.stores.readers
    scene.stores.readers.add("boris@example.org", wish("daily"), HAND, NOW)
    mine = added(scene, now=NOW + MINUTE)
    waits = scene.matched(now=NOW + 2 * MINUTE)
    scene.tell("csto.daily", [waits], NOW + 5 * MINUTE)
    moved = readers.move(mine.id, wish("daily"), WEB, NOW + 6 * MINUTE)
    assert moved is not None
    assert moved.digest_id.startswith("csto.daily.from-")
    assert scene.waiting(moved.digest_id) == [waits], "others were told; this reader was not"
    assert readers.tidy(NOW + 7 * MINUTE).joined == 0
    scene.tell(moved.digest_id, [waits], NOW + HOUR)
    scene.tell("csto.daily", [], NOW + HOUR)
    assert readers.tidy(NOW + HOUR).joined == 1
    assert scene.stores.subscriptions.list("csto.daily", ["active"])[0].id == mine.id
    assert awake(scene) == ["csto.daily"]


def test_who_moves_back_to_a_digest_takes_what_was_theirs_there_along(scene: Scene) -> None:
    readers, stores = scene.stores.readers, scene.stores
    before = readers.add(ANNA, wish("daily"), HAND, NOW)
    scene.tell("csto.daily", [], NOW, [message(before.id, ANNA)])
    readers.end([before.id], "enough", WEB, NOW)
    mine = added(scene, now=NOW + MINUTE)
    assert readers.move(mine.id, wish("daily"), WEB, NOW + 2 * MINUTE)
    [now] = stores.subscriptions.list()
    assert now.id == mine.id
    assert [m.subscription_id for m in stores.outbox.list()] == [mine.id]
    assert events(scene) == ["added", "ended", "added", "changed"]
    assert stores.upkeep.check(deep=True) == []


def test_pauses_end_by_themselves_or_when_resumed(scene: Scene) -> None:
    readers, mine = scene.stores.readers, added(scene)
    assert readers.pause(mine.id, NOW + HOUR, WEB, NOW)
    assert readers.tidy(NOW + 59 * MINUTE).resumed == 0
    assert awake(scene) == ["csto.hourly"], "it goes on for when the pause is over"
    assert readers.tidy(NOW + HOUR).resumed == 1
    assert readers.pause(mine.id, None, WEB, NOW)
    assert readers.tidy(NOW + timedelta(days=999)).resumed == 0
    assert readers.resume(mine.id, WEB, NOW)
    assert not readers.resume(mine.id, WEB, NOW)
    readers.end([mine.id], "over", WEB, NOW)
    assert not readers.pause(mine.id, None, WEB, NOW)
    assert events(scene) == ["added", "paused", "resumed", "paused", "resumed", "ended"]


def test_what_was_queued_before_a_pause_does_not_come_weeks_late(scene: Scene) -> None:
    mine = added(scene)
    scene.tell("csto.hourly", [], NOW, [message(mine.id, ANNA)])
    assert scene.stores.readers.pause(mine.id, NOW + HOUR, WEB, NOW)
    scene.stores.readers.tidy(NOW + HOUR)
    assert scene.stores.outbox.claim_due(ME, 9, NOW + HOUR) == []
    assert [m.error for m in scene.stores.outbox.list()] == ["the subscription is paused"]


def test_an_end_is_taken_back_with_its_queued_messages(scene: Scene) -> None:
    readers, mine = scene.stores.readers, added(scene)
    scene.tell("csto.hourly", [], NOW, [message(mine.id, ANNA)])
    assert readers.end([mine.id, mine.id], "over", WEB, NOW + MINUTE) == 1
    scene.stores.signups.issue(mine.id, [NewToken("back", "undo", NOW + HOUR)], NOW)
    assert readers.take_back("back", ["fresh"], WEB, NOW + HOUR) == []
    assert [s.state for s in readers.take_back("back", ["fresh"], WEB, NOW + 2 * MINUTE)] == ["active"]
    [again] = scene.stores.outbox.claim_due(ME, 9, NOW + 2 * MINUTE)
    assert again.token == "fresh"
    found = scene.stores.subscriptions.find_token("fresh")
    assert found is not None
    assert found.id == mine.id
    assert awake(scene) == ["csto.hourly"]
    assert readers.take_back("back", ["more"], WEB, NOW + 2 * MINUTE) == []


def test_what_is_not_confirmed_is_forgotten_and_letters_are_emptied(scene: Scene) -> None:
    signups, readers = scene.stores.signups, scene.stores.readers
    signups.request(wish(), letter("t"), WEB, NOW, "")
    assert readers.tidy(NOW + timedelta(days=7)).forgotten == 0
    assert readers.tidy(NOW + timedelta(days=7, seconds=1)).forgotten == 1
    assert scene.stores.subscriptions.list() == []
    assert scene.stores.outbox.list() == []
    assert signups.of(ANNA) == []


def test_another_process_sees_that_readers_watchlists_are_others(open_stores: Callable[[], Stores]) -> None:
    scene, other = Scene(open_stores()).furnished(), open_stores()
    before = other.watch.turn()
    mine = added(scene, watchlist="q-1", own=GRAIN)
    between = other.watch.turn()
    scene.stores.readers.end([mine.id], "over", WEB, NOW)
    assert before < between < other.watch.turn()
    assert other.watch.of_readers() == []


def test_the_suppression_list_takes_a_hash_once(scene: Scene) -> None:
    store = scene.stores.suppressions
    one = Suppressed(store.hash(ANNA), "bounced", NOW)
    assert store.add([one, one]) == 1
    assert store.list() == [one]
    assert store.reason("ANNA@example.org") == "bounced"
    assert store.remove(one.address_hmac)
    assert not store.remove(one.address_hmac)
    assert store.reason(ANNA) == ""


@pytest.mark.parametrize("address", ["Anna@Example.org", "anna@example.org"])
def test_an_erased_reader_leaves_nothing_but_a_hash(scene: Scene, address: str) -> None:
    scene.stores.signups.request(wish(), letter("t"), WEB, NOW, "")
    scene.stores.readers.activate("t", NOW + HOUR, WEB, NOW)
    scene.stores.subscriptions.erase(address, NOW)
    found = scene.stores.subscriptions.export(ANNA)
    names = ("subscriptions", "messages", "consents", "requests", "queries", "bounces")
    assert [found[name] for name in names] == [[]] * 6
    assert scene.stores.suppressions.reason(ANNA) == "erased"
