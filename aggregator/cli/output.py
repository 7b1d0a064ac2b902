"""Values as people and programs read them: JSON Lines with the contract's fields, tables, times."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import click

from aggregator.model import Entry, Feed, Gap, Span, StoredEvent, Story
from aggregator.publication import Message, StoredEdition
from aggregator.readership import Subscription


def when(moment: datetime | None) -> str | None:
    """A moment as JSON text: RFC 3339, UTC."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


def short(moment: datetime | None) -> str:
    """A moment for a table: minutes, UTC."""
    return "-" if moment is None else moment.strftime("%Y-%m-%d %H:%M")


def many(count: int, one: str, more: str = "") -> str:
    """A number and its noun: 1 message, 2 messages."""
    return f"{count:,} {one if count == 1 else more or one + 's'}"


def rows(values: dict[str, Any]) -> None:
    """One thing's values, a line each; what is empty as a dash."""
    for name, value in values.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else "-" if value in (None, "") else str(value)
        click.echo(f"{name.replace('_', ' '):<16} {fit(shown or '-', 400)}")


_encode = json.JSONEncoder(ensure_ascii=False).encode


def line(values: dict[str, Any]) -> None:
    """One JSON object a line."""
    sys.stdout.write(_encode(values) + "\n")


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
    from aggregator.urls import mask

    return mask(url)


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


def width(text: str) -> int:
    """Columns that a text takes on a terminal."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def fit(text: str, columns: int) -> str:
    """The text, cut to so many columns."""
    text = "".join(" " if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") else c for c in text)
    if width(text) <= columns:
        return text
    cut = text
    while width(cut) > columns - 1:
        cut = cut[:-1]
    return cut + "…"


def table(rows: Iterable[Sequence[str]], *, limits: Sequence[int]) -> None:
    """Columns that line up; each is cut to its limit."""
    cells = [[fit(c, limit) for c, limit in zip(row, limits, strict=True)] for row in rows]
    widths = [max((width(row[i]) for row in cells), default=0) for i in range(len(limits))]
    for row in cells:
        padded = [c + " " * (w - width(c)) for c, w in zip(row, widths, strict=True)]
        click.echo("  ".join(padded).rstrip())


def highlighted(text: str, spans: Iterable[Span], field: str) -> str:
    """A field's text with its spans in bold where the terminal can."""
    parts: list[str] = []
    at = 0
    for found in sorted((s for s in spans if s.field == field), key=lambda s: s.start):
        if found.start < at:
            continue
        parts += [text[at : found.start], click.style(text[found.start : found.end], bold=True, fg="yellow")]
        at = found.end
    return "".join([*parts, text[at:]])
