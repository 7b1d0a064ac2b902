"""What a reader chooses and asks for: choice -> letter -> subscription. The continuation of `publication`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from aggregator.levels import Threshold
from aggregator.model import Watchlist
from aggregator.publication import DigestSpec, Schedule

BRIDGE = ".from-"
"""Stands in the id of a digest that carries one reader over to a new rhythm (docs/decisions/0032)."""
Cause = Literal["web", "mail", "command line", "configuration", "bounce"]
"""Through what something happened to a subscription."""
Purpose = Literal["unsubscribe", "confirm", "manage", "undo", "refuse"]
"""The one thing that a token is good for."""

SubscriptionState = Literal["pending", "active", "paused", "ended"]
Origin = Literal["config", "operator", "visitor"]


@dataclass(frozen=True, slots=True)
class Subscription:
    """An address that asked to be told, and of which digest.

    `prominence` is its own threshold; the stricter one of it and the digest's holds. `timezone` is its reader's clock, "" for the
    digest's. A pause ends at `paused_until`; None: when somebody resumes it.
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
    timezone: str = ""
    paused_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Bounce:
    """Mail to an address came back, or its reader complained; `status` is RFC 3463's or "", `detail` names no address."""

    kind: Literal["hard", "soft", "complaint"]
    status: str
    detail: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One watchlist at a rhythm of the reader's own; `query` is the reader's own, "" where the watchlist is the operator's."""

    watchlist_id: str
    title: str
    schedule: Schedule
    prominence: Threshold = "any"
    query: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """A choice made ready for the store: its digest, the reader's own watchlist if it has one, and when the digest is due next."""

    spec: DigestSpec
    own: Watchlist | None
    due: datetime


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asked, as far as it is known: through what, and the coarse network (203.0.113.0/24; "" for none)."""

    cause: Cause
    network: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """How many letters went out lately: for an address in a day and, unconfirmed, in 30 days; for the others in an hour."""

    day: int = 0
    month: int = 0
    network: int = 0
    domain: int = 0
    all: int = 0


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token on its way into the store, which keeps its hash alone."""

    token: str
    purpose: Purpose
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Letter:
    """What a letter says: who asked for what. `refuse` is the token of "never mail me again"."""

    kind: Literal["confirm", "manage"]
    asked_at: datetime
    network: str
    refuse: str
    title: str = ""
    query: str = ""
    rhythm: str = ""


@dataclass(frozen=True, slots=True)
class RenderedLetter:
    """A letter's final bytes, with placeholders for address, token and Message-ID."""

    subject: str
    mail: bytes


@dataclass(frozen=True, slots=True)
class NewLetter:
    """A letter on its way into the outbox; the first of its tokens is the one that the mail has a place for."""

    kind: Literal["confirm", "manage"]
    rendered: RenderedLetter
    address: str
    message_id: str
    tokens: tuple[NewToken, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """A subscription as its reader sees it.

    `own` says that the digest was made for a reader's choice, which can be changed; `watchlist_id` is then its one watchlist.
    """

    subscription: Subscription
    title: str
    schedule: Schedule
    next_at: datetime
    own: bool
    watchlist_id: str
    query: str
    prominence: Threshold = "any"


@dataclass(frozen=True, slots=True)
class Suppressed:
    """An address we must not write to, as a keyed hash."""

    address_hmac: str
    reason: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Tidied:
    """What time has done: pauses over, readers joined with those of the same choice, digests nobody reads, requests forgotten."""

    resumed: int = 0
    joined: int = 0
    removed: int = 0
    forgotten: int = 0
