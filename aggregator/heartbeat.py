"""The heartbeat: while every line makes progress a URL is asked, so that somebody else rings when it falls silent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from aggregator.model import FetchFailure, FetchRequest
from aggregator.ports import Clock, Fetcher

Beat = Literal["", "sent", "failed", "silent"]


@dataclass(frozen=True, slots=True)
class Beaten:
    """What one call did: nothing as it was not due or not wanted (""), asked, asked in vain, or kept silent. `error` holds no part of the URL."""

    outcome: Beat = ""
    error: str = ""


class Heartbeat:
    """Asks the URL every so often. It never raises, and nobody waits for it but its own thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next = float("-inf")

    def beat(self, url: str, every: timedelta, fetcher: Fetcher, is_well: Callable[[], bool]) -> Beaten:
        """Ask once, when it is due and all is well. The URL is a secret: who knows it can keep the alarm from ringing."""
        now = self._clock.monotonic()
        if not url or now < self._next:
            return Beaten()
        self._next = now + every.total_seconds()
        if not is_well():
            return Beaten("silent")
        for answer in fetcher.fetch_many([FetchRequest("heartbeat", url, kind="page")]):
            if isinstance(answer, FetchFailure):
                # Its message names the URL; its class says enough.
                more = (
                    "; network.allow_private opens private addresses" if answer.error_class == "blocked_address" else ""
                )
                return Beaten("failed", f"{answer.error_class}{more}")
            if not 200 <= answer.status < 300:
                return Beaten("failed", f"the server said {answer.status}")
        return Beaten("sent")
