"""When a feed is polled next, and what one poll makes of its PollState: being a good guest, as pure decisions.

A poll ends in one of three ways: `succeeded` (a document was read, or the same bytes came again), `not_modified` (304) or
`failed` (anything else). Each gives the PollState that is stored in the same transaction as the entries.

The next poll is a delay from now: never below the floor, never above a week, and jitter only ever makes it longer. What
lengthens it is collected in `_wait` (success) and `_backoff` (failure).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from aggregator.errors import FetchErrorClass
from aggregator.model import Feed, FetchFailure, FetchResponse, PollState

ZERO = timedelta(0)
DIRECTIVE = re.compile(r"""(?i)(?:^|,)\s*max-age\s*=\s*"?([0-9]+)"?\s*(?=,|$)""")
MEANINGS = {
    401: "it wants a name and a password",
    403: "it does not let us in",
    404: "there is nothing at this address",
    407: "the proxy wants a name and a password",
    410: "this feed was taken away for good",
    429: "it asks us to come less often",
    451: "it may not show this for legal reasons",
    503: "it is overloaded or being repaired",
}
WEEKDAY_FIRST = re.compile(r"(?i)^(mon|tue|wed|thu|fri|sat|sun)")


@dataclass(frozen=True, slots=True)
class Rules:
    """The numbers of politeness (DESIGN §7).

    Attributes:
        floor: no feed is asked more often, whatever its interval says.
        backoff_cap: longest pause that failures lead to.
        long_cap: the same for 403 and 404, and after `many_failures`; also the longest pause of all.
        refused_pause: shortest pause after 429 or 503 without Retry-After.
        many_failures: failures in a row after which a feed is asked like one that is not there.
        gone_look: how often a feed that is gone (410) is looked at.
        jitter: the largest part of a delay that is added to it.
    """

    floor: timedelta = timedelta(minutes=5)
    backoff_cap: timedelta = timedelta(hours=24)
    long_cap: timedelta = timedelta(days=7)
    refused_pause: timedelta = timedelta(hours=1)
    many_failures: int = 30
    gone_look: timedelta = timedelta(days=7)
    jitter: float = 0.1


DEFAULT = Rules()


# -- what an answer means ------------------------------------------------------------------------------------------


def classify(response: FetchResponse) -> tuple[FetchErrorClass, str] | None:
    """Why an answer is not a document to read (class and one line), or None for one that is, and for a 304."""
    status = response.status
    if status == 304:
        return None
    if status in (200, 203) or (status // 100 == 2 and status not in (204, 205, 206)):
        return None if response.body.strip() else ("empty", "the server sent an empty document")
    return _refusal(status), f"the server answered {status}{_phrase(status)}{_meaning(status)}"


def _refusal(status: int) -> FetchErrorClass:
    if status in (204, 205):
        return "empty"
    if status in (401, 407):
        return "auth"
    if status == 410:
        return "gone"
    if status == 429:
        return "rate_limited"
    if status // 100 == 4:
        return "http_4xx"
    return "http_5xx" if status // 100 == 5 else "bad_http"


def _phrase(status: int) -> str:
    try:
        return f" {HTTPStatus(status).phrase}"
    except ValueError:
        return ""


def _meaning(status: int) -> str:
    """The same for people who do not know the numbers by heart."""
    meaning = MEANINGS.get(status, "the server has a fault of its own" if status // 100 == 5 else "")
    return meaning and f": {meaning}"


# -- what a poll leads to --------------------------------------------------------------------------------------------


def succeeded(
    feed: Feed,
    response: FetchResponse,
    now: datetime,
    *,
    body_hash: str,
    malformed: str,
    title: str,
    language: str,
    rules: Rules = DEFAULT,
    jitter: float = 0.0,
) -> PollState:
    """A document was read, or its bytes are those of last time.

    Both validators are replaced, by nothing where the answer has none (RFC 9110 §13.1: a kept old one would latch). Those
    of an answer from elsewhere are not kept: they belong to the URL that gave them, and it is not the one we ask.
    """
    if feed.poll.state == "paused":
        return feed.poll
    own = not response.redirects
    return replace(
        _well(feed, response, now, rules, jitter),
        etag=response.headers.get("etag", "") if own else "",
        last_modified=response.headers.get("last-modified", "") if own else "",
        body_hash=body_hash,
        malformed=malformed,
        title=title,
        language=language,
    )


def not_modified(
    feed: Feed, response: FetchResponse, now: datetime, *, rules: Rules = DEFAULT, jitter: float = 0.0
) -> PollState:
    """304: a success; what it says of validators and freshness is taken over (RFC 9110 §15.4.5, RFC 9111 §4.3.4)."""
    if feed.poll.state == "paused":
        return feed.poll
    return replace(
        _well(feed, response, now, rules, jitter),
        etag=response.headers.get("etag", "") or feed.poll.etag,
        last_modified=response.headers.get("last-modified", "") or feed.poll.last_modified,
    )


def failed(
    feed: Feed,
    answer: FetchResponse | FetchFailure,
    error_class: FetchErrorClass,
    message: str,
    now: datetime,
    *,
    rules: Rules = DEFAULT,
    jitter: float = 0.0,
) -> PollState:
    """No document was read, for whatever reason. Validators stay: they vouch for the entries we have.

    A feed that is gone stays gone until a success; all others are failing.
    """
    known = feed.poll
    if known.state == "paused":
        return known
    failures = known.failures + 1
    status = answer.status if isinstance(answer, FetchResponse) else 0
    gone = error_class == "gone" or known.state == "gone"
    held = _held(answer, rules) if error_class != "gone" else rules.gone_look
    delay = rules.gone_look if gone else _backoff(feed, answer, failures, status, rules)
    return replace(
        known,
        next_poll_at=_at(now, max(delay, held or ZERO), rules, jitter),
        state="gone" if gone else "failing",
        failures=failures,
        failing_since=known.failing_since or now,
        error_class=error_class,
        error=message,
        http_status=status,
        last_poll_at=now,
        held_until=None if held is None else now + held,
    )


def _well(feed: Feed, response: FetchResponse, now: datetime, rules: Rules, jitter: float) -> PollState:
    return replace(
        feed.poll,
        next_poll_at=_at(now, _wait(feed, response, rules), rules, jitter),
        state="ok",
        failures=0,
        failing_since=None,
        error_class="",
        error="",
        http_status=response.status,
        last_poll_at=now,
        last_ok_at=now,
        held_until=None,
    )


# -- delays ----------------------------------------------------------------------------------------------------------


def _at(now: datetime, delay: timedelta, rules: Rules, jitter: float) -> datetime:
    """Now plus a delay within its bounds; jitter (0 <= jitter < 1) only ever lengthens it."""
    bounded = max(rules.floor, min(delay, rules.long_cap))
    return now + bounded * (1 + rules.jitter * jitter)


def _wait(feed: Feed, response: FetchResponse, rules: Rules) -> timedelta:
    """After a success: the operator's interval, or longer when the publisher asks for it."""
    return max(feed.spec.interval, rules.floor, min(freshness(response), rules.long_cap))


