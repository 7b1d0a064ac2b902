"""What a person reads of a feed: plain words for every way to fail, and when and why it is asked again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from aggregator import feedview
from aggregator.access import Access
from aggregator.cli import feedfields
from aggregator.errors import FetchErrorClass
from aggregator.model import Feed, FeedSpec, PollState

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
URL = "https://x.by/rss"
OK = PollState(NOW + HOUR, "ok", last_poll_at=NOW, last_ok_at=NOW, http_status=200)
BAD = replace(OK, state="failing", failures=1, failing_since=NOW - 6 * HOUR, error_class="http_5xx", error="it broke")


def feed(poll: PollState, **spec: object) -> Feed:
    return Feed(replace(FeedSpec("x", URL), **spec), poll, 3)  # type: ignore[arg-type]


def test_every_error_class_has_its_advice() -> None:
    assert set(feedview.ADVICE) == set(get_args(FetchErrorClass))
    for error_class in get_args(FetchErrorClass):
        advised = feedview.advice(feed(replace(BAD, error_class=error_class)))
        assert advised
        assert "{" not in advised
    assert feedview.advice(feed(OK)) == ""
    assert feedview.advice(feed(replace(BAD, state="paused"))) == ""


def test_some_advice_depends_on_what_was_answered() -> None:
    assert "let this program in" in feedview.advice(feed(replace(BAD, error_class="http_4xx", http_status=403)))
    page = replace(BAD, error_class="not_a_feed", error="an HTML page, not a feed; it offers https://x.by/feed")
    assert f"discover {URL}`" in feedview.advice(feed(page))
    assert "s3cret" not in feedview.advice(feed(page, url=URL + "?token=s3cret"))


@pytest.mark.parametrize(
    ("poll", "sentence"),
    [
        (PollState(NOW), "new: not asked yet, is due now"),
        (OK, "ok: last read 2026-11-26 09:00 UTC, next try 2026-11-26 10:00 UTC"),
        (
            BAD,
            "failing since 2026-11-26 03:00 UTC, once; next try 2026-11-26 10:00 UTC, after its usual interval",
        ),
        (
            replace(BAD, failures=4),
            (
                "failing since 2026-11-26 03:00 UTC, 4 times in a row; next try 2026-11-26 10:00 UTC, "
                "because each failure makes the pause longer"
            ),
        ),
        (
            replace(BAD, failures=4, held_until=NOW + HOUR),
            (
                "failing since 2026-11-26 03:00 UTC, 4 times in a row; next try 2026-11-26 10:00 UTC, "
                "because the server asks to wait until 2026-11-26 10:00 UTC"
            ),
        ),
        (replace(BAD, next_poll_at=NOW), "failing since 2026-11-26 03:00 UTC, once; is due now"),
        (
            replace(BAD, state="gone", error_class="gone"),
            (
                "gone since 2026-11-26 03:00 UTC: the server says it was taken away for good; it is looked at once a week, "
                "next try 2026-11-26 10:00 UTC"
            ),
        ),
        (replace(BAD, state="paused"), "paused by hand; `aggregator feeds resume x` starts it again"),
    ],
)
def test_a_state_is_a_sentence(poll: PollState, sentence: str) -> None:
    assert feedview.state(feed(poll), NOW) == sentence


def test_trouble_is_told_without_the_feed_s_own_address_and_long_ones_are_cut() -> None:
    long = "https://x.by/" + "a" * 200
    told = feedview.trouble(feed(replace(BAD, error=f"{URL}: a page; it offers {long}, {URL}")))
    assert told == f"a page; it offers {long[:47]}…, {URL}"
    assert feedview.trouble(feed(replace(OK, malformed="line 3"))) == "read, but not written correctly: line 3"
    assert feedview.trouble(feed(OK)) == ""


def test_what_is_shown_names_headers_and_hides_their_values() -> None:
    access = Access("desk", "hidden1", (("X-Key", "hidden2"),), "http://u:hidden3@proxy:1")
    rows = dict(feedview.rows(feed(OK, hints=False, url=URL + "?token=hidden4"), access, "https://x.by/", NOW))
    assert rows["signs in as"] == "desk, with a password"
    assert rows["headers"] == "X-Key (hidden)"
    assert rows["proxy"] == "http://***@proxy:1"
    assert rows["interval"] == "1h, whatever the publisher hints"
    assert rows["homepage"] == "https://x.by/"
    assert "what happened" not in rows
    fields = feedfields.fields(feed(OK), access, "", feedview.Past((), ()))
    assert (fields["username"], fields["headers"], fields["proxy"]) == ("desk", ["X-Key"], "http://***@proxy:1")
    assert "hidden" not in str(rows).replace("(hidden)", "") + str(fields)


def test_every_error_class_has_a_reason_that_anybody_may_read() -> None:
    assert set(feedview.REASONS) == set(get_args(FetchErrorClass))
    for error_class in get_args(FetchErrorClass):
        told = feedview.condition(
            feed(replace(BAD, error_class=error_class, error="10.0.0.7 ?key=s3cret")), feedview.utc
        )
        assert told.endswith(f" since 2026-11-26 03:00 UTC: {feedview.REASONS[error_class]}")
        assert "10.0.0.7" not in told
        assert "s3cret" not in told


@pytest.mark.parametrize(
    ("poll", "plain"),
    [
        (PollState(NOW), "not asked yet"),
        (OK, "last read at 09:00"),
        (replace(BAD, error_class="dns"), "no answer since at 03:00: the name of its host is not known"),
        (replace(BAD, error_class="parse_error"), "not read since at 03:00: the document cannot be read"),
        (replace(BAD, state="gone", error_class="gone"), "gone since at 03:00: it was taken away for good"),
        (replace(BAD, state="paused"), "paused by hand"),
    ],
)
def test_a_condition_is_plain_and_its_moments_are_said_as_asked(poll: PollState, plain: str) -> None:
    assert feedview.condition(feed(poll), lambda at: f"at {at:%H:%M}") == plain


def test_what_polls_cost_and_how_much_may_be_shown_is_said_in_words() -> None:
    assert feedview.validators(feed(PollState(NOW))) == ""
    assert "the whole document" in feedview.validators(feed(OK))
    assert "an ETag and a date" in feedview.validators(feed(replace(OK, etag='"1"', last_modified="Thu")))
    told = dict(feedview.rows(feed(OK, excerpt=200), None, "", NOW))
    assert told["may be shown"] == "200 characters of a text, by its licence"
    assert dict(feedview.rows(feed(OK, excerpt=0), None, "", NOW))["may be shown"] == "its titles alone, by its licence"
