"""The place of a process among others: alone on its home, or one of several workers on a database."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import socket
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from importlib.metadata import version
from typing import Protocol

from aggregator import health, instance
from aggregator.app import App
from aggregator.engine.local import LocalDispatcher
from aggregator.errors import StoreError
from aggregator.fellows import Worker
from aggregator.health import LineHealth
from aggregator.instance import InstanceLock
from aggregator.ports import Dispatcher
from aggregator.tally import TALLY

log = logging.getLogger("aggregator")

SAY_SECONDS = 30.0
LINES = 9
"""Threads for lines: each runs once at a time."""
BEAT = 5.0
GONE = 60.0
FORGET = 86_400.0
"""Seconds between two signs of life of a worker; without one after which what it had in hand is free, and its row goes."""
LEAVE = 1.5
"""Seconds at the end in which the tasks of runs that have ended are taken out of the queue; else others mistake them for fallen."""
COUNTED = ("runs", "polls", "poll_failures", "poll_bytes", "entries", "matches", "sent", "busy_ms")
"""What of a process's tally its row tells."""


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


class Among:
    """A worker among others on one database, known by its row there. Whoever leads lets go of what the fallen had in hand."""

    pages = False

    def __init__(self, app: App, lines: Collection[str]) -> None:
        """`lines` are those it runs."""
        from aggregator.engine.queued import QueuedDispatcher

        self._app = app
        self._state = Worker(
            name=app.owner,
            host=socket.gethostname(),
            pid=os.getpid(),
            version=version("aggregator"),
            lines=tuple(lines),
            leads=False,
            started_at=app.clock.now(),
            beat_at=app.clock.now(),
        )
        self._others: Sequence[Worker] = ()
        self._heard: dict[str, tuple[datetime, float]] = {}
        self._beat_at = -math.inf
        self._queue = QueuedDispatcher(app.configuration.home.server, lines, self._count)
        self.dispatcher: Dispatcher = self._queue

    def take(self) -> None:
        """See Seat.take."""
        self._app.stores.workers.beat(self._state)

    def tell(self, lines: Mapping[str, LineHealth]) -> None:
        """See Seat.tell: with the next sign of life."""
        self._state = replace(self._state, health={name: asdict(one) for name, one in lines.items()})

    def live(self, *, leads: bool) -> None:
        """See Seat.live."""
        now = self._app.clock.monotonic()
        if now < self._beat_at + BEAT and leads == self._state.leads:
            return
        self._beat_at = now
        self._state = replace(self._state, leads=leads, beat_at=self._app.clock.now(), counts=_counts())
        try:
            self._app.stores.workers.beat(self._state)
            if leads:
                self._others = self._app.stores.workers.list()
                self._let_go(now)
        except StoreError as e:
            log.debug("no sign of life could be given: %s", e)

    def leave(self) -> None:
        """See Seat.leave."""
        self._queue.stop()
        self._queue.wait(LEAVE)
        try:
            self._app.stores.workers.forget(self._state.name)
        except StoreError as e:
            log.debug("the row of this worker stays: %s", e)

    def _count(self, line: str) -> int:
        """How many live workers run a line; asked of the one who leads."""
        gone = self._gone(self._app.clock.monotonic())
        return sum(line in one.lines and one.name not in gone for one in self._others)

    def _gone(self, now: float) -> set[str]:
        """Those who have been silent for too long. By our own clock, for theirs may be another."""
        seen = {one.name: one.beat_at for one in self._others}
        self._heard = {
            name: self._heard[name] if name in self._heard and self._heard[name][0] == at else (at, now)
            for name, at in seen.items()
        }
        return {name for name, (_, since) in self._heard.items() if now - since > GONE and name != self._state.name}

    def _let_go(self, now: float) -> None:
        """Free what the fallen had in hand. One who is only cut off finds its claims gone, and stores nothing of what it had."""
        feeds = self._app.stores.feeds
        # What fell may have asked a host just before, and another worker does next.
        rest = self._app.clock.now() + self._app.configuration.settings.network.longest_spacing
        gone = self._gone(now)
        for owner in feeds.owners():
            name = owner.partition("/")[0]
            sure = instance.is_gone(name)
            if not sure and name not in gone:
                continue
            if count := feeds.release(owner, fallen=True, sure=sure, rest_until=rest):
                log.warning("what %s had in hand is free again (%d): its worker is gone", owner, count)
        for name, (_, since) in self._heard.items():
            if instance.is_gone(name) or now - since > FORGET:
                self._app.stores.workers.forget(name)


def _counts() -> dict[str, int]:
    """What this process has done since it began."""
    return {name: sum(found.values()) for name, found in TALLY.counts.items() if name in COUNTED}
