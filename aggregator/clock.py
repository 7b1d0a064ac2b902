"""The only place that reads the wall clock or sleeps; everything else is given `now`."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

from aggregator.ports import Clock

_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

TOLERANCE = timedelta(seconds=2)
"""A clock that is set by less is not worth a word; one that is only slow or fast never gets there between two looks."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present moment, aware UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never jump, for measuring and for budgets."""
        return time.monotonic()

    def uptime(self) -> float:
        """Seconds that never jump and go on while the machine sleeps: what the wall clock should have gone on by, too."""
        return time.clock_gettime(_BOOT)

    def sleep(self, seconds: float, wake: threading.Event | None = None) -> None:
        """Wait `seconds`, or less when `wake` is set."""
        if wake is None:
            time.sleep(seconds)
        else:
            wake.wait(seconds)


class SetClock:
    """A clock that a person sets: the demo's and the tests'. Only `advance` and `sleep` move it."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("a clock needs an aware datetime")
        self._now = start.astimezone(UTC)
        self._passed = 0.0

    def now(self) -> datetime:
        """The moment it was set to, aware UTC."""
        return self._now

    def monotonic(self) -> float:
        """Real monotonic seconds: budgets and deadlines stay real when the calendar is staged."""
        return time.monotonic()

    def uptime(self) -> float:
        """The seconds that were passed."""
        return self._passed

    def advance(self, by: timedelta) -> None:
        """Move the calendar by `by` (may be negative: clocks do jump)."""
        self._now += by
        self._passed += max(0.0, by.total_seconds())

    def set_by(self, step: timedelta) -> None:
        """Set it: the calendar moves, and no time passes."""
        self._now += step

    def sleep(self, seconds: float, wake: threading.Event | None = None) -> None:  # noqa: ARG002 - same shape as SystemClock
        """Pass the time at once."""
        self.advance(timedelta(seconds=seconds))


class Steps:
    """How the wall clock is set while a process runs: its own way, against that of a clock that nobody can set."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wall, self._up = clock.now(), clock.uptime()

    def step(self) -> timedelta:
        """By how much it was set since the last look; nothing where it went on by itself, or while the machine slept."""
        wall, up = self._clock.now(), self._clock.uptime()
        step = (wall - self._wall) - timedelta(seconds=up - self._up)
        self._wall, self._up = wall, up
        return step if abs(step) > TOLERANCE else timedelta(0)
