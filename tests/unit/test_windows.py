from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.digests.windows import NEVER, alert_key, edition_key, instant_of, latest_due, next_due, window
from aggregator.publication import WEEKDAYS, Digest, DigestSpec, Schedule, Window

ZONES = ["Europe/Berlin", "Europe/Minsk", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]


def at(*times: str, zone: str = "Europe/Berlin", days: tuple[str, ...] = WEEKDAYS) -> Schedule:
    return Schedule("at", zone, tuple(time.fromisoformat(t) for t in times), days)  # type: ignore[arg-type]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def digest(schedule: Schedule, covered: datetime) -> Digest:
    return Digest(DigestSpec("morning", "Morning", ("csto",), schedule), covered, covered)


def run(schedule: Schedule, after: datetime, count: int) -> list[datetime]:
    found = []
    for _ in range(count):
        after = next_due(schedule, after)
        found.append(after)
    return found


# -- wall-clock times ------------------------------------------------------------------------------------------------


def test_a_daily_time_stays_on_the_wall_through_both_changes_in_berlin() -> None:
    spring = run(at("07:30"), utc("2023-03-24T12:00"), 3)
    assert spring == [utc("2023-03-25T06:30"), utc("2023-03-26T05:30"), utc("2023-03-27T05:30")]
    autumn = run(at("07:30"), utc("2023-10-27T12:00"), 3)
    assert autumn == [utc("2023-10-28T05:30"), utc("2023-10-29T06:30"), utc("2023-10-30T06:30")]


def test_minsk_never_changes() -> None:
    assert run(at("07:30", zone="Europe/Minsk"), utc("2023-03-25T00:00"), 2) == [
        utc("2023-03-25T04:30"),
        utc("2023-03-26T04:30"),
    ]


def test_a_missing_time_is_the_first_instant_after_the_gap() -> None:
    assert next_due(at("02:30"), utc("2023-03-26T00:00")) == utc("2023-03-26T01:00")
    assert next_due(at("02:30", zone="America/New_York"), utc("2023-03-12T05:30")) == utc("2023-03-12T07:00")
    assert next_due(at("02:15", zone="Australia/Lord_Howe"), utc("2023-09-30T15:00")) == utc("2023-09-30T15:30")


def test_times_that_fall_into_the_same_gap_are_one_edition() -> None:
    assert run(at("02:10", "02:40", "03:00"), utc("2023-03-26T00:30"), 2) == [
        utc("2023-03-26T01:00"),
        utc("2023-03-27T00:10"),
    ]


def test_a_doubled_time_comes_once() -> None:
    assert run(at("02:30"), utc("2023-10-28T12:00"), 2) == [utc("2023-10-29T00:30"), utc("2023-10-30T01:30")]
    assert run(at("01:45", zone="Australia/Lord_Howe"), utc("2023-04-01T00:00"), 2) == [
        utc("2023-04-01T14:45"),
        utc("2023-04-02T15:15"),
    ]


def test_the_second_of_a_doubled_hour_does_not_repeat_it() -> None:
    assert next_due(at("02:30"), utc("2023-10-29T00:45")) == utc("2023-10-30T01:30")


def test_a_day_that_the_date_line_swallowed_stands_for_its_end() -> None:
    apia = ZoneInfo("Pacific/Apia")
    assert instant_of(datetime(2011, 12, 30, 7, 30), apia) == utc("2011-12-30T10:00")  # noqa: DTZ001 - a wall-clock time


def test_only_allowed_weekdays() -> None:
    schedule = at("07:30", days=("mon", "fri"))
    found = [moment.astimezone(ZoneInfo("Europe/Berlin")) for moment in run(schedule, utc("2023-02-01T00:00"), 4)]
    assert [moment.date() for moment in found] == [
        date(2023, 2, 3),
        date(2023, 2, 6),
        date(2023, 2, 10),
        date(2023, 2, 13),
    ]


def test_strictly_after() -> None:
    due = next_due(at("07:30"), utc("2023-02-01T00:00"))
    assert next_due(at("07:30"), due) == due + timedelta(days=1)
    assert next_due(at("07:30"), due - timedelta(microseconds=1)) == due


def test_an_instant_digest_is_never_due_by_the_clock() -> None:
    assert next_due(Schedule("instant"), utc("2023-02-01T00:00")) == NEVER
    assert latest_due(Schedule("instant"), utc("2023-02-01T00:00")) is None


# -- hours -----------------------------------------------------------------------------------------------------------


def test_hours_are_full_in_zones_of_half_and_quarter_hours() -> None:
    assert next_due(Schedule("hourly", "Asia/Kathmandu"), utc("2023-02-01T00:00")) == utc("2023-02-01T00:15")
    assert next_due(Schedule("hourly", "Australia/Lord_Howe"), utc("2023-07-01T00:00")) == utc("2023-07-01T00:30")
    assert next_due(Schedule("hourly", "UTC"), utc("2023-02-01T00:00")) == utc("2023-02-01T01:00")


def test_every_hour_of_the_doubled_one_has_its_edition_and_its_key() -> None:
    schedule = Schedule("hourly", "Europe/Berlin")
    spec = digest(schedule, utc("2023-10-28T23:00")).spec
    keys = [edition_key(spec, Window(m, m)) for m in run(schedule, utc("2023-10-28T23:30"), 3)]
    assert keys == ["2023-10-29T02:00+02:00", "2023-10-29T02:00+01:00", "2023-10-29T03:00+01:00"]


