"""politeness: what one poll makes of a feed's PollState, and when the next one is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.errors import FetchErrorClass
from aggregator.feeds import politeness
from aggregator.feeds.politeness import Rules
from aggregator.model import Feed, FeedSpec, FeedState, FetchFailure, FetchRequest, FetchResponse, PollState, Redirect

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
URL = "https://example.org/feed"
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
DATE = ("date", "Tue, 24 Nov 2026 09:30:00 GMT")


def feed(interval: timedelta = HOUR, **poll: Any) -> Feed:
    return Feed(FeedSpec("a", URL, interval=interval), replace(PollState(NOW, state="ok", etag='"1"'), **poll))


def answer(status: int = 200, *headers: tuple[str, str], body: bytes = b"<rss/>", moved: bool = False) -> FetchResponse:
    hops = (Redirect(301, URL + "/"),) if moved else ()
    return FetchResponse(FetchRequest("a", URL), status, URL, dict(headers), body, hops, NOW, 0.1)


def succeed(of: Feed, response: FetchResponse, **more: float) -> PollState:
    return politeness.succeeded(of, response, NOW, body_hash="h", malformed="", title="T", language="ru", **more)  # type: ignore[arg-type]


def fail(of: Feed, response: FetchResponse) -> PollState:
    refused = politeness.classify(response)
    assert refused is not None
    return politeness.failed(of, response, *refused, NOW)


def broken(of: Feed, error_class: FetchErrorClass = "timeout") -> PollState:
    return politeness.failed(
        of, FetchFailure(FetchRequest("a", URL), error_class, "late", NOW), error_class, "late", NOW
    )


def wait(state: PollState) -> timedelta:
    return state.next_poll_at - NOW


# -- success -----------------------------------------------------------------------------------------------------------


def test_a_success_clears_every_trace_of_failure() -> None:
    before = feed(
        state="failing",
        failures=4,
        failing_since=NOW - DAY,
        error_class="dns",
        error="x",
        held_until=NOW,
        http_status=0,
    )
    after = succeed(before, answer(200))
    assert (after.state, after.failures, after.failing_since, after.error_class, after.error) == ("ok", 0, None, "", "")
    assert (after.held_until, after.last_poll_at, after.last_ok_at, after.http_status) == (None, NOW, NOW, 200)
    assert (after.body_hash, after.malformed, after.title, after.language) == ("h", "", "T", "ru")


@pytest.mark.parametrize(
    ("headers", "etag", "modified"),
    [
        ([("etag", 'W/"2"'), ("last-modified", "then")], 'W/"2"', "then"),
        ([("etag", '"2"')], '"2"', ""),
        ([("last-modified", "then")], "", "then"),
        ([], "", ""),
    ],
)
def test_each_200_replaces_both_validators(headers: list[tuple[str, str]], etag: str, modified: str) -> None:
    after = succeed(feed(etag='"1"', last_modified="once"), answer(200, *headers))
    assert (after.etag, after.last_modified) == (etag, modified)


def test_validators_of_another_url_are_not_kept() -> None:
    after = succeed(feed(), answer(200, ("etag", '"2"'), ("last-modified", "then"), moved=True))
    assert (after.etag, after.last_modified) == ("", "")


def test_a_304_keeps_what_it_does_not_replace() -> None:
    before = feed(
        last_modified="then", body_hash="h", malformed="m", title="T", language="be", failures=2, state="failing"
    )
    after = politeness.not_modified(before, answer(304, ("etag", '"2"'), body=b""), NOW)
    assert (after.etag, after.last_modified, after.body_hash) == ('"2"', "then", "h")
    assert (after.malformed, after.title, after.language) == ("m", "T", "be")
    assert (after.state, after.failures, after.http_status, after.last_ok_at) == ("ok", 0, 304, NOW)
    assert politeness.not_modified(before, answer(304, body=b""), NOW).etag == '"1"'


def test_a_304_from_another_url_gives_no_validators_either() -> None:
    before = feed(last_modified="then")
    elsewhere = replace(answer(304, ("etag", '"2"'), ("last-modified", "now"), body=b"", moved=True), url=URL + "/")
    after = politeness.not_modified(before, elsewhere, NOW)
    assert (after.etag, after.last_modified) == ('"1"', "then")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], HOUR),
        ([("cache-control", "max-age=60")], HOUR),
        ([("cache-control", "public, max-age=7200")], 2 * HOUR),
        ([("cache-control", 'Max-Age="7200"')], 2 * HOUR),
        ([("cache-control", "max-age=7200"), ("age", "1800")], 1.5 * HOUR),
        ([("cache-control", "max-age=7200"), ("age", "90000")], HOUR),
        ([("cache-control", "max-age=7200"), ("age", "-5")], 2 * HOUR),
        ([("cache-control", "s-maxage=7200")], HOUR),
        ([("cache-control", "max-age=7200, no-cache")], HOUR),
        ([("cache-control", "no-store, max-age=7200")], HOUR),
        ([("cache-control", "max-age=soon")], HOUR),
        ([("cache-control", "max-age=31536000, immutable")], 7 * DAY),
        ([("cache-control", "max-age=" + "9" * 5000)], 7 * DAY),
        ([("cache-control", "max-age=00000000000007200")], 2 * HOUR),
        ([DATE, ("expires", "Tue, 24 Nov 2026 12:30:00 GMT")], 3 * HOUR),
        ([("expires", "Tue, 24 Nov 2026 12:30:00 GMT")], 3 * HOUR),
        ([("date", "Tue, 24 Nov 2026 11:30:00 GMT"), ("expires", "Tue, 24 Nov 2026 13:30:00 GMT")], 2 * HOUR),
        ([("expires", "Tue, 24 Nov 2026 12:30:00 GMT"), ("cache-control", "max-age=0")], HOUR),
        ([("expires", "0")], HOUR),
        ([("expires", "-1")], HOUR),
        ([("expires", "Thu, 01 Jan 1970 00:00:00 GMT")], HOUR),
        ([("expires", "Fri, 31 Dec 9999 23:59:59 GMT")], 7 * DAY),
    ],
)
def test_freshness_is_a_lower_bound(headers: list[tuple[str, str]], expected: timedelta) -> None:
    assert wait(succeed(feed(), answer(200, *headers))) == expected
    assert wait(politeness.not_modified(feed(), answer(304, *headers, body=b""), NOW)) == expected


def test_the_floor_holds_whatever_the_operator_says() -> None:
    assert wait(succeed(feed(MINUTE), answer(200))) == 5 * MINUTE
    assert wait(broken(feed(MINUTE))) == 5 * MINUTE
    rules = Rules(floor=2 * HOUR)
    assert wait(politeness.not_modified(feed(), answer(304), NOW, rules=rules)) == 2 * HOUR


def test_jitter_only_lengthens() -> None:
    assert wait(succeed(feed(), answer(200), jitter=0.5)) == 1.05 * HOUR
    assert HOUR < wait(succeed(feed(), answer(200), jitter=0.999)) < 1.1 * HOUR


# -- failure -----------------------------------------------------------------------------------------------------------


def test_failures_double_the_pause_up_to_a_day_and_keep_the_validators() -> None:
    state, waits = feed(last_modified="then", body_hash="h"), []
    for _ in range(8):
        after = broken(state)
        waits.append(wait(after) / HOUR)
        state = Feed(state.spec, after)
    assert waits == [1, 2, 4, 8, 16, 24, 24, 24]
    assert (state.poll.state, state.poll.failures, state.poll.failing_since) == ("failing", 8, NOW)
    assert (state.poll.etag, state.poll.last_modified, state.poll.body_hash) == ('"1"', "then", "h")
    assert (state.poll.error_class, state.poll.error, state.poll.http_status) == ("timeout", "late", 0)


def test_since_when_it_fails_stays_the_first_failure() -> None:
    assert broken(feed(failures=3, failing_since=NOW - DAY, state="failing")).failing_since == NOW - DAY


@pytest.mark.parametrize(
    ("status", "failures", "expected"),
    [
        (404, 20, 7 * DAY),
        (403, 20, 7 * DAY),
        (404, 0, HOUR),
        (500, 20, DAY),
        (401, 20, DAY),
        (500, 28, DAY),
        (500, 29, 7 * DAY),
        (500, 10_000_000, 7 * DAY),
        (429, 0, 2 * HOUR),
        (503, 0, 2 * HOUR),
        (503, 20, DAY),
    ],
)
def test_each_status_has_its_cap(status: int, failures: int, expected: timedelta) -> None:
    assert wait(fail(feed(failures=failures, state="failing"), answer(status))) == expected


def test_a_pause_is_never_shorter_than_the_interval() -> None:
    assert wait(fail(feed(3 * DAY), answer(500))) == 3 * DAY
    assert wait(fail(feed(5 * MINUTE), answer(429))) == HOUR


@pytest.mark.parametrize("status", [429, 503, 403, 500])
@pytest.mark.parametrize(
    ("value", "held"),
    [
        ("7200", 2 * HOUR),
        (" 7200 ", 2 * HOUR),
        ("Tue, 24 Nov 2026 11:30:00 GMT", 2 * HOUR),
        ("Tuesday, 24-Nov-26 11:30:00 GMT", 2 * HOUR),
        ("Tue Nov 24 11:30:00 2026", 2 * HOUR),
        ("864000", 7 * DAY),
        ("9" * 5000, 7 * DAY),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 7 * DAY),
        ("60", MINUTE),
        ("0", None),
        ("Mon, 01 Jan 2001 00:00:00 GMT", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("٣٠", None),
        ("Tue, 99 Nov 2026 11:30:00 GMT", None),
        ("", None),
    ],
)
def test_retry_after_is_obeyed_in_every_form(status: int, value: str, held: timedelta | None) -> None:
    after = fail(feed(), answer(status, DATE, ("retry-after", value)))
    assert after.held_until == (None if held is None else NOW + held)
    assert wait(after) >= max(held or HOUR, HOUR)


@pytest.mark.parametrize("status", [200, 304])
def test_retry_after_means_nothing_where_there_is_nothing_to_retry(status: int) -> None:
    later = answer(status, ("retry-after", "86400"))
    after = succeed(feed(), later) if status == 200 else politeness.not_modified(feed(), later, NOW)
    assert (wait(after), after.held_until) == (HOUR, None)


@pytest.mark.parametrize(
    ("failures", "response", "why"),
    [
        (0, answer(500), "failed once"),
        (3, answer(404), "failed 4 times in a row"),
        (0, answer(429), "the server refused (429), failed once"),
        (2, answer(503), "the server refused (503), failed 3 times in a row"),
        (0, answer(503, ("retry-after", "9000")), "the server asked to wait 2 h 30 min (Retry-After)"),
        (0, answer(500, ("retry-after", "60")), "failed once"),
        (0, answer(410), "gone (410): one look in 7 days"),
    ],
)
def test_each_failure_says_why_the_next_poll_is_when_it_is(failures: int, response: FetchResponse, why: str) -> None:
    assert fail(feed(failures=failures, state="failing"), response).next_poll_reason == why


def test_retry_after_is_relative_to_the_servers_own_clock() -> None:
    wrong = ("date", "Sat, 24 Nov 2001 09:30:00 GMT")
    after = fail(feed(), answer(503, wrong, ("retry-after", "Sat, 24 Nov 2001 14:30:00 GMT")))
    assert after.held_until == NOW + 5 * HOUR
    assert wait(after) == 5 * HOUR


def test_freshness_counts_for_a_429_too() -> None:
    assert wait(fail(feed(), answer(429, ("cache-control", "max-age=36000")))) == 10 * HOUR
    assert wait(fail(feed(), answer(500, ("cache-control", "max-age=36000")))) == HOUR


def test_a_feed_that_is_gone_gets_one_look_a_week_until_it_comes_back() -> None:
    gone = fail(feed(), answer(410))
    assert (gone.state, gone.error_class, gone.held_until, wait(gone)) == ("gone", "gone", NOW + 7 * DAY, 7 * DAY)
    still = broken(Feed(feed().spec, gone))
    assert (still.state, wait(still), still.failures) == ("gone", 7 * DAY, 2)
    assert succeed(Feed(feed().spec, still), answer(200)).state == "ok"


def test_a_new_feed_that_fails_is_failing_at_once() -> None:
    after = broken(feed(state="new"))
    assert (after.state, after.failures, after.error_class) == ("failing", 1, "timeout")
    assert fail(feed(state="new"), answer(410)).state == "gone"


def test_a_paused_feed_is_left_alone() -> None:
    paused = feed(state="paused")
    assert succeed(paused, answer(200)) == paused.poll
    assert politeness.not_modified(paused, answer(304), NOW) == paused.poll
    assert broken(paused) == paused.poll


def test_a_document_that_does_not_parse_is_a_failure_that_keeps_the_validators() -> None:
    after = politeness.failed(feed(), answer(200, ("etag", '"2"')), "parse_error", "no feed", NOW)
    assert (after.etag, after.http_status, after.state, wait(after)) == ('"1"', 200, "failing", HOUR)


# -- classes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b"<rss/>", None),
        (203, b"<rss/>", None),
        (304, b"", None),
        (200, b"", "empty"),
        (200, b" \r\n ", "empty"),
        (204, b"", "empty"),
        (205, b"", "empty"),
        (206, b"<rss", "bad_http"),
        (300, b"", "bad_http"),
        (400, b"", "http_4xx"),
        (401, b"", "auth"),
        (403, b"", "http_4xx"),
        (404, b"", "http_4xx"),
        (407, b"", "auth"),
        (410, b"", "gone"),
        (418, b"", "http_4xx"),
        (429, b"", "rate_limited"),
        (451, b"", "http_4xx"),
        (500, b"", "http_5xx"),
        (503, b"", "http_5xx"),
        (599, b"", "http_5xx"),
        (999, b"", "bad_http"),
    ],
)
def test_each_answer_has_its_class(status: int, body: bytes, expected: str | None) -> None:
    found = politeness.classify(answer(status, body=body))
    assert (found[0] if found else None) == expected


def test_the_message_says_what_the_server_said() -> None:
    found = ("http_4xx", "the server answered 404 Not Found: there is nothing at this address")
    assert politeness.classify(answer(404)) == found
    assert politeness.classify(answer(599)) == (
        "http_5xx",
        "the server answered 599: the server has a fault of its own",
    )


# -- for every answer there is ---------------------------------------------------------------------------------------


INTERVALS = st.timedeltas(timedelta(0), timedelta(days=4000))
TEXT = st.one_of(
    st.text(max_size=30),
    st.integers(-(10**12), 10**12).map(str),
    st.integers(-(10**12), 10**12).map("max-age={}".format),
    st.datetimes().map(lambda d: format_datetime(d.replace(tzinfo=UTC), usegmt=True)),
)
HEADERS = st.dictionaries(st.sampled_from(["cache-control", "age", "expires", "date", "retry-after", "etag"]), TEXT)


@given(
    interval=INTERVALS,
    state=st.sampled_from([s for s in get_args(FeedState) if s != "paused"]),
    failures=st.integers(0, 10**6),
    status=st.integers(100, 999),
    body=st.sampled_from([b"", b"<rss/>"]),
    headers=HEADERS,
    jitter=st.floats(0, 1, exclude_max=True),
)
def test_the_next_poll_is_never_within_five_minutes_nor_beyond_a_week(
    *,
    interval: timedelta,
    state: FeedState,
    failures: int,
    status: int,
    body: bytes,
    headers: dict[str, str],
    jitter: float,
) -> None:
    known = feed(interval, state=state, failures=failures)
    response = answer(status, *headers.items(), body=body)
    refused = politeness.classify(response)
    if status == 304:
        after = politeness.not_modified(known, response, NOW, jitter=jitter)
    elif refused is None:
        after = succeed(known, response, jitter=jitter)
    else:
        after = politeness.failed(known, response, *refused, NOW, jitter=jitter)
    assert 5 * MINUTE <= wait(after) <= 7 * DAY * 1.1
    assert wait(after) >= min(interval, 7 * DAY)
    assert after.held_until is None or NOW < after.held_until <= min(after.next_poll_at, NOW + 7 * DAY)


@given(interval=INTERVALS, failures=st.integers(0, 10**6), error_class=st.sampled_from(get_args(FetchErrorClass)))
def test_a_failure_without_an_answer_keeps_the_same_bounds(
    interval: timedelta, failures: int, error_class: FetchErrorClass
) -> None:
    after = broken(feed(interval, failures=failures, state="failing"), error_class)
    assert 5 * MINUTE <= wait(after) <= 7 * DAY
    assert after.failures == failures + 1
