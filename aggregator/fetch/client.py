"""The face of the HTTP client: its limits, and a synchronous `fetch_many`. asyncio stays behind it, in engine.py."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING

from aggregator.model import FetchFailure, FetchRequest, FetchResponse

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver

    from aggregator.fetch.engine import Engine
    from aggregator.ports import Clock

HOMEPAGE = "https://github.com/aggregator/aggregator"


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """What one client takes from others and gives of itself.

    Attributes:
        total_timeout: seconds on the wire for one request, DNS, redirects and body together.
        connect_timeout: seconds for one connection to be made, TLS included.
        max_body: bytes after decoding.
        max_headers: bytes of one answer's header section.
        max_redirects: hops followed.
        host_connections: requests at once for one host (scheme, name and port).
        host_spacing: seconds between the end of a request and the start of the next for the same host.
        concurrency: requests at once over all hosts, and answers waiting to be taken by one caller.
        lookahead: requests of one call known ahead, so that a stuck host cannot hide the others.
        allow_private: networks that may be reached although they are not public.
        proxy: URL of an HTTP proxy; the guard then judges names only.
        contact: an address for people who look at their logs, shown in the User-Agent.
        user_agent: replaces the whole User-Agent when set.
    """

    total_timeout: float = 30.0
    connect_timeout: float = 5.0
    max_body: int = 16_000_000
    max_headers: int = 64_000
    max_redirects: int = 10
    host_connections: int = 1
    host_spacing: float = 1.0
    concurrency: int = 64
    lookahead: int = 256
    allow_private: tuple[IPv4Network | IPv6Network, ...] = ()
    proxy: str | None = None
    contact: str = ""
    user_agent: str = ""

    def agent(self) -> str:
        """The User-Agent (RFC 9110 §10.1.5): who we are and where to complain, never a browser's name."""
        return self.user_agent or f"aggregator/{_version()} (+{HOMEPAGE}{'; ' if self.contact else ''}{self.contact})"


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("aggregator")
    except metadata.PackageNotFoundError:
        return "0"


class Client:
    """A `ports.Fetcher`. Nothing is started before the first fetch; one instance serves every thread.

    A status other than 2xx comes as a FetchResponse with an empty body: its headers are what matters, and a cut-off error
    page must not hide a Retry-After.

    Args:
        limits: what may be taken.
        clock: for `fetched_at`, and for budgets.
        resolver: makes the aiohttp resolver; for tests that need names of their own.
    """

    def __init__(
        self,
        limits: FetchLimits,
        clock: Clock,
        *,
        resolver: Callable[[], AbstractResolver] | None = None,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._resolver = resolver
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._closed = False

    def fetch_many(self, requests: Iterable[FetchRequest]) -> Generator[FetchResponse | FetchFailure, None, None]:
        """GET each request; exactly one answer for each, as they come; nothing is raised for one of them.

        `requests` is read in the caller's thread, no further ahead than `lookahead`. Closing the iterator cancels what is
        under way; closing the client ends the iterator. Raises RuntimeError when the client is already closed.
        """
        run = self._started().run()
        try:
            yield from run.answers(requests)
        finally:
            run.cancel()

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

                self._engine = Engine(self._limits, self._clock, self._resolver)
            return self._engine
