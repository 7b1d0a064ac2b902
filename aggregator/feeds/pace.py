"""How often a feed that answers is polled: the operator's wish, the feed's own rhythm, and what the publisher asks for.

The operator's interval is the wish. The rhythm of a feed (the usual gap between its newest entries) may bend it:

- shorter, to a quarter of it at least, while a document turns over within two intervals: its entries would be lost;
- longer, while nothing new comes and the rhythm is much slower: never so that news waits longer than an eighth of the
  rhythm, up to four intervals, and for feeds of a week's rhythm or slower up to a day;
- a day, for a feed that sends no validators and brought nothing new in a day's worth of polls: each poll costs its server
  the whole document (R. Kroll's rule: once per hour, or once per 24 h without validators).

An interval below an hour is somebody's decision: it is never made longer by the rhythm. What the publisher asks for
(RSS ttl, mod_syndication, skipHours, skipDays, Cache-Control, Expires) is a lower bound on all of this, unless `hints: no`.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from aggregator.feeds import arrival, headers
from aggregator.model import EntryChange, Feed, FetchResponse, Hints, NewEntry, PollState, RevisedEntry

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WEEK = timedelta(days=7)
HINT_CAP = DAY
"""What a document asks for is believed up to here; Cache-Control and Expires up to a week (polling-and-identity.md P17, P18)."""
RHYTHM_OF = 20
"""Of so many newest entries the rhythm is taken."""
QUIET = 8
"""Polls without news after which a slow feed may be polled less often."""
QUIET_DAY = 24
"""Polls without news after which a feed without validators is polled once a day."""
SILENT = 2
"""Answers without news that make a silence: an outage of the server, or our own, is none."""
LIVELY = 4
"""Polls without news up to which a fast feed still counts as fast."""
UNKNOWN_RHYTHM = timedelta(hours=8)
NO_HINTS = Hints()


@dataclass(frozen=True, slots=True)
class Delay:
    """A pause and the sentence that says why."""

    time: timedelta
    why: str


@dataclass(frozen=True, slots=True)
class Brought:
    """What a document brought that was read: all that its feed's pace depends on.

    Attributes:
        hints: what it asks for.
        items: how many it holds.
        fresh: the times of its new entries.
        revised: whether it changed a known entry.
    """

    hints: Hints = NO_HINTS
    items: int = 0
    fresh: Sequence[datetime] = ()
    revised: bool = False

    @property
    def news(self) -> bool:
        """Whether readers got something."""
        return bool(self.fresh) or self.revised


def brought(hints: Hints, items: int, changes: Collection[EntryChange], now: datetime) -> Brought:
    """What a document of so many items brought, all of them counted, parsed or not."""
    fresh = [arrival.sort_at(c.entry, now) for c in changes if isinstance(c, NewEntry)]
    return Brought(hints, items, fresh, any(isinstance(c, RevisedEntry) for c in changes))


# -- the rhythm ----------------------------------------------------------------------------------------------------


def rhythm(poll: PollState, fresh: Sequence[datetime], now: datetime) -> timedelta | None:
    """The usual gap between entries, once these are known too. `poll` is the state before.

    The first document tells it by its dates. After that it is what we see: each batch of new entries spreads over the time
    since the last news, and counts for its share of the last RHYTHM_OF entries. So dates that are missing or wrong, and
    entries that come in bursts, do no harm.
    """
    if poll.news_at is None or poll.last_ok_at is None:
        return _dated(fresh)
    if not fresh or now <= poll.news_at:
        return poll.rhythm
    gap = (now - poll.news_at) / len(fresh)
    share = min(1.0, len(fresh) / RHYTHM_OF) if poll.rhythm is not None else 1.0
    known = (poll.rhythm or headers.ZERO) * (1 - share)
    return timedelta(seconds=round((known + gap * share).total_seconds()))


def _dated(times: Sequence[datetime]) -> timedelta | None:
    """The median gap between the newest; what came at one moment counts once. None for fewer than three moments."""
    moments = sorted(set(times))[-RHYTHM_OF:]
    if len(moments) < 3:
        return None
    return timedelta(seconds=round(statistics.median((b - a).total_seconds() for a, b in itertools.pairwise(moments))))


def _slowness(poll: PollState, now: datetime) -> timedelta:
    """The rhythm, or an eighth of the present silence where that is longer: feeds do fall asleep."""
    silence = headers.ZERO if poll.news_at is None else now - poll.news_at
    return max(poll.rhythm or headers.ZERO, silence / 8)


def wants_look(feed: Feed, now: datetime) -> bool:
    """Whether the next poll shall ask without condition: validators may be frozen in front of a document that changes.

    A feed that has been silent for more than three times its rhythm, and a day at least, is looked at once a day; after a
    silence of weeks every eighth of it. One whose validators were caught is looked at once a day. A server that sends
    the document although asked with a condition has shown it, so it is never looked at; and failures are no silence.
    """
    poll = feed.poll
    if not (poll.etag or poll.last_modified) or poll.looked_at is None or poll.failures:
        return False
    if poll.frozen_at is not None:
        return now - poll.looked_at >= DAY
    if poll.news_at is None or poll.quiet_polls < SILENT:
        return False
    silence = now - poll.news_at
    patience = max(DAY, 3 * (poll.rhythm or UNKNOWN_RHYTHM))
    return silence >= patience and now - poll.looked_at >= max(DAY, silence / 8)


# -- the pause -----------------------------------------------------------------------------------------------------


def pause(feed: Feed, poll: PollState, response: FetchResponse, now: datetime, floor: timedelta) -> Delay:
    """After a success: the longest of the wish, the floor and what the publisher asks for.

    Args:
        feed: as it was before.
        poll: what this poll has taught, but for the next one's time.
        response: the answer.
        now: the present.
        floor: no feed is polled more often.
    """
    found = [_wish(feed, poll, response, now, floor), *asked(feed, poll.hints)]
    if feed.spec.hints:
        fresh = min(headers.freshness(response), WEEK)
        found.append(Delay(fresh, f"the server's {headers.freshness_name(response)}: {spell(fresh)}"))
    found.append(Delay(floor, f"no feed is polled more often than every {spell(floor)} (polling.floor)"))
    return max(found, key=lambda d: d.time)


def asked(feed: Feed, hints: Hints) -> Iterator[Delay]:
    """What the document itself asks for, where the operator listens to it."""
    if not feed.spec.hints:
        return
    if hints.ttl is not None:
        ttl = min(hints.ttl, HINT_CAP)
        yield Delay(ttl, f"the feed asks for {spell(ttl)} (ttl)")
    if hints.update is not None:
        update = min(hints.update, HINT_CAP)
        yield Delay(update, f"the feed asks for {spell(update)} (sy:updatePeriod)")


def _wish(feed: Feed, poll: PollState, response: FetchResponse, now: datetime, floor: timedelta) -> Delay:
    interval = max(feed.spec.interval, headers.ZERO)
    usual = Delay(interval, f"every {spell(interval)}, the interval of feeds.yaml")
    if poll.window is not None and poll.window < 2 * interval and poll.quiet_polls < LIVELY:
        quick = max(poll.window / 2, interval / 4, floor)
        turns = f"its entries are replaced within {spell(poll.window)}"
        return (
            Delay(quick, f"{turns}: every {spell(quick)} instead of {spell(interval)}") if quick < interval else usual
        )
    if interval < HOUR:
        return usual
    if poll.quiet_polls >= QUIET_DAY and not _validates(response):
        why = f"the server sends no validators and nothing was new in {poll.quiet_polls} polls: once a day"
        return max(usual, Delay(DAY, why), key=lambda d: d.time)
    return max(usual, _slowed(poll, interval, now), key=lambda d: d.time)


def _slowed(poll: PollState, interval: timedelta, now: datetime) -> Delay:
    slow = _slowness(poll, now)
    if poll.quiet_polls < QUIET:
        return Delay(headers.ZERO, "")
    limit = DAY if slow >= WEEK else min(4 * interval, DAY)
    time = min(interval * (1 + min(poll.quiet_polls, 1000) / QUIET), limit, slow / 8)
    usual = f"usually one entry in {spell(poll.rhythm)}" if poll.rhythm else "few entries so far"
    return Delay(time, f"quiet for {poll.quiet_polls} polls, {usual}")


def _validates(response: FetchResponse) -> bool:
    return response.status == 304 or any(response.headers.get(name) for name in ("etag", "last-modified"))


# -- hours and days of rest --------------------------------------------------------------------------------------------


def awake(moment: datetime, hints: Hints, now: datetime) -> datetime:
    """The moment, or the end of the hours and days (GMT) in which the feed rests; a day from now ends all rest."""
    if not _rests(moment, hints):
        return moment
    limit = max(moment, now + HINT_CAP)
    at = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    while _rests(at, hints) and at < limit:
        at += HOUR
    return min(at, limit)


def _rests(moment: datetime, hints: Hints) -> bool:
    gmt = moment.astimezone(UTC)
    return gmt.hour in hints.skip_hours or gmt.weekday() in hints.skip_days


# -- words -------------------------------------------------------------------------------------------------------------


def spell(time: timedelta) -> str:
    """A span of time as people say it: 45 s, 20 min, 1 h 30 min, 3 days."""
    seconds = round(time.total_seconds())
    if seconds < 60:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        hours, rest = divmod(minutes, 60)
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    hours = round(seconds / 3600)
    if hours < 48:
        return f"{hours} h"
    return f"{round(seconds / 86400)} days"
