"""AttentionStore: counts by day and hour, which are what entries and matches say, and stay when entries go."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import get_args

import pytest

from aggregator.model import FeedSpec, StoredChange
from aggregator.reading import By, DayCount, FeedDay, Part
from aggregator.stores import Stores
from tests.conformance.stores import HOUR, NOW, Scene, first, match, new, prune, revised
from tests.counts import count, report, seed

DAY = timedelta(days=1)
TODAY = NOW.date()


def at(days: float, hour: int = 12) -> datetime:
    """A moment so many days from today."""
    return datetime(TODAY.year, TODAY.month, TODAY.day, hour, tzinfo=UTC) + days * DAY


def days(scene: Scene, since: int = -2, until: int = 0, watchlist: str = "csto") -> list[tuple[int, int]]:
    found = scene.stores.attention.days(watchlist, TODAY + since * DAY, TODAY + until * DAY)
    return [(one.entries, one.all) for one in found]


def parts(scene: Scene, by: By, since: int = -2, until: int = 0, limit: int = 20) -> list[tuple[str, int, int]]:
    found = scene.stores.attention.parts("csto", TODAY + since * DAY, TODAY + until * DAY, by, limit)
    return [(one.key, one.entries, one.all) for one in found]


def test_every_day_of_the_time_is_there_in_order_also_those_without_entries(scene: Scene) -> None:
    scene.entry("one", match(), sort_at=at(-2))
    scene.entry("two", sort_at=at(-2, 0))
    scene.entry("three", match(), sort_at=at(0, 23))
    scene.entry("outside", match(), sort_at=at(-3, 23))
    found = scene.stores.attention.days("csto", TODAY - 2 * DAY, TODAY)
    assert found == [DayCount(TODAY - 2 * DAY, 1, 2), DayCount(TODAY - DAY, 0, 0), DayCount(TODAY, 1, 1)]
    assert [one.share for one in found] == [0.5, 0.0, 1.0]
    assert days(scene, watchlist="energy") == [(0, 2), (0, 0), (0, 1)]
    assert days(scene, 0, -1) == []


def test_a_part_is_a_feed_with_its_title_or_a_language_or_a_country_most_first(scene: Scene) -> None:
    scene.stores.feeds.sync(
        [
            FeedSpec("a", "https://a.example/rss", title="Wire", country="BY"),
            FeedSpec("b", "https://b.example/rss"),
            FeedSpec("c", "https://c.example/rss", country="BY"),
        ],
        NOW,
    )
    scene.entry("1", match(), feed="a", language="be", sort_at=at(0))
    scene.entry("2", match(), feed="b", language="ru", sort_at=at(-1))
    scene.entry("3", match(), feed="b", language="ru", sort_at=at(-1))
    scene.entry("4", match(), feed="c", language="", sort_at=at(-2))
    scene.entry("5", feed="b", language="be", sort_at=at(0))
    scene.entry("6", feed="a", language="be", sort_at=at(-9))
    found = scene.stores.attention.parts("csto", TODAY - 2 * DAY, TODAY, "feed")
    assert found == [Part("b", "b", 2, 3), Part("a", "Wire", 1, 1), Part("c", "c", 1, 1)]
    assert parts(scene, "language") == [("ru", 2, 2), ("", 1, 1), ("be", 1, 2)]
    assert parts(scene, "country") == [("", 2, 3), ("BY", 2, 2)]
    assert parts(scene, "feed", limit=1) == [("b", 2, 3)]
    assert parts(scene, "feed", since=-20, until=-10) == []


@pytest.mark.parametrize("since", [-3, -29, -33, -64, -89, -364, -370])
@pytest.mark.parametrize("until", [0, -1, -2, -33])
def test_parts_over_any_time_are_those_of_its_days_one_by_one(many: Scene, since: int, until: int) -> None:
    for by in get_args(By):
        wanted: Counter[str] = Counter()
        every: Counter[str] = Counter()
        for day in range(since, until + 1):
            for key, entries, everything in parts(many, by, day, day):
                wanted[key] += entries
                every[key] += everything
        found = parts(many, by, since, until)
        assert {key: entries for key, entries, _ in found} == wanted
        # Of a day on which it matched nothing a part is not asked: the sum of the days is no more than the whole.
        assert all(every[key] <= everything for key, _, everything in found)
        assert [entries for _, entries, _ in found] == sorted(wanted.values(), reverse=True)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A year of entries of three feeds, around every border of a month."""
    from tests.conformance.conftest import open_sqlite

    stores = open_sqlite(tmp_path_factory.mktemp("year"))
    scene = Scene(stores)
    scene.feeds("a", "b", "c")
    scene.watchlists("csto")
    die = random.Random(5)
    for feed in "abc":
        changes = [
            new(
                f"{feed}{n}",
                matches=[match()] if die.random() < 0.5 else [],
                sort_at=at(-n, die.randrange(24)),
                language=die.choice(["ru", "be"]),
            )
            for n in range(371)
        ]
        scene.poll(feed, *changes)
    return scene


