"""RetentionStore: what goes in time, what never does, and what a pause leaves for the next run."""

from __future__ import annotations

from datetime import timedelta

from aggregator.care import Keep
from aggregator.model import EntryKey, Gap, PollOutcome, Problem
from aggregator.reading import Signal
from tests.conformance.stores import HOUR, ME, NOW, Scene, attempt, match, new, poll, same

DAY = timedelta(days=1)
MONTH = Keep(30 * DAY, {})
SETTLED = Keep(None, {}, messages=30 * DAY, editions=60 * DAY)


def test_what_would_go_is_what_goes_feed_by_feed(scene: Scene) -> None:
    scene.feeds("a", "b", "c")
    for feed in ("a", "b", "c"):
        scene.poll(feed, new(f"{feed}1"), new(f"{feed}2"), new(f"{feed} csto", matches=(match(),)))
    keep = Keep(30 * DAY, {"b": 5 * DAY, "c": None})
    retention = scene.stores.retention
    assert retention.prunable(NOW + DAY, keep) == {}
    assert retention.prunable(NOW + 6 * DAY, keep) == {"b": 2}
    assert retention.prune(NOW + 6 * DAY, keep) == {"entries": 2, "stories": 2}
    assert retention.prunable(NOW + 31 * DAY, keep) == {"a": 2}
    assert retention.prune(NOW + 31 * DAY, keep) == {"entries": 2, "stories": 2}
    assert [e.title for e in scene.stores.entries.entries()] == ["a csto", "b csto", "c1", "c2", "c csto"]
    assert scene.stores.upkeep.check(deep=True) == []


def test_a_pause_that_gives_no_leave_ends_the_run_between_two_transactions(scene: Scene) -> None:
    scene.poll("a", *(new(f"t{n}") for n in range(120)))
    asked: list[None] = []

    def once() -> bool:
        asked.append(None)
        return len(asked) < 2

    assert scene.stores.retention.prune(NOW + 31 * DAY, MONTH, once)["entries"] == 100
    assert scene.stores.retention.prunable(NOW + 31 * DAY, MONTH) == {"a": 20}
    assert scene.stores.retention.prune(NOW + 31 * DAY, MONTH)["entries"] == 20


def test_of_a_pruned_entry_the_name_goes_after_twice_its_age_unless_the_document_shows_it(scene: Scene) -> None:
    retention, polls = scene.stores.retention, scene.stores.polls
    shown, passed, young = (EntryKey("id", name) for name in ("shown", "passed", "young"))
    assert retention.note_day(NOW, MONTH)
    scene.poll("a", *(new(key.key, keys=[key]) for key in (shown, passed)))
    assert retention.note_day(NOW + DAY, MONTH)
    assert not retention.note_day(NOW + DAY, MONTH)
    scene.poll("a", new("young", keys=[young]), now=NOW + 40 * DAY)
    retention.note_day(NOW + 41 * DAY, MONTH)
    retention.prune(NOW + 75 * DAY, MONTH)
    assert retention.forget_keys("a", [shown], NOW + 60 * DAY, MONTH) == 0
    assert retention.forget_keys("a", [shown], NOW + 62 * DAY, Keep(30 * DAY, {"a": None})) == 0
    assert retention.forget_keys("b", [], NOW + 62 * DAY, MONTH) == 0
    assert retention.forget_keys("a", [shown], NOW + 62 * DAY, MONTH) == 1
    assert set(polls.known_entries("a", [shown, passed, young])) == {shown, young}


def test_days_are_noted_as_long_as_names_are_asked_for_by_them(scene: Scene) -> None:
    noted = [NOW + day * DAY for day in range(0, 200, 10)]
    assert [scene.stores.retention.note_day(day, MONTH) for day in noted] == [True] * 20
    # What is twice as old as names are kept is known by one day; those before it are forgotten.
    known = [not scene.stores.retention.note_day(day, MONTH) for day in noted]
    assert known == [day >= NOW + 120 * DAY for day in noted]


def test_a_settled_message_goes_with_its_attempts_and_one_that_is_open_stays(scene: Scene) -> None:
    stores = scene.stores
    sent, failed = scene.claimed("sent@example.org"), scene.claimed("failed@example.org")
    stores.outbox.settle([attempt(sent, "sent"), attempt(failed, "waiting")], ME)
    assert stores.retention.forget(NOW + 29 * DAY, SETTLED) == {}
    gone = stores.retention.forget(NOW + 31 * DAY, SETTLED)
    assert gone == {"attempts": 1, "messages": 1, "mails": 1}
    assert [m.id for m in stores.outbox.list()] == [failed.id]
    assert [len(stores.overview.attempts(m.id)) for m in (sent, failed)] == [0, 1]
    assert stores.retention.forget(NOW + 31 * DAY, SETTLED) == {}
    assert stores.upkeep.check(deep=True) == []


def test_of_an_old_edition_what_it_told_is_kept_and_its_texts_are_not(scene: Scene) -> None:
    matched = scene.matched()
    number = scene.tell("morning", [matched], NOW)
    assert scene.stores.retention.forget(NOW + 61 * DAY, SETTLED) == {"mails": 1, "texts of editions": 1}
    edition = scene.stores.editions.edition(number)
    assert edition is not None
    assert (edition.rendered.mail, edition.rendered.text) == (b"", "")
    assert "its text is gone" in edition.rendered.page
    assert scene.waiting("morning") == []
    assert scene.stores.upkeep.check(deep=True) == []


def test_what_was_told_of_the_operations_goes_after_a_year_or_as_long_as_entries_stay(scene: Scene) -> None:
    stores = scene.stores
    scene.feeds("a", "b")
    stores.feeds.claim_due(ME, 1, NOW + HOUR, ids=["a"])
    gap = Gap("a", NOW - HOUR, NOW, NOW)
    stores.polls.commit_polls([PollOutcome("a", poll(NOW), (new("x"),), gap=gap)], ME, NOW)
    signal = stores.signals.begin(Signal(0, "burst", "csto", "", NOW, NOW, 42, 5.0, ""))
    stores.signals.begin(Signal(0, "silence", "", "b", NOW, NOW, 0, 5.0, ""))
    stores.signals.end(signal, NOW)
    stores.notices.see([Problem("x", "y", about="over"), Problem("x", "y", about="lasts")], NOW)
    stores.notices.see([Problem("x", "y", about="lasts")], NOW)
    assert stores.retention.forget(NOW + 399 * DAY, Keep(500 * DAY, {})) == {}
    assert stores.retention.forget(NOW + 402 * DAY, Keep(500 * DAY, {})) == {}
    gone = stores.retention.forget(NOW + 402 * DAY, MONTH)
    assert gone == {"gaps": 1, "feed_days": 1, "poll_hours": 1, "signals": 1, "notices": 1}
    assert [n.about for n in stores.notices.list()] == ["lasts"]
    assert [s.kind for s in stores.signals.list()] == ["silence"]
    assert stores.polls.gaps() == []


def test_an_entry_that_is_seen_again_is_as_old_as_at_first_sight(scene: Scene) -> None:
    entry = scene.entry("old")
    scene.poll("a", same(entry, EntryKey("link", "https://a.example/old")), now=NOW + 29 * DAY)
    assert scene.stores.retention.prune(NOW + 31 * DAY, MONTH)["entries"] == 1
