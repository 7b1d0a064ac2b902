"""Lanes of the send line: a target that hangs keeps only its own messages waiting."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")
AT_ONCE = 32
"""Targets at work at the same time; others wait for one of them."""


class Lanes(Generic[T]):
    """One thread for each target at work. Used by one thread; the `with` block waits for what is under way."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="send")
        self._running: dict[Future[T], str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self._threads.shutdown(wait=True)

    @property
    def busy(self) -> frozenset[str]:
        """The targets at work; what else there is for them is to be taken on later."""
        return frozenset(self._running.values())

    def give(self, target: str, work: Callable[[], T]) -> None:
        """Do this for a target that is not busy."""
        self._running[self._threads.submit(work)] = target

    def finished(self, seconds: float) -> list[T]:
        """What has come to its end, waiting so long at most for the first of it; raises what work raised."""
        done, _ = wait(self._running, timeout=seconds, return_when=FIRST_COMPLETED)
        for future in done:
            del self._running[future]
        return [future.result() for future in done]
