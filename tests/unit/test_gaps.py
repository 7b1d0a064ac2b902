"""Gaps and hosts: what may have been missed, and whose word a hold is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.feeds import gaps, hosts
from aggregator.model import (
    EntryChange,
    Feed,
    FeedSpec,
    FetchFailure,
    FetchRequest,
    FetchResponse,
    Gap,
    NewEntry,
    ParsedEntry,
    PollState,
    Redirect,
    RevisedEntry,
    SameEntry,
)

NOW = datetime(2023, 2, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
READ = Feed(FeedSpec("a", "https://a.example/rss"), PollState(NOW, "ok", last_ok_at=NOW - 3 * HOUR, items=30))


def new(at: datetime | None) -> NewEntry:
    return NewEntry(ParsedEntry("g", "https://a.example/1", "T", published_at=at), (), "f")


def fresh(*hours: float) -> list[EntryChange]:
    return [new(NOW - h * HOUR) for h in hours]


def test_a_document_without_anything_known_leaves_a_gap_from_the_last_look_to_its_oldest_entry() -> None:
    changes = fresh(1, 2, 0.5)
    assert gaps.suspected(READ, changes)
    assert gaps.between(READ, changes, NOW - 4 * HOUR, NOW) == Gap("a", NOW - 3 * HOUR, NOW - 2 * HOUR, NOW)


def test_where_the_document_reaches_back_behind_the_last_look_the_newest_known_entry_begins_the_gap() -> None:
    assert gaps.between(READ, fresh(1, 5), NOW - 8 * HOUR, NOW) == Gap("a", NOW - 8 * HOUR, NOW - 5 * HOUR, NOW)


def test_an_archive_told_again_leaves_no_gap() -> None:
    changes = fresh(1, 500)
    assert gaps.suspected(READ, changes)
    assert gaps.between(READ, changes, NOW - 8 * HOUR, NOW) is None


def test_entries_without_dates_count_as_of_now() -> None:
    assert gaps.between(READ, [new(None), new(None)], None, NOW) == Gap("a", NOW - 3 * HOUR, NOW, NOW)


@pytest.mark.parametrize(
    ("poll", "changes"),
    [
        ({"last_ok_at": None}, fresh(1, 2)),
        ({"items": 0}, fresh(1, 2)),
        ({}, fresh(1)),
        ({}, []),
        ({}, [*fresh(1, 2), SameEntry(1, ())]),
        ({}, [*fresh(1, 2), SameEntry(0, ())]),
        ({}, [*fresh(1, 2), RevisedEntry(1, 2, new(NOW).entry, (), "f")]),
    ],
    ids=["first poll", "after an empty document", "a single entry", "empty", "one known", "one pruned", "one revised"],
)
def test_what_is_no_gap(poll: dict[str, object], changes: list[EntryChange]) -> None:
    assert not gaps.suspected(replace(READ, poll=replace(READ.poll, **poll)), changes)  # type: ignore[arg-type]


@given(st.lists(st.floats(-100, 1000), min_size=2, max_size=9), st.none() | st.floats(-100, 1000))
def test_a_gap_ends_after_it_begins_and_holds_no_entry_that_is_known_or_new(
    hours: list[float], known: float | None
) -> None:
    newest = None if known is None else NOW - known * HOUR
    gap = gaps.between(READ, fresh(*hours), newest, NOW)
    if gap is not None:
        assert gap.after_at < gap.before_at <= NOW + HOUR
        assert newest is None or not gap.after_at < newest < gap.before_at


# -- hosts -----------------------------------------------------------------------------------------------------------

REQUEST = FetchRequest("a", "https://A.example/rss")


def answered(status: int, url: str = REQUEST.url) -> FetchResponse:
    hops = () if url == REQUEST.url else (Redirect(302, url),)
    return FetchResponse(REQUEST, status, url, {}, b"", hops, NOW, 0.1)


@pytest.mark.parametrize("status", [429, 503])
def test_the_host_that_asks_to_wait_is_the_one_that_answered(status: int) -> None:
    held = replace(READ.poll, held_until=NOW + HOUR)
    assert hosts.held_by(answered(status), held) == "https://a.example:443"
    assert hosts.held_by(answered(status, "http://b.example:81/x"), held) == "http://b.example:81"


def test_any_other_hold_is_its_urls_alone() -> None:
    held = replace(READ.poll, held_until=NOW + HOUR)
    assert hosts.held_by(answered(410), held) == ""
    assert hosts.held_by(answered(404), held) == ""
    assert hosts.held_by(answered(429), READ.poll) == ""
    assert hosts.held_by(FetchFailure(REQUEST, "timeout", "no", NOW), held) == ""
