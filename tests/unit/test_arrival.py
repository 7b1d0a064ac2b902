"""What an archive put up anew is, and what only looks like one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.feeds import arrival, identity
from aggregator.model import Articles, Feed, FeedSpec, NewEntry, ParsedEntry, PollState, Reach

NOON = datetime(2023, 2, 2, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
Times = Sequence[datetime | None]


def spread(count: int, start: datetime, step: timedelta) -> list[datetime | None]:
    return [start + step * n for n in range(count)]


def archived(new: Times, known: Times = (), read_at: datetime | None = NOON - HOUR) -> int:
    """How many of the new entries are held back."""
    fresh = [ParsedEntry(f"new{n}", "", "T", published_at=when) for n, when in enumerate(new)]
    stale = [ParsedEntry(f"old{n}", "", "T", published_at=when) for n, when in enumerate(known)]
    items = [identity.facts(entry) for entry in (*stale, *fresh)]
    found = arrival.archive(items, [NewEntry(entry, (), "") for entry in fresh], read_at, NOON)
    return sum(found.holds(entry) for entry in fresh)


KNOWN = spread(30, NOON - 3 * DAY, 2 * HOUR)


@pytest.mark.parametrize(
    ("new", "known", "read_at", "held"),
    [
        pytest.param(spread(500, NOON - 900 * DAY, DAY), KNOWN, NOON - HOUR, 500, id="500 old items"),
        pytest.param(spread(40, NOON - 5 * DAY, HOUR), KNOWN, NOON - HOUR, 40, id="an archive of this week"),
        pytest.param([NOON] * 30, KNOWN, NOON - HOUR, 30, id="30 re-dated to now"),
        pytest.param(spread(30, NOON, timedelta(seconds=10)), KNOWN, NOON - HOUR, 30, id="30 re-dated one by one"),
        pytest.param([None] * 30, KNOWN, NOON - HOUR, 30, id="30 without dates at once"),
        pytest.param([None] * 30, KNOWN[:3], NOON - 9 * HOUR, 0, id="a night's news without dates"),
        pytest.param([None] * 30, [None] * 20, NOON - HOUR, 0, id="a feed that has no dates"),
        pytest.param(spread(28, NOON - 9 * HOUR, 15 * MINUTE), KNOWN[:2], NOON - 9 * HOUR, 0, id="a night's news"),
        pytest.param(spread(30, NOON - 9 * HOUR, 15 * MINUTE), (), NOON - 9 * HOUR, 0, id="a gap"),
        pytest.param([NOON] * 30, (), NOON - HOUR, 0, id="a gap in a feed that stamps all with its build"),
        pytest.param([NOON] * 25, [NOON - HOUR] * 25, NOON - HOUR, 0, id="a wire that comes in bunches"),
        pytest.param([NOON] * 20, KNOWN, NOON - HOUR, 0, id="20 at once"),
        pytest.param([NOON] * 500, (), None, 0, id="never read: reach decides"),
        pytest.param([NOON - 90 * DAY] * 30, (), NOON - HOUR, 30, id="an archive that pushes all else out"),
    ],
)
def test_what_is_held_back(new: Times, known: Times, read_at: datetime | None, held: int) -> None:
    assert archived(new, known, read_at) == held


def test_news_among_an_archive_is_news() -> None:
    news = spread(3, NOON - HOUR / 2, 5 * MINUTE)
    assert archived([*spread(500, NOON - 900 * DAY, DAY), *news], KNOWN) == 500
    assert archived([*[NOON] * 30, NOON - HOUR / 2], KNOWN) == 30


def test_ten_thousand_at_once_cost_little() -> None:
    assert archived([NOON] * 10_000, KNOWN) == 10_000


@given(st.lists(st.integers(-200_000, 200_000)), st.lists(st.integers(-200_000, 200_000)))
def test_twenty_new_entries_are_always_news_and_an_order_decides_nothing(new: list[int], known: list[int]) -> None:
    times, before = ([NOON + MINUTE * n for n in part] for part in (new, known))
    held = archived(times, before)
    assert held == archived(times[::-1], before[::-1])
    assert held == 0 or held > arrival.MANY


def test_what_an_archive_brings_goes_into_digests() -> None:
    terms = {"initial": DAY, "first": False}
    assert arrival.reach(NOON, NOON, **terms) == "alert"  # type: ignore[arg-type]
    assert arrival.reach(NOON, NOON, archived=True, **terms) == "digest"  # type: ignore[arg-type]


LONG = "The council met in Minsk on Thursday and spoke about trade. " * 5


def wanted(articles: Articles, body: str, reach: Reach = "alert", **more: object) -> bool:
    feed = Feed(FeedSpec("a", "https://a.example/rss", articles=articles), PollState(NOON))
    terms = {"first": False, "matched": False, "link": "https://a.example/1"} | more
    entry = ParsedEntry("1", str(terms.pop("link")), "Talks", body=body)
    return arrival.wants_article(feed, entry, reach, **terms)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("articles", "short", "cut", "long", "matched"),
    [
        ("never", False, False, False, False),
        ("matched", False, False, False, True),
        ("short", True, True, False, False),
        ("all", True, True, True, True),
    ],
)
def test_whose_page_is_fetched(articles: Articles, short: bool, cut: bool, long: bool, matched: bool) -> None:
    assert wanted(articles, "Talks ended.") is short
    assert wanted(articles, f"{LONG}…") is cut
    assert wanted(articles, LONG) is long
    assert wanted(articles, LONG, matched=True) is matched


@pytest.mark.parametrize(
    "end",
    [
        "…",
        "...",
        "[…]",
        " Read more",
        " Read more »",
        " Подробнее...",
        " Читать далее →",
        " Чытаць далей",
    ],
)
def test_a_text_that_is_cut_off_says_so(end: str) -> None:
    assert wanted("short", LONG.strip() + end)


@pytest.mark.parametrize("articles", ["matched", "short", "all"])
def test_no_page_of_an_archive_is_fetched(articles: Articles) -> None:
    assert wanted(articles, "Talks", matched=True)
    assert wanted(articles, "Talks", "digest", matched=True, first=True)
    assert not wanted(articles, "Talks", "digest", matched=True)
    assert not wanted(articles, "Talks", "none", matched=True)
    assert not wanted(articles, "Talks", matched=True, link="")
