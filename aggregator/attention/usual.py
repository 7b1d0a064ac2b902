"""Hours of entries as a series, and what is usual in an hour of the week."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from itertools import accumulate
from statistics import median

from aggregator.reading import Hours

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
WEEKS = 8
"""Weeks back that tell what is usual."""
FEWEST = 4
"""Weeks that must be known before anything is said."""
AROUND = 7 * 24
"""Hours of a week."""
Unheard = Collection[datetime]
"""Beginnings of hours in which nothing could be heard."""


def hour_of(moment: datetime) -> datetime:
    """The hour that a moment is in."""
    return moment.replace(minute=0, second=0, microsecond=0)


class Series:
    """Entries by hour, counted back from the present: hour 0 is the one that is under way, hour 1 the one before it.

    What is dated after the present is left out: clocks jump, and publishers announce.

    Attributes:
        hour: the one that is under way.
        first, last: the hours ago of the first and of the last entry; -1 where there is none.
    """

    def __init__(self, counts: Hours, now: datetime) -> None:
        self.hour = hour_of(now)
        found = {(self.hour - hour) // HOUR: entries for hour, entries in counts.items() if hour <= self.hour}
        self.first, self.last = max(found, default=-1), min(found, default=-1)
        self._until = [0, *accumulate(found.get(ago, 0) for ago in range(self.first + 1))]

    def total(self, ago: int, hours: int = 1) -> int:
        """Entries of so many hours, of which the last was so many hours ago."""
        top = len(self._until) - 1
        return self._until[min(max(ago + hours, 0), top)] - self._until[min(max(ago, 0), top)]

    def at(self, ago: int) -> datetime:
        """When an hour began."""
        return self.hour - ago * HOUR

    def weeks(self, ago: int) -> int:
        """How many whole weeks are known before an hour, WEEKS at most."""
        return max(0, min(WEEKS, (self.first + 1 - ago) // AROUND))


def in_other_weeks(series: Series, ago: int, hours: int, weeks: int) -> list[int]:
    """What the same hours had in each of the weeks before.

    An hour earlier or later counts as the same, whatever has most: summer time moves them, and no Monday begins on the minute.
    """
    return [max(series.total(ago + AROUND * n + shift, hours) for shift in (-1, 0, 1)) for n in range(1, weeks + 1)]


def growth(series: Series, ago: int, weeks: int) -> float:
    """How much more the week before an hour had than is usual, 1 at least: feeds are added, topics rise."""
    before = median(series.total(ago + AROUND * n, AROUND) for n in range(1, weeks))
    return max(1.0, series.total(ago, AROUND) / before if before else 1.0)


def week(series: Series, ago: int, weeks: int) -> list[float]:
    """Entries that are usual in an hour of the week, by hours ago modulo AROUND: of so many weeks before an hour, but for the best.

    Half of an hour is its neighbours'.
    """
    found = [0.0] * AROUND
    for slot in range(ago, ago + AROUND):
        values = [(series.total(slot + AROUND * n - 1, 3) + series.total(slot + AROUND * n)) / 4 for n in range(weeks)]
        found[slot % AROUND] = (sum(values) - max(values)) / (weeks - 1)
    return found


def unheard(answers: Hours, now: datetime) -> set[datetime]:
    """The hours in which far fewer feeds answered than usual: nothing was polled, or our own network was down.

    `answers` are how many did in each hour; hours before the first are not known, and count as heard.
    """
    known = {hour: feeds for hour, feeds in answers.items() if feeds}
    if not known:
        return set()
    enough = median(known.values()) / 4
    hour, last = min(known), hour_of(now)
    every = (hour + n * HOUR for n in range((last - hour) // HOUR + 1))
    return {one for one in every if known.get(one, 0) < enough}
