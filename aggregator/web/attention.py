"""A watchlist's attention as charts, tables and CSV: counts as they are kept, none of it read from entries."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from aggregator.plain import cell
from aggregator.reading import Cell, DayCount
from aggregator.web.charts import Chart, chart

Measure = Literal["count", "share"]
SPANS = (30, 90, 365)
"""Days that a chart may show. Of a year each bar is a week: 52 whole ones."""
WEEKLY = 120
COLUMNS = ("day", "feed", "feed_title", "country", "language", "entries", "all_entries")


@dataclass(frozen=True, slots=True)
class Attention:
    """What a chart shows: its spans, days or weeks, newest last, and their sum."""

    chart: Chart
    rows: tuple[DayCount, ...]
    weekly: bool
    entries: int
    all: int

    @property
    def share(self) -> float:
        """Of all entries, 0 to 1."""
        return self.entries / self.all if self.all else 0.0

    @property
    def busiest(self) -> DayCount:
        """The day or week with most entries."""
        return max(self.rows, key=lambda row: row.entries)


def since(until: date, days: int) -> date:
    """The first day of so many."""
    return until - timedelta(days=(days // 7 * 7 if days > WEEKLY else days) - 1)


def attention(days: Sequence[DayCount], measure: Measure) -> Attention:
    """The chart of these days; of more than a season, by week."""
    weekly = len(days) > WEEKLY
    rows = tuple(_weeks(days)) if weekly else tuple(days)
    drawn = chart([_bar(row, measure, weekly=weekly) for row in rows])
    return Attention(drawn, rows, weekly, sum(row.entries for row in rows), sum(row.all for row in rows))


def percent(share: float) -> str:
    """`3.4 %`, `0.050 %`, with a space that does not break; what is not nothing never reads as nothing."""
    value = share * 100
    if not value:
        return "0\u00a0%"
    digits = 0 if value >= 10 else 1 if value >= 0.1 else 3
    return f"{max(value, 0.001):.{digits}f}\u00a0%"


def table(cells: Iterable[Cell]) -> Iterator[str]:
    """The lines of a CSV with COLUMNS, without a head."""
    for c in cells:
        yield row(c.day, c.feed_id, c.feed_title, c.country, c.language, c.entries, c.all)


def row(*values: object) -> str:
    """One line of CSV (RFC 4180)."""
    out = io.StringIO()
    csv.writer(out).writerow([cell(value) for value in values])
    return out.getvalue()


def _weeks(days: Sequence[DayCount]) -> Iterator[DayCount]:
    """Sevens of days, each under its first."""
    for start in range(0, len(days), 7):
        week = days[start : start + 7]
        yield DayCount(week[0].day, sum(day.entries for day in week), sum(day.all for day in week))


def _bar(row: DayCount, measure: Measure, *, weekly: bool) -> tuple[str, float, str]:
    label = f"week of {row.day:%-d %b}" if weekly else f"{row.day:%-d %b}"
    return (label, row.entries, f"{row.entries:,}") if measure == "count" else (label, row.share, percent(row.share))
