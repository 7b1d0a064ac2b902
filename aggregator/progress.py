"""Who is at work in this process, and whether each gets on: a watchdog is fed only while everybody does.

Who works says so with every piece that is done: a feed read, a message settled, an edition composed. Nobody has to be quick, and long
work is no fault; what says nothing for longer than its limit hangs. Time is monotonic.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

PART = "/"


@dataclass(slots=True)
class _Work:
    since: float
    beat_at: float
    beats: int = 0


@dataclass(frozen=True, slots=True)
class AtWork:
    """One who is at work: for how many seconds, how often it got on, and how many seconds ago it last did."""

    name: str
    seconds: float
    beats: int
    quiet: float


class Progress:
    """All that is at work. May be used from several threads.

    `limits` are seconds without progress after which work hangs, by name; `send/` is the limit of every part of `send`. What
    has none is shown, and never late.
    """

    def __init__(self, monotonic: Callable[[], float], limits: Mapping[str, float]) -> None:
        self._monotonic = monotonic
        self._limits = limits
        self._work: dict[str, _Work] = {}
        self._lock = threading.Lock()

    def allow(self, limits: Mapping[str, float]) -> None:
        """Other limits from now on."""
        self._limits = limits

    def pulse(self, name: str) -> Pulse:
        """What one worker says it by."""
        return Pulse(name, self)

    def begin(self, name: str) -> None:
        """It is at work from now on."""
        now = self._monotonic()
        with self._lock:
            self._work[name] = _Work(now, now)

    def beat(self, name: str) -> None:
        """It has got on."""
        with self._lock:
            work = self._work.get(name)
            if work is not None:
                work.beat_at = self._monotonic()
                work.beats += 1

    def end(self, name: str) -> None:
        """It has done its work; resting is no fault."""
        with self._lock:
            self._work.pop(name, None)

    def at_work(self) -> list[AtWork]:
        """Everybody, by name."""
        now = self._monotonic()
        with self._lock:
            return [AtWork(n, now - w.since, w.beats, now - w.beat_at) for n, w in sorted(self._work.items())]

    def late(self) -> list[AtWork]:
        """Those that hang."""
        return [one for one in self.at_work() if one.quiet > self._limit(one.name)]

    def _limit(self, name: str) -> float:
        line, part, _ = name.partition(PART)
        return self._limits.get(name, self._limits.get(line + part, float("inf")))


class Pulse:
    """By which one worker says that it gets on; without a Progress nobody listens."""

    def __init__(self, name: str = "", progress: Progress | None = None) -> None:
        self._name = name
        self._progress = progress

    def beat(self) -> None:
        """Another piece is done."""
        if self._progress is not None:
            self._progress.beat(self._name)

    @contextmanager
    def work(self) -> Iterator[None]:
        """At work for as long as the block lasts."""
        if self._progress is None:
            yield
            return
        self._progress.begin(self._name)
        try:
            yield
        finally:
            self._progress.end(self._name)

    def part(self, name: str) -> Pulse:
        """Of work that goes on beside the worker's own, which may go on while this hangs."""
        return Pulse(f"{self._name}{PART}{name}", self._progress)


QUIET = Pulse()
"""Nobody listens: the lines as a command runs them."""
