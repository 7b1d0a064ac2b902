"""The face of the HTTP client: a synchronous `fetch_many`, and `post`. asyncio stays behind it, in engine.py."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import TYPE_CHECKING

from aggregator.fetch.limits import FetchLimits
from aggregator.model import FetchFailure, FetchRequest, FetchResponse

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver

    from aggregator.fetch.engine import Engine
    from aggregator.ports import Clock


class Client:
    """A `ports.Fetcher` and a `ports.Poster`. Nothing is started before the first fetch; one instance serves every thread.

    A status other than 2xx comes as a FetchResponse with an empty body: its headers are what matters, and a cut-off error
    page must not hide a Retry-After.

    Args:
        limits: what may be taken.
        clock: for `fetched_at`, and for budgets.
        resolver: makes the aiohttp resolver; for tests that need names of their own.
        turn: held while the client computes, and free while it waits for the network. Whoever works beside it in long steps holds
            it meanwhile: Python runs one of the two at a time anyway, and to change at every call into the system costs a
            tenth of the processor time of both.
    """

    def __init__(
        self,
        limits: FetchLimits,
        clock: Clock,
        *,
        resolver: Callable[[], AbstractResolver] | None = None,
        turn: threading.Lock | None = None,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._resolver = resolver
        self._turn = turn or threading.Lock()
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._closed = False

    def fetch_many(
        self, requests: Iterable[FetchRequest], *, wanted: Callable[[FetchRequest], bool] | None = None
    ) -> Generator[FetchResponse | FetchFailure, None, None]:
        """GET each request; exactly one answer for each, as they come; nothing is raised for one of them.

        `requests` is read in the caller's thread, no further ahead than `lookahead`. Closing the iterator cancels what is
        under way; closing the client ends the iterator. `wanted`: see ports.Fetcher. Raises RuntimeError when the client is already closed.
        """
        run = self._started().run(wanted)
        try:
            yield from run.answers(requests)
        finally:
            run.cancel()

    def post(
        self, url: str, headers: Mapping[str, str], body: bytes, timeout: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        """See ports.Poster. Raises RuntimeError when the client is already closed."""
        return self._started().post(url, headers, body, timeout)

    def close(self) -> None:
        """Let go of connections and the thread; safe to call twice."""
        with self._lock:
            self._closed = True
            engine, self._engine = self._engine, None
        if engine is not None:
            engine.stop()

    def _started(self) -> Engine:
        with self._lock:
            if self._closed:
                raise RuntimeError("the HTTP client is closed")
            if self._engine is None:
                from aggregator.fetch.engine import Engine

                self._engine = Engine(self._limits, self._clock, self._resolver, self._turn)
            return self._engine
