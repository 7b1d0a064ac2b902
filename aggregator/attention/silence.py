"""A silence: nothing for so long that it cannot be chance, where there is usually something."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from aggregator.attention import usual
from aggregator.attention.usual import AROUND, HOUR, Series, Unheard
from aggregator.reading import Hours

MISSING, ENOUGH = 10.0, 40.0
"""Entries that must be missing at least; more than that many are enough, however many a day usually has."""
SPARE = 4.0
"""Missing beyond those of the fullest day in it: a day off is no silence, with the evening before it."""
EVEN, BUSY = 0.8, 23.5
"""No day of the week is off where the emptiest has such a part of the fullest, and that is one an hour at least."""
LONGER = 2.0
"""As many times what its longest silence so far was missing."""
FALLEN = 0.5
"""A last week of no more than such a part of the usual one is what is usual from then on."""
SHORTEST = 6
"""Hours."""
PATIENCE = 6
"""A silent hour counts where something was heard so many hours later at most: feeds tell of hours past."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing since a moment; `daily` entries are usual in a day, and `missing` have not come."""

    began_at: datetime
    missing: float
    daily: float


def find(counts: Hours, unheard: Unheard, now: datetime) -> Silence | None:
    """The silence that lasts; None where there is none, or too little is known to say.

    `counts` have to reach back for WEEKS before the last entry, or it counts as less. The hour under way is not over yet.
    """
    series = Series(counts, now)
    weeks = series.weeks(series.last)
    if series.last <= SHORTEST or weeks < usual.FEWEST:
        return None
    if _most(series, weeks) < MISSING:
        return None
    week = _lately(series, usual.week(series, series.last, weeks))
    silent = [ago for ago in range(1, series.last) if _is_known(series.at(ago), unheard)]
    usually = [week[ago % AROUND] for ago in silent]
    missing = sum(usually)
    needed = max(_needed(usually, week), LONGER * _longest(series, week, weeks))
    if len(silent) < SHORTEST or missing < needed:
        return None
    return Silence(series.at(series.last - 1), missing, sum(week) / 7)


def _most(series: Series, weeks: int) -> float:
    """More than this cannot be missing, without a look at each hour: most watchlists have too little to be missed."""
    # An entry counts once in its hour and its neighbours' together (usual.week), which may be just outside of the weeks.
    usually = series.total(series.last - 1, AROUND * weeks + 2) / (weeks - 1)
    return usually * math.ceil(series.last / AROUND)


def _lately(series: Series, week: Sequence[float]) -> Sequence[float]:
    """The usual week; at the pace of the last one, where that had but a part: a query was narrowed, a feed removed."""
    pace = series.total(series.last, AROUND) / (sum(week) or 1.0)
    return week if pace > FALLEN else [pace * entries for entries in week]


def _is_known(hour: datetime, unheard: Unheard) -> bool:
    return any(hour + n * HOUR not in unheard for n in range(PATIENCE + 1))


def _needed(usually: Sequence[float], week: Sequence[float]) -> float:
    """A bit more than the fullest day of the silence, but neither too few nor more than there need be.

    Where no day of the week is off it is a bit less than a day: who publishes on Sundays as on Mondays, every hour, takes no holidays.
    """
    days = [sum(week[n : n + 24]) for n in range(0, AROUND, 24)]
    if max(days) >= BUSY and min(days) >= EVEN * max(days):
        return min(max(max(days) - SPARE, MISSING), ENOUGH)
    fullest = max((sum(usually[n : n + 24]) for n in range(len(usually))), default=0.0)
    return min(max(fullest + SPARE, MISSING), ENOUGH)


def _longest(series: Series, week: Sequence[float], weeks: int) -> float:
    """How many entries were missing in the longest silence before this one."""
    return max(_silences(series, week, weeks), default=0.0)


def _silences(series: Series, week: Sequence[float], weeks: int) -> Iterator[float]:
    missing = 0.0
    for ago in range(series.last, series.last + AROUND * weeks):
        if series.total(ago):
            yield missing
            missing = 0.0
        else:
            missing += week[ago % AROUND]
