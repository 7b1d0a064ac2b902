"""One GET: every hop checked, timed, limited, and asked only when its host's turn has come."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aiohttp

from aggregator.access import Access
from aggregator.errors import WorkError
from aggregator.fetch import address, decode, faults
from aggregator.fetch.address import Target
from aggregator.fetch.guard import ATTEMPT, Attempt, Guard
from aggregator.fetch.limits import FetchLimits
from aggregator.fetch.traffic import Lane, Traffic
from aggregator.model import FetchFailure, FetchKind, FetchRequest, FetchResponse, Redirect

if TYPE_CHECKING:
    from aggregator.ports import Clock

log = logging.getLogger(__name__)
REDIRECTS = frozenset({301, 302, 303, 307, 308})
HTML = "text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.1"
ACCEPT: dict[FetchKind, str] = {
    "feed": (
        "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, "
        "application/xml;q=0.8, text/xml;q=0.8, */*;q=0.1"
    ),
    "article": HTML,
    "page": HTML,
    "robots": "text/plain, */*;q=0.1",
}
Wanted = Callable[[FetchRequest], bool]
IDLE_CONNECTIONS = 512
"""Hosts with a kept connection past which no more are kept: each is a file descriptor."""


@dataclass(slots=True)
class _Trip:
    """What one request has been through.

    `spent` is its time on the wire; waiting for a host's turn is our own politeness and never costs a feed its deadline.
    `secrets` are the headers that only `home`, the feed's own origin, may see; `secure` says that the last hop was https.
    """

    request: FetchRequest
    spent: float = 0.0
    redirects: list[Redirect] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    home: str = ""
    secrets: dict[str, str] = field(default_factory=dict)
    secure: bool = False
    proxy: str | None = None
    holds_room: bool = False
    wanted: Wanted | None = None

    def withdrawn(self) -> bool:
        """Whether the caller wants it no more. Once begun, a chain of redirects is followed to its end."""
        return self.wanted is not None and not self.redirects and not self.wanted(self.request)


@dataclass(frozen=True, slots=True)
class Sessions:
    """Two of a kind: one keeps connections for the next request, the other closes each after its own."""

    keeping: aiohttp.ClientSession
    closing: aiohttp.ClientSession

    async def close(self) -> None:
        """Close both."""
        await self.keeping.close()
        await self.closing.close()


class Exchange:
    """Fetches single requests."""

    def __init__(self, sessions: Sessions, traffic: Traffic, guard: Guard, limits: FetchLimits, clock: Clock) -> None:
        self._sessions = sessions
        self._traffic = traffic
        self._guard = guard
        self._limits = limits
        self._clock = clock
        self._agent = limits.agent()
        self._told: set[str] = set()
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=limits.connect_timeout)

    async def get(
        self, request: FetchRequest, lane: Lane, wanted: Wanted | None = None
    ) -> tuple[FetchResponse | FetchFailure, bool]:
        """The answer, and whether it holds room in the lane until it is taken. Raises nothing but CancelledError."""
        trip = _Trip(request, wanted=wanted)
        try:
            return await self._travel(trip, lane), trip.holds_room
        except WorkError as e:
            return self._failure(trip, e), trip.holds_room
        except Exception as e:  # noqa: BLE001 - one request's surprise is never another's
            return self._failure(
                trip, WorkError("internal", f"a fault of ours: unexpected {type(e).__name__}")
            ), trip.holds_room

    async def _travel(self, trip: _Trip, lane: Lane) -> FetchResponse:
        text = trip.request.url
        while True:
            target = self._admit(trip, text)
            turn = await self._traffic.enter(target.host, lane)
            trip.holds_room = asked = True
            try:
                asked = not trip.withdrawn()
                if not asked:
                    raise WorkError("withdrawn", "not asked any more")
                answer = await self._hop(trip, target)
                trip.holds_room = isinstance(answer, FetchResponse)
            finally:
                self._traffic.leave(turn, answered=trip.holds_room, asked=asked)
            if isinstance(answer, FetchResponse):
                return answer
            trip.redirects.append(answer)
            text = answer.url

    def _admit(self, trip: _Trip, text: str) -> Target:
        """The next hop, when scheme, guard and the rules for redirects allow it (RFC 9110 §15.4)."""
        target = address.target(text)
        if not trip.redirects:
            self._set_out(trip, target)
        secure = target.url.scheme == "https"
        if trip.secrets and trip.secure and not secure:
            raise WorkError(
                "bad_scheme", "the server redirects from https to http; with a password or headers nobody follows"
            )
        trip.secure = secure
        if str(target.url) in trip.seen:
            raise WorkError("redirect_loop", f"the server redirects in a circle, back to {address.shown(target.text)}")
        if len(trip.redirects) > self._limits.max_redirects:
            raise WorkError("redirect_loop", f"the server redirects more than {self._limits.max_redirects} times")
        name = target.url.host or ""
        if trip.proxy and not self._guard.allows_name(name):
            raise faults.blocked(name, [])
        trip.seen.add(str(target.url))
        return target

    def _set_out(self, trip: _Trip, target: Target) -> None:
        """What goes with the request besides its address: credentials for the feed's own origin, and its proxy."""
        access = trip.request.access or Access()
        trip.home = address.target(access.home).host if access.home else target.host
        trip.secrets = dict(access.headers)
        authorization = target.authorization or (
            address.basic(access.username, access.password) if access.username else ""
        )
        if authorization:
            trip.secrets["Authorization"] = authorization
        trip.proxy = access.proxy or self._limits.proxy
        if access.proxy and trip.request.ref not in self._told:
            self._told.add(trip.request.ref)
            log.warning(
                "%s has a proxy of its own: the address guard judges names only, the proxy must refuse the rest",
                trip.request.ref,
            )

    async def _hop(self, trip: _Trip, target: Target) -> FetchResponse | Redirect:
        attempt = Attempt(proxied=bool(trip.proxy))
        ATTEMPT.set(attempt)
        started = self._clock.monotonic()
        try:
            async with asyncio.timeout(self._limits.total_timeout - trip.spent):
                return await self._ask(trip, target, started)
        except Exception as e:
            raise faults.read(e, target.url.host or "", attempt) from e
        finally:
            trip.spent += self._clock.monotonic() - started

    async def _ask(self, trip: _Trip, target: Target, started: float) -> FetchResponse | Redirect:
        headers = self._headers(trip, target)
        session = self._sessions.keeping
        if self._traffic.crowded(IDLE_CONNECTIONS) and not self._traffic.others_wait(target.host):
            session, headers["Connection"] = self._sessions.closing, "close"
        async with session.get(
            target.url,
            headers=headers,
            allow_redirects=False,
            timeout=self._timeout,
            proxy=trip.proxy,
        ) as response:
            if sum(len(name) + len(value) + 4 for name, value in response.raw_headers) > self._limits.max_headers:
                raise faults.header_too_large(target.url.host or "")
            if response.status in REDIRECTS:
                return _redirect(response, target)
            if response.status == 304 and not _conditional(trip):
                raise WorkError(
                    "bad_http", "the server says that nothing changed (304 Not Modified) although it was not asked"
                )
            body = await self._body(response) if response.status // 100 == 2 else b""
            return self._response(trip, response, target, body, self._clock.monotonic() - started)

    def _headers(self, trip: _Trip, target: Target) -> dict[str, str]:
        headers = {
            "User-Agent": self._agent,
            "Accept": ACCEPT[trip.request.kind],
            "Accept-Encoding": decode.accepted(),
        }
        if _conditional(trip):
            # RFC 9110 §13.1: both are echoed as they came; validators belong to the URL that gave them.
            headers |= {"If-None-Match": trip.request.etag} if trip.request.etag else {}
            headers |= {"If-Modified-Since": trip.request.last_modified} if trip.request.last_modified else {}
        if target.host != trip.home:
            return headers
        given = {name.lower() for name in trip.secrets}
        return {name: value for name, value in headers.items() if name.lower() not in given} | trip.secrets

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        encoding = ",".join(response.headers.getall("Content-Encoding", []))
        body = decode.Body(encoding, self._limits.max_body)
        body.expect(response.content_length)
        while chunk := await response.content.read(decode.STEP):
            body.feed(chunk)
        return body.finish()

    def _response(
        self, trip: _Trip, response: aiohttp.ClientResponse, target: Target, body: bytes, elapsed: float
    ) -> FetchResponse:
        return FetchResponse(
            request=trip.request,
            status=response.status,
            url=target.text if trip.redirects or target.authorization else trip.request.url,
            headers=_lower(response),
            body=body,
            redirects=tuple(trip.redirects),
            fetched_at=self._clock.now(),
            elapsed=trip.spent + elapsed,
            certificate_until=ATTEMPT.get().certificate_until,
        )

    def _failure(self, trip: _Trip, error: WorkError) -> FetchFailure:
        error_class, message = faults.line(address.shown(trip.request.url), error)
        return FetchFailure(
            request=trip.request,
            error_class=error_class,
            message=message,
            fetched_at=self._clock.now(),
            elapsed=trip.spent,
            redirects=tuple(trip.redirects),
        )


