"""Values to columns and back: times as sortable UTC text, lists as JSON, rows as the words of the model."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from aggregator import urls
from aggregator.model import Enclosure, Entry, Feed, FeedSpec, Gap, Hints, HostHold, Match, PollState, Span
from aggregator.store.sql import markup
from aggregator.store.sql.engine import Row

FEED_TITLE = "coalesce(nullif(f.title, ''), nullif(f.own_title, ''), f.id)"
"""What people call the feed `f`: the operator's word, else the document's own, else its id."""
ENTRY_COLUMNS = f"""e.id, e.feed_id, f.url AS feed_url, {FEED_TITLE} AS feed_title,
  e.guid, e.link, e.title, e.markup, e.body, coalesce(a.text, '') AS article, e.author, e.categories,
  e.language, e.published_at, e.updated_at, e.sort_at, e.first_seen_at, e.revision, e.story_id,
  e.story_reason, e.story_score, f.excerpt"""
ENTRY_TABLES = "entries e JOIN feeds f ON f.id = e.feed_id LEFT JOIN articles a ON a.entry_id = e.id"

FEED_COLUMNS = (
    *("id", "url", "title", "language", "country", "tags", "interval_seconds", "articles", "use_hints", "excerpt"),
    "next_poll_at",
    *(
        "state",
        "etag",
        "last_modified",
        "body_hash",
        "failures",
        "failing_since",
        "error_class",
        "error",
        "http_status",
    ),
    *(
        "last_poll_at",
        "last_ok_at",
        "held_until",
        "malformed",
        "own_title",
        "own_language",
        "next_poll_reason",
        "hints",
    ),
    *(
        "news_at",
        "looked_at",
        "frozen_at",
        "quiet_polls",
        "rhythm_seconds",
        "window_seconds",
        "moved_url",
        "move_target",
    ),
    *("move_polls", "move_refused", "items", "certificate_until", "format"),
)
POLL_COLUMNS = FEED_COLUMNS[FEED_COLUMNS.index("next_poll_at") :]
"""Of these, what polling taught: what a poll writes."""

OWED = "(state IN ('waiting', 'unknown') OR (late = 1 AND told_in IS NULL))"
"""Of `messages`: what its reader has still to get, itself or told by a later edition. One under way is whoever's that carries it."""
WANTED = "EXISTS (SELECT 1 FROM subscriptions s WHERE s.id = messages.subscription_id AND s.state = 'active')"
"""Of `messages`: its reader reads on. What comes too late for one who has left or paused is told nowhere."""
HEX_DIGITS = 64
"""Of a SHA-256 digest."""


def stamp(moment: datetime) -> str:
    """A moment as text that sorts: `2023-02-02T12:00:00.000000Z`.

    Not by strftime: it does not pad years before 1000 (feeds do say 0001), and costs four times as much.
    """
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return utc.isoformat(timespec="microseconds")[:-6] + "Z"


def stamp_or_none(moment: datetime | None) -> str | None:
    """A moment or its absence."""
    return None if moment is None else stamp(moment)


def moment(text: str) -> datetime:
    """The aware UTC moment behind a stamp."""
    return datetime.fromisoformat(text)


def moment_or_none(text: str | None) -> datetime | None:
    """A moment or its absence."""
    return None if text is None else datetime.fromisoformat(text)


def dump(value: Any) -> str:
    """JSON as people like to read it in a table."""
    return _encode(value)


# json.dumps would make an encoder for each call.
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def names(values: Sequence[str]) -> str:
    """A list of texts as JSON; most are empty."""
    return dump(list(values)) if values else "[]"


def pack_digest(digest: str) -> bytes:
    """A digest in hex as its bytes: half as many. Any other text as it is, behind a mark."""
    try:
        packed = bytes.fromhex(digest) if len(digest) == HEX_DIGITS else b""
    except ValueError:
        packed = b""
    return packed if packed and packed.hex() == digest else b"text:" + digest.encode()


