"""What the operator is told of: problem -> notice -> one mail a day. The continuation of `readership`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from aggregator.readership import RenderedLetter

LASTS = timedelta(hours=1)
"""What is over sooner is told to nobody unless it is an error; an end, too, is one only once it has lasted as long."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A problem that doctor found, since when it lasts, and what has been told of it.

    `about` names it; `ended_at` is when it was first not found any more; a mail told of it at `told_at`.
    """

    about: str
    level: Literal["error", "warning"]
    what: str
    do: str
    began_at: datetime
    told_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """What one look has found new, and what it has not found any more."""

    begun: tuple[Notice, ...] = ()
    ended: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """What one mail of notices says: what is new since the last one, what lasts, and what is over."""

    new: tuple[Notice, ...]
    lasting: tuple[Notice, ...]
    over: tuple[Notice, ...]
    at: datetime
    timezone: str


@dataclass(frozen=True, slots=True)
class NoticeLetter:
    """A mail of notices on its way into the outbox."""

    rendered: RenderedLetter
    address: str
    token: str
    message_id: str
