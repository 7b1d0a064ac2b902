"""Every feed by its own rhythm: a year of many of them, how often one is called silent that is not, and how soon one that is."""

from __future__ import annotations

import math
import random
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from aggregator.attention import silence, usual
from aggregator.attention.usual import HOUR, WEEK, WEEKS
from tests import counts

START = datetime(2026, 1, 5, tzinfo=UTC)
DAYS = counts.count(small=80, storm=365)
END = START + timedelta(days=DAYS)
HISTORY = 2 * WEEKS * WEEK
STEP = counts.count(small=7, storm=1) * HOUR
"""Between two looks: seven hours come round the clock in a week."""
Rhythm = Callable[[random.Random], Iterator[datetime]]


def chance(per_day: float, hours: range = range(24), days: range = range(7)) -> Rhythm:
    """So many a day, each at a moment of its own, in these hours of these weekdays."""

    def entries(dice: random.Random) -> Iterator[datetime]:
        for hour in _hours():
            if hour.hour in hours and hour.weekday() in days:
                for _ in range(_poisson(dice, per_day / len(hours))):
                    yield hour + timedelta(minutes=dice.randrange(60))

    return entries


def each(period: timedelta, jitter: timedelta) -> Rhythm:
    """One each period, more or less."""

    def entries(dice: random.Random) -> Iterator[datetime]:
        for n in range(int((END - START) / period) + 1):
            yield START + n * period + jitter * dice.random()

    return entries


def _hours() -> Iterator[datetime]:
    for n in range(DAYS * 24):
        yield START + n * HOUR


def _poisson(dice: random.Random, mean: float) -> int:
    count, product = 0, dice.random()
    while product > math.exp(-mean):
        count, product = count + 1, product * dice.random()
    return count


HOURLY, QUARTERLY = "hourly", "quarterly"
RHYTHMS: dict[str, Rhythm] = {
    HOURLY: each(HOUR, timedelta(minutes=30)),
    "a wire, 300 a day": chance(300),
    "an agency, 60 a day, by day": chance(60, range(6, 22)),
    "a paper, 30 a day, weekdays": chance(30, range(8, 19), range(5)),
    "20 a day at any time": chance(20),
    "8 a day, weekdays": chance(8, range(9, 18), range(5)),
    "3 a day": chance(3),
    "daily at nine": each(timedelta(days=1), HOUR),
    "half a day": chance(0.5),
    "weekly": each(WEEK, timedelta(hours=5)),
    "monthly": each(timedelta(days=30), timedelta(days=2)),
    QUARTERLY: each(timedelta(days=91), timedelta(days=5)),
}


def looks(
    entries: list[datetime], since: datetime, until: datetime, step: timedelta = STEP
) -> Iterator[tuple[datetime, bool]]:
    """What an hourly look says at each moment at which it would look closer (SignalLine._feed)."""
    hours = Counter(map(usual.hour_of, entries))
    at, newest, seen = since, START, 0
    while at < until:
        while seen < len(entries) and entries[seen] <= at:
            newest, seen = max(newest, entries[seen]), seen + 1
        lately = seen - bisect_left(entries, at - WEEKS * WEEK)
        quiet = at - newest
        if quiet >= silence.SHORTEST * HOUR and 2 * lately * quiet >= silence.MISSING * WEEKS * WEEK:
            known = {
                hour: n for hour, n in hours.items() if at - HISTORY <= hour <= at and hour <= usual.hour_of(newest)
            }
            yield at, silence.find(known, {usual.hour_of(at)}, at) is not None
        at += step


@pytest.mark.parametrize("name", RHYTHMS)
def test_a_feed_that_keeps_to_its_rhythm_is_never_called_silent(name: str) -> None:
    dice = random.Random(f"{counts.seed()} {name}")
    entries = sorted(RHYTHMS[name](dice))
    alarms = [at for at, silent in looks(entries, START + 5 * WEEK, END) if silent]
    days = {at.date() for at in alarms}
    counts.report(f"silence: {name}, days looked at, false alarms", DAYS - 35, len(days))
    assert len(days) == 0, sorted(days)[:5]


@pytest.mark.parametrize(
    ("name", "within"),
    [
        (HOURLY, timedelta(days=2)),
        ("a wire, 300 a day", timedelta(hours=12)),
        ("an agency, 60 a day, by day", timedelta(days=2)),
        ("20 a day at any time", timedelta(days=3)),
        ("daily at nine", timedelta(days=30)),
    ],
)
def test_a_feed_that_has_fallen_silent_is_named_in_its_own_time(name: str, within: timedelta) -> None:
    dice = random.Random(f"{counts.seed()} {name} end")
    died = END - 4 * WEEK - timedelta(hours=11)
    entries = [at for at in sorted(RHYTHMS[name](dice)) if at <= died]
    named = next((at for at, silent in looks(entries, died, died + within + HOUR, HOUR) if silent), None)
    assert named is not None, f"not within {within}"
    counts.report(f"silence: {name}, hours until it is named", round((named - died) / HOUR), 0)


def test_an_hourly_feed_quiet_for_a_day_is_named_and_a_quarterly_one_quiet_for_a_quarter_is_not() -> None:
    for name, quiet, expected in ((HOURLY, timedelta(days=1), True), (QUARTERLY, timedelta(days=89), False)):
        entries = sorted(RHYTHMS[name](random.Random(counts.seed())))
        last = max(at for at in entries if at <= END - WEEK)
        given = [at for at in entries if at <= last]
        found = [silent for _, silent in looks(given, last + quiet - HOUR, last + quiet, HOUR)]
        assert any(found) is expected, name
