"""Which lines are to look at the database now: those whose time has come, and all when somebody has changed it.

A line that looks and finds nothing costs a few statements; every two seconds, day and night, that is most of what an idle daemon takes
(docs/decisions/0051). One number says whether anything was written since, by whatever process; then everybody looks, as when it ticks.
Else a line waits for its next moment. What no row says (whose turn it is in this process's memory, a clock that was set) is found by a
look every ten seconds all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from aggregator.care import AgendaStore
from aggregator.ports import Clock

LINES = ("poll", "compose", "send", "enrich")
LOOK_ANYWAY = 10.0
JUMP = 2.0
"""Seconds by which the wall's clock may differ from the monotonic one before it was set."""


@dataclass(slots=True)
class _Last:
    """A line's last look: at which version of the database, and when (monotonic seconds)."""

    version: int
    at: float


class Agenda:
    """What one process knows of what is to come. Used by one thread."""

    def __init__(self, store: AgendaStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._looked: dict[str, _Last] = {}
        self._version: int | None = None
        self._next: Mapping[str, datetime] = {}
        self._offset: float | None = None

    def wanted(self) -> list[str]:
        """The lines that should look now. Raises StoreError."""
        version, now = self._store.version(), self._clock.now()
        if version != self._version or self._clock_was_set(now):
            self._next = self._store.next(now)
            # Only now: where that has failed, it is asked again.
            self._version = version
        return [line for line in LINES if self._wants(line, now)]

    def looks(self, line: str) -> None:
        """The line looks now, at all that was written until `wanted` was asked."""
        self._looked[line] = _Last(-1 if self._version is None else self._version, self._clock.monotonic())

    def again(self, line: str) -> None:
        """Its last look did not bring all to its end: it is wanted at the next tick."""
        self._looked.pop(line, None)

    def _wants(self, line: str, now: datetime) -> bool:
        last = self._looked.get(line)
        if last is None or last.version != self._version:
            return True
        if self._clock.monotonic() - last.at >= LOOK_ANYWAY:
            return True
        return line in self._next and self._next[line] <= now

    def _clock_was_set(self, now: datetime) -> bool:
        """Moments were computed by another clock: everybody looks."""
        offset = (now - datetime.fromtimestamp(0, now.tzinfo)) / timedelta(seconds=1) - self._clock.monotonic()
        before, self._offset = self._offset, offset
        if before is None or abs(offset - before) < JUMP:
            return False
        self._looked.clear()
        return True