# -- windows and keys ------------------------------------------------------------------------------------------------


def test_nine_hours_asleep_give_one_window() -> None:
    hourly = digest(Schedule("hourly", "Europe/Minsk"), utc("2023-02-01T22:00"))
    assert window(hourly, utc("2023-02-02T07:20")) == Window(utc("2023-02-01T22:00"), utc("2023-02-02T07:00"))
    daily = digest(at("07:30", zone="Europe/Minsk"), utc("2023-02-01T04:30"))
    assert window(daily, utc("2023-02-04T09:00")) == Window(utc("2023-02-01T04:30"), utc("2023-02-04T04:30"))


def test_a_clock_that_went_back_covers_nothing_twice() -> None:
    daily = digest(at("07:30"), utc("2023-02-02T06:30"))
    assert window(daily, utc("2023-02-01T12:00")) == Window(utc("2023-02-02T06:30"), utc("2023-02-02T06:30"))


def test_an_alert_has_a_window_of_no_length() -> None:
    now = utc("2023-02-02T13:05")
    assert window(digest(Schedule("instant"), utc("2023-02-01T00:00")), now) == Window(now, now)


def test_a_key_is_the_local_end_of_the_window() -> None:
    spec = digest(at("16:00", zone="Europe/Minsk"), utc("2023-02-01T13:00")).spec
    assert edition_key(spec, Window(utc("2023-02-01T13:00"), utc("2023-02-02T13:00"))) == "2023-02-02T16:00+03:00"
    moved = digest(at("16:00", zone="Europe/Paris"), utc("2023-02-01T13:00")).spec
    assert edition_key(moved, Window(utc("2023-02-02T13:00"), utc("2023-02-02T15:00"))) == "2023-02-02T16:00+01:00"
    assert alert_key(7, utc("2023-02-02T13:05")) == "20230202T130500Z-match-7"


# -- properties ------------------------------------------------------------------------------------------------------

MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2037, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - bounds
TIMES = st.lists(
    st.times(timezones=st.none()).map(lambda t: t.replace(second=0, microsecond=0)), min_size=1, max_size=4
)
DAYS = st.sets(st.sampled_from(WEEKDAYS), min_size=1).map(lambda found: tuple(d for d in WEEKDAYS if d in found))
AT = st.builds(lambda z, t, d: Schedule("at", z, tuple(t), d), st.sampled_from(ZONES), TIMES, DAYS)
HOURLY = st.sampled_from(ZONES).map(lambda zone: Schedule("hourly", zone))
CHANGES = st.sampled_from(["2023-03-26", "2023-10-29", "2023-03-12", "2023-11-05", "2023-04-01", "2023-09-30"])
NEAR = st.builds(
    lambda day, minutes: utc(f"{day}T00:00") + timedelta(minutes=minutes), CHANGES, st.integers(-2000, 2000)
)


@settings(deadline=None)
@given(AT, MOMENTS | NEAR)
def test_successive_times_increase_and_stand_on_the_wall(schedule: Schedule, after: datetime) -> None:
    zone = ZoneInfo(schedule.timezone)
    found = run(schedule, after, 8)
    assert all(a < b for a, b in pairwise([after, *found]))
    for moment in found:
        local = moment.astimezone(zone)
        gap = (moment - timedelta(minutes=1)).astimezone(zone).utcoffset() != local.utcoffset()
        assert gap or (local.time() in schedule.at and WEEKDAYS[local.weekday()] in schedule.days)
        assert local.fold == 0


@settings(deadline=None)
@given(HOURLY, MOMENTS | NEAR)
def test_successive_hours_are_full_and_at_most_two_hours_apart(schedule: Schedule, after: datetime) -> None:
    found = run(schedule, after, 8)
    assert all(timedelta(0) < b - a <= timedelta(hours=2) for a, b in pairwise([after, *found]))
    assert all(moment.astimezone(ZoneInfo(schedule.timezone)).minute == 0 for moment in found)


@settings(deadline=None)
@given(AT | HOURLY, MOMENTS | NEAR)
def test_the_latest_and_the_next_are_neighbours(schedule: Schedule, now: datetime) -> None:
    latest = latest_due(schedule, now)
    assert latest is not None
    assert latest <= now < next_due(schedule, latest)


@settings(deadline=None)
@given(AT | HOURLY, MOMENTS | NEAR, st.lists(st.integers(0, 60 * 60 * 40), min_size=1, max_size=12))
def test_windows_join_without_gap_or_overlap(schedule: Schedule, start: datetime, sleeps: list[int]) -> None:
    covered, now, keys = start, start, []
    for seconds in sleeps:
        now += timedelta(seconds=seconds)
        span = window(digest(schedule, covered), now)
        assert span.start == covered
        assert span.start <= span.end <= now
        assert span.end == start or span.end == (latest_due(schedule, now) if span.end > start else start)
        if span.end > span.start:
            keys.append(edition_key(digest(schedule, covered).spec, span))
        covered = span.end
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("every", ["hourly", "at"])
def test_a_year_of_editions_has_a_key_each(every: Literal["hourly", "at"]) -> None:
    schedule = Schedule(every, "Australia/Lord_Howe", (time(1, 45), time(2, 15)))
    spec = digest(schedule, utc("2023-01-01T00:00")).spec
    moments = run(schedule, utc("2023-01-01T00:00"), 730 if every == "at" else 8760)
    assert len({edition_key(spec, Window(m, m)) for m in moments}) == len(moments)