def _conditional(trip: _Trip) -> bool:
    return not trip.redirects and bool(trip.request.etag or trip.request.last_modified)


def _redirect(response: aiohttp.ClientResponse, target: Target) -> Redirect:
    location = _lower(response).get("location", "")
    if not location.strip():
        raise WorkError("bad_http", f"the server redirects ({response.status}) without saying where to")
    return Redirect(response.status, address.follow(target.text, location))


def _lower(response: aiohttp.ClientResponse) -> dict[str, str]:
    """Headers by lower-case name, the last of each, but every X-Robots-Tag: one may be for others, and the next for us.

    A validator that is no text cannot be echoed and is left out.
    """
    headers: dict[str, str] = {}
    for raw_name, raw_value in response.raw_headers:
        name = raw_name.decode("latin-1").lower()
        before = f"{headers[name]}\n" if name == "x-robots-tag" and name in headers else ""
        try:
            headers[name] = before + raw_value.decode("utf-8")
        except UnicodeDecodeError:
            headers[name] = "" if name in ("etag", "last-modified") else raw_value.decode("latin-1")
    return headers


Handler = Callable[[aiohttp.ClientRequest], Awaitable[aiohttp.ClientResponse]]


async def once(request: aiohttp.ClientRequest, handler: Handler) -> aiohttp.ClientResponse:
    """Middleware: aiohttp repeats a GET whose connection breaks; right for a kept connection that had grown stale
    (RFC 9112 §9.3.1), but a server that breaks fresh ones is asked once a poll.
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as e:
        if ATTEMPT.get().fresh:
            raise faults.Lost from e
        raise
