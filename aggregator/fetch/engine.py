"""The event loop in its own thread, and the tasks of every fetch_many call on it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import selectors
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import aiohttp

from aggregator.fetch.exchange import Exchange, Sessions, once
from aggregator.fetch.guard import ATTEMPT, Guard
from aggregator.fetch.limits import FetchLimits
from aggregator.fetch.posting import Posting
from aggregator.fetch.traffic import Lane, Traffic
from aggregator.model import FetchFailure, FetchRequest, FetchResponse

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver

    from aggregator.ports import Clock

log = logging.getLogger(__name__)
Answer = FetchResponse | FetchFailure
KEEP_ALIVE = 15.0
HEADER_COUNT = 512
"""Header lines in one answer; honest sites with many cookies send about two hundred."""
PATIENCE = 0.5
"""Seconds between two looks at whether the client was closed under a waiting caller."""


class Engine:
    """One loop, one session, one set of connections; made at the first fetch, used by every thread."""

    def __init__(
        self,
        limits: FetchLimits,
        clock: Clock,
        resolver: Callable[[], AbstractResolver] | None,
        turn: threading.Lock,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._resolver = resolver
        self._runs: set[Run] = set()
        self._stopping = False
        self._turn = turn
        self.loop = asyncio.SelectorEventLoop(_Selector(turn))
        self._thread = threading.Thread(target=self._serve, name="fetch-loop", daemon=True)
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._open(), self.loop).result()
        except BaseException:
            self._end_thread()
            raise

    def run(self, wanted: Callable[[FetchRequest], bool] | None = None) -> Run:
        """A new call of fetch_many."""
        return Run(self, wanted)

    def post(
        self, url: str, headers: Mapping[str, str], body: bytes, timeout: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        """See ports.Poster."""
        work = self.posting.post(url, headers, body, timeout)
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def stop(self) -> None:
        """Cancel what is under way, close connections, end the thread."""
        asyncio.run_coroutine_threadsafe(self._shut(), self.loop).result()
        self._end_thread()

    @property
    def limits(self) -> FetchLimits:
        """The limits in force."""
        return self._limits

    def begin(self, run: Run) -> bool:
        """On the loop: know a run, so that `stop` ends it; False when it is too late to begin."""
        if not self._stopping:
            self._runs.add(run)
        return not self._stopping

    def end(self, run: Run) -> None:
        """On the loop: forget a run."""
        self._runs.discard(run)

    def _end_thread(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()

    def _serve(self) -> None:
        with self._turn:
            try:
                self.loop.run_forever()
            finally:
                self.loop.run_until_complete(self.loop.shutdown_asyncgens())
                self.loop.close()

    async def _open(self) -> None:
        limits = self._limits
        guard = Guard(limits.allow_private)
        if limits.proxy:
            log.warning("network.proxy is set: the address guard judges names only, the proxy must refuse the rest")
        self.traffic = Traffic(limits.concurrency, limits.host_connections, limits.host_spacing, KEEP_ALIVE)
        self._sessions = Sessions(
            _session(limits, guard, self._resolver, keep=True), _session(limits, guard, self._resolver, keep=False)
        )
        self.exchange = Exchange(self._sessions, self.traffic, guard, limits, self._clock)
        self.posting = Posting(self._sessions.closing, guard, limits)

    async def _shut(self) -> None:
        self._stopping = True
        tasks = [task for run in list(self._runs) for task in run.halt()]
        await asyncio.gather(*tasks, *self.posting.halt(), return_exceptions=True)
        await self._sessions.close()


class _Selector(selectors.DefaultSelector):
    """Gives our turn to others while the loop waits."""

    def __init__(self, turn: threading.Lock) -> None:
        super().__init__()
        self._turn = turn

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._turn.release()
        try:
            return super().select(timeout)
        finally:
            self._turn.acquire()


class _Connector(aiohttp.TCPConnector):
    """Keeps no connection on which something came that nobody had asked for: aiohttp would take it for the next answer.

    What a server shows of itself is noted in the attempt: a connection may be gone before its answer is read.
    """

    async def connect(self, *args: Any, **more: Any) -> Any:
        connection = await super().connect(*args, **more)
        transport = connection.transport
        shown = transport.get_extra_info("peercert") if transport is not None else None
        ATTEMPT.get().certificate_until = _until(shown) if shown else None
        return connection

    async def _get(self, *args: Any) -> Any:
        found = await super()._get(*args)
        while found is not None and (found.protocol is None or found.protocol.should_close):
            found.close()
            found = await super()._get(*args)
        return found


def _until(certificate: Mapping[str, Any]) -> datetime | None:
    """When a certificate runs out (RFC 5280 §4.1.2.5), from how Python's ssl shows it."""
    try:
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
    except (KeyError, ValueError, OverflowError, OSError):
        return None