def test_hours_are_those_that_have_entries(scene: Scene) -> None:
    scene.entry("one", match(), sort_at=at(0, 7) + timedelta(minutes=59))
    scene.entry("two", match(), sort_at=at(0, 7))
    scene.entry("three", match(), sort_at=at(-1, 23))
    scene.entry("other", match("energy"), sort_at=at(0, 9))
    assert scene.stores.attention.hours("csto", at(-3)) == {at(-1, 23): 1, at(0, 7): 2}
    assert scene.stores.attention.hours("csto", at(0, 7) + timedelta(minutes=30)) == {at(0, 7): 2}
    assert scene.stores.attention.hours("csto", at(0, 8)) == {}


def test_a_feed_has_its_entries_and_polls_day_by_day(scene: Scene) -> None:
    scene.entry("one", sort_at=at(-1), now=at(-1))
    scene.poll("a", now=at(-1, 13))
    scene.poll("a", now=at(0), last_ok_at=at(-1, 13), state="failing")
    found = scene.stores.attention.feed("a", TODAY - 2 * DAY, TODAY)
    assert found == [FeedDay(TODAY - 2 * DAY, 0, 0, 0), FeedDay(TODAY - DAY, 1, 2, 2), FeedDay(TODAY, 0, 1, 0)]


def test_feeds_that_answered_between_two_moments_are_told_by_id(scene: Scene) -> None:
    scene.poll("b", now=at(0, 10))
    scene.poll("a", now=at(0, 11))
    scene.poll("a", now=at(0, 12), last_ok_at=at(0, 11), state="failing")
    read = scene.stores.attention.read_between
    assert read(at(0, 9), at(0, 23)) == ["a", "b"]
    assert read(at(0, 11), at(0, 23)) == ["a"]
    assert read(at(0, 9), at(0, 10)) == ["b"]
    assert read(at(0, 12), at(0, 23)) == []


def test_a_revision_counts_no_second_time_and_other_news_under_the_same_id_does(scene: Scene) -> None:
    one = scene.entry("one", match(), sort_at=at(-1))
    scene.poll("a", revised(one, 2, "again", matches=[match()], sort_at=at(-1)))
    assert days(scene) == [(0, 0), (1, 1), (0, 0)]
    scene.poll("a", revised(one, 3, "other news", matches=[match()], story=first(9), sort_at=at(0)))
    assert days(scene) == [(0, 0), (1, 1), (1, 1)]


def test_a_revision_that_matches_for_the_first_time_counts_then(scene: Scene) -> None:
    one = scene.entry("one", sort_at=at(-1))
    scene.poll("a", revised(one, 2, "again", matches=[match()], sort_at=at(-1)))
    assert days(scene) == [(0, 0), (1, 1), (0, 0)]


def test_a_watchlist_that_was_added_counts_what_it_finds_in_the_past(scene: Scene) -> None:
    one = scene.entry("one", sort_at=at(-2))
    found = [(one, match("energy", "none"))]
    for _ in range(2):
        scene.stores.watch.add_matches(found, NOW)
    assert days(scene, watchlist="energy") == [(1, 1), (0, 0), (0, 0)]


def test_counts_stay_when_entries_are_pruned_and_stories_are_merged(scene: Scene) -> None:
    one, two = scene.entry("one", sort_at=at(-2), now=at(-2)), scene.entry("two", match(), sort_at=at(-1), now=at(-1))
    before = days(scene), parts(scene, "feed")
    stories = [scene.stores.entries.get(i).story_id for i in (one, two)]  # type: ignore[union-attr]
    assert scene.stores.stories.merge(stories[1], [stories[0]], NOW)
    assert prune(scene.stores, NOW, timedelta(hours=1))["entries"] == 1
    assert (days(scene), parts(scene, "feed")) == before


def test_a_feed_keeps_its_counts_under_another_address_and_another_title(scene: Scene) -> None:
    scene.entry("one", match(), sort_at=at(0))
    scene.stores.feeds.sync([FeedSpec("a", "https://moved.example/rss", title="Named")], NOW)
    assert scene.stores.attention.parts("csto", TODAY, TODAY, "feed") == [Part("a", "Named", 1, 1)]


def test_counts_equal_what_entries_and_matches_say(fresh_stores: Callable[[], Stores]) -> None:
    rounds = count(4, 200)
    for n in range(rounds):
        Ledger(Scene(fresh_stores()), random.Random(seed() + n)).play(25)
    report("counts against a ledger", rounds, 0)