def unpack_digest(stored: bytes | str) -> str:
    """The digest that `pack_digest` was given; older versions kept other texts as text."""
    if isinstance(stored, str):
        return stored
    return stored.removeprefix(b"text:").decode() if stored.startswith(b"text:") else stored.hex()


def key_digest(key: str) -> bytes:
    """What `story_keys` holds of a key: among ten million, one pair in a hundred million such sets shares a digest of 72 bits."""
    return hashlib.blake2b(key.encode(), digest_size=9).digest()


def address_hmac(secret: bytes, address: str) -> str:
    """What the suppression list holds of an address: it names nobody to those who have only the database."""
    return hmac.new(secret, b"suppression:" + address.strip().lower().encode(), hashlib.sha256).hexdigest()


def keyed(secret: bytes, kind: str, text: str) -> str:
    """A keyed hash (HMAC-SHA256, RFC 2104) of one kind of thing."""
    return hmac.new(secret, f"{kind}:{text}".encode(), hashlib.sha256).hexdigest()


def marks(count: int) -> str:
    """`?, ?, ?` for an IN list."""
    return ", ".join("?" * count)


def padded(values: Sequence[Any]) -> Sequence[Any]:
    """The same for an IN list of 1, 2, 4, 8 ... values, the last repeated: few texts, so that statements stay prepared."""
    return [*values, *[values[-1]] * ((1 << (len(values) - 1).bit_length()) - len(values))]


def chunks(values: Sequence[Any], size: int = 256) -> list[Sequence[Any]]:
    """Slices that stay below SQLite's limit on variables."""
    return [values[i : i + size] for i in range(0, len(values), size)]


def feed(
    row: Row, found: HostHold | None = None, entries: int = 0, gaps: int = 0, *, interrupted: bool = False
) -> Feed:
    """A feed with its poll state, from FEED_COLUMNS. By place: a name is looked for among forty, and there are forty."""
    r = tuple(row)
    spec = FeedSpec(
        id=r[0],
        url=r[1],
        title=r[2],
        language=r[3],
        country=r[4],
        tags=() if r[5] == "[]" else tuple(json.loads(r[5])),
        interval=timedelta(seconds=r[6]),
        articles=r[7],
        hints=bool(r[8]),
        excerpt=r[9],
    )
    poll = PollState(
        next_poll_at=moment(r[10]),
        state=r[11],
        etag=r[12],
        last_modified=r[13],
        body_hash=r[14],
        failures=r[15],
        failing_since=moment_or_none(r[16]),
        error_class=r[17],
        error=r[18],
        http_status=r[19],
        last_poll_at=moment_or_none(r[20]),
        last_ok_at=moment_or_none(r[21]),
        held_until=moment_or_none(r[22]),
        malformed=r[23],
        title=r[24],
        language=r[25],
        next_poll_reason=r[26],
        hints=_hints(r[27]),
        news_at=moment_or_none(r[28]),
        looked_at=moment_or_none(r[29]),
        frozen_at=moment_or_none(r[30]),
        quiet_polls=r[31],
        rhythm=_span(r[32]),
        window=_span(r[33]),
        moved_url=r[34],
        move_target=r[35],
        move_polls=r[36],
        move_refused=r[37],
        items=r[38],
        certificate_until=moment_or_none(r[39]),
        format=r[40],
    )
    return Feed(spec, poll, entries, gaps, found, interrupted)


def hold(row: Row) -> HostHold | None:
    """The hold of a host, from the columns of `hosts`; None where there is no row."""
    if row["said_at"] is None:
        return None
    return HostHold(row["host"], moment(row["host_held_until"]), row["said_by"], moment(row["said_at"]))


def gap(row: Row) -> Gap:
    """A gap from the columns of `gaps`."""
    return Gap(row["feed_id"], moment(row["after_at"]), moment(row["before_at"]), moment(row["found_at"]))


