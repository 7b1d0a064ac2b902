"""The notices line: problems -> what is new, lasts and is over -> one mail a day to the operator."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time

from aggregator.digests import messages, windows
from aggregator.model import Problem
from aggregator.notice import LASTS, Changed, Notice, NoticeLetter, Told
from aggregator.ports import Clock, Renderer
from aggregator.publication import Schedule
from aggregator.stores import Stores

UNTOLD = "notices:"
"""What begins with this is about the notices themselves: no mail tells of it."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Where the operator's mail goes, and when: at a time of day in an IANA zone. Without an address it goes nowhere."""

    address: str
    at: time
    timezone: str


class NoticeLine:
    """Notes what is found, and tells of it once a day. Running it twice is a no-op; two at once tell once."""

    def __init__(
        self, *, stores: Stores, renderer: Renderer, clock: Clock, secret: bytes, domain: str, desk: Desk
    ) -> None:
        self._stores = stores
        self._renderer = renderer
        self._clock = clock
        self._secret = secret
        self._domain = domain
        self._desk = desk

    def run(self, found: Iterable[Problem]) -> Changed:
        """Note what doctor has found now, and lay the day's mail into the outbox when it is due. Raises StoreError."""
        now = self._clock.now()
        changed = self._stores.notices.see([one for one in found if one.about], now)
        due = windows.latest_due(Schedule("at", self._desk.timezone, (self._desk.at,)), now)
        told_at = self._stores.notices.told_at()
        if due is not None and (told_at is None or not due <= told_at <= now):
            self._tell(due, now)
        return changed

    def _tell(self, due: datetime, now: datetime) -> None:
        every = self._stores.notices.list()
        told = sort(every, now, self._desk.timezone)
        over = [one.about for one in every if one.ended_at is not None and one.ended_at <= now - LASTS]
        if not self._desk.address or not (told.new or told.over):
            self._stores.notices.tell((), over, None, due, now)
            return
        letter = NoticeLetter(
            self._renderer.notices(told),
            self._desk.address,
            messages.new_token(),
            messages.letter_id(self._secret, "notice", f"{due.isoformat()} {self._desk.address}", self._domain),
        )
        self._stores.notices.tell([one.about for one in told.new], over, letter, due, now)


def sort(every: Sequence[Notice], now: datetime, timezone: str) -> Told:
    """What a mail says at `now`: errors first, and of each level what began first."""
    ordered = sorted(every, key=lambda one: (one.level != "error", one.began_at, one.about))
    mailed = [one for one in ordered if not one.about.startswith(UNTOLD)]
    lasting = [one for one in mailed if one.ended_at is None]
    return Told(
        new=tuple(one for one in lasting if one.told_at is None and _counts(one, now)),
        lasting=tuple(one for one in lasting if one.told_at is not None),
        over=tuple(one for one in mailed if one.ended_at is not None and _is_over(one, one.ended_at, now)),
        at=now,
        timezone=timezone,
    )


def _counts(one: Notice, now: datetime) -> bool:
    """Whether it has lasted long enough to be worth a line."""
    return one.level == "error" or one.began_at <= now - LASTS


def _is_over(one: Notice, ended_at: datetime, now: datetime) -> bool:
    """Whether its end is to be told: that of what was told, and of an error that came and went between two mails."""
    return ended_at <= now - LASTS and (one.told_at is not None or one.level == "error")