class Ledger:
    """Does at random what polls, people and time do, and keeps the same counts by hand."""

    def __init__(self, scene: Scene, die: random.Random) -> None:
        self.scene = scene
        self.die = die
        scene.feeds("a", "b")
        scene.watchlists("csto", "energy")
        self.news: dict[int, tuple[str, datetime, set[str]]] = {}
        """Entry -> its feed, the moment its news is dated to, and the watchlists that have matched that news."""
        self.revisions: dict[int, int] = {}
        self.entries: Counter[tuple[str, date]] = Counter()
        self.matches: Counter[tuple[str, str, date]] = Counter()

    def play(self, steps: int) -> None:
        acts = [self.add] * 6 + [self.revise] * 3 + [self.reuse, self.find, self.prune, self.merge]
        for _ in range(steps):
            self.die.choice(acts)()
        self.compare()

    def lists(self) -> list[str]:
        return [w for w in ("csto", "energy") if self.die.random() < 0.4]

    def told(self, entry_id: int, lists: list[str]) -> None:
        feed, moment, known = self.news[entry_id]
        for watchlist in set(lists) - known:
            self.matches[watchlist, feed, moment.date()] += 1
            known.add(watchlist)

    def add(self) -> None:
        feed, changes, plan = self.die.choice("ab"), list[StoredChange](), []
        for n in range(self.die.randint(1, 4)):
            moment, lists = at(-self.die.randrange(70), self.die.randrange(24)), self.lists()
            changes.append(new(f"{self.die.random()} {n}", matches=[match(w) for w in lists], sort_at=moment))
            plan.append((moment, lists))
        for entry_id, (moment, lists) in zip(self.scene.poll(feed, *changes), plan, strict=True):
            self.entries[feed, moment.date()] += 1
            self.news[entry_id], self.revisions[entry_id] = (feed, moment, set()), 1
            self.told(entry_id, lists)

    def one(self) -> int:
        return self.die.choice(sorted(self.news)) if self.news else 0

    def revise(self) -> None:
        if entry_id := self.one():
            feed, moment, _ = self.news[entry_id]
            self.revisions[entry_id] += 1
            lists = self.lists()
            again = revised(
                entry_id,
                self.revisions[entry_id],
                f"{self.die.random()}",
                matches=[match(w) for w in lists],
                sort_at=moment,
            )
            self.scene.poll(feed, again)
            self.told(entry_id, lists)

    def reuse(self) -> None:
        if entry_id := self.one():
            feed = self.news[entry_id][0]
            moment, lists = at(-self.die.randrange(70)), self.lists()
            self.revisions[entry_id] += 1
            other = revised(
                entry_id, self.revisions[entry_id], f"{self.die.random()}", matches=[match(w) for w in lists], sort_at=moment, story=first(self.revisions[entry_id])
            )  # fmt: skip
            self.scene.poll(feed, other)
            self.entries[feed, moment.date()] += 1
            self.news[entry_id] = (feed, moment, set())
            self.told(entry_id, lists)

    def find(self) -> None:
        """A query was changed, and what it finds in the past is stored."""
        ids = [entry_id for entry_id in self.news if self.die.random() < 0.3]
        self.scene.stores.watch.add_matches([(entry_id, match("energy", "none")) for entry_id in ids], NOW)
        for entry_id in ids:
            self.told(entry_id, ["energy"])

    def prune(self) -> None:
        prune(self.scene.stores, NOW + HOUR, timedelta(minutes=1))
        left = {e.id for e in self.scene.stores.entries.entries()}
        self.news = {entry_id: known for entry_id, known in self.news.items() if entry_id in left}

    def merge(self) -> None:
        stories = [s.id for s in self.scene.stores.stories.list()]
        if len(stories) > 1:
            one, other = self.die.sample(stories, 2)
            assert self.scene.stores.stories.merge(one, [other], NOW)

    def compare(self) -> None:
        attention, since = self.scene.stores.attention, TODAY - 69 * DAY
        for watchlist in ("csto", "energy"):
            for one in attention.days(watchlist, since, TODAY):
                assert one.all == sum(n for (_, day), n in self.entries.items() if day == one.day)
                assert one.entries == sum(
                    n for (w, _, day), n in self.matches.items() if (w, day) == (watchlist, one.day)
                )
            by_feed = {p.key: (p.entries, p.all) for p in attention.parts(watchlist, since, TODAY, "feed")}
            matched = {f: sum(n for (w, g, _), n in self.matches.items() if (w, g) == (watchlist, f)) for f in "ab"}
            every = {f: sum(n for (g, _), n in self.entries.items() if g == f) for f in "ab"}
            assert by_feed == {f: (matched[f], every[f]) for f in "ab" if matched[f]}
            hours = attention.hours(watchlist, at(-69, 0))
            assert sum(hours.values()) == sum(matched.values())
