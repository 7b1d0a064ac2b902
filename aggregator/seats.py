"""The place of a process among others: alone on its home."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from typing import Protocol

from aggregator import health
from aggregator.app import App
from aggregator.engine.local import LocalDispatcher
from aggregator.health import LineHealth
from aggregator.instance import InstanceLock
from aggregator.ports import Dispatcher

log = logging.getLogger("aggregator")

SAY_SECONDS = 30.0
LINES = 9
"""Threads for lines: each runs once at a time."""


class Seat(Protocol):
    """Where a process that runs lines stands, and whom it tells how it is doing."""

    dispatcher: Dispatcher
    pages: bool
    """Whether it serves the web pages, where those are wanted."""

    def take(self) -> None:
        """Before anything is done. Raises InstanceError: it is taken; StoreError."""
        ...

    def tell(self, lines: Mapping[str, LineHealth]) -> None:
        """How its lines are doing, whenever that has changed; never raises."""
        ...

    def live(self, *, leads: bool) -> None:
        """At each tick: it lives; never raises."""
        ...

    def leave(self) -> None:
        """It ends; never raises. Safe to call twice."""
        ...


class Alone:
    """The daemon of a home: the only one there, known by its lock and a file of health."""

    pages = True

    def __init__(self, app: App) -> None:
        self.dispatcher: Dispatcher = LocalDispatcher(LINES)
        self._app = app
        self._lock = InstanceLock(app.configuration.home.lock)
        self._said_at = 0.0

    def take(self) -> None:
        """See Seat.take."""
        self._lock.acquire()

    def tell(self, lines: Mapping[str, LineHealth]) -> None:
        """See Seat.tell."""
        path = self._app.configuration.home.health
        try:
            health.write(path, lines)
        except OSError as e:
            log.warning("%s: %s", path, e.strerror)

    def live(self, *, leads: bool) -> None:  # noqa: ARG002 - it always does
        """For `aggregator health`, where no page can be asked."""
        now, web = self._app.clock.monotonic(), self._app.configuration.settings.web
        if now >= self._said_at + SAY_SECONDS and not (web.enabled and web.port):
            self._said_at = now
            with contextlib.suppress(OSError):
                health.touch(self._app.configuration.home.health, self._app.clock.now())

    def leave(self) -> None:
        """See Seat.leave."""
        self._lock.release()
