"""What is usual and what is not: bursts, silences, words. Values in, values out."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.attention import burst, silence, usual, words
from aggregator.attention.usual import HOUR, WEEK
from aggregator.reading import Headline, Hours, Word
from tests import counts

NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
"""A Tuesday."""
THIS_HOUR = usual.hour_of(NOW)
BY_DAY = (0, 0, 0, 0, 0, 1, 2, 3, 4, 4, 4, 3, 3, 3, 3, 3, 3, 2, 2, 2, 1, 1, 1, 0)


def likely(hour: datetime, monday: int = 3) -> float:
    """Entries that an agency has in an hour: by day, fewer at weekends, many on Monday mornings."""
    weight = BY_DAY[hour.hour] * (0.3 if hour.weekday() >= 5 else 1.0)
    return weight * (monday if hour.weekday() == 0 and 7 <= hour.hour <= 9 else 1) / 4


def weeks(seed: int, number: int = 12, until: datetime = THIS_HOUR, scale: float = 1.0) -> Counter[datetime]:
    """Entries as chance has them (Poisson) in each hour of so many weeks."""
    rng = random.Random(seed)
    found: Counter[datetime] = Counter()
    for ago in range(number * usual.AROUND):
        hour = until - ago * HOUR
        left = likely(hour) * scale
        while (left := left - rng.expovariate(1.0)) > 0:
            found[hour] += 1
    return found


def every(hours: int, until: datetime, number: int = 12, each: int = 1) -> dict[datetime, int]:
    return {until - ago * HOUR: each for ago in range(0, number * usual.AROUND, hours)}


def before(found: Hours, moment: datetime) -> dict[datetime, int]:
    return {hour: entries for hour, entries in found.items() if hour < moment}


# -- bursts ----------------------------------------------------------------------------------------------------------


def test_a_planted_burst_is_found_from_where_it_began() -> None:
    found = weeks(1)
    found[THIS_HOUR - HOUR] += 30
    found[THIS_HOUR] += 12
    said = burst.find(found, (), NOW)
    assert said is not None
    assert said.began_at == THIS_HOUR - HOUR
    assert said.observed == found[THIS_HOUR - HOUR] + found[THIS_HOUR]
    assert 1 <= said.expected <= 6


def test_monday_mornings_bring_no_burst_and_a_night_with_as_much_does() -> None:
    monday = THIS_HOUR - 25 * HOUR
    busy = weeks(2, until=monday, scale=2.0)
    assert sum(busy[monday - n * HOUR] for n in range(3)) >= 12
    assert burst.find(busy, (), monday) is None
    at_night = THIS_HOUR - 8 * HOUR
    as_much = weeks(2, until=at_night, scale=2.0)
    as_much[at_night] += 20
    assert burst.find(as_much, (), at_night) is not None


@pytest.mark.parametrize("number", [0, 1, 3])
def test_with_few_weeks_nothing_is_said(number: int) -> None:
    found = weeks(3, number)
    found[THIS_HOUR] += 500
    assert burst.find(found, (), NOW) is None
    assert silence.find(before(weeks(3, number), THIS_HOUR - 72 * HOUR), (), NOW) is None


def test_a_week_that_has_more_than_the_weeks_before_raises_what_is_usual() -> None:
    more = weeks(4)
    for ago in range(1, usual.AROUND + 1):
        more[THIS_HOUR - ago * HOUR] *= 4
    grown, same = Counter(more), weeks(4)
    for found in (grown, same):
        found[THIS_HOUR] += 18
    assert burst.find(same, (), NOW) is not None
    assert burst.find(grown, (), NOW) is None


def test_a_watchlist_whose_past_is_full_of_storms_needs_a_greater_one() -> None:
    calm, stormy = weeks(5, scale=0.5), weeks(5, scale=0.5)
    for day in range(4, 80, 2):
        stormy[THIS_HOUR - (day * 24 + day % 7) * HOUR] += 18
    for found in (calm, stormy):
        found[THIS_HOUR] += 18
    assert burst.find(calm, (), NOW) is not None
    assert burst.find(stormy, (), NOW) is None


def test_summer_time_moves_the_peak_by_an_hour_and_is_no_burst() -> None:
    found = {}
    for week in range(1, 10):
        found[THIS_HOUR - week * WEEK + HOUR] = 30
    found |= {hour: entries + found.get(hour, 0) for hour, entries in weeks(6).items()}
    found[THIS_HOUR] = 30
    assert burst.find(found, (), NOW) is None


def test_what_comes_after_a_pause_is_held_against_the_whole_pause() -> None:
    found = every(1, THIS_HOUR, each=6)
    paused = before(found, THIS_HOUR - 11 * HOUR) | {THIS_HOUR: 66}
    deaf = {THIS_HOUR - ago * HOUR for ago in range(1, 12)}
    assert burst.find(paused, (), NOW) is not None
    assert burst.find(paused, deaf, NOW) is None


def test_a_burst_lasts_until_it_has_been_calm_for_hours() -> None:
    found = weeks(7)
    found[THIS_HOUR] += 60
    later = {hour + WEEK: entries for hour, entries in weeks(7).items()} | found
    assert burst.lasts(found, (), NOW)
    assert burst.lasts(before(later, THIS_HOUR + 9 * HOUR), (), NOW + 8 * HOUR)
    assert not burst.lasts(before(later, THIS_HOUR + 20 * HOUR), (), NOW + 20 * HOUR)


@settings(deadline=None, max_examples=counts.count(25, 200))
@given(st.integers(0, 10_000), st.integers(0, 80), st.integers(0, 80))
def test_more_entries_never_make_a_burst_less_of_one(seed: int, fewer: int, more: int) -> None:
    found = weeks(seed, 10)
    some, many = Counter(found), Counter(found)
    some[THIS_HOUR] += min(fewer, more)
    many[THIS_HOUR] += max(fewer, more)
    said = burst.find(some, (), NOW)
    if said is not None:
        assert said.observed >= burst.FEWEST_ENTRIES
        assert said.began_at <= THIS_HOUR
        assert burst.find(many, (), NOW) is not None


@settings(deadline=None, max_examples=counts.count(15, 100))
@given(st.integers(0, 10_000), st.integers(1, 60))
def test_the_same_week_is_judged_the_same_in_any_year(seed: int, years: int) -> None:
    found = weeks(seed, 10)
    found[THIS_HOUR] += seed % 40
    moved = {hour - years * 52 * WEEK: entries for hour, entries in found.items()}
    here, there = burst.find(found, (), NOW), burst.find(moved, (), NOW - years * 52 * WEEK)
    assert (here is None) == (there is None)
    if here is not None and there is not None:
        assert (here.observed, here.expected) == (there.observed, there.expected)


# -- silences --------------------------------------------------------------------------------------------------------


@settings(max_examples=counts.count(60, 2_000), deadline=None)
@given(seed=st.integers(0, 2**32), number=st.integers(4, 14), scale=st.floats(0.002, 3), since=st.integers(1, 12 * 24))
def test_what_cannot_be_missing_is_never_missed(seed: int, number: int, scale: float, since: int) -> None:
    """The short cut for watchlists of a few entries: no silence has more missing than it allows for."""
    series = usual.Series(weeks(seed, number, THIS_HOUR - since * HOUR, scale), NOW)
    known = series.weeks(series.last)
    if series.last > silence.SHORTEST and known >= usual.FEWEST:
        week = silence._lately(series, usual.week(series, series.last, known))
        missing = sum(week[ago % usual.AROUND] for ago in range(1, series.last))
        assert missing <= silence._most(series, known) + 1e-6


def test_an_hourly_feed_quiet_for_a_day_is_silent() -> None:
    last = THIS_HOUR - 29 * HOUR
    said = silence.find(every(1, last), (), NOW)
    assert said is not None
    assert said.began_at == last + HOUR
    assert round(said.daily) == 24
    assert silence.find(every(1, last), (), NOW - 5 * HOUR) is not None
    assert silence.find(every(1, last), (), NOW - 9 * HOUR) is None


def test_a_quarterly_feed_is_never_silent() -> None:
    rare = every(24 * 91, THIS_HOUR - 24 * 30 * HOUR, number=16)
    assert all(silence.find(rare, (), NOW + n * 24 * HOUR) is None for n in range(0, 200, 7))


def test_who_has_far_less_since_a_week_is_measured_by_that() -> None:
    """A query was narrowed, or the busiest feed removed: by the weeks before, two quiet days would be a silence."""
    narrowed = THIS_HOUR - 9 * 24 * HOUR
    found = dict.fromkeys(every(1, narrowed), 4) | {narrowed + n * 6 * HOUR: 1 for n in range(1, 29)}
    last = narrowed + 28 * 6 * HOUR
    assert silence.find(found, (), last + 2 * 24 * HOUR) is None
    said = silence.find(found, (), last + 5 * 24 * HOUR)
    assert said is not None
    assert said.daily < 5


@pytest.mark.parametrize("off", [0, 1])
def test_weekends_and_a_day_off_are_no_silence(off: int) -> None:
    """Nobody works at weekends; with `off` there was no work on Monday, either."""
    at_work = {hour: 1 for hour in every(1, THIS_HOUR) if hour.weekday() < 5 and 8 <= hour.hour < 18}
    monday = (THIS_HOUR - 24 * HOUR).replace(hour=0)
    found = before(at_work, monday)
    hours = 24 * off + 9
    assert [n for n in range(hours) if silence.find(found, (), monday + n * HOUR)] == []
    assert silence.find(found, (), monday + (hours + 8) * HOUR + off * HOUR) is not None or off == 0


def test_hours_in_which_nothing_was_heard_are_no_silence() -> None:
    last = THIS_HOUR - 40 * HOUR
    deaf = {THIS_HOUR - ago * HOUR for ago in range(40)}
    assert silence.find(every(1, last), (), NOW) is not None
    assert silence.find(every(1, last), deaf, NOW) is None
    assert silence.find(every(1, last), deaf - {THIS_HOUR}, NOW) is None


def test_who_is_silent_now_and_then_has_to_be_so_for_longer() -> None:
    last = THIS_HOUR - 29 * HOUR
    steady = every(1, last)
    pausing = {hour: n for hour, n in steady.items() if not 0 <= (last - hour) // HOUR - 300 < 30}
    assert silence.find(steady, (), NOW) is not None
    assert silence.find(pausing, (), NOW) is None
    assert silence.find(pausing, (), NOW + 60 * HOUR) is not None


@settings(deadline=None, max_examples=counts.count(25, 200))
@given(st.integers(0, 10_000), st.integers(0, silence.SHORTEST))
def test_who_spoke_in_the_last_hours_is_not_silent(seed: int, ago: int) -> None:
    found = weeks(seed, 10)
    found[THIS_HOUR - ago * HOUR] += 1
    assert silence.find(found, (), NOW) is None


def test_a_silence_that_goes_on_stays_one() -> None:
    found = before(weeks(8), THIS_HOUR - 30 * HOUR)
    first = next(n for n in range(0, 200, 2) if silence.find(found, (), NOW - 24 * HOUR + n * HOUR))
    said = [silence.find(found, (), NOW - 24 * HOUR + n * HOUR) for n in range(first, 200, 12)]
    assert None not in said
    assert len({one.began_at for one in said if one}) == 1


def test_ordinary_weeks_bring_no_signal() -> None:
    """Weeks of chance alone, each hour judged as the line would; decision 38 has a year of many kinds."""
    false = []
    for seed in range(counts.count(1, 10)):
        found = weeks(100 + seed, 14)
        for ago in range(0, usual.AROUND, 2):
            known = {hour: n for hour, n in found.items() if hour <= THIS_HOUR - ago * HOUR}
            moment = NOW - ago * HOUR
            false += [x for x in (burst.find(known, (), moment), silence.find(known, (), moment)) if x]
    assert false == []


# -- what was heard --------------------------------------------------------------------------------------------------


def test_hours_with_far_fewer_answers_than_usual_are_unheard() -> None:
    answers = {THIS_HOUR - ago * HOUR: 40 for ago in range(5, 20)} | {THIS_HOUR - 4 * HOUR: 2, THIS_HOUR - 2 * HOUR: 38}
    deaf = {(THIS_HOUR - hour) // HOUR for hour in usual.unheard(answers, NOW)}
    assert deaf == {0, 1, 3, 4}
    assert usual.unheard({}, NOW) == set()


def test_what_is_dated_ahead_is_left_out() -> None:
    series = usual.Series({THIS_HOUR + timedelta(days=3): 9, THIS_HOUR - HOUR: 2}, NOW)
    assert (series.last, series.total(0, 10)) == (1, 2)
    assert usual.Series({}, NOW).total(0, 99) == 0


# -- words -----------------------------------------------------------------------------------------------------------


def test_words_are_told_by_how_many_headlines_have_them_and_not_what_says_nothing() -> None:
    found = [
        Headline("CSTO summit opens in Minsk after 10 years", ((0, 4),)),
        Headline("Summit of the CSTO: Minsk waits for a summit", ((14, 18),)),
        Headline("Summit ends"),
    ]
    assert words.top(found, words.elsewhere(()), 9) == [Word("summit", 3, 0.0), Word("minsk", 2, 0.0)]
    assert words.top(found, words.elsewhere(()), 1) == [Word("summit", 3, 0.0)]
    assert words.top((), words.elsewhere(()), 9) == []


def test_words_that_stand_everywhere_are_left_out() -> None:
    found = [Headline("Учения начались"), Headline("Учения начались в Минске"), Headline("Ещё учения")]
    elsewhere = [Headline("Дожди начались")] * 9 + [Headline("Учения")]
    assert words.top(found, words.elsewhere(elsewhere), 9) == [Word("учения", 3, 0.1, 10.0)]
