"""Inputs tried one after the other, each within a limit of processor time; what was found is made small."""

from __future__ import annotations

import contextlib
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from tests.fuzz.dice import Dice
from tests.fuzz.targets import Target

LIMIT = 5.0
"""Seconds of processor time for one input."""
MOST = 20
"""Different findings after which a hunt ends."""


class TooSlow(BaseException):
    """An input took longer than the limit."""


@dataclass(frozen=True)
class Finding:
    """An input that broke a promise, made small, and how."""

    data: bytes
    kind: str
    trace: str


@dataclass
class Bag:
    """What a hunt came to; `slowest` are the seconds and the size of the input that took longest."""

    target: str
    tried: int = 0
    seconds: float = 0.0
    slowest: tuple[float, int] = (0.0, 0)
    findings: list[Finding] = field(default_factory=list)

    def __str__(self) -> str:
        slow, size = self.slowest
        return (
            f"{self.target}: {self.tried:,} inputs in {self.seconds:.0f} s of processor time, {len(self.findings)} findings, "
            f"slowest {slow:.2f} s ({size:,} bytes)"
        )


def hunt(target: Target, seed: int, *, tries: int = 0, seconds: float = 0.0) -> Bag:
    """Try so many inputs, or for so many seconds of the clock on the wall. Runs in the main thread only."""
    dice = Dice(seed, target.samples(), target.words)
    bag = Bag(target.name)
    began, until = time.process_time(), time.monotonic() + seconds
    kinds: set[str] = set()
    while bag.tried < tries if tries else time.monotonic() < until:
        data = dice.throw()
        before = time.process_time()
        found = attempt(target.run, data)
        bag.tried += 1
        bag.slowest = max(bag.slowest, (time.process_time() - before, len(data)))
        if found is not None and found.kind not in kinds:
            kinds.add(found.kind)
            bag.findings.append(smallest(target.run, found))
            if len(kinds) == MOST:
                break
    bag.seconds = time.process_time() - began
    return bag


def attempt(run: Callable[[bytes], None], data: bytes) -> Finding | None:
    """What an input breaks, or None."""
    try:
        with limited(LIMIT):
            run(data)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is what we look for
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = "" if isinstance(error, TooSlow) else f" in {Path(last.filename).name}:{last.lineno}"
        return Finding(data, f"{type(error).__name__}{where}", traceback.format_exc())
    return None


def smallest(run: Callable[[bytes], None], found: Finding, *, seconds: float = 20.0) -> Finding:
    """The same finding with ever less around it, as far as that gets within some seconds."""
    until = time.monotonic() + seconds
    size = len(found.data) // 2
    while size and time.monotonic() < until:
        at = 0
        while at < len(found.data) and time.monotonic() < until:
            less = attempt(run, found.data[:at] + found.data[at + size :])
            if less is not None and less.kind == found.kind:
                found = less
            else:
                at += size
        size //= 2
    return found


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise TooSlow in what takes longer, by the processor's time: what else the machine does is nobody's fault."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise TooSlow(f"more than {seconds:g} s")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