def poll_values(poll: PollState) -> tuple[Any, ...]:
    """A poll state as the values of POLL_COLUMNS."""
    return (
        stamp(poll.next_poll_at),
        poll.state,
        poll.etag,
        poll.last_modified,
        poll.body_hash,
        poll.failures,
        stamp_or_none(poll.failing_since),
        poll.error_class,
        poll.error,
        poll.http_status,
        stamp_or_none(poll.last_poll_at),
        stamp_or_none(poll.last_ok_at),
        stamp_or_none(poll.held_until),
        poll.malformed,
        poll.title,
        poll.language,
        poll.next_poll_reason,
        _hint_text(poll.hints),
        stamp_or_none(poll.news_at),
        stamp_or_none(poll.looked_at),
        stamp_or_none(poll.frozen_at),
        poll.quiet_polls,
        _seconds(poll.rhythm),
        _seconds(poll.window),
        poll.moved_url,
        poll.move_target,
        poll.move_polls,
        poll.move_refused,
        poll.items,
        stamp_or_none(poll.certificate_until),
        poll.format,
    )


def _seconds(span: timedelta | None) -> int | None:
    return None if span is None else round(span.total_seconds())


def _span(seconds: int | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


_NO_HINTS = Hints()


def _hints(text: str) -> Hints:
    if text == "{}":
        return _NO_HINTS
    told = json.loads(text)
    hours, days = frozenset(told.get("skip_hours", ())), frozenset(told.get("skip_days", ()))
    return Hints(_span(told.get("ttl")), _span(told.get("update")), hours, days)


def _hint_text(hints: Hints) -> str:
    if hints == _NO_HINTS:
        return "{}"
    told = {"ttl": _seconds(hints.ttl), "update": _seconds(hints.update)}
    rest = {"skip_hours": sorted(hints.skip_hours), "skip_days": sorted(hints.skip_days)}
    return dump({k: v for k, v in (told | rest).items() if v})


def spec_columns(spec: FeedSpec) -> dict[str, Any]:
    """What the operator says of a feed, as columns of `feeds`."""
    return {
        "id": spec.id,
        "url": spec.url,
        "host": urls.host_key(spec.url),
        "title": spec.title,
        "language": spec.language,
        "country": spec.country,
        "tags": dump(list(spec.tags)),
        "interval_seconds": int(spec.interval.total_seconds()),
        "articles": spec.articles,
        "use_hints": int(spec.hints),
        "excerpt": spec.excerpt,
    }


def entry(row: Row) -> Entry:
    """An entry from ENTRY_COLUMNS."""
    summary, content = markup.unpack(row["markup"], row["body"])
    return Entry(
        id=row["id"],
        feed_id=row["feed_id"],
        feed_url=row["feed_url"],
        feed_title=row["feed_title"],
        guid=row["guid"],
        link=row["link"],
        title=row["title"],
        summary=summary,
        content=content,
        body=row["body"],
        article=row["article"],
        author=row["author"],
        categories=tuple(json.loads(row["categories"])),
        language=row["language"],
        published_at=moment_or_none(row["published_at"]),
        updated_at=moment_or_none(row["updated_at"]),
        sort_at=moment(row["sort_at"]),
        first_seen_at=moment(row["first_seen_at"]),
        revisions=row["revision"],
        story_id=row["story_id"],
        story_reason=row["story_reason"],
        story_score=row["story_score"],
        excerpt=row["excerpt"],
    )


def enclosures(values: Sequence[Enclosure]) -> str:
    """Enclosures as JSON."""
    return dump([asdict(v) for v in values]) if values else "[]"


def spans(values: Sequence[Span]) -> str:
    """Spans as JSON."""
    return dump([v._asdict() for v in values])


def match(row: Row) -> Match:
    """A match from the columns of `matches`."""
    return Match(
        id=row["id"],
        watchlist_id=row["watchlist_id"],
        entry_id=row["entry_id"],
        revision=row["revision"],
        spans=tuple(Span(**s) for s in json.loads(row["spans"])),
        reach=row["reach"],
        matched_at=moment(row["matched_at"]),
    )
