"""The daemon: APScheduler ticks, the database decides what is due; signals, drain, lines that get up again, and those that hang."""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import queue
import signal
import threading
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import TYPE_CHECKING

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from aggregator import agenda, health, journal, known, reaper, settings
from aggregator.agenda import Agenda
from aggregator.app import App
from aggregator.clock import SystemClock
from aggregator.errors import AggregatorError, StoreError
from aggregator.health import LineHealth
from aggregator.jobs import Jobs
from aggregator.progress import AtWork, Progress
from aggregator.reloading import Reloading
from aggregator.running import Running
from aggregator.seats import Alone, Seat
from aggregator.systemd import Notifier
from aggregator.timekeeping import Timekeeping
from aggregator.watchdog import Watchdog, tell_state, usual_limits

if TYPE_CHECKING:
    from aggregator.web.server import WebThread

log = logging.getLogger("aggregator")

DRAIN_SECONDS = 7.0
"""From SIGTERM on, how long lines may finish what they have in hand; closing takes what is left of 10 seconds."""


class _Every(BaseTrigger):  # type: ignore[misc]  # the library says nothing of its types
    """So many seconds after the last tick, whatever the clock did meanwhile.

    The library's own counts each tick that it missed: a clock that is set from 1970 to now makes that a billion.
    """

    def __init__(self, seconds: float) -> None:
        self._interval = timedelta(seconds=seconds)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:  # noqa: ARG002 - the shape of a trigger
        """When the next tick is."""
        return now + self._interval


