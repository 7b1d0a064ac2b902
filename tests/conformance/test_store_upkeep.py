"""Upkeep: checks, copies, retention and numbers; and what holds for every part of the store."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator.errors import StoreError
from aggregator.model import EntryKey, Gap, PollOutcome, StoryKey
from aggregator.publication import FailingFeed, Missed
from aggregator.stores import Stores
from tests.conformance.stores import (
    HOUR,
    ME,
    MINUTE,
    NOW,
    SQLITE,
    Scene,
    attempt,
    first,
    joins,
    match,
    message,
    new,
    poll,
    prune,
    revised,
)

DAY = timedelta(days=1)


def busy(scene: Scene) -> None:
    """A bit of everything that a week brings."""
    stores = scene.stores
    lead, _ = scene.poll("a", new("x", matches=(match(),), article="alert"), new("y", matches=(match("energy"),)))
    story = stores.entries.get(lead)
    assert story is not None
    scene.poll("b", new("x", story=joins(story.story_id), matches=(match(),)))
    scene.poll("a", revised(lead, 2, "x2", matches=(match(),)), now=NOW + HOUR)
    scene.poll("b", state="failing", failures=3, failing_since=NOW, error_class="dns", error="no such host")
    subscription = stores.subscriptions.add("morning", "desk@example.org", NOW)
    waiting = scene.waiting("morning")
    scene.tell("morning", waiting[:2], NOW + HOUR, [message(subscription.id, "desk@example.org")])
    (sent,) = stores.outbox.claim_due(ME, 9, NOW + HOUR)
    stores.outbox.enter_data(sent.id, ME, NOW)
    stores.outbox.settle([attempt(sent, "sent")], ME)
    scene.message("other@example.org")
    stores.editions.skip("now", scene.waiting("now"), NOW + HOUR, NOW + HOUR)


def test_a_store_is_sound_empty_and_busy(scene: Scene, open_stores: Callable[[], Stores]) -> None:
    assert scene.stores.upkeep.check(deep=True) == []
    busy(scene)
    assert scene.stores.upkeep.check() == []
    assert scene.stores.upkeep.check(deep=True) == []
    assert open_stores().upkeep.check(deep=True) == []


def test_opening_again_migrates_nothing_and_finds_everything(scene: Scene, open_stores: Callable[[], Stores]) -> None:
    busy(scene)
    scene.stores.upkeep.close()
    again = open_stores()
    assert again.upkeep.migrate() == []
    assert [e.title for e in again.entries.entries()] == ["x2", "y", "x"]
    assert len(again.outbox.list()) == 2


def test_a_closed_store_says_so_and_closes_twice(scene: Scene) -> None:
    scene.stores.upkeep.close()
    scene.stores.upkeep.close()
    with pytest.raises(StoreError):
        scene.stores.feeds.list()
    with pytest.raises(StoreError):
        scene.feeds("x")


# -- copies --------------------------------------------------------------------------------------------------------------


@SQLITE
def test_a_backup_is_whole_and_made_while_others_write(
    scene: Scene, tmp_path: Path, backend: Callable[[Path], Stores]
) -> None:
    busy(scene)
    scene.poll("a", *(new(f"bulk{i}", "word " * 200) for i in range(500)))
    done = threading.Event()
    written: list[int] = []

    def write() -> None:
        while not done.is_set():
            written.append(scene.entry(f"during{len(written)}"))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        folder = tmp_path / "copy"
        folder.mkdir()
        for _ in range(3):
            scene.stores.upkeep.backup(folder / "aggregator.db")
    finally:
        done.set()
        writer.join()
    assert [p.name for p in folder.iterdir()] == ["aggregator.db"]
    copy = backend(folder)
    try:
        assert copy.upkeep.check(deep=True) == []
        ours, theirs = list(scene.stores.entries.entries()), list(copy.entries.entries())
        assert theirs == ours[: len(theirs)]
        assert len(theirs) >= 503
    finally:
        copy.upkeep.close()


@SQLITE
def test_a_backup_that_cannot_be_written_leaves_nothing(scene: Scene, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no/such"):
        scene.stores.upkeep.backup(tmp_path / "no/such" / "copy.db")
    target = tmp_path / "folder"
    target.mkdir()
    (target / "x").touch()
    with pytest.raises(StoreError):
        scene.stores.upkeep.backup(target)
    assert [p.name for p in tmp_path.iterdir() if "part" in p.name] == []


# -- retention -----------------------------------------------------------------------------------------------------------


def test_prune_removes_what_is_old_and_needed_by_nobody(scene: Scene) -> None:
    stores = scene.stores
    matched = scene.entry("matched", match("csto", "none"))
    plain = scene.entry("plain", article="alert")
    scene.poll("a", revised(plain, 2, "plain2"))
    fresh = scene.entry("fresh", now=NOW + DAY)
    kept = stores.entries.get(matched)
    assert kept is not None
    scene.entry("copy", feed="b", story=joins(kept.story_id))
    assert prune(stores, NOW + DAY, 2 * DAY) == {"entries": 0, "stories": 0}
    assert prune(stores, NOW + DAY + MINUTE, DAY) == {"entries": 2, "stories": 1}
    assert [e.id for e in stores.entries.entries()] == [matched, fresh]
    assert [[e.id for e in s.entries] for s in stores.stories.list()] == [[matched], [fresh]]
    assert stores.entries.claim_articles(ME, 9, NOW + DAY) == []
    assert stores.polls.known_entries("a", [EntryKey("id", "plain")])[EntryKey("id", "plain")].id == 0
    assert stores.upkeep.check(deep=True) == []
    assert prune(stores, NOW + DAY + MINUTE, DAY) == {"entries": 0, "stories": 0}


def test_prune_bounds_what_is_kept_of_polls_and_leaves_what_is_counted_of_entries(scene: Scene) -> None:
    """Of entries the counts are what is kept; when feeds were read is asked of a year at most."""
    attention = scene.stores.attention
    scene.entry("one", match())
    later = NOW + 399 * DAY
    scene.poll("a", now=later)
    prune(scene.stores, later, DAY)
    assert attention.feed("a", NOW.date(), NOW.date())[0].polls == 1
    prune(scene.stores, later + 2 * DAY, DAY)
    [day] = attention.feed("a", NOW.date(), NOW.date())
    assert (day.entries, day.polls) == (1, 0)
    assert list(attention.answers(NOW - DAY)) == [later.replace(minute=0, second=0)]
    assert attention.feed("a", later.date(), later.date())[0].polls == 1


def test_marks_of_old_texts_are_forgotten_and_nothing_else(scene: Scene) -> None:
    title, mark, other = StoryKey("title", "t"), StoryKey("text", "1"), StoryKey("text", "2")
    scene.entry("old", story=first(1, title, mark))
    scene.entry("new", story=first(2, other), now=NOW + MINUTE)
    stores = scene.stores
    assert stores.upkeep.forget_texts(NOW) == 0
    assert stores.upkeep.forget_texts(NOW + MINUTE) == 1
    assert [c.key for c in stores.polls.story_candidates([title, mark, other], NOW)] == [title, other]


def test_an_id_is_never_given_twice(scene: Scene) -> None:
    """A reader's bookmark, an archive's page and a digest's memory name entries by id."""
    last = scene.poll("a", new("x", story=first(1)), new("y"))[-1]
    prune(scene.stores, NOW + 9 * DAY, DAY)
    assert scene.entry("z", now=NOW + 9 * DAY) > last


