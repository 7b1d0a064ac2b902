"""When an alert comes out, as values."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from aggregator.digests import alerts
from aggregator.digests.alerts import Release
from aggregator.publication import Quiet, Schedule

NOON = datetime(2023, 2, 2, 12, 0, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
NIGHT = Quiet(time(22), time(7), "title")
BERLIN = Schedule("instant", "Europe/Berlin", quiet=NIGHT)


def test_without_any_wish_an_alert_comes_at_once() -> None:
    assert alerts.release(Schedule("instant"), [NOON], [], NOON) == Release("all")


def test_a_story_waits_for_company_and_each_newcomer_renews_the_wait() -> None:
    schedule = Schedule("instant", wait=10 * SECOND)
    assert alerts.release(schedule, [NOON], [], NOON + 9 * SECOND) == Release("none", NOON + 10 * SECOND)
    later = [NOON, NOON + 8 * SECOND]
    assert alerts.release(schedule, later, [], NOON + 12 * SECOND) == Release("none", NOON + 18 * SECOND)
    assert alerts.release(schedule, later, [], NOON + 18 * SECOND) == Release("all")


def test_newcomers_make_nobody_wait_longer_than_six_times() -> None:
    schedule = Schedule("instant", wait=4 * SECOND)
    few = [NOON + n * 5 * SECOND for n in range(5)]
    assert alerts.release(schedule, few, [], NOON + 23 * SECOND) == Release("none", NOON + 24 * SECOND)
    assert alerts.release(schedule, few, [], NOON + 24 * SECOND) == Release("all")


def test_five_hundred_stories_in_a_minute_come_together() -> None:
    schedule = Schedule("instant", wait=3 * SECOND)
    flood = [NOON + n * 0.12 * SECOND for n in range(500)]
    for second in range(1, 60):
        so_far = [moment for moment in flood if moment <= NOON + second * SECOND]
        assert alerts.release(schedule, so_far, [], NOON + second * SECOND).now == "none"
    assert alerts.release(schedule, flood, [], NOON + MINUTE) == Release("all", held="storm")


def test_after_as_many_alerts_as_an_hour_may_bring_the_next_ones_come_together() -> None:
    schedule = Schedule("instant", most=3)
    sent = [NOON + n * MINUTE for n in (0, 10, 20)]
    now = NOON + 30 * MINUTE
    assert alerts.release(schedule, [now], sent, now) == Release("none", NOON + HOUR)
    assert alerts.release(schedule, [now], sent, NOON + HOUR) == Release("all", held="storm")
    assert alerts.release(schedule, [NOON + HOUR], sent, NOON + HOUR) == Release("all")


def test_quiet_hours_end_in_the_morning_and_say_so() -> None:
    late = datetime(2023, 2, 2, 22, 30, tzinfo=UTC)  # 23:30 in Berlin
    morning = datetime(2023, 2, 3, 6, 0, tzinfo=UTC)
    assert alerts.release(BERLIN, [late], [], late) == Release("urgent", morning)
    assert alerts.release(BERLIN, [late], [], morning) == Release("all", held="quiet")
    silent = Schedule("instant", "Europe/Berlin", quiet=Quiet(time(22), time(7)))
    assert alerts.release(silent, [late], [], late) == Release("none", morning)


def test_quiet_hours_follow_the_wall_clock_over_a_change_of_it() -> None:
    evening = datetime(2023, 3, 25, 22, 0, tzinfo=UTC)  # 23:00 in Berlin; at 02:00 it becomes 03:00
    assert alerts.quiet_until(NIGHT, "Europe/Berlin", evening) == datetime(2023, 3, 26, 5, 0, tzinfo=UTC)
    gone = Quiet(time(22), time(2, 30))
    assert alerts.quiet_until(gone, "Europe/Berlin", evening) == datetime(2023, 3, 26, 1, 0, tzinfo=UTC)


def test_quiet_hours_that_end_in_an_hour_that_comes_twice_end_once() -> None:
    short = Quiet(time(22), time(2, 30))
    first = datetime(2023, 10, 29, 0, 30, tzinfo=UTC)  # 02:30 in Berlin, and 02:30 again an hour later
    assert alerts.quiet_until(short, "Europe/Berlin", first - SECOND) == first
    for minutes in range(0, 120, 10):
        assert alerts.quiet_until(short, "Europe/Berlin", first + timedelta(minutes=minutes)) is None


def test_quiet_hours_within_a_day() -> None:
    lunch = Quiet(time(12), time(13))
    assert alerts.quiet_until(lunch, "UTC", NOON) == NOON + HOUR
    assert alerts.quiet_until(lunch, "UTC", NOON + HOUR) is None
    assert alerts.quiet_until(lunch, "UTC", NOON - SECOND) is None


def test_a_clock_that_went_back_holds_nothing_up() -> None:
    schedule = Schedule("instant", wait=10 * SECOND)
    ahead = NOON + timedelta(days=400)
    assert alerts.release(schedule, [ahead], [ahead], NOON) == Release("all")


@given(
    came=st.lists(st.integers(0, 7200), min_size=1, max_size=30),
    sent=st.lists(st.integers(0, 7200), max_size=30),
    schedule=st.builds(
        Schedule,
        st.just("instant"),
        st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe"]),
        wait=st.integers(0, 100).map(lambda n: n * SECOND),
        most=st.integers(0, 5),
        quiet=st.one_of(st.none(), st.builds(Quiet, st.times(), st.times(), st.sampled_from(["none", "title"]))),
    ),
)
def test_whatever_is_held_is_looked_at_again_and_goes_out_within_a_day(
    came: list[int], sent: list[int], schedule: Schedule
) -> None:
    arrivals, earlier = [NOON + n * SECOND for n in came], [NOON + n * SECOND for n in sorted(sent)]
    now = NOON + 2 * HOUR
    for _ in range(6):
        answer = alerts.release(schedule, arrivals, earlier, now)
        if answer.now == "all":
            break
        assert answer.until is not None
        assert now < answer.until <= now + timedelta(hours=25)
        now = answer.until
    else:
        raise AssertionError("held for ever")
