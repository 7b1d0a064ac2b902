"""The daemon: APScheduler ticks, the database decides what is due; signals, drain, and lines that get up again."""

from __future__ import annotations

import logging
import math
import os
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import TYPE_CHECKING

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from aggregator import health, journal, known, settings
from aggregator.app import App
from aggregator.clock import Steps, SystemClock
from aggregator.errors import AggregatorError, ConfigError, StoreError
from aggregator.health import LineHealth
from aggregator.instance import InstanceLock
from aggregator.jobs import Jobs
from aggregator.settings import Settings

if TYPE_CHECKING:
    from aggregator.web.server import WebThread

log = logging.getLogger("aggregator")

DRAIN_SECONDS = 7.0
"""From SIGTERM on, how long lines may finish what they have in hand; closing takes what is left of 10 seconds."""
FIRST_BACKOFF = 2.0
LONGEST_BACKOFF = 600.0
LONGEST_STORE_BACKOFF = 60.0
"""Trying to write again costs nobody else anything, and what was in the way is often gone soon."""


class _Every(BaseTrigger):  # type: ignore[misc]  # the library says nothing of its types
    """So many seconds after the last tick, whatever the clock did meanwhile.

    The library's own counts each tick that it missed: a clock that is set from 1970 to now makes that a billion.
    """

    def __init__(self, seconds: float) -> None:
        self._interval = timedelta(seconds=seconds)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:  # noqa: ARG002 - the shape of a trigger
        """When the next tick is."""
        return now + self._interval


@dataclass
class _Line:
    """One of the fixed jobs."""

    name: str
    seconds: float
    work: Callable[[], None]
    health: LineHealth = field(default_factory=LineHealth)
    not_before: float = 0.0