def _backoff(feed: Feed, answer: FetchResponse | FetchFailure, failures: int, status: int, rules: Rules) -> timedelta:
    """After a failure: the interval, doubled with each further one up to a cap, and never below the interval.

    429 and 503 without Retry-After double it at once and wait an hour at least.
    """
    refused = status in (429, 503)
    cap = rules.long_cap if status in (403, 404) or failures >= rules.many_failures else rules.backoff_cap
    interval = max(feed.spec.interval, rules.floor)
    doublings = failures if refused else failures - 1
    delay = max(interval, min(_doubled(interval, doublings, cap), cap))
    if refused and isinstance(answer, FetchResponse):
        delay = max(delay, freshness(answer))
        if retry_after(answer) is None:
            delay = max(delay, rules.refused_pause)
    return delay


def _doubled(interval: timedelta, times: int, cap: timedelta) -> timedelta:
    while times > 0 and interval < cap:
        interval, times = interval * 2, times - 1
    return interval


def _held(answer: FetchResponse | FetchFailure, rules: Rules) -> timedelta | None:
    """How long the server itself said to stay away, believed up to a week; None when it did not."""
    if not isinstance(answer, FetchResponse) or answer.status < 400:
        return None
    asked = retry_after(answer)
    return None if not asked else min(asked, rules.long_cap)


# -- headers -----------------------------------------------------------------------------------------------------------


def retry_after(response: FetchResponse) -> timedelta | None:
    """Retry-After (RFC 9110 §10.2.3): seconds, or a date in any of the three forms, relative to the answer's Date."""
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return _seconds(value)
    date = http_date(value)
    return None if date is None else max(ZERO, date - _date(response))


def freshness(response: FetchResponse) -> timedelta:
    """How long the answer stays fresh for a private cache (RFC 9111 §4.2): max-age, or Expires without it, less Age.

    no-cache and no-store ask for nothing here: we keep no copy that could be stale.
    """
    control = response.headers.get("cache-control", "")
    max_age = DIRECTIVE.search(control)
    if max_age is not None:
        lifetime = _seconds(max_age[1])
    else:
        expires = http_date(response.headers.get("expires", ""))
        lifetime = ZERO if expires is None else expires - _date(response)
    if re.search(r"(?i)\bno-(cache|store)\b", control):
        return ZERO
    age = response.headers.get("age", "").strip()
    return max(ZERO, lifetime - (_seconds(age) if age.isascii() and age.isdigit() else ZERO))


def http_date(value: str) -> datetime | None:
    """An HTTP-date in one of its three forms (RFC 9110 §5.6.7), or None."""
    if not WEEKDAY_FIRST.match(value.strip()):
        return None
    try:
        date = parsedate_to_datetime(value.strip())
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _date(response: FetchResponse) -> datetime:
    """The server's own clock, so that ours may be wrong."""
    return http_date(response.headers.get("date", "")) or response.fetched_at


def _seconds(digits: str) -> timedelta:
    """Delta-seconds; what is too large to count is a very long time (RFC 9111 §1.2.2)."""
    return timedelta(seconds=min(int(digits.lstrip("0")[:10] or 0), 2**31))
