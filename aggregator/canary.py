"""The canary: a mailbox of the operator's that gets a copy of each digest; copy handed over -> arrived, or overdue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

LOOKED_AT = timedelta(days=7)
"""How far back copies are held to have to arrive."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of an edition that a mail server took for the canary's mailbox at `sent_at`; None in `arrived_at`: not seen there yet."""

    digest_id: str
    key: str
    sent_at: datetime
    arrived_at: datetime | None


def overdue(copies: Sequence[Copy], now: datetime, within: timedelta) -> list[Copy]:
    """Those that should have arrived, newest first."""
    found = [c for c in copies if c.arrived_at is None and now - LOOKED_AT <= c.sent_at <= now - within]
    return sorted(found, key=lambda c: c.sent_at, reverse=True)


def rings(copies: Sequence[Copy], now: datetime, within: timedelta) -> bool:
    """Whether no mail arrives now: what was sent last among all that has had its time is missing."""
    timely = [c for c in copies if c.arrived_at is not None or c.sent_at <= now - within]
    last = max(timely, key=lambda c: c.sent_at, default=None)
    return last is not None and last.arrived_at is None and last.sent_at >= now - LOOKED_AT
