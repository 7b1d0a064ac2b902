"""A burst: far more entries in a few hours than the same hours of the week usually have."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from math import log
from statistics import median

from aggregator.attention import usual
from aggregator.attention.usual import Series, Unheard
from aggregator.reading import Hours

WINDOW = 3
"""Hours that are counted together."""
BACK = 6
"""A window may have ended so many hours ago: feeds are not read every minute."""
FEWEST_ENTRIES, TIMES = 8, 2.5
"""A burst has so many entries at least, and so many times what is usual."""
SURPRISE = 14.0
"""How surprising it must be (`_surprise`), in a past as restless as chance alone makes one."""
RESTLESS = 10.0
"""However restless the past is, it asks for no more than so many times that."""
BEGINS = 0.25
"""It began with the first hour that had such a part of what its fullest had."""
CALM, LOWER = 12, 4.0
"""Hours without anything beyond LOWER after which a burst is over."""


@dataclass(frozen=True, slots=True)
class Burst:
    """More than usual since a moment, and what is usual in the same hours."""

    began_at: datetime
    observed: int
    expected: float


@dataclass(frozen=True, slots=True)
class _Window:
    """Hours, what they have and usually have, and how surprising that is."""

    ago: int
    hours: int
    observed: int
    expected: float
    surprise: float

    @property
    def stands_out(self) -> bool:
        enough = max(FEWEST_ENTRIES, TIMES * self.expected)
        return self.surprise >= SURPRISE and self.observed >= enough

    @property
    def is_calm(self) -> bool:
        return self.surprise < LOWER or self.observed < FEWEST_ENTRIES / 2


def find(counts: Hours, unheard: Unheard, now: datetime) -> Burst | None:
    """The most surprising burst of the last hours, until now; None where there is none, or too little is known to say."""
    series = Series(counts, now)
    windows = _windows(series, unheard, BACK)
    best = max((one for one in windows if one.stands_out), key=lambda one: one.surprise, default=None)
    if best is None:
        return None
    within = range(best.ago, best.ago + best.hours)
    most = max(map(series.total, within))
    hours = 1 + max(ago for ago in within if series.total(ago) >= BEGINS * most)
    since = _window(series, 0, hours, series.weeks(BACK + WINDOW))
    return Burst(series.at(hours - 1), since.observed, since.expected)


def lasts(counts: Hours, unheard: Unheard, now: datetime) -> bool:
    """Whether one that was found goes on: until it has been calm for some hours."""
    return not all(one.is_calm for one in _windows(Series(counts, now), unheard, CALM))


def _windows(series: Series, unheard: Unheard, back: int) -> list[_Window]:
    """The windows that end now and in each of the hours before, their surprise measured by how restless the past is."""
    weeks = series.weeks(back + WINDOW)
    if weeks < usual.FEWEST:
        return []
    found = [_window(series, ago, _length(series, ago, unheard), weeks) for ago in range(back)]
    if all(one.surprise < LOWER for one in found):
        return found  # as most are: the past need not be looked at
    restless = _restlessness(series, back + WINDOW, weeks)
    return [replace(one, surprise=one.surprise / restless) for one in found]


def _window(series: Series, ago: int, hours: int, weeks: int) -> _Window:
    observed = series.total(ago, hours)
    expected = float(median(usual.in_other_weeks(series, ago, hours, weeks)))
    expected *= usual.growth(series, ago + hours, weeks)
    floor = series.total(ago + hours, usual.AROUND) / usual.AROUND * hours
    return _Window(ago, hours, observed, expected, _surprise(observed, max(expected, floor)))


def _length(series: Series, ago: int, unheard: Unheard) -> int:
    """A window's hours. What came after a pause may be of the whole pause: not every feed dates its entries."""
    hours = WINDOW
    while hours < usual.AROUND and series.at(ago + hours) in unheard:
        hours += 1
    return hours


def _surprise(observed: int, expected: float) -> float:
    """Minus the logarithm of the chance of so many, at most (Chernoff's bound for Poisson); 0 for what is usual.

    One more than is usual is expected: of eight weeks the median is known, not what it was drawn from.
    """
    expected += 1
    return observed * log(observed / expected) - observed + expected if observed > expected else 0.0


def _restlessness(series: Series, ago: int, weeks: int) -> float:
    """How much more the past surprises than chance alone would, 1 at least.

    Each window of the past is held against the same hours of the other weeks. Of chance alone, one in twenty surprises by
    1.4 and one in a hundred by 2.7.
    """
    found = []
    for slot in range(ago, ago + usual.AROUND, WINDOW):
        values = [series.total(slot + usual.AROUND * n, WINDOW) for n in range(weeks)]
        found += [_surprise(one, float(median(values))) for one in values]
    found.sort()
    measured = max(found[len(found) * 95 // 100] / 1.4, found[len(found) * 99 // 100] / 2.7)
    return min(RESTLESS, max(1.0, measured))