class Daemon:
    """All lines on one home until a signal ends it."""

    def __init__(
        self, app: App, *, environ: Mapping[str, str] | None = None, on_ready: Callable[[], None] | None = None
    ) -> None:
        self._app = app
        self._environ = os.environ if environ is None else environ
        self._on_ready = on_ready
        self._stop = threading.Event()
        self._reload = threading.Event()
        self._wake = threading.Event()
        self._files = self._stamps()
        self._steps = Steps(app.clock)
        self._set_by = timedelta(0)
        self._minding = threading.Lock()
        tick = app.configuration.settings.polling.tick.total_seconds()
        every = app.configuration.settings.backup.every.total_seconds() or 60.0
        jobs = Jobs(app, self._stop)
        self._lines = [
            _Line("poll", tick, jobs.poll),
            _Line("compose", min(2.0, tick), jobs.compose),
            _Line("send", min(2.0, tick), jobs.send),
            _Line("enrich", max(5.0, tick), jobs.enrich),
            _Line("signals", 300.0, jobs.signals),
            _Line("notices", 300.0, jobs.notices),
            _Line("upkeep", 3600.0, jobs.upkeep),
            _Line("backup", min(60.0, max(1.0, every / 2)), jobs.backup),
        ]
        self._working: set[str] = set()
        self._state = threading.Condition()
        self._pen = threading.Lock()

    # -- life --------------------------------------------------------------------------------------------------------

    def run(self) -> bool:
        """Run until SIGTERM or SIGINT; a second signal ends at once.

        Returns whether every line finished; when not, threads of this process still wait for somebody else's answer.

        Raises:
            InstanceError: another daemon has this home.
            ConfigError, StoreError: it cannot start.
        """
        self._install_signals()
        home = self._app.configuration.home
        settings.prepare(home)
        lock = InstanceLock(home.lock)
        lock.acquire()
        try:
            self._check()
            # At a start they are no reason to watch nothing: a query that has worked for years goes on.
            for problem in known.failing(self._app.configuration.known_items, self._app.configuration.aliases):
                log.warning("%s", problem)
            journal.sync(self._app.sync())
            self._app.warm()
            drained = self._live()
        finally:
            self._app.close()
            lock.release()
        log.info("stopped")
        return drained

    def _check(self) -> None:
        upkeep = self._app.stores.upkeep
        problems = upkeep.check()
        if problems:
            path = self._app.configuration.home.db
            raise upkeep.trouble() or StoreError(f"{path}: {problems[0]}; `aggregator doctor --deep` tells more")

    def _live(self) -> bool:
        self._scheduler = scheduler = self._schedule()
        web = self._serve()
        scheduler.start()
        log.info("running on %s: %s", self._app.configuration.home.path.resolve(), self._summary())
        if not self._app.configuration.feeds:
            log.warning("no feeds yet: `aggregator feeds add URL`; `aggregator demo` shows what is to come")
        if self._on_ready is not None:
            self._on_ready()
        self._loop()
        began = self._app.clock.monotonic()
        log.info("stopping: finishing what is under way")
        scheduler.shutdown(wait=False)
        if web is not None:
            web.stop()
        return self._drain(DRAIN_SECONDS - (self._app.clock.monotonic() - began))

    def _schedule(self) -> BackgroundScheduler:
        scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(len(self._lines))},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        for line in self._lines:
            scheduler.add_job(self._tick, _Every(line.seconds), args=[line], id=line.name, next_run_time=_soon())
        return scheduler

    def _loop(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(1.0)
            self._wake.clear()
            self._mind_clock()
            if self._reload.is_set() or self._stamps() != self._files:
                self._reload.clear()
                self.reload()
            if self._idle():
                # Whatever starts from here on works with the new parts.
                self._app.close_replaced()

    def _mind_clock(self) -> None:
        """After the clock was set, every wait goes on for as long as before: the ticks' and those in the database."""
        with self._minding:
            step = self._steps.step()
            if step:
                log.warning("the clock was set %s", journal.span(step))
                for line in self._lines:
                    self._scheduler.modify_job(line.name, next_run_time=_soon())
            self._set_by += step
            if self._set_by:
                self._move_along()

    def _move_along(self) -> None:
        try:
            self._app.stores.moments.set_right(self._app.clock.now(), self._set_by)
        except AggregatorError as e:
            log.error("what waits could not be moved along with the clock: %s", e)  # noqa: TRY400 - it is tried again
        else:
            self._set_by = timedelta(0)

    def _idle(self) -> bool:
        with self._state:
            return not self._working

    def _drain(self, seconds: float) -> bool:
        """Let every line finish what it has in hand, but not for ever."""
        with self._state:
            drained = self._state.wait_for(lambda: not self._working, timeout=seconds)
            if not drained:
                lines = ", ".join(sorted(self._working))
                log.warning("gave up waiting for %s; what it has in hand is taken up at the next start", lines)
        return drained

    def _install_signals(self) -> None:
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_reload)

    def _on_stop(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the shape of a handler
        if self._stop.is_set():
            os._exit(128 + number)
        self._stop.set()
        self._wake.set()

    def _on_reload(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the shape of a handler
        self._reload.set()
        self._wake.set()

    # -- configuration -------------------------------------------------------------------------------------------------

    def _stamps(self) -> tuple[tuple[str, int, int], ...]:
        """What the configuration files look like from outside; a change is taken over without a signal."""
        home, secrets = self._app.configuration.home, self._app.configuration.secrets
        stamps = []
        for path in (home.feeds_file, home.settings_file, home.watchlists_file, home.digests_file, *secrets):
            try:
                stat = path.stat()
                stamps.append((path.name, stat.st_mtime_ns, stat.st_size))
            except OSError:
                stamps.append((path.name, 0, 0))
        return tuple(stamps)

    def reload(self) -> None:
        """Take over the files as they are now; a bad one keeps the old configuration and says so."""
        self._files = self._stamps()
        before = self._app.configuration.settings
        try:
            configuration = settings.load(self._app.configuration.home.path, self._environ)
            if failing := known.failing(configuration.known_items, configuration.aliases):
                raise ConfigError(failing)  # noqa: TRY301 - told as the other problems of files are
            report = self._app.reconfigure(configuration)
        except ConfigError as e:
            for problem in e.problems:
                log.error("%s", problem)  # noqa: TRY400 - no traceback for people
            log.error("configuration not taken over, the old one stays in force")  # noqa: TRY400 - as above
            return
        except AggregatorError as e:
            log.error("configuration not taken over: %s", e)  # noqa: TRY400 - no traceback for people
            return
        log.info("configuration taken over: %s", self._summary())
        journal.sync(report)
        late = _needs_restart(before, configuration.settings)
        if late:
            log.warning("changes of %s take effect at the next start", ", ".join(late))

    def _summary(self) -> str:
        c = self._app.configuration
        feeds = f"{journal.many(len(c.feeds), 'feed')}, {journal.many(len(c.watchlists), 'watchlist')}, {journal.many(len(c.digests), 'digest')}"
        mail = c.settings.mail
        where = f"mail by {mail.host}:{mail.port}" if mail.host else f"mail to {c.home.mail}"
        return f"{feeds}; {where}; pages in {c.home.pages}"

    # -- ticks ---------------------------------------------------------------------------------------------------------

    def _tick(self, line: _Line) -> None:
        """One run of a line. A line that fails is run again after a pause that doubles, and `doctor` says so."""
        if self._stop.is_set() or self._app.clock.monotonic() < line.not_before:
            return
        with self._state:
            self._working.add(line.name)
        try:
            self._mind_clock()
            if line.health.state:
                # What it had in hand when the store refused could not be given back then.
                self._app.stores.feeds.release(f"{self._app.owner}/{line.name}")
            line.work()
        except StoreError as e:
            self._stumbled(line, str(e), e)
        except AggregatorError as e:
            self._stumbled(line, str(e))
        except Exception as e:  # a programming error must not end the daemon
            if not self._stop.is_set():
                log.exception("line %s", line.name)
            self._stumbled(line, f"{type(e).__name__}: {e}")
        else:
            recovered = bool(line.health.failures)
            line.health = LineHealth(last_ok_at=self._app.clock.now().isoformat())
            if recovered or line.name == "upkeep":
                self._write_health()
            if recovered:
                log.info("line %s works again", line.name)
        finally:
            with self._state:
                self._working.discard(line.name)
                self._state.notify_all()

    def _stumbled(self, line: _Line, error: str, store: StoreError | None = None) -> None:
        if self._stop.is_set():
            return
        failures = line.health.failures + 1
        longest = LONGEST_BACKOFF if store is None else LONGEST_STORE_BACKOFF
        pause = min(longest, FIRST_BACKOFF * 2 ** min(failures - 1, 10))
        line.not_before = self._app.clock.monotonic() + pause
        line.health = replace(line.health, failures=failures, error=error, state=store.state if store else "")
        self._write_health()
        if store is not None and store.fault == "corrupt":
            # Every line writes; from now on the store takes nothing, until a sound database is there and the daemon starts anew.
            line.not_before = math.inf
            log.critical("line %s stopped for good: %s; the pages show what can still be read", line.name, error)
            return
        log.error("line %s stopped: %s; again in %d s", line.name, error, pause)

    def _write_health(self) -> None:
        path = self._app.configuration.home.health
        with self._pen:  # else a line that has just failed could be overwritten by what was true before
            try:
                health.write(path, {line.name: line.health for line in self._lines})
            except OSError as e:
                log.warning("%s: %s", path, e.strerror)

    # -- web -----------------------------------------------------------------------------------------------------------

    def _serve(self) -> WebThread | None:
        web = self._app.configuration.settings.web
        if not web.enabled:
            return None
        from aggregator.web.server import WebThread

        try:
            thread = WebThread(self._app, web.host, web.port)
        except OSError as e:
            log.error(  # noqa: TRY400 - no traceback for people
                "web pages are not served: %s:%d: %s; set web.port or web.enabled", web.host, web.port, e.strerror
            )
            return None
        thread.start()
        log.info("web pages on %s", thread.url)
        return thread


def _needs_restart(before: Settings, after: Settings) -> list[str]:
    """Settings that a running daemon cannot take over."""
    pairs = {
        "polling.tick": (before.polling.tick, after.polling.tick),
        "storage": (before.storage, after.storage),
        "log": (before.log, after.log),
        "web": tuple((s.web.enabled, s.web.host, s.web.port, s.web.trusted_proxies) for s in (before, after)),
    }
    return [name for name, (old, new) in pairs.items() if old != new]


def _soon() -> datetime:
    """In a moment, by the clock that the scheduler reads."""
    return SystemClock().now() + timedelta(milliseconds=50)
