"""A document whose ids have all changed: one event, nothing new; and what must not be taken for one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from aggregator.model import FeedEvent, ParsedEntry
from tests.unit.entrytable import Table, letters

NOON = datetime(2023, 2, 2, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def items(count: int, first: int = 0) -> list[ParsedEntry]:
    return [
        ParsedEntry(
            f"tag:x.by,2023:{n}",
            f"https://x.by/a/{n}",
            f"Report number {n} of the commission",
            body=f"The commission wrote its report number {n} and sent it to the council.",
            published_at=NOON - HOUR * n,
        )
        for n in range(first, first + count)
    ]


def moved(entry: ParsedEntry) -> ParsedEntry:
    return replace(entry, guid=f"new-{entry.guid}", link=entry.link.replace("x.by", "y.by"))


Change = Callable[[ParsedEntry], ParsedEntry]
SAME: dict[str, Change] = {
    "guid": lambda e: replace(e, guid=f"urn:{e.guid}"),
    "guid and link": moved,
    "guid gone": lambda e: replace(e, guid=""),
    "guid gone and link changed": lambda e: replace(moved(e), guid=""),
    "guid, link and text": lambda e: replace(moved(e), body="Another teaser."),
    "guid, link and time": lambda e: replace(moved(e), published_at=NOON),
    "guid, link and no time": lambda e: replace(moved(e), published_at=None),
}


@pytest.mark.parametrize("name", SAME)
def test_new_ids_for_all_are_one_event(name: str) -> None:
    table = Table()
    table.poll(items(30))
    after = [SAME[name](entry) for entry in items(30)]
    verdict = table.judge(after, after)
    assert "N" not in letters(verdict.changes)
    assert verdict.events == (
        (FeedEvent("ids_changed", "30 of 30 entries came under new ids; none is new"),) if name != "guid gone" else ()
    )
    table.poll(after)
    assert table.judge(after, after).events == ()
    assert set(letters(table.poll(after[::-1]))) == {"S"}


def test_an_event_says_how_many_are_new() -> None:
    table = Table()
    table.poll(items(30))
    after = [moved(entry) for entry in items(27)] + items(3, first=40)
    told = [event.detail for event in table.judge(after, after).events]
    assert told == ["27 of 30 entries came under new ids; 3 are new"]


def test_a_feed_with_ids_that_gets_new_links_only_is_no_event() -> None:
    table = Table()
    table.poll(items(30))
    after = [replace(moved(entry), guid=entry.guid) for entry in items(30)]
    assert table.judge(after, after).events == ()


def test_sessions_in_ids_are_no_event() -> None:
    table = Table()
    for poll in range(3):
        shown = [replace(entry, guid=f"{entry.link}?sid={poll}", link=f"{entry.link}?sid={poll}") for entry in items(9)]
        assert table.judge(shown, shown).events == ()
        table.poll(shown)


@pytest.mark.parametrize(
    ("all_of", "moving", "new"), [(1, 1, 1), (2, 2, 2), (3, 3, 0), (10, 7, 7), (10, 8, 0), (10, 10, 0)]
)
def test_a_move_has_three_items_and_four_fifths_of_the_known(all_of: int, moving: int, new: int) -> None:
    table = Table()
    table.poll(items(all_of))
    after = [*map(moved, items(moving)), *items(all_of)[moving:]]
    assert letters(table.poll(after)).count("N") == new


@pytest.mark.parametrize("title", ["", "Weather", "Погода"])
def test_short_texts_are_no_names(title: str) -> None:
    table = Table()
    before = [ParsedEntry(f"{n}", f"https://x.by/{n}", title, body=f"{n}") for n in range(9)]
    table.poll(before)
    assert letters(table.poll([moved(entry) for entry in before])) == "N" * 9


def test_one_text_for_several_items_is_no_name() -> None:
    table = Table()
    before = [replace(e, title="Weather for the week to come", body="", published_at=None) for e in items(9)]
    table.poll(before)
    assert letters(table.poll([moved(entry) for entry in before])) == "N" * 9


def test_recalled_items_take_part_in_a_move() -> None:
    """Only the links stay the same here, so that nothing has to be written anew and no text is needed."""
    table = Table()
    table.poll(items(9))
    after = [replace(entry, guid=f"n{entry.guid}") for entry in items(9)]
    verdict = table.judge(after, [None] * 9)
    assert set(letters(verdict.changes)) == {"S"}
    assert len(verdict.events) == 1
