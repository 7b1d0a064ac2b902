"""What is published, and for whom: digest -> edition -> message -> attempt, as frozen dataclasses.

The continuation of `model`, whose rules hold here too: no field is "None until later", every datetime is aware UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from typing import Literal

from aggregator.levels import Level, Prominence, Threshold
from aggregator.model import Entry, Match, Story

MessageState = Literal["waiting", "claimed", "sent", "unknown", "dead", "cancelled"]
Phase = Literal["queued", "connect", "data"]
SubscriptionState = Literal["pending", "active", "paused", "ended"]
Origin = Literal["config", "operator", "visitor"]


# -- digests and editions ----------------------------------------------------------------------------------------------

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a digest comes out: `every` instant or hourly, or at wall-clock times in an IANA zone on some days."""

    every: Literal["instant", "hourly", "at"]
    timezone: str = "UTC"
    at: tuple[time, ...] = ()
    days: tuple[Weekday, ...] = WEEKDAYS


@dataclass(frozen=True, slots=True)
class DigestSpec:
    """A regular publication as configured; `stricter` are (address, threshold) of those in `to` that want to be told of less."""

    id: str
    title: str
    watchlists: tuple[str, ...]
    schedule: Schedule
    to: tuple[str, ...] = ()
    empty: Literal["send", "skip"] = "send"
    prominence: Threshold = "any"
    stricter: tuple[tuple[str, Threshold], ...] = ()


@dataclass(frozen=True, slots=True)
class Digest:
    """A digest as stored: its specification, where the last window ended and when the next edition is due.

    `next_at` of an instant digest is the distant past whenever a match waits for it.
    """

    spec: DigestSpec
    covered_until: datetime
    next_at: datetime


@dataclass(frozen=True, slots=True)
class Window:
    """The span of time an edition covers, half open: start <= matched < end. An alert's window is zero long."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class EditionMatch:
    """A match that waits for an edition, with all that is needed to show it.

    `told` is the highest level at which earlier editions of the same digest told its story for its watchlist; "" for not at all.
    """

    match: Match
    entry: Entry
    story: Story
    told: Level | Literal[""]


@dataclass(frozen=True, slots=True)
class Outlet:
    """One feed's copy of a story."""

    feed_id: str
    feed_title: str
    entry_id: int
    title: str
    link: str
    language: str
    published_at: datetime | None
    first_seen_at: datetime


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A few sentences around the match; `marks` are (start, end) character offsets in `text` to highlight."""

    text: str
    marks: tuple[tuple[int, int], ...] = ()
    field: str = "body"


@dataclass(frozen=True, slots=True)
class EditionStory:
    """One story as an edition shows it: once, with its outlets and the reasons it is there.

    `why` holds plain sentences such as "ОДКБ in the title (@csto)"; `continued` says an earlier edition told it already;
    `prominence` is that of its most prominent matched entry.
    """

    story_id: int
    headline: str
    headline_marks: tuple[tuple[int, int], ...]
    link: str
    language: str
    outlets: tuple[Outlet, ...]
    watchlist_ids: tuple[str, ...]
    watchlist_titles: tuple[str, ...]
    excerpt: Excerpt
    why: tuple[str, ...]
    at: datetime
    prominence: Prominence
    continued: bool = False


@dataclass(frozen=True, slots=True)
class FailingFeed:
    """A feed that could not be read while an edition was made."""

    feed_id: str
    title: str
    since: datetime | None
    error: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What was checked for an edition: `ok` of `feeds` were read; the rest is named."""

    feeds: int
    ok: int
    failing: tuple[FailingFeed, ...] = ()


@dataclass(frozen=True, slots=True)
class Edition:
    """One issue of a digest; an alert is an edition whose window is zero.

    Attributes:
        key: what makes it unique within its digest: the local time of its end, of an alert its time and first match (digests.windows).
        entries: how many matched entries its stories hold.
        more: stories beyond the cap, not shown.
        queries: (watchlist title, query text) of every watchlist it covers.
        prominence: what its stories reach at least.
    """

    digest_id: str
    title: str
    key: str
    kind: Literal["alert", "digest"]
    window: Window
    timezone: str
    stories: tuple[EditionStory, ...]
    continued: tuple[EditionStory, ...]
    entries: int
    more: int
    checked: Checked
    queries: tuple[tuple[str, str], ...]
    composed_at: datetime
    prominence: Threshold = "any"


@dataclass(frozen=True, slots=True)
class RenderedEdition:
    """An edition's final bytes, rendered once.

    Attributes:
        mail: the whole MIME message with fixed-length placeholders for what differs between recipients.
        page: the archive page, HTML.
        text: the plain text part, for people at a terminal.
        data: the same facts as JSON.
    """

    subject: str
    mail: bytes
    page: str
    text: str
    data: str


@dataclass(frozen=True, slots=True)
class StoredEdition:
    """An edition in the archive, as sent."""

    id: int
    digest_id: str
    title: str
    key: str
    kind: str
    window: Window
    subject: str
    stories: int
    entries: int
    composed_at: datetime
    rendered: RenderedEdition


# -- the outbox ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewMessage:
    """What differs between the recipients of one edition.

    `token` ends the subscription in one click (128 random bits, base32); `message_id` is derived, so every retry of the
    same message carries the same one. The bytes follow from the edition's mail and this row alone.
    """

    subscription_id: int
    address: str
    token: str
    message_id: str


@dataclass(frozen=True, slots=True)
class NewEdition:
    """An edition on its way into the store, with the messages that carry it."""

    edition: Edition
    rendered: RenderedEdition
    messages: tuple[NewMessage, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """A message in the outbox."""

    id: int
    edition_id: int
    digest_id: str
    kind: str
    subject: str
    subscription_id: int
    address: str
    token: str
    message_id: str
    state: MessageState
    phase: Phase
    attempts: int
    next_attempt_at: datetime
    created_at: datetime
    settled_at: datetime | None
    error: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one try at handing a message to a transport ended, and what the outbox rule made of it."""

    message_id: int
    started_at: datetime
    ended_at: datetime
    outcome: Literal["sent", "retry", "dead", "unknown", "cancelled"]
    phase: Phase
    code: int
    detail: str
    next_attempt_at: datetime
    state: MessageState


# -- subscriptions -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Subscription:
    """An address that asked to be told, and of which digest.

    `prominence` is its own threshold; the stricter one of it and the digest's holds.
    """

    id: int
    address: str
    digest_id: str
    state: SubscriptionState
    origin: Origin
    created_at: datetime
    ended_at: datetime | None = None
    reason: str = ""
    prominence: Threshold = "any"
