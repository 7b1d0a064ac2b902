"""Says when somebody hangs, feeds the service manager's watchdog while nobody does, and ends a process that cannot be helped.

A thread that hangs cannot be stopped from within; a new process takes up all that the old one had in hand. Under systemd the watchdog
that is not fed any more sees to that; elsewhere (Docker's restart policy) `daemon.hang` lets the process end by itself.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import tempfile
import threading
from collections.abc import Callable, Collection

from aggregator.progress import AtWork, Progress
from aggregator.settings import Settings
from aggregator.systemd import Notifier

log = logging.getLogger("aggregator")

SMTP_SECONDS = 660.0
"""A mail server has ten minutes to answer to a body (RFC 5321 §4.5.3.2.6)."""
HUNG = 1
"""The exit code of a process that ends because somebody in it hangs."""


class Watchdog:
    """Looks at everybody's progress. `look` may be called by several threads: should one of them hang, the other sees it."""

    def __init__(
        self,
        progress: Progress,
        notifier: Notifier,
        monotonic: Callable[[], float],
        *,
        hang: float = 0.0,
        changed: Callable[[Collection[AtWork]], None] = lambda _: None,
        end: Callable[[int], object] = os._exit,
    ) -> None:
        """Arguments.

        hang: seconds after which a process that somebody hangs in is ended; 0: never.
        changed: told who hangs whenever others do.
        end: ends the process, at once.
        """
        self._progress = progress
        self._notifier = notifier
        self._monotonic = monotonic
        self._hang = hang
        self._changed = changed
        self._end = end
        self._lock = threading.Lock()
        self._since: dict[str, float] = {}
        self._fed = float("-inf")

    def look(self) -> None:
        """Once every few seconds."""
        if not self._lock.acquire(blocking=False):
            return  # the other thread looks just now
        try:
            self._judge(self._progress.late())
        finally:
            self._lock.release()

    def _judge(self, late: list[AtWork]) -> None:
        now = self._monotonic()
        self._tell(late, now)
        if not late:
            if now - self._fed >= self._notifier.watchdog / 4:
                self._fed = now
                self._notifier.feed()
        elif self._hang and now - min(self._since.values()) >= self._hang:
            log.critical("ending: a new process takes up what this one has in hand (daemon.hang)")
            logging.shutdown()
            self._end(HUNG)

    def _tell(self, late: list[AtWork], now: float) -> None:
        fresh = [one for one in late if one.name not in self._since]
        gone = self._since.keys() - {one.name for one in late}
        for one in fresh:
            self._since[one.name] = now
            log.error("%s hangs: no progress for %d s, at work for %d s", one.name, one.quiet, one.seconds)
        for name in gone:
            del self._since[name]
            log.warning("%s goes on", name)
        if fresh:
            log.error("what every thread is at:\n%s", stacks())
        if fresh or gone:
            self._notifier.status(f"{', '.join(self._since)} hangs" if self._since else "all lines get on")
            self._changed(late)


def usual_limits(options: Settings) -> dict[str, float]:
    """Seconds without progress after which each hangs.

    What waits for another machine is given all the time that it may take, and a minute for the database; others compute, and
    get minutes where seconds are usual.
    """
    network, limits = options.network, options.limits
    asking = 2 * network.total_timeout.total_seconds() + 2 * limits.parse_time.total_seconds() + 60
    return {
        "main": 60.0,
        "ticks": 60.0 + options.polling.tick.total_seconds(),
        "reload": 900.0,
        "poll": asking + network.host_spacing.total_seconds(),
        "enrich": asking + 60.0,  # a robots.txt may ask for a minute between two pages
        "compose": 300.0,
        "send": 300.0,
        "send/": SMTP_SECONDS + 4 * options.mail.timeout.total_seconds(),
        "signals": 600.0,
        "upkeep": 1800.0,
        "web": 120.0,
    }


def tell_state(progress: Progress) -> None:
    """Put into the log who is at work, since when, and where every thread is: for a person who asks."""
    for one in progress.at_work():
        log.info("%s: at work for %d s, got on %d times, last %d s ago", one.name, one.seconds, one.beats, one.quiet)
    log.info("what every thread is at:\n%s", stacks())


def stacks() -> str:
    """Where every thread is, the innermost call first: files, lines and functions, no values."""
    with tempfile.TemporaryFile() as file:
        faulthandler.dump_traceback(file, all_threads=True)
        file.seek(0)
        return file.read().decode("utf-8", "replace")
