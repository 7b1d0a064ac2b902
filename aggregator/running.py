"""The lines of one process: what each is, how it is doing, and one run of it, from which it gets up again."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from aggregator import journal
from aggregator.app import App
from aggregator.errors import AggregatorError, StoreError
from aggregator.health import LineHealth
from aggregator.progress import Progress
from aggregator.tally import TALLY

log = logging.getLogger("aggregator")

FIRST_BACKOFF = 2.0
LONGEST_BACKOFF = 600.0
LONGEST_STORE_BACKOFF = 60.0
"""Trying to write again costs nobody else anything, and what was in the way is often gone soon."""


@dataclass
class Line:
    """One of the fixed jobs: it is asked for every so many `seconds` at most. `work` says whether it has more to do at once.

    Attributes:
        health: how it is doing.
        not_before: when it may be asked for again.
        rests_until: until when it rests after a failure.
    """

    name: str
    seconds: float
    work: Callable[[], object]
    health: LineHealth = field(default_factory=LineHealth)
    not_before: float = 0.0
    rests_until: float = 0.0


class Running:
    """Runs lines, each once at a time. May be used by several threads."""

    def __init__(
        self,
        app: App,
        lines: Sequence[Line],
        *,
        stop: threading.Event,
        progress: Progress,
        mind_clock: Callable[[], None],
        changed: Callable[[], None],
        again: Callable[[str], None],
    ) -> None:
        """Arguments.

        stop: set when the process ends: what fails then is told to nobody.
        mind_clock: called before each run.
        changed: called when a line is doing otherwise than before.
        again: told of a line that has more to do at once.
        """
        self.lines = {line.name: line for line in lines}
        self._app = app
        self._stop = stop
        self._progress = progress
        self._mind_clock = mind_clock
        self._changed = changed
        self._again = again
        self._working: set[str] = set()
        self._state = threading.Condition()

    @property
    def idle(self) -> bool:
        """Whether no line is at work."""
        with self._state:
            return not self._working

    @property
    def working(self) -> frozenset[str]:
        """The lines that are at work."""
        with self._state:
            return frozenset(self._working)

    def wait(self, seconds: float) -> bool:
        """Wait so long at most until no line is at work; whether that is so."""
        with self._state:
            return self._state.wait_for(lambda: not self._working, timeout=seconds)

    def begin(self, name: str) -> bool:
        """Take a line in hand; False when it is at work or rests after a failure. `run` or `rests` must follow."""
        now = self._app.clock.monotonic()
        with self._state:
            if self._stop.is_set() or name in self._working or now < self.lines[name].rests_until:
                return False
            self._working.add(name)
            return True

    def rests(self, name: str) -> None:
        """It is not at work any more."""
        with self._state:
            self._working.discard(name)
            self._state.notify_all()

    def run(self, name: str) -> None:
        """One run of a line that was taken in hand. One that fails rests for a time that doubles, and `doctor` says so."""
        line = self.lines[name]
        try:
            self._mind_clock()
            if line.health.state:
                # What it had in hand when the store refused could not be given back then.
                rest = self._app.clock.now() + self._app.configuration.settings.network.longest_spacing
                self._app.stores.feeds.release(f"{self._app.owner}/{line.name}", rest_until=rest)
            TALLY.count("runs", line.name)
            began = self._app.clock.monotonic()
            try:
                with self._progress.pulse(line.name).work():
                    more = line.work()
            finally:
                TALLY.count("busy_ms", line.name, by=round(1000 * (self._app.clock.monotonic() - began)))
        except StoreError as e:
            self._stumbled(line, str(e), e)
        except AggregatorError as e:
            self._stumbled(line, str(e))
        except Exception as e:  # a programming error must not end the daemon
            limit = journal.limit(e)
            if not limit and not self._stop.is_set():
                log.exception("line %s", line.name)
            self._stumbled(line, limit or f"{type(e).__name__}: {e}")
        else:
            if more:
                self._again(line.name)
            recovered = bool(line.health.failures)
            line.health = LineHealth(last_ok_at=self._app.clock.now().isoformat())
            if recovered or line.name == "upkeep":
                self._changed()
            if recovered:
                log.info("line %s works again", line.name, extra=journal.about("line_works", line=line.name))
        finally:
            self.rests(name)

    def _stumbled(self, line: Line, error: str, store: StoreError | None = None) -> None:
        if self._stop.is_set():
            return
        failures = line.health.failures + 1
        longest = LONGEST_BACKOFF if store is None else LONGEST_STORE_BACKOFF
        pause = min(longest, FIRST_BACKOFF * 2 ** min(failures - 1, 10))
        line.rests_until = line.not_before = self._app.clock.monotonic() + pause
        line.health = replace(line.health, failures=failures, error=error, state=store.state if store else "")
        self._changed()
        if store is not None and store.fault == "corrupt":
            # Every line writes; from now on the store takes nothing, until a sound database is there and the daemon starts anew.
            line.rests_until = line.not_before = math.inf
            log.critical("line %s stopped for good: %s; the pages show what can still be read", line.name, error)
            return
        extra = journal.about("line_stopped", line=line.name, failures=failures)
        log.error("line %s stopped: %s; again in %d s", line.name, error, pause, extra=extra)
