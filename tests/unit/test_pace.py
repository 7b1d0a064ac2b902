"""pace: how often a feed that answers is polled, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from aggregator.feeds import pace, politeness
from aggregator.feeds.pace import Brought
from aggregator.model import (
    Feed,
    FeedSpec,
    FetchFailure,
    FetchRequest,
    FetchResponse,
    Hints,
    NewEntry,
    ParsedEntry,
    PollState,
    RevisedEntry,
    SameEntry,
)

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
"""A Tuesday."""
URL = "https://example.org/feed"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NIGHT = Hints(skip_hours=frozenset({22, 23, 0, 1, 2, 3, 4, 5}))


def feed(interval: timedelta = HOUR, *, listens: bool = True, **poll: Any) -> Feed:
    usual: dict[str, Any] = {"state": "ok", "etag": '"1"', "news_at": NOW - HOUR, "looked_at": NOW - HOUR}
    usual["last_ok_at"] = usual["news_at"]
    spec = FeedSpec("a", URL, interval=interval, hints=listens)
    return Feed(spec, PollState(NOW, **(usual | poll)))


def answer(status: int = 200, *, asked: str = "", **headers: str) -> FetchResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return FetchResponse(FetchRequest("a", URL, asked), status, URL, named, b"<rss/>", (), NOW, 0.1)


def read(of: Feed, what: Brought | None = None, response: FetchResponse | None = None, **more: Any) -> PollState:
    got = response or answer(etag='"2"')
    told: dict[str, Any] = {"body_hash": "h", "malformed": "", "title": "T", "language": "", "brought": what}
    return politeness.succeeded(of, got, more.pop("now", NOW), **told, **more)


def same(of: Feed, *, now: datetime = NOW, **headers: str) -> PollState:
    return politeness.not_modified(of, answer(304, asked='"1"', **headers), now)


def wait(state: PollState) -> timedelta:
    return state.next_poll_at - NOW


def news(*, items: int = 30, gap: timedelta = HOUR, hints: Hints = pace.NO_HINTS) -> Brought:
    """News of a feed of this rhythm: as many entries as come in it since the last news, an hour ago (see `feed`)."""
    return Brought(hints, items, (NOW,) * max(1, round(HOUR / gap)))


# -- what the publisher asks for ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hints", "expected", "why"),
    [
        (Hints(), HOUR, "every 1 h, the interval of feeds.yaml"),
        (Hints(ttl=2 * HOUR), 2 * HOUR, "the feed asks for 2 h (ttl)"),
        (Hints(ttl=30 * MINUTE), HOUR, "every 1 h, the interval of feeds.yaml"),
        (Hints(ttl=30 * DAY), DAY, "the feed asks for 24 h (ttl)"),
        (Hints(update=3 * HOUR), 3 * HOUR, "the feed asks for 3 h (sy:updatePeriod)"),
        (Hints(ttl=2 * HOUR, update=90 * MINUTE), 2 * HOUR, "the feed asks for 2 h (ttl)"),
        (Hints(update=timedelta(days=365)), DAY, "the feed asks for 24 h (sy:updatePeriod)"),
    ],
)
def test_what_a_document_asks_for_is_a_lower_bound_of_a_day_at_most(
    hints: Hints, expected: timedelta, why: str
) -> None:
    after = read(feed(), news(hints=hints))
    assert (wait(after), after.next_poll_reason, after.hints) == (expected, why, hints)
    later = same(Feed(feed().spec, after))
    assert (wait(later), later.next_poll_reason) == (expected, why), "a 304 and the same bytes do not forget it"
    assert wait(politeness.unchanged(Feed(feed().spec, after), answer(), NOW)) == expected


def test_the_reason_names_the_header_that_asks_for_most() -> None:
    hinted = feed(hints=Hints(ttl=2 * HOUR))
    assert same(hinted, cache_control="max-age=21600").next_poll_reason == "the server's Cache-Control: 6 h"
    assert same(hinted, expires="Tue, 24 Nov 2026 12:30:00 GMT").next_poll_reason == "the server's Expires: 3 h"
    assert same(hinted, cache_control="max-age=60").next_poll_reason == "the feed asks for 2 h (ttl)"
    floor = politeness.Rules(floor=3 * HOUR)
    assert read(feed(), rules=floor).next_poll_reason == "no feed is polled more often than every 3 h (polling.floor)"


def test_hints_may_be_switched_off_but_not_retry_after() -> None:
    deaf = feed(listens=False, hints=Hints(ttl=2 * HOUR, skip_days=frozenset(range(6))))
    assert wait(same(deaf, cache_control="max-age=86400")) == HOUR
    assert wait(read(deaf, news(hints=deaf.poll.hints))) == HOUR
    refusal = answer(503, retry_after="7200")
    after = politeness.failed(deaf, refusal, "http_5xx", "no", NOW)
    assert (wait(after), after.held_until) == (2 * HOUR, NOW + 2 * HOUR)


def test_a_failing_feed_is_not_polled_sooner_than_its_document_asked_for() -> None:
    failing = feed(hints=Hints(ttl=3 * HOUR))
    after = politeness.failed(failing, answer(500), "http_5xx", "no", NOW)
    assert (wait(after), after.next_poll_reason) == (3 * HOUR, "the feed asks for 3 h (ttl)")
    tired = replace(failing, poll=replace(failing.poll, failures=3))
    after = politeness.failed(tired, answer(500), "http_5xx", "no", NOW)
    assert (wait(after), after.next_poll_reason) == (8 * HOUR, "failed 4 times in a row")


@pytest.mark.parametrize(
    ("hints", "now", "expected"),
    [
        (Hints(skip_hours=frozenset({10})), NOW, NOW.replace(hour=11, minute=0)),
        (Hints(skip_hours=frozenset({11})), NOW, NOW + HOUR),
        (NIGHT, NOW.replace(hour=21), NOW.replace(hour=6, minute=0) + DAY),
        (NIGHT, NOW.replace(hour=20, minute=59), NOW.replace(hour=21, minute=59)),
        (Hints(skip_days=frozenset({1})), NOW, NOW.replace(hour=0, minute=0) + DAY),
        (Hints(skip_days=frozenset({5, 6})), NOW + 3 * DAY, NOW + 3 * DAY + HOUR),
        (Hints(skip_days=frozenset({5})), NOW.replace(hour=23) + 3 * DAY, NOW.replace(hour=23) + 4 * DAY),
        (Hints(skip_days=frozenset(range(6))), NOW, NOW + DAY),
        (Hints(skip_hours=frozenset(range(23)), skip_days=frozenset({1})), NOW, NOW + DAY),
    ],
)
def test_hours_and_days_of_rest_are_slept_through_but_a_day_at_most(
    hints: Hints, now: datetime, expected: datetime
) -> None:
    resting = feed(hints=hints, news_at=now - HOUR)
    after = politeness.not_modified(resting, answer(304), now)
    assert after.next_poll_at == expected
    assert ("rests then" in after.next_poll_reason) == (expected > now + HOUR)


def test_those_who_wait_for_the_same_morning_do_not_come_at_once() -> None:
    night = feed(hints=NIGHT)
    at = [
        politeness.not_modified(night, answer(304), NOW.replace(hour=22), jitter=j / 10).next_poll_at for j in range(10)
    ]
    assert len(set(at)) == 10
    assert min(at) == NOW.replace(hour=6, minute=0) + DAY
    assert max(at) < min(at) + 6 * MINUTE


# -- the feed's own rhythm ---------------------------------------------------------------------------------------------


def test_the_first_document_tells_its_rhythm_by_its_dates() -> None:
    first = PollState(NOW)

    def dated(*times: datetime) -> timedelta | None:
        return pace.rhythm(first, times, NOW)

    hourly = [NOW - i * HOUR for i in range(20)]
    assert dated(*hourly) == HOUR
    assert dated(*hourly, *(NOW - i * DAY for i in range(100, 120))) == HOUR, "old ones do not count"
    assert dated(NOW - 900 * DAY, *hourly[:6]) == HOUR, "nor does one that stays on top for years"
    assert dated(NOW, NOW, NOW, NOW - HOUR) is None, "what came at one moment is one"
    assert dated() is None


def test_later_the_rhythm_is_what_we_see_whatever_the_dates_say() -> None:
    def seen(known: timedelta | None, count: int, since: timedelta) -> timedelta | None:
        before = PollState(NOW, news_at=NOW - since, last_ok_at=NOW - HOUR, rhythm=known)
        return pace.rhythm(before, [NOW - 900 * DAY] * count, NOW)

    assert seen(HOUR, 0, DAY) == HOUR
    assert seen(None, 1, DAY) == DAY
    assert seen(HOUR, 1, 21 * HOUR) == 2 * HOUR, "one of the last twenty"
    assert seen(HOUR, 20, 20 * DAY) == DAY
    assert seen(HOUR, 40, 20 * DAY) == DAY / 2
    assert seen(HOUR, 3, timedelta(0)) == HOUR
    bursts = PollState(NOW, news_at=NOW, last_ok_at=NOW)
    for day in range(1, 9):
        rhythm = pace.rhythm(bursts, [NOW] * 24, NOW + day * DAY)
        bursts = replace(bursts, rhythm=rhythm, news_at=NOW + day * DAY)
    assert bursts.rhythm == HOUR


def test_what_a_document_brings_is_told_by_its_changes() -> None:
    entries = [ParsedEntry(str(i), "", str(i), published_at=NOW - i * HOUR) for i in range(3)]
    none = pace.brought(Hints(ttl=HOUR), 7, [SameEntry(1, ())], NOW)
    assert (none.news, none.items, none.hints, none.fresh) == (False, 7, Hints(ttl=HOUR), [])
    revised = pace.brought(Hints(), 7, [RevisedEntry(1, 2, entries[0], (), "")], NOW)
    assert (revised.news, revised.revised, revised.fresh) == (True, True, [])
    fresh = pace.brought(Hints(), 7, [NewEntry(e, (), "") for e in entries], NOW)
    assert (fresh.news, fresh.revised, fresh.fresh) == (True, False, [e.published_at for e in entries])


def test_news_begins_the_silence_anew_and_teaches_the_rhythm() -> None:
    after = read(feed(quiet_polls=9, news_at=NOW - DAY), Brought(items=10, fresh=[NOW] * 12))
    assert (after.news_at, after.quiet_polls, after.looked_at) == (NOW, 0, NOW)
    assert (after.rhythm, after.window) == (2 * HOUR, 20 * HOUR)
    nothing = read(Feed(feed().spec, after), Brought(items=10), now=NOW + HOUR)
    assert (nothing.news_at, nothing.quiet_polls, nothing.rhythm) == (NOW, 1, 2 * HOUR)
    assert (nothing.looked_at, same(Feed(feed().spec, nothing)).quiet_polls) == (NOW + HOUR, 2)


def test_a_first_document_without_entries_begins_the_silence() -> None:
    assert read(feed(state="new", news_at=None, looked_at=None), Brought()).news_at == NOW


@pytest.mark.parametrize(
    ("items", "gap", "interval", "expected"),
    [
        (30, HOUR, HOUR, HOUR),
        (10, 12 * MINUTE, HOUR, HOUR),
        (10, 6 * MINUTE, HOUR, 30 * MINUTE),
        (10, 4 * MINUTE, HOUR, 20 * MINUTE),
        (10, MINUTE, HOUR, 15 * MINUTE),
        (10, MINUTE, 10 * MINUTE, 5 * MINUTE),
        (10, MINUTE, 5 * MINUTE, 5 * MINUTE),
        (10, 30 * MINUTE, 4 * HOUR, 2.5 * HOUR),
    ],
)
def test_a_document_that_turns_over_between_two_polls_is_polled_more_often(
    items: int, gap: timedelta, interval: timedelta, expected: timedelta
) -> None:
    after = read(feed(interval), news(items=items, gap=gap))
    assert wait(after) == expected
    if expected < interval:
        assert after.next_poll_reason == (
            f"its entries are replaced within {pace.spell(items * gap)}: every {pace.spell(expected)} "
            f"instead of {pace.spell(interval)}"
        )
    assert wait(read(feed(interval), news(items=items, gap=gap, hints=Hints(ttl=interval)))) >= interval
    assert wait(read(feed(interval), news(items=items, gap=gap), answer(cache_control="max-age=86400"))) == DAY


def test_a_burst_that_is_over_is_over() -> None:
    state = read(feed(), news(items=10, gap=MINUTE))
    waits = []
    for _ in range(6):
        state = same(Feed(feed().spec, state))
        waits.append(wait(state))
    assert waits == [15 * MINUTE] * 3 + [HOUR] * 3


@pytest.mark.parametrize(
    ("rhythm", "quiet", "expected"),
    [
        (3 * DAY, 7, HOUR),
        (3 * DAY, 8, 2 * HOUR),
        (3 * DAY, 12, 2.5 * HOUR),
        (3 * DAY, 16, 3 * HOUR),
        (3 * DAY, 100, 4 * HOUR),
        (DAY, 100, 3 * HOUR),
        (8 * HOUR, 100, HOUR),
        (HOUR, 100, HOUR),
        (7 * DAY, 100, 13.5 * HOUR),
        (7 * DAY, 1000, 21 * HOUR),
        (60 * DAY, 1000, DAY),
    ],
)
def test_a_slow_feed_that_is_quiet_is_polled_less_often(rhythm: timedelta, quiet: int, expected: timedelta) -> None:
    known = feed(rhythm=rhythm, quiet_polls=quiet - 1, news_at=NOW - HOUR)
    after = same(known)
    assert wait(after) == expected
    if expected > HOUR:
        assert after.next_poll_reason == f"quiet for {quiet} polls, usually one entry in {pace.spell(rhythm)}"
    assert wait(same(feed(30 * MINUTE, rhythm=rhythm, quiet_polls=quiet))) == 30 * MINUTE, "somebody decided that"
    assert wait(same(feed(2 * DAY, rhythm=rhythm, quiet_polls=quiet))) == 2 * DAY


def test_a_feed_that_has_fallen_asleep_counts_as_slow() -> None:
    asleep = feed(rhythm=HOUR, quiet_polls=2000, news_at=NOW - 80 * DAY)
    assert wait(same(asleep)) == DAY
    assert wait(same(feed(rhythm=HOUR, quiet_polls=200, news_at=NOW - 16 * DAY))) == 4 * HOUR
    silent = feed(quiet_polls=2000, news_at=NOW - 80 * DAY)
    assert same(silent).next_poll_reason == "quiet for 2001 polls, few entries so far"


def test_without_validators_and_news_each_poll_costs_a_document_so_one_a_day_must_do() -> None:
    costly = feed(etag="", rhythm=HOUR, quiet_polls=22)
    assert wait(politeness.unchanged(costly, answer(), NOW)) == HOUR
    costly = feed(etag="", rhythm=HOUR, quiet_polls=23)
    after = politeness.unchanged(costly, answer(), NOW)
    assert wait(after) == DAY
    assert after.next_poll_reason == "the server sends no validators and nothing was new in 24 polls: once a day"
    assert wait(politeness.unchanged(costly, answer(last_modified="then"), NOW)) == HOUR
    assert wait(read(costly, news())) == HOUR, "news ends it"
    assert wait(politeness.unchanged(feed(59 * MINUTE, etag="", quiet_polls=99), answer(), NOW)) == 59 * MINUTE
    assert wait(politeness.unchanged(feed(3 * DAY, etag="", quiet_polls=99), answer(), NOW)) == 3 * DAY


# -- frozen validators -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rhythm", "silence", "looked", "expected"),
    [
        (HOUR, 23 * HOUR, 23 * HOUR, False),
        (HOUR, DAY, DAY, True),
        (HOUR, DAY, 23 * HOUR, False),
        (None, DAY, DAY, True),
        (12 * HOUR, 35 * HOUR, 35 * HOUR, False),
        (12 * HOUR, 36 * HOUR, 36 * HOUR, True),
        (12 * HOUR, 40 * HOUR, 4 * HOUR, False),
        (HOUR, 64 * DAY, 7 * DAY, False),
        (HOUR, 64 * DAY, 8 * DAY, True),
    ],
)
def test_a_silence_against_its_rhythm_is_looked_into_once_a_day(
    rhythm: timedelta | None, silence: timedelta, looked: timedelta, expected: bool
) -> None:
    times: dict[str, Any] = {"news_at": NOW - silence, "looked_at": NOW - looked}
    quiet = feed(rhythm=rhythm, last_modified="then", quiet_polls=2, **times)
    assert not pace.wants_look(feed(rhythm=rhythm, quiet_polls=1, **times), NOW), "we were not there to hear"
    assert not pace.wants_look(feed(rhythm=rhythm, quiet_polls=2, failures=1, **times), NOW)
    assert pace.wants_look(quiet, NOW) is expected
    request = politeness.request(quiet, NOW)
    assert (request.etag, request.last_modified) == (("", "") if expected else ('"1"', "then"))
    assert (request.ref, request.url) == ("a", URL)


def test_without_validators_or_before_the_first_document_there_is_nothing_to_look_behind() -> None:
    assert not pace.wants_look(feed(etag="", quiet_polls=9, news_at=NOW - 9 * DAY, looked_at=NOW - 9 * DAY), NOW)
    assert not pace.wants_look(feed(quiet_polls=9, news_at=NOW - 9 * DAY, looked_at=None), NOW)
    assert not pace.wants_look(feed(quiet_polls=9, news_at=None, looked_at=NOW - 9 * DAY), NOW)


def looked(of: Feed, response: FetchResponse, *fresh: datetime) -> PollState:
    return read(of, Brought(items=3, fresh=fresh or (NOW,)), response)


def test_news_behind_the_same_validators_are_the_proof() -> None:
    known = feed(last_poll_at=NOW - HOUR, http_status=304)
    after = looked(known, answer(etag='"1"'))
    assert (after.frozen_at, after.quiet_polls) == (NOW, 0)
    assert looked(known, answer(etag='"2"')).frozen_at is None, "it may have changed just now"
    assert looked(known, answer(etag='"2"'), NOW - 2 * HOUR).frozen_at is None, "and have been dated back a little"
    assert looked(known, answer(etag='"2"'), NOW - 3 * HOUR).frozen_at == NOW, "older than the last 304"
    dated = feed(etag="", last_modified="then")
    assert looked(dated, answer(last_modified="then")).frozen_at == NOW
    assert looked(dated, answer(last_modified="now")).frozen_at is None


def test_a_look_that_finds_nothing_new_costs_nothing_and_proves_nothing() -> None:
    known = feed(quiet_polls=30, body_hash="h")
    after = politeness.unchanged(known, answer(etag='"1"'), NOW)
    assert (after.frozen_at, after.quiet_polls, after.looked_at, after.news_at) == (None, 31, NOW, NOW - HOUR)
    assert read(known, Brought(items=3), answer(etag='"1"')).frozen_at is None, "only lastBuildDate has changed"


def test_validators_once_caught_are_looked_behind_daily_until_they_tell_of_news_again() -> None:
    caught = feed(frozen_at=NOW - 9 * DAY, news_at=NOW - HOUR, looked_at=NOW - 23 * HOUR)
    assert not pace.wants_look(caught, NOW)
    assert pace.wants_look(caught, NOW + HOUR)
    assert looked(caught, answer(etag='"1"')).frozen_at == NOW - 9 * DAY
    assert looked(caught, answer(etag='"3"', asked='"1"')).frozen_at is None


def test_a_look_that_fails_is_over_for_the_day() -> None:
    quiet = feed(news_at=NOW - 9 * DAY, looked_at=NOW - 9 * DAY)
    look = FetchRequest("a", URL)
    after = politeness.failed(quiet, answer(500), "http_5xx", "no", NOW)
    assert (after.looked_at, after.etag) == (NOW, '"1"')
    after = politeness.failed(quiet, FetchFailure(look, "timeout", "late", NOW), "timeout", "late", NOW)
    assert (after.looked_at, after.etag) == (NOW, '"1"')
    asked = replace(look, etag='"1"')
    after = politeness.failed(quiet, FetchFailure(asked, "timeout", "late", NOW), "timeout", "late", NOW)
    assert after.looked_at == NOW - 9 * DAY
    after = politeness.failed(quiet, FetchFailure(look, "bad_http", "304", NOW), "bad_http", "304", NOW)
    assert (after.looked_at, after.etag) == (NOW, ""), "a 304 to no condition: its validators are worth nothing"


# -- words -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (timedelta(0), "0 s"),
        (timedelta(seconds=45), "45 s"),
        (20 * MINUTE, "20 min"),
        (timedelta(seconds=3599), "1 h"),
        (90 * MINUTE, "1 h 30 min"),
        (6 * HOUR, "6 h"),
        (DAY, "24 h"),
        (2 * DAY, "2 days"),
        (7 * DAY, "7 days"),
    ],
)
def test_times_are_said_as_people_say_them(time: timedelta, words: str) -> None:
    assert pace.spell(time) == words


# -- for every feed there is -------------------------------------------------------------------------------------------

SPANS = st.timedeltas(timedelta(0), timedelta(days=400))
HINTS = st.builds(
    Hints,
    st.none() | SPANS,
    st.none() | SPANS,
    st.frozensets(st.integers(0, 23), max_size=23),
    st.frozensets(st.integers(0, 6), max_size=6),
)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the zone is given
AGES = SPANS.map(lambda span: NOW - span)
STATES = st.fixed_dictionaries(
    {
        "hints": HINTS,
        "rhythm": st.none() | SPANS,
        "window": st.none() | SPANS,
        "quiet_polls": st.integers(0, 10**6),
        "news_at": st.none() | AGES,
        "looked_at": st.none() | AGES,
        "frozen_at": st.none() | AGES,
        "etag": st.sampled_from(["", '"1"']),
        "failures": st.integers(0, 100),
    }
)
BROUGHT = st.none() | st.builds(Brought, HINTS, st.integers(0, 10**5), st.lists(AGES, max_size=5), st.booleans())
JITTER = st.floats(0, 1, exclude_max=True)


@given(interval=SPANS, state=STATES, what=BROUGHT, age=st.integers(0, 10**7), status=st.sampled_from([200, 304, 500, 503]),
       wait_for=st.integers(0, 10**7), jitter=JITTER, listens=st.booleans())  # fmt: skip
def test_no_poll_comes_before_any_of_its_bounds_and_each_says_why(
    *, interval: timedelta, state: dict[str, Any], what: Brought | None, age: int, status: int, wait_for: int,
    jitter: float, listens: bool,
) -> None:  # fmt: skip
    known = feed(interval, listens=listens, **state)
    got = answer(status, cache_control=f"max-age={age}", retry_after=str(wait_for))
    if status == 200:
        after = read(known, what, got, jitter=jitter)
    elif status == 304:
        after = politeness.not_modified(known, got, NOW, jitter=jitter)
    else:
        after = politeness.failed(known, got, "http_5xx", "no", NOW, jitter=jitter)
    bounds = [5 * MINUTE]
    if listens and status < 500:
        bounds.append(timedelta(seconds=age))
    if listens:
        bounds += [min(h, DAY) for h in (after.hints.ttl, after.hints.update) if h is not None]
    if status >= 500:
        bounds += [timedelta(seconds=wait_for), interval]
    else:
        bounds.append(interval / 4)
    assert wait(after) >= min(max(bounds), 7 * DAY)
    assert wait(after) <= 7 * DAY * 1.1 + DAY
    assert after.next_poll_reason.strip()
    gmt = after.next_poll_at
    rests = gmt.hour in after.hints.skip_hours or gmt.weekday() in after.hints.skip_days
    assert not listens or not rests or wait(after) >= DAY


@given(interval=SPANS, state=STATES, one=JITTER, other=JITTER, now=MOMENTS, failing=st.booleans())
def test_more_jitter_never_makes_a_poll_earlier(
    *, interval: timedelta, state: dict[str, Any], one: float, other: float, now: datetime, failing: bool
) -> None:
    assume(one < other)
    known = feed(interval, **state)
    times = [
        politeness.failed(known, answer(500), "http_5xx", "no", now, jitter=j).next_poll_at
        if failing
        else politeness.not_modified(known, answer(304), now, jitter=j).next_poll_at
        for j in (0.0, one, other)
    ]
    assert times == sorted(times)


@given(hints=HINTS, now=MOMENTS, ahead=SPANS)
def test_rest_ends_within_a_day_and_never_begins_before_its_time(hints: Hints, now: datetime, ahead: timedelta) -> None:
    moment = now + ahead
    at = pace.awake(moment, hints, now)
    assert moment <= at <= max(moment, now + DAY)
    assert pace.awake(at, hints, now) == at


@given(state=STATES, now=MOMENTS)
def test_looks_are_a_day_apart(state: dict[str, Any], now: datetime) -> None:
    known = feed(**state)
    if pace.wants_look(known, now):
        assert known.poll.looked_at is not None
        assert now - known.poll.looked_at >= DAY