# -- numbers -------------------------------------------------------------------------------------------------------------


def test_stats_count_what_people_ask_for(scene: Scene) -> None:
    busy(scene)
    scene.entry("later", now=NOW + 9 * DAY)
    stats = scene.stores.upkeep.stats(NOW + 9 * DAY)
    assert (stats["entries"], stats["entries_last_day"], stats["stories"]) == (4, 1, 3)
    assert stats["feeds"] == {"ok": 1, "failing": 1}
    assert stats["matches"] == {"csto": 2, "energy": 1}
    assert stats["messages"] == {"sent": 1, "waiting": 1}
    assert stats["editions"] == {"morning": 2}
    assert stats["subscriptions"] == {"active": 2}
    assert stats["database_bytes"] > 0


def test_checked_names_every_feed_that_was_not_read(stores: Stores) -> None:
    scene = Scene(stores)
    scene.feeds("down", "fine", "gone", "new", "paused")
    scene.poll("fine", title="Fine")
    scene.poll("down", state="failing", failing_since=NOW, error="no such host", title="Down")
    scene.poll("gone", state="gone", error="410")
    stores.feeds.pause("paused", NOW)
    checked = stores.upkeep.checked()
    assert (checked.feeds, checked.ok) == (4, 1)
    assert set(checked.failing) == {
        FailingFeed("down", "Down", NOW, "no such host"),
        FailingFeed("gone", "gone", None, "410"),
        FailingFeed("new", "new", None, "not polled yet"),
    }


def test_checked_names_what_was_possibly_missed_since(stores: Stores) -> None:
    scene = Scene(stores)
    scene.feeds("a", "b")
    for feed_id, at in (("a", NOW), ("b", NOW + HOUR), ("a", NOW + 2 * HOUR)):
        stores.feeds.claim_due(ME, 1, NOW + DAY, ids=[feed_id])
        gap = Gap(feed_id, at - HOUR, at - MINUTE, at)
        outcome = PollOutcome(feed_id, poll(at, next_poll_at=at, title=feed_id.upper()), (new(f"{at}"),), gap=gap)
        stores.polls.commit_polls([outcome], ME, at)
    later = NOW + 2 * HOUR
    missed = (Missed("a", "A", later - HOUR, later - MINUTE), Missed("b", "B", NOW, NOW + HOUR - MINUTE))
    assert stores.upkeep.checked(NOW + HOUR).missed == missed
    assert len(stores.upkeep.checked(NOW).missed) == 3
    assert stores.upkeep.checked(later + MINUTE).missed == stores.upkeep.checked().missed == ()


# -- threads -------------------------------------------------------------------------------------------------------------


def test_every_part_may_be_used_from_several_threads(scene: Scene) -> None:
    faults: list[BaseException] = []

    def use(number: int) -> None:
        try:
            for i in range(10):
                scene.stores.watch.add_matches([], NOW)
                scene.stores.feeds.claim_due(f"o{number}", 1, NOW)
                scene.stores.subscriptions.add("morning", f"{number}-{i}@e.org", NOW)
                scene.stores.feeds.release(f"o{number}")
                assert len(scene.stores.subscriptions.list()) > i
        except BaseException as e:  # noqa: BLE001 - seen by the test below
            faults.append(e)

    threads = [threading.Thread(target=use, args=(n,)) for n in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert faults == []
    assert len(scene.stores.subscriptions.list()) == 60
