"""The catalog line: what the files say becomes rows, and a new watchlist looks back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aggregator import catalog, settings
from aggregator.digests import windows
from aggregator.model import (
    EntryKey,
    FeedSpec,
    NewEntry,
    ParsedEntry,
    PollOutcome,
    PollState,
    StoredChange,
    StoryChoice,
    Watchlist,
)
from aggregator.publication import DigestSpec, Schedule
from aggregator.settings import Configuration, Home
from aggregator.store.sqlite import SqliteStores
from tests import emptydb

NOW = datetime(2023, 2, 2, 12, tzinfo=UTC)
FEED = FeedSpec("belta", "https://eng.belta.by/rss")
DAILY = Schedule("at", "Europe/Minsk", (datetime(2023, 1, 1, 7, 30).time(),))  # noqa: DTZ001 - a wall-clock time
CONFIGURATION = Configuration(
    home=Home.at(Path()),
    settings=settings.Settings(),
    feeds=(FEED,),
    aliases={"csto": ("=CSTO", "=ОДКБ")},
    watchlists=(Watchlist("csto", "CSTO", "@csto"),),
    digests=(
        DigestSpec("morning", "Morning", ("csto",), DAILY, ("desk@example.org", "b@example.org")),
        DigestSpec("now", "At once", ("csto",), Schedule("instant"), ("desk@example.org",)),
    ),
)


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[SqliteStores]:
    made = SqliteStores(emptydb.put(tmp_path / "a.db"), secret=b"x" * 32)
    yield made
    made.upkeep.close()


def publish(stores: SqliteStores, *titles: str, seen: datetime, published: datetime | None = None) -> None:
    """Store entries of the feed as one poll at `seen` would."""
    stores.feeds.sync([FEED], seen)
    assert stores.feeds.claim_due("test", 1, seen, everything=True)
    changes = [
        StoredChange(
            NewEntry(ParsedEntry(title, "https://x/", title, body=title), (EntryKey("id", title),), title),
            sort_at=published or seen,
            index_title=title.lower(),
            index_body=title.lower(),
            story=StoryChoice(0, number, "first", 1.0, ()),
        )
        for number, title in enumerate(titles)
    ]
    outcome = PollOutcome("belta", PollState(seen, state="ok", last_poll_at=seen), tuple(changes))
    assert stores.polls.commit_polls([outcome], "test", seen)


def test_the_files_become_rows(stores: SqliteStores) -> None:
    report = catalog.sync(CONFIGURATION, stores, NOW)
    assert report.feeds.added == ("belta",)
    assert report.watchlists.added == ("csto",)
    assert sorted(report.digests.added) == ["morning", "now"]
    assert [feed.spec for feed in stores.feeds.list()] == [FEED]
    assert stores.watch.list() == list(CONFIGURATION.watchlists)
    due = {digest.spec.id: digest.next_at for digest in stores.editions.digests()}
    assert due == {"morning": datetime(2023, 2, 3, 4, 30, tzinfo=UTC), "now": windows.NEVER}
    wanted = [("morning", "b@example.org"), ("morning", "desk@example.org"), ("now", "desk@example.org")]
    assert sorted((one.digest_id, one.address) for one in stores.subscriptions.list()) == wanted


def test_the_same_files_again_change_nothing(stores: SqliteStores) -> None:
    catalog.sync(CONFIGURATION, stores, NOW)
    again = catalog.sync(CONFIGURATION, stores, NOW + timedelta(hours=1))
    for part in (again.feeds, again.watchlists, again.digests, again.subscriptions):
        assert (part.added, part.changed, part.removed) == ((), (), ())
    assert again.matches == 0


def test_what_the_files_no_longer_name_goes(stores: SqliteStores) -> None:
    catalog.sync(CONFIGURATION, stores, NOW)
    report = catalog.sync(replace(CONFIGURATION, feeds=(), watchlists=(), digests=()), stores, NOW)
    assert (report.feeds.removed, report.watchlists.removed) == (("belta",), ("csto",))
    assert stores.editions.digests() == []
    assert stores.subscriptions.list(states=["active"]) == []


def test_a_new_watchlist_looks_back_a_day_and_raises_no_alert(stores: SqliteStores) -> None:
    publish(stores, "CSTO long ago", seen=NOW - timedelta(hours=30))
    publish(stores, "CSTO today", "ОДКБ сегодня", "coast and CSTOs", seen=NOW - timedelta(hours=20))
    assert catalog.sync(CONFIGURATION, stores, NOW).matches == 2
    matches = stores.watch.matches("csto")
    assert [(match.reach, match.matched_at) for match in matches] == [("digest", NOW)] * 2
    assert [span.term for match in matches for span in match.spans if span.field == "title"] == ["=CSTO", "=ОДКБ"]
    later = NOW + timedelta(minutes=1)
    assert [digest.spec.id for digest in stores.editions.due(later)] == []
    assert len(stores.editions.waiting("morning", later)) == 2


def test_what_was_published_before_is_kept_but_told_to_nobody(stores: SqliteStores) -> None:
    publish(stores, "CSTO of last year", seen=NOW - timedelta(hours=1), published=NOW - timedelta(days=300))
    assert catalog.sync(CONFIGURATION, stores, NOW).matches == 1
    assert [match.reach for match in stores.watch.matches("csto")] == ["none"]
    assert stores.editions.waiting("morning", NOW + timedelta(days=1)) == []


def test_a_changed_query_looks_back_and_finds_nothing_twice(stores: SqliteStores) -> None:
    publish(stores, "CSTO and Minsk", "Minsk alone", seen=NOW - timedelta(hours=2))
    catalog.sync(CONFIGURATION, stores, NOW)
    wider = replace(CONFIGURATION, watchlists=(Watchlist("csto", "CSTO", "@csto OR minsk"),))
    catalog.sync(wider, stores, NOW + timedelta(minutes=5))
    assert len(stores.watch.matches("csto")) == 2


def test_a_later_look_back_is_written_in_parts_and_only_once(
    stores: SqliteStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "BATCH", 3)
    catalog.sync(CONFIGURATION, stores, NOW)
    publish(stores, *(f"CSTO {number}" for number in range(10)), seen=NOW)
    assert catalog.look_back(CONFIGURATION, {"csto"}, stores, NOW) == 10
    assert catalog.look_back(CONFIGURATION, {"csto"}, stores, NOW) == 0


def test_watchlists_differ_by_what_they_ask_not_by_how_it_is_written() -> None:
    assert catalog.differing(CONFIGURATION, CONFIGURATION) == set()
    same = replace(CONFIGURATION, watchlists=(Watchlist("csto", "Renamed", " @csto "),))
    assert catalog.differing(CONFIGURATION, same) == set()
    alias = replace(CONFIGURATION, aliases={"csto": ("=CSTO", "=NEW")})
    assert catalog.differing(CONFIGURATION, alias) == {"csto"}


def test_without_watchlists_nothing_is_read(stores: SqliteStores) -> None:
    publish(stores, "CSTO", seen=NOW)
    assert catalog.look_back(CONFIGURATION, (), stores, NOW) == 0
