"""Rhythms, limits, addresses and forms of readers: values in, values out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator import addresses
from aggregator.errors import UsageError
from aggregator.levels import THRESHOLDS
from aggregator.publication import WEEKDAYS, Quiet, Schedule
from aggregator.readers import forms, limits, rhythm
from aggregator.readership import Asked, Choice

NOW = datetime(2023, 2, 2, 12, tzinfo=UTC)
SECRET = b"s" * 32
ZONES = sorted(available_timezones())
times = st.builds(time, st.integers(0, 23), st.integers(0, 59))
quiets = st.builds(Quiet, times, times, st.sampled_from([*THRESHOLDS, "none"])).filter(lambda q: q.start != q.end)
days = st.sampled_from([WEEKDAYS, rhythm.WORKDAYS, *((day,) for day in WEEKDAYS)])
zones = st.sampled_from(ZONES)
schedules = st.one_of(
    st.builds(
        lambda zone, quiet: Schedule("instant", zone, wait=rhythm.WAIT, most=rhythm.MOST, quiet=quiet),
        zones,
        st.none() | quiets,
    ),
    st.builds(lambda zone: Schedule("hourly", zone), zones),
    st.builds(lambda zone, at, on: Schedule("at", zone, (at,), on), zones, times, days),
)
choices = st.builds(Choice, st.just("csto"), st.just("CSTO"), schedules, st.sampled_from(THRESHOLDS))


@given(schedules)
def test_a_rhythm_is_read_back_as_it_is_written(schedule: Schedule) -> None:
    urgent = schedule.quiet.urgent if schedule.quiet else "none"
    assert rhythm.parse(rhythm.show(schedule), schedule.timezone, rhythm.show_quiet(schedule), urgent) == schedule


@given(choices, choices)
def test_two_choices_share_a_digest_when_they_are_the_same_and_only_then(one: Choice, other: Choice) -> None:
    assert (rhythm.digest_id(one) == rhythm.digest_id(other)) == (one == other)
    assert rhythm.digest_id(one) == rhythm.digest_id(replace(one, title="Another title"))
    assert rhythm.is_readers(rhythm.digest_id(one))


def test_no_two_zones_look_alike_in_an_id() -> None:
    ids = [rhythm.digest_id(Choice("w", "W", Schedule("hourly", zone))) for zone in ZONES]
    assert len(set(ids)) == len(ids)


def test_an_id_says_what_the_digest_is() -> None:
    choice = Choice("csto", "CSTO", rhythm.parse("Daily  7:30", "Europe/Minsk"))
    assert rhythm.digest_id(choice) == "csto.daily-0730.europe-minsk"
    at_once = Choice("csto", "CSTO", rhythm.parse("instant", "Asia/Tokyo", "22:00-07:00", "title"), "lead")
    assert rhythm.digest_id(at_once) == "csto.instant.asia-tokyo.quiet-2200-0700-title.lead"


@pytest.mark.parametrize(
    ("text", "zone", "quiet"),
    [
        ("", "UTC", ""),
        ("sometimes", "UTC", ""),
        ("daily", "UTC", ""),
        ("daily 24:00", "UTC", ""),
        ("weekly 07:30", "UTC", ""),
        ("weekly xyz 07:30", "UTC", ""),
        ("daily 07:30", "Minsk", ""),
        ("daily 07:30", "../etc/passwd", ""),
        ("daily 07:30", "UTC\0", ""),
        ("daily 07:30", "Europe" + "/Minsk" * 4_000, ""),
        ("daily 07:30", "UTC", "22:00-07:00"),
        ("instant", "UTC", "late"),
        ("instant", "UTC", "22:00-22:00"),
        ("instant", "UTC", "25:00-07:00"),
    ],
)
def test_what_is_no_rhythm_is_refused_in_words(text: str, zone: str, quiet: str) -> None:
    with pytest.raises(UsageError):
        rhythm.parse(text, zone, quiet)


@pytest.mark.parametrize(
    ("asked", "limit"),
    [
        (Asked(), ""),
        (Asked(month=2, network=4, domain=29, all=59), ""),
        (Asked(day=1, month=1), "address, a day"),
        (Asked(month=3), "address, a month"),
        (Asked(network=5), "network"),
        (Asked(domain=30), "domain"),
        (Asked(all=60), "everybody"),
    ],
)
def test_each_limit_keeps_the_next_letter_back(asked: Asked, limit: str) -> None:
    assert limits.refusal(asked) == limit


@pytest.mark.parametrize(
    ("written", "counted"),
    [
        ("Anna@Example.org", "anna@example.org"),
        ("anna+news+more@example.org", "anna@example.org"),
        ("a.n.n.a+x@googlemail.com", "anna@gmail.com"),
        ("a.nna@example.org", "a.nna@example.org"),
        ("+x@example.org", "+x@example.org"),
    ],
)
def test_spellings_of_one_mailbox_are_counted_as_one(written: str, counted: str) -> None:
    assert addresses.normal(written) == counted


def test_offices_are_no_readers() -> None:
    assert addresses.is_role("Abuse+1@example.org")
    assert addresses.is_role("postmaster@example.org")
    assert not addresses.is_role("anna@example.org")


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:0:1ff::5", "2001:db8:0:100::/56"),
        ("fe80::1%eth0", "fe80::/56"),
        ("testclient", ""),
        ("", ""),
    ],
)
def test_a_network_names_nobody(host: str, network: str) -> None:
    assert addresses.network(host) == network


def test_a_form_is_taken_neither_at_once_nor_the_day_after() -> None:
    shown = forms.stamp(SECRET, NOW)
    ages = {0: False, 1: False, 2: True, 3_600: True, 4 * 3_600: True, 4 * 3_600 + 1: False, -60: False}
    assert {age: forms.is_fresh(SECRET, shown, NOW + timedelta(seconds=age)) for age in ages} == ages


@pytest.mark.parametrize(
    "text", ["", ".", "1675339200", "1675339200.", "x.y", "１.a", "9" * 40 + ".a", "-1.a", "1675339200.é"]
)
def test_a_form_that_we_did_not_show_is_not_taken(text: str) -> None:
    assert not forms.is_fresh(SECRET, text, NOW)
    assert not forms.is_fresh(SECRET, forms.stamp(b"x" * 32, NOW), NOW + timedelta(minutes=1))
