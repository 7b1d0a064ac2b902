"""What the operator's pages ask of the store: feeds in portions, with what became of each; the outbox by its piles; what was refused.

`Overview` reads alone: every method is one snapshot, and costs what it shows rather than what is stored.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, Protocol

from aggregator.model import Entry, Feed, FeedState
from aggregator.publication import Message, MessageState, Phase

Order = Literal["trouble", "title", "entries", "next"]
"""Of feeds: those in trouble first; by name; the liveliest of the last 30 days first; the next to be polled first."""
Pile = Literal["held", "waiting", "unknown", "dead", "cancelled", "sent"]
"""Of messages: what a restore holds back, and the rest by state; `waiting` has those under way, too."""


@dataclass(frozen=True, slots=True)
class FeedsWanted:
    """Which feeds, and in which order. `refused` are those whose last document was refused, or brought a process down."""

    state: FeedState | Literal["", "silent", "refused", "malformed"] = ""
    tag: str = ""
    order: Order = "trouble"


@dataclass(frozen=True, slots=True)
class Listed:
    """Some feeds of those wanted, how many there are, and what there is to choose from: feeds by state, all tags."""

    feeds: tuple[Feed, ...]
    count: int
    by_state: Mapping[str, int]
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fed:
    """A watchlist of the operator's, and how many entries a feed gave it."""

    watchlist_id: str
    title: str
    entries: int


@dataclass(frozen=True, slots=True)
class GivenUp:
    """Article pages of one feed that were given up for one reason: how many, the newest of them, and when that was."""

    feed_id: str
    feed_title: str
    why: str
    pages: int
    entry_id: int
    story_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Queued:
    """A message, since when a restore holds it back, and whether it can be tried again or dropped."""

    message: Message
    held_at: datetime | None
    can_retry: bool
    can_drop: bool


@dataclass(frozen=True, slots=True)
class PastAttempt:
    """A try at handing a message over, and how it ended; `code` is 0 where the other side gave none."""

    started_at: datetime
    ended_at: datetime
    outcome: MessageState | Literal["retry"]
    phase: Phase
    code: int
    detail: str


class Overview(Protocol):
    """Feeds, messages and what was refused, as pages show them."""

    def feeds(self, wanted: FeedsWanted, since: date, limit: int, skip: int = 0) -> Listed:
        """Feeds of the configuration, `limit` at most behind the first `skip`; `since` is where liveliness is counted from (UTC)."""
        ...

    def daily(self, feed_ids: Collection[str], since: date, until: date) -> Mapping[str, Sequence[int]]:
        """Feed -> its entries on each day (UTC) from `since` to `until`, both included."""
        ...

    def newest(self, feed_id: str, limit: int) -> list[Entry]:
        """The entries of a feed that came last, newest first."""
        ...

    def feeds_into(self, feed_id: str, since: datetime) -> list[Fed]:
        """The watchlists that entries of a feed, first seen since then, match; most first. Readers' own are nobody's business."""
        ...

    def articles(self, feed_id: str, since: datetime) -> Mapping[str, int]:
        """State of the article page -> how many of the feed's entries first seen since then: due, done or given_up."""
        ...

    def given_up(self, limit: int) -> list[GivenUp]:
        """The article pages that were given up last, so many at most, by feed and reason; the newest first."""
        ...

    def piles(self, since: datetime) -> Mapping[Pile, int]:
        """How many messages are on each pile, all but those that were sent; of the cancelled those settled since then."""
        ...

    def messages(self, pile: Pile, limit: int, before: int = 0) -> list[Queued]:
        """Messages of a pile, newest first, behind the message `before`."""
        ...

    def message(self, message_id: int) -> Queued | None:
        """One message, or None."""
        ...

    def attempts(self, message_id: int) -> list[PastAttempt]:
        """What was tried, oldest first."""
        ...

    def suppressed(self) -> int:
        """How many addresses must not be written to."""
        ...
