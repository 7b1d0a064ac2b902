"""Values as plain data, for command line, pages and programming interface alike: JSON fields, a contract (DESIGN §6), and cells of CSV."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from aggregator import urls
from aggregator.model import Entry, Feed, Gap, Span, StoredEvent, Story
from aggregator.overview import PastAttempt
from aggregator.publication import Message, StoredEdition
from aggregator.readership import Subscription
from aggregator.reading import Signal


def when(moment: datetime | None) -> str | None:
    """A moment as JSON text: RFC 3339, UTC."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


def short(moment: datetime | None) -> str:
    """A moment to the minute, in UTC; a dash for none."""
    return "-" if moment is None else moment.strftime("%Y-%m-%d %H:%M")


def many(count: int, one: str, more: str = "") -> str:
    """A number and its noun: 1 message, 2 messages."""
    return f"{count:,} {one if count == 1 else more or one + 's'}"


FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def cell(value: Any) -> Any:
    """A cell of CSV; a text that a spreadsheet would run as a formula is made harmless."""
    if isinstance(value, list):
        value = "; ".join(map(str, value))
    if isinstance(value, str) and value.lstrip(" ").startswith(FORMULA):
        return "'" + value
    return value


ENTRY_FIELDS = (
    "id",
    "feed_id",
    "feed_url",
    "guid",
    "link",
    "title",
    "summary",
    "content",
    "author",
    "categories",
    "language",
    "published_at",
    "updated_at",
    "sort_at",
    "first_seen_at",
    "revisions",
    "story_id",
)
"""The fields of `entries --json`, a contract (DESIGN §6)."""


def entry(value: Entry) -> dict[str, Any]:
    """An entry with the fields of ENTRY_FIELDS; the URL without its secrets."""
    return {
        "id": value.id,
        "feed_id": value.feed_id,
        "feed_url": masked(value.feed_url),
        "guid": value.guid,
        "link": value.link,
        "title": value.title,
        "summary": value.summary,
        "content": value.content,
        "author": value.author,
        "categories": list(value.categories),
        "language": value.language,
        "published_at": when(value.published_at),
        "updated_at": when(value.updated_at),
        "sort_at": when(value.sort_at),
        "first_seen_at": when(value.first_seen_at),
        "revisions": value.revisions,
        "story_id": value.story_id,
    }


def story(value: Story) -> dict[str, Any]:
    """The fields of `stories --json`, a contract."""
    return {
        "id": value.id,
        "title": value.title,
        "entries": [
            {
                "id": e.id,
                "feed_id": e.feed_id,
                "guid": e.guid,
                "link": e.link,
                "title": e.title,
                "published_at": when(e.published_at),
            }
            for e in value.entries
        ],
        "feeds": value.outlets,
        "first_seen_at": when(value.first_seen_at),
    }


def member(entry: Entry, first: Entry) -> dict[str, Any]:
    """The fields of an entry in `stories show --json`, a contract: those of `stories --json`, and why and when."""
    return {
        "id": entry.id,
        "feed_id": entry.feed_id,
        "feed_title": entry.feed_title,
        "guid": entry.guid,
        "link": entry.link,
        "title": entry.title,
        "published_at": when(entry.published_at),
        "first_seen_at": when(entry.first_seen_at),
        "lag_seconds": int((entry.sort_at - first.sort_at) / timedelta(seconds=1)),
        "reason": entry.story_reason,
        "score": entry.story_score,
    }


def feed(value: Feed) -> dict[str, Any]:
    """The fields of `feeds list --json`, a contract."""
    poll = value.poll
    return {
        "id": value.id,
        "url": masked(value.spec.url),
        "title": value.title,
        "language": value.language,
        "country": value.spec.country,
        "tags": list(value.spec.tags),
        "state": poll.state,
        "error_class": poll.error_class,
        "error": poll.error,
        "failures": poll.failures,
        "failing_since": when(poll.failing_since),
        "last_poll_at": when(poll.last_poll_at),
        "last_ok_at": when(poll.last_ok_at),
        "next_poll_at": when(poll.next_poll_at),
        "next_poll_reason": poll.next_poll_reason,
        "moved_url": masked(poll.moved_url),
        "malformed": poll.malformed,
        "entries": value.entries,
        "gaps": value.gaps,
        "host_held_until": when(value.hold.held_until) if value.hold else None,
    }


def event(value: StoredEvent) -> dict[str, Any]:
    """Something that happened to a feed."""
    return {
        "id": value.id,
        "feed_id": value.feed_id,
        "at": when(value.at),
        "kind": value.kind,
        "detail": value.detail,
    }


def gap(value: Gap) -> dict[str, Any]:
    """What may have been missed, and when that was found."""
    return {"after": when(value.after_at), "before": when(value.before_at), "found_at": when(value.found_at)}


def masked(url: str) -> str:
    """A URL without its secrets."""
    return urls.mask(url)


def span(value: Span) -> dict[str, Any]:
    """A span."""
    return {"field": value.field, "start": value.start, "end": value.end, "term": value.term, "alias": value.alias}


def message(value: Message) -> dict[str, Any]:
    """A message of the outbox; its token is nobody's business."""
    return {
        "id": value.id,
        "edition_id": value.edition_id,
        "digest_id": value.digest_id,
        "kind": value.kind,
        "subject": value.subject,
        "address": value.address,
        "message_id": value.message_id,
        "state": value.state,
        "phase": value.phase,
        "attempts": value.attempts,
        "next_attempt_at": when(value.next_attempt_at),
        "created_at": when(value.created_at),
        "settled_at": when(value.settled_at),
        "error": value.error,
    }


def past_attempt(value: PastAttempt) -> dict[str, Any]:
    """A try at handing a message over."""
    return {
        "started_at": when(value.started_at),
        "ended_at": when(value.ended_at),
        "outcome": value.outcome,
        "phase": value.phase,
        "code": value.code,
        "detail": value.detail,
    }


def edition(value: StoredEdition) -> dict[str, Any]:
    """A past edition."""
    return {
        "id": value.id,
        "digest_id": value.digest_id,
        "key": value.key,
        "kind": value.kind,
        "title": value.title,
        "subject": value.subject,
        "window_start": when(value.window.start),
        "window_end": when(value.window.end),
        "stories": value.stories,
        "entries": value.entries,
        "composed_at": when(value.composed_at),
    }


def subscription(value: Subscription) -> dict[str, Any]:
    """A subscription."""
    return {
        "id": value.id,
        "address": value.address,
        "digest_id": value.digest_id,
        "state": value.state,
        "origin": value.origin,
        "created_at": when(value.created_at),
        "ended_at": when(value.ended_at),
        "reason": value.reason,
        "prominence": value.prominence,
        "timezone": value.timezone,
        "paused_until": when(value.paused_until),
    }


def signal(value: Signal) -> dict[str, Any]:
    """A burst or a silence, with the names of the view."""
    return {
        "signal_id": value.id,
        "kind": value.kind,
        "watchlist_id": value.watchlist_id or None,
        "feed_id": value.feed_id or None,
        "began_at": when(value.began_at),
        "found_at": when(value.found_at),
        "ended_at": when(value.ended_at),
        "observed": value.observed,
        "expected": value.expected,
        "detail": value.detail,
    }