def _session(
    limits: FetchLimits, guard: Guard, resolver: Callable[[], AbstractResolver] | None, *, keep: bool
) -> aiohttp.ClientSession:
    connector = _Connector(
        limit=0,  # traffic.py counts
        socket_factory=guard.socket,
        resolver=resolver() if resolver is not None else None,
        force_close=not keep,
        keepalive_timeout=KEEP_ALIVE if keep else None,
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        max_line_size=limits.max_headers,
        max_field_size=limits.max_headers,
        max_headers=HEADER_COUNT,
        middlewares=(once,),
    )


class Run:
    """One call of fetch_many: requests go in from the caller's thread, answers come out of a queue.

    At most `concurrency` requests (and as many slow ones) are under way or answered and not taken yet, so a slow caller slows the fetching and
    not the other way round. At most `lookahead` requests are known, so that a stuck host cannot hide the others.
    """

    def __init__(self, engine: Engine, wanted: Callable[[FetchRequest], bool] | None) -> None:
        self._engine = engine
        self._wanted = wanted
        self._lane = Lane(engine.limits.concurrency)
        # The loop is woken once for some answers; the lane has room for others meanwhile.
        self._told_at_once = max(1, engine.limits.concurrency // 4)
        self._inbox: deque[FetchRequest] = deque()
        self._awake = False
        self._answers: queue.SimpleQueue[list[tuple[Answer, bool]] | None] = queue.SimpleQueue()
        self._come: list[tuple[Answer, bool]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._halted = False

    # -- the caller's thread -----------------------------------------------------------------------------------------

    def answers(self, requests: Iterable[FetchRequest]) -> Iterator[Answer]:
        """Ask for each request and yield what comes; ends early, without an error, when the client is closed."""
        source, waiting, more, taken = iter(requests), 0, True, 0
        come: deque[tuple[Answer, bool]] = deque()
        while True:
            if more and not come and self._answers.empty() and waiting < self._engine.limits.lookahead:
                request = next(source, None)
                more = request is not None
                if request is not None:
                    self._tell(request)
                    waiting += 1
                continue
            if not waiting:
                return
            if not come:
                found = self._next()
                if found is None:
                    return
                come += found
            answer, counted = come.popleft()
            waiting -= 1
            taken += counted
            if taken >= self._told_at_once:
                self._post(self._engine.traffic.give, self._lane, taken)
                taken = 0
            yield answer

    def cancel(self) -> None:
        """The caller takes no more: stop what is under way. Does not wait, and may be called from any thread."""
        self._post(self.halt)

    def _next(self) -> list[tuple[Answer, bool]] | None:
        while True:
            try:
                return self._answers.get(timeout=PATIENCE)
            except queue.Empty:
                if self._engine.loop.is_closed():
                    return None

    def _tell(self, request: FetchRequest) -> None:
        self._inbox.append(request)
        if not self._awake:
            self._awake = True
            self._post(self._read)

    def _post(self, call: Callable[..., object], *args: object) -> None:
        # A closed loop has nothing left to tell.
        with contextlib.suppress(RuntimeError):
            self._engine.loop.call_soon_threadsafe(call, *args)

    # -- the loop's thread -------------------------------------------------------------------------------------------

    def _read(self) -> None:
        self._awake = False
        if self._halted or not self._engine.begin(self):
            self.halt()
            return
        while self._inbox:
            task = self._engine.loop.create_task(self._serve(self._inbox.popleft()))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, request: FetchRequest) -> None:
        answer = await self._engine.exchange.get(request, self._lane, self._wanted)
        if not self._come:
            self._engine.loop.call_soon(self._hand_over)
        self._come.append(answer)

    def _hand_over(self) -> None:
        """All that has come in this round of the loop: each time the caller wakes, the loop waits."""
        come, self._come = self._come, []
        self._answers.put(come)

    def halt(self) -> list[asyncio.Task[None]]:
        """Cancel every task and let the caller know that no more answers come."""
        self._halted = True
        self._engine.end(self)
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        self._answers.put(None)
        return tasks
