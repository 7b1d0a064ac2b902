"""What one poll makes of a feed's PollState and when the next one is: being a good guest, as pure decisions.

A poll ends in one of three ways: `succeeded` (a document was read, or the same bytes came again), `not_modified` (304) or
`failed` (anything else). Each gives the PollState that is stored in the same transaction as the entries.

The next poll is a pause from now, with the sentence that says why: after a success that of pace.py, after a failure that of
`_backoff`. It is never below the floor, never above a week; hours of rest and jitter only ever make it later.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

from aggregator.errors import FetchErrorClass
from aggregator.feeds import pace, redirects
from aggregator.feeds.headers import freshness, retry_after
from aggregator.feeds.pace import Brought, Delay, spell
from aggregator.model import Feed, FetchFailure, FetchRequest, FetchResponse, Hints, PollState

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
POISON: frozenset[FetchErrorClass] = frozenset({"parse_timeout", "bomb"})
"""Documents that cost a worker its time, its memory or its life."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The numbers of politeness (DESIGN §7).

    Attributes:
        floor: no feed is asked more often, whatever its interval says.
        backoff_cap: longest pause that failures lead to.
        long_cap: the same for 403 and 404, and after `many_failures`; also the longest pause of all.
        refused_pause: shortest pause after 429 or 503 without Retry-After.
        many_failures: failures in a row after which a feed is asked like one that is not there.
        quarantine_after, quarantine_look: after so many failures in a row a document that brings down whoever reads it is tried so
            often.
        gone_look: how often a feed that is gone (410) is looked at.
        jitter: the largest part of a delay that is added to it.
    """

    floor: timedelta = timedelta(minutes=5)
    backoff_cap: timedelta = timedelta(hours=24)
    long_cap: timedelta = timedelta(days=7)
    refused_pause: timedelta = timedelta(hours=1)
    many_failures: int = 30
    quarantine_after: int = 3
    quarantine_look: timedelta = timedelta(days=1)
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
        return None if response.body and not response.body.isspace() else ("empty", "the server sent an empty document")
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


def request(feed: Feed, now: datetime) -> FetchRequest:
    """What to ask the server for: the validators go along byte for byte, but for the rare look without condition."""
    if pace.wants_look(feed, now):
        return FetchRequest(feed.id, feed.url)
    return FetchRequest(feed.id, feed.url, feed.poll.etag, feed.poll.last_modified)


def succeeded(
    feed: Feed,
    response: FetchResponse,
    now: datetime,
    *,
    body_hash: str,
    malformed: str,
    title: str,
    language: str,
    brought: Brought | None = None,
    rules: Rules = DEFAULT,
    jitter: float = 0.0,
) -> PollState:
    """A document was read; `brought` is None where its bytes are those of last time.

    Both validators are replaced, by nothing where the answer has none (RFC 9110 §13.1: a kept old one would latch). Those
    of an answer from elsewhere are not kept: they belong to the URL that gave them, and it is not the one we ask.
    """
    if feed.poll.state == "paused":
        return feed.poll
    own = not response.redirects
    taught = _well(feed, response, now).but(
        etag=response.headers.get("etag", "") if own else "",
        last_modified=response.headers.get("last-modified", "") if own else "",
        body_hash=body_hash,
        malformed=malformed,
        title=title,
        language=language,
        looked_at=now,
    )
    return _next(feed, _learn(feed, taught, response, now, brought), response, rules=rules, jitter=jitter)


def unchanged(
    feed: Feed, response: FetchResponse, now: datetime, *, rules: Rules = DEFAULT, jitter: float = 0.0
) -> PollState:
    """The bytes of last time came again: nothing is parsed, and it is no news, asked with a condition or without."""
    known = feed.poll
    return succeeded(
        feed,
        response,
        now,
        body_hash=known.body_hash,
        malformed=known.malformed,
        title=known.title,
        language=known.language,
        rules=rules,
        jitter=jitter,
    )


def not_modified(
    feed: Feed, response: FetchResponse, now: datetime, *, rules: Rules = DEFAULT, jitter: float = 0.0
) -> PollState:
    """304: a success; what it says of validators and freshness is taken over (RFC 9110 §15.4.5, RFC 9111 §4.3.4).

    Not the validators of a 304 from elsewhere: it knew ours, but its own belong to its URL.
    """
    if feed.poll.state == "paused":
        return feed.poll
    headers = {} if response.redirects else response.headers
    taught = _well(feed, response, now).but(
        etag=headers.get("etag", "") or feed.poll.etag,
        last_modified=headers.get("last-modified", "") or feed.poll.last_modified,
        quiet_polls=feed.poll.quiet_polls + 1,
    )
    return _next(feed, taught, response, rules=rules, jitter=jitter)


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
    delay = Delay(rules.gone_look, f"gone (410): one look in {spell(rules.gone_look)}") if gone else None
    delay = delay or _backoff(feed, answer, failures, status, rules)
    if error_class in POISON and failures >= rules.quarantine_after and delay.time < rules.quarantine_look:
        delay = Delay(
            rules.quarantine_look, f"in quarantine: reading it went wrong {failures} times in a row, one try a day"
        )
    if held is not None and held > delay.time:
        delay = Delay(held, f"the server asked to wait {spell(held)} (Retry-After)")
    next_at, why = _at(now, delay, _rest(feed, known), rules=rules, jitter=jitter)
    return _after_a_look(known, answer, error_class, now).but(
        next_poll_at=next_at,
        next_poll_reason=why,
        state="gone" if gone else "failing",
        failures=failures,
        failing_since=known.failing_since or now,
        error_class=error_class,
        error=message,
        http_status=status,
        last_poll_at=now,
        held_until=None if held is None else now + held,
        move_target="",
        move_polls=0,
    )


def _after_a_look(
    known: PollState, answer: FetchResponse | FetchFailure, error_class: FetchErrorClass, now: datetime
) -> PollState:
    """A look without condition that failed is over for a day.

    If the server said 304 to it (the client calls that bad_http), its validators are worth nothing and go.
    """
    conditional = answer.request.etag or answer.request.last_modified
    if conditional or not (known.etag or known.last_modified):
        return known
    if isinstance(answer, FetchFailure) and error_class == "bad_http":
        return known.but(looked_at=now, etag="", last_modified="")
    return known.but(looked_at=now)


def _well(feed: Feed, response: FetchResponse, now: datetime) -> PollState:
    target, polls = redirects.counted(feed, response)
    return feed.poll.but(
        state="ok",
        failures=0,
        failing_since=None,
        error_class="",
        error="",
        http_status=response.status,
        last_poll_at=now,
        last_ok_at=now,
        held_until=None,
        certificate_until=response.certificate_until,
        move_target=target,
        move_polls=polls,
    )


def _learn(feed: Feed, taught: PollState, response: FetchResponse, now: datetime, brought: Brought | None) -> PollState:
    """What the document taught of the feed's rhythm, and whether its validators can be trusted."""
    known = feed.poll
    first = known.news_at is None
    if brought is None or not brought.news:
        hints = known.hints if brought is None else brought.hints
        return taught.but(hints=hints, quiet_polls=known.quiet_polls + 1, news_at=now if first else known.news_at)
    rhythm = pace.rhythm(known, brought.fresh, now)
    trusted = response.request.etag or response.request.last_modified
    frozen_at = None if trusted else known.frozen_at or (now if _frozen(feed, taught, brought) else None)
    return taught.but(
        hints=brought.hints,
        news_at=now,
        quiet_polls=0,
        rhythm=rhythm,
        window=None if rhythm is None else rhythm * brought.items,
        frozen_at=frozen_at,
    )