class Daemon:
    """All lines on one home until a signal ends it."""

    def __init__(
        self,
        app: App,
        *,
        environ: Mapping[str, str] | None = None,
        on_ready: Callable[[], None] | None = None,
        limits: Mapping[str, float] | None = None,
        seat: Seat | None = None,
        lines: Collection[str] = (),
    ) -> None:
        """Arguments.

        limits: seconds without progress after which work hangs, in place of the usual ones (`progress.Progress`).
        seat: its place among others; None: alone on its home.
        lines: runs these alone, though it may ask others for all; none named: all.
        """
        self._app = app
        self._environ = os.environ if environ is None else environ
        self._on_ready = on_ready
        self._stop = threading.Event()
        self._stopping = self._reload = False
        self._wake = queue.SimpleQueue[int]()  # an Event deadlocks when one handler breaks in on another
        self._files = Reloading(app, self._environ, self._write_health)
        self._timekeeping = Timekeeping(app)
        options = app.configuration.settings
        self._tick = options.polling.tick.total_seconds()
        self._notifier = Notifier(self._environ)
        self._limited = limits is not None
        self.progress = Progress(app.clock.monotonic, usual_limits(options) if limits is None else limits)
        self._watchdog = Watchdog(
            self.progress,
            self._notifier,
            app.clock.monotonic,
            hang=options.daemon.hang.total_seconds(),
            changed=self._hanging,
        )
        self._jobs = Jobs(app, self._stop, self.progress, self._is_well)
        self._seat = Alone(app) if seat is None else seat
        self._dispatcher = self._seat.dispatcher
        self._lines = self._jobs.lines()
        self._running = Running(
            app,
            [line for line in self._lines if not lines or line.name in lines],
            stop=self._stop,
            progress=self.progress,
            mind_clock=self._mind_clock,
            changed=self._write_health,
            again=self._again,
        )
        self._hung: dict[str, LineHealth] = {}
        self._pen = threading.Lock()
        self._web: WebThread | None = None

    # -- life --------------------------------------------------------------------------------------------------------

    def run(self) -> bool:
        """Run until SIGTERM or SIGINT; a second signal ends at once.

        Returns whether every line finished; when not, threads of this process still wait for somebody else's answer.

        Raises:
            InstanceError: another daemon has this home.
            ConfigError, StoreError: it cannot start.
        """
        self._install_signals()
        settings.prepare(self._app.configuration.home)
        self._seat.take()
        try:
            self._check()
            self._jobs.looked_through()
            # At a start they are no reason to watch nothing: a query that has worked for years goes on.
            for problem in known.failing(self._app.configuration.known_items, self._app.configuration.aliases):
                log.warning("%s", problem)
            journal.sync(self._app.sync())
            self._app.warm()
            drained = self._live()
        finally:
            self._notifier.stopping()
            self._seat.leave()
            self._app.close()
        log.info("stopped")
        return drained

    def _check(self) -> None:
        upkeep = self._app.stores.upkeep
        problems = upkeep.check()
        if problems:
            name = self._app.configuration.home.database
            raise upkeep.trouble() or StoreError(f"{name}: {problems[0]}; `aggregator doctor --deep` tells more")

    def _live(self) -> bool:
        self._agenda = Agenda(self._app.stores.agenda, self._app.clock)
        self._scheduler = scheduler = self._schedule()
        self._web = web = _serve(self._app, self.progress) if self._seat.pages else None
        self.progress.begin("ticks")
        self._write_health()
        self._dispatcher.begin(self._running)
        scheduler.start()
        log.info(
            "running on %s: %s", self._app.configuration.home.path.resolve(), journal.summary(self._app.configuration)
        )
        self._notifier.ready(journal.summary(self._app.configuration))
        if not self._app.configuration.feeds:
            log.warning("no feeds yet: `aggregator feeds add URL`; `aggregator demo` shows what is to come")
        if self._on_ready is not None:
            self._on_ready()
        with self.progress.pulse("main").work():
            self._loop()
        began = self._app.clock.monotonic()
        self._notifier.stopping()
        log.info("stopping: finishing what is under way")
        scheduler.shutdown(wait=False)
        self._dispatcher.stop()
        if web is not None:
            web.stop()
        return self._drain(DRAIN_SECONDS - (self._app.clock.monotonic() - began))

    def _schedule(self) -> BackgroundScheduler:
        scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        scheduler.add_job(self._look, _Every(min(2.0, self._tick)), id="tick", next_run_time=_soon())
        return scheduler

    def _loop(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(queue.Empty):
                self._wake.get(timeout=1.0)
            self.progress.beat("main")
            self._mind_clock()
            self._watchdog.look()
            reaper.reap()
            if self._reload or self._files.saved():
                self._reload = False
                self.reload()
            if self._running.idle:
                # Whatever starts from here on works with the new parts.
                self._app.close_replaced()

    def _mind_clock(self) -> None:
        """After the clock was set, the ticks go on as before."""
        if self._timekeeping.look():
            self._scheduler.modify_job("tick", next_run_time=_soon())

    def _is_well(self) -> bool:
        """Whether every line makes progress."""
        return not any(line.health.failures for line in self._lines) and not self.progress.late()

    def _drain(self, seconds: float) -> bool:
        """Let every line finish what it has in hand, but not for ever."""
        drained = self._running.wait(seconds)
        if not drained:
            lines = ", ".join(sorted(self._running.working))
            log.warning("gave up waiting for %s; what it has in hand is taken up at the next start", lines)
        return drained

    def _install_signals(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # a daemon inside another program: that one has the signals
        with contextlib.suppress(AttributeError, OSError, ValueError):  # stderr is no file
            faulthandler.enable()  # a watchdog kills by SIGABRT: the log shall say where everybody was
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_reload)
        signal.signal(signal.SIGUSR1, self._on_question)

    def _on_stop(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the shape of a handler
        if self._stopping:
            os._exit(128 + number)
        self._stopping = True
        self.stop()

    def _on_reload(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the shape of a handler
        self._reload = True
        self._wake.put(number)

    def stop(self) -> None:
        """End it, as a signal does; safe from any thread."""
        self._stop.set()
        self._wake.put(0)

    def _on_question(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the shape of a handler
        # Beside: the main thread may stand in the middle of writing a line of the log.
        threading.Thread(target=tell_state, args=[self.progress], name="state", daemon=True).start()

    # -- configuration -------------------------------------------------------------------------------------------------

    def reload(self) -> None:
        """Take over the files as they are now (reloading.Reloading.take_over)."""
        self._notifier.reloading()
        self.progress.end("main")  # many watchlists are looked back for: that has a limit of its own
        with self.progress.pulse("reload").work():
            if self._files.take_over():
                self._reload = True
        if not self._limited:
            self.progress.allow(usual_limits(self._app.configuration.settings))
        self.progress.begin("main")
        self._notifier.ready(journal.summary(self._app.configuration))

    # -- ticks ---------------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """A tick: have the lines run that have something to do. One that is at work, or rests after a failure, is left alone."""
        if self._stop.is_set():
            return
        self.progress.beat("ticks")
        leads = self._dispatcher.leads()
        if leads:
            self._ask(self._app.clock.monotonic())
        self._watchdog.look()
        self._seat.live(leads=leads)

    def _ask(self, now: float) -> None:
        try:
            wanted = self._agenda.wanted()
        except AggregatorError:
            wanted = list(agenda.LINES)  # whoever looks meets the fault, and says so
        for line in self._lines:
            is_wanted = line.name in wanted or line.name not in agenda.LINES
            if is_wanted and now >= line.not_before and self._dispatcher.ask(line.name):
                line.not_before = now + line.seconds
                self._agenda.looks(line.name)

    def _again(self, name: str) -> None:
        """A line has more to do at once; where another leads, that one does not hear of it."""
        self._agenda.again(name)
        if not self._dispatcher.leads():
            self._dispatcher.ask(name)

    def _write_health(self) -> None:
        with self._pen:  # else a line that has just failed could be overwritten by what was true before
            lines = {line.name: line.health for line in self._lines}
            self._seat.tell({**lines, **self._hung, health.CONFIGURATION: self._files.health})

    def _hanging(self, late: Collection[AtWork]) -> None:
        """Those who hang are others than before: write it down for `doctor`."""
        lines = {line.name: line.health for line in self._lines}
        self._hung = health.hung(late, lines, self._app.clock.now())
        self._write_health()


def _serve(app: App, progress: Progress) -> WebThread | None:
    """The pages, where they are wanted."""
    if not app.configuration.settings.web.enabled:
        return None
    from aggregator.web.server import beside

    return beside(app, progress)


def _soon() -> datetime:
    """In a moment, by the clock that the scheduler reads."""
    return SystemClock().now() + timedelta(milliseconds=50)
