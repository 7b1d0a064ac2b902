"""Who looks at the database when, on clocks that a test moves: nothing is late, and an idle minute costs next to nothing."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta

from aggregator.agenda import LINES, LOOK_ANYWAY, Agenda

START = datetime(2023, 2, 2, 12, 0, tzinfo=UTC)


class Clock:
    """Both clocks, which go together until one is set."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.set_by = timedelta(0)

    def now(self) -> datetime:
        return START + timedelta(seconds=self.passed) + self.set_by

    def monotonic(self) -> float:
        return self.passed

    def uptime(self) -> float:
        return self.passed

    def sleep(self, seconds: float, wake: threading.Event | None = None) -> None:  # noqa: ARG002 - the shape of a clock
        self.passed += seconds


class Book:
    """An AgendaStore that the test writes."""

    def __init__(self) -> None:
        self.number = 1
        self.next_at: dict[str, datetime] = {}
        self.asked = 0

    def version(self) -> int:
        return self.number

    def next(self, now: datetime) -> Mapping[str, datetime]:  # noqa: ARG002 - the shape of a store
        self.asked += 1
        return dict(self.next_at)

    def may_write(self, seconds: float) -> None:
        """It may."""

    def turn(self, line: str, seconds: float = 0.0) -> AbstractContextManager[bool]:  # noqa: ARG002 - the shape of a store
        return nullcontext(enter_result=True)


def made() -> tuple[Agenda, Book, Clock]:
    book, clock = Book(), Clock()
    agenda = Agenda(book, clock)
    assert set(agenda.wanted()) == set(LINES)
    look(agenda)
    return agenda, book, clock


def look(agenda: Agenda) -> list[str]:
    """A tick: those that are wanted look."""
    wanted = agenda.wanted()
    for line in wanted:
        agenda.looks(line)
    return wanted


def test_nobody_looks_while_nothing_was_written_and_nothing_is_due() -> None:
    agenda, book, clock = made()
    for _ in range(int(LOOK_ANYWAY / 2) - 1):
        clock.passed += 2
        assert look(agenda) == []
    assert book.asked == 1


def test_everybody_looks_once_at_what_anybody_wrote() -> None:
    agenda, book, clock = made()
    clock.passed += 2
    book.number += 1
    assert set(look(agenda)) == set(LINES)
    clock.passed += 2
    assert look(agenda) == []


def test_what_a_line_wrote_while_it_looked_is_looked_at_again() -> None:
    agenda, book, clock = made()
    clock.passed += 2
    book.number += 1
    wanted = agenda.wanted()
    book.number += 1  # between the question and the look
    for line in wanted:
        agenda.looks(line)
    clock.passed += 2
    assert set(look(agenda)) == set(LINES)


def test_a_line_looks_at_the_first_tick_after_its_moment_and_at_every_tick_while_it_is_due() -> None:
    agenda, book, clock = made()
    book.next_at = {"send": START + timedelta(seconds=5)}
    book.number += 1
    look(agenda)
    found = []
    for _ in range(4):
        clock.passed += 2
        found.append(look(agenda))
    assert found == [[], [], ["send"], ["send"]]


def test_everybody_looks_now_and_then_all_the_same() -> None:
    agenda, _, clock = made()
    clock.passed += LOOK_ANYWAY
    assert set(look(agenda)) == set(LINES)


def test_a_line_that_asks_for_it_looks_at_the_next_tick() -> None:
    agenda, _, clock = made()
    clock.passed += 2
    agenda.again("compose")
    assert look(agenda) == ["compose"]


def test_a_clock_that_was_set_makes_everybody_look_and_ask() -> None:
    for by in (timedelta(hours=1), timedelta(hours=-1), timedelta(days=3650), timedelta(days=-3650)):
        agenda, book, clock = made()
        clock.passed += 2
        assert look(agenda) == []
        clock.set_by = by
        clock.passed += 2
        assert set(look(agenda)) == set(LINES)
        assert book.asked == 2