def _frozen(feed: Feed, taught: PollState, brought: Brought) -> bool:
    """Whether a look without condition found news behind validators that had not told of them.

    Either they are still the same, or an entry is older than the last 304 (and not just dated back a little).
    """
    known = feed.poll
    if known.etag and known.etag == taught.etag:
        return True
    if not known.etag and known.last_modified and known.last_modified == taught.last_modified:
        return True
    if not (known.etag or known.last_modified) or known.last_poll_at is None or known.http_status != 304:
        return False
    return any(time < known.last_poll_at - feed.spec.interval for time in brought.fresh)


# -- delays ----------------------------------------------------------------------------------------------------------


def _next(feed: Feed, taught: PollState, response: FetchResponse, *, rules: Rules, jitter: float) -> PollState:
    now = taught.last_poll_at or response.fetched_at
    delay = pace.pause(feed, taught, response, now, rules.floor)
    next_at, why = _at(now, delay, _rest(feed, taught), rules=rules, jitter=jitter)
    return taught.but(next_poll_at=next_at, next_poll_reason=why)


def _rest(feed: Feed, poll: PollState) -> Hints:
    return poll.hints if feed.spec.hints else pace.NO_HINTS


def _at(now: datetime, delay: Delay, rest: Hints, *, rules: Rules, jitter: float) -> tuple[datetime, str]:
    """Now plus a delay within its bounds, and why; jitter (0 <= jitter < 1) and hours of rest only ever lengthen it."""
    bounded = max(rules.floor, min(delay.time, rules.long_cap))
    plain = pace.awake(now + bounded, rest, now)
    why = delay.why if plain == now + bounded else f"{delay.why}; the feed rests then (skipHours, skipDays)"
    # Jitter comes after the rest: those who wait for the end of the same night do not come all at once.
    return pace.awake(plain + bounded * rules.jitter * jitter, rest, now), why


def _backoff(feed: Feed, answer: FetchResponse | FetchFailure, failures: int, status: int, rules: Rules) -> Delay:
    """After a failure: the interval, doubled with each further one up to a cap, and never below the interval.

    429 and 503 without Retry-After double it at once and wait an hour at least. What the document that was read last asks
    for is a lower bound here too.
    """
    refused = status in (429, 503)
    cap = rules.long_cap if status in (403, 404) or failures >= rules.many_failures else rules.backoff_cap
    interval = max(feed.spec.interval, rules.floor)
    doublings = failures if refused else failures - 1
    time = max(interval, min(_doubled(interval, doublings, cap), cap))
    why = "failed once" if failures == 1 else f"failed {failures} times in a row"
    if refused and isinstance(answer, FetchResponse):
        time = max(time, min(freshness(answer), rules.long_cap))
        why = f"the server refused ({status}), {why}"
        if retry_after(answer) is None:
            time = max(time, rules.refused_pause)
    return max([Delay(time, why), *pace.asked(feed, feed.poll.hints)], key=lambda d: d.time)


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
