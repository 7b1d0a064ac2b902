"""One POST, as a webhook's delivery needs it: guarded, bounded in time and answer, no redirects, never repeated.

It does not wait for its host's turn: who is posted to has asked for it, and the outbox says how often.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import NoReturn

import aiohttp

from aggregator.errors import Quarantine, Retry, WorkError
from aggregator.fetch import address, faults
from aggregator.fetch.address import Target
from aggregator.fetch.guard import ATTEMPT, Attempt, Guard
from aggregator.fetch.limits import FetchLimits

FIRST_BYTES = 2_000
"""How much of an answer is read: a line of it may say why."""
Answer = tuple[int, Mapping[str, str], bytes]


class Posting:
    """Posts single documents. `session` keeps no connections, so none has grown stale and every loss means something."""

    def __init__(self, session: aiohttp.ClientSession, guard: Guard, limits: FetchLimits) -> None:
        self._session = session
        self._guard = guard
        self._limits = limits
        self._tasks: set[asyncio.Task[object]] = set()
        self._halted = False

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, timeout: float) -> Answer:  # noqa: ASYNC109 - ports.Poster's
        """See ports.Poster."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        attempt, sending = Attempt(proxied=bool(self._limits.proxy)), _Body(body)
        ATTEMPT.set(attempt)
        host = ""
        try:
            target = address.target(url)
            host = target.url.host or ""
            async with asyncio.timeout(timeout):
                return await self._ask(target, headers, sending)
        except (Exception, asyncio.CancelledError) as e:  # noqa: BLE001 - all of it becomes one of two verbs
            _raise(e, host, attempt, began=sending.began)
        finally:
            self._tasks.discard(task)

    def halt(self) -> list[asyncio.Task[object]]:
        """Cancel what is under way."""
        self._halted = True
        for task in self._tasks:
            task.cancel()
        return list(self._tasks)

    async def _ask(self, target: Target, headers: Mapping[str, str], body: _Body) -> Answer:
        name = target.url.host or ""
        if self._halted:
            raise WorkError("withdrawn", "the program ends")
        if self._limits.proxy and not self._guard.allows_name(name):
            raise faults.blocked(name, [])
        own = {"User-Agent": self._limits.agent(), "Accept-Encoding": "identity", "Content-Length": str(len(body.data))}
        async with self._session.post(
            target.url,
            data=body.pieces(),
            headers={**headers, **own},
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._limits.connect_timeout),
            proxy=self._limits.proxy,
        ) as response:
            if sum(len(n) + len(v) + 4 for n, v in response.raw_headers) > self._limits.max_headers:
                raise faults.header_too_large(name)
            said = {n.lower(): v for n, v in response.headers.items()}
            return response.status, said, await _first(response)


class _Body:
    """What is posted; `began` once the connection stands and the first of it is taken."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.began = False

    async def pieces(self) -> AsyncIterator[bytes]:
        """The document, in one piece."""
        self.began = True
        yield self.data


async def _first(response: aiohttp.ClientResponse) -> bytes:
    """The first bytes of an answer whose status has come: what happens behind them changes nothing."""
    try:
        return await response.content.read(FIRST_BYTES)
    except (aiohttp.ClientError, OSError):
        return b""


def _raise(error: BaseException, host: str, attempt: Attempt, *, began: bool) -> NoReturn:
    """Retry while nothing was sent, Quarantine after that."""
    if isinstance(error, asyncio.CancelledError):
        error = WorkError("withdrawn", "the program ends")
    assert isinstance(error, Exception)
    read = faults.read(error, host, attempt)
    if began:
        raise Quarantine(read.error_class, f"{read.message}; it may have taken what was posted", host) from error
    raise Retry(read.error_class, read.message, host) from error
