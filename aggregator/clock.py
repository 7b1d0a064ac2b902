"""The only place that reads the wall clock or sleeps; everything else is given `now`."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present moment, aware UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never jump, for measuring and for budgets."""
        return time.monotonic()

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

    def now(self) -> datetime:
        """The moment it was set to, aware UTC."""
        return self._now

    def monotonic(self) -> float:
        """Real monotonic seconds: budgets and deadlines stay real when the calendar is staged."""
        return time.monotonic()

    def advance(self, by: timedelta) -> None:
        """Move the calendar by `by` (may be negative: clocks do jump)."""
        self._now += by

    def sleep(self, seconds: float, wake: threading.Event | None = None) -> None:  # noqa: ARG002 - same shape as SystemClock
        """Pass the time at once."""
        self.advance(timedelta(seconds=seconds))
