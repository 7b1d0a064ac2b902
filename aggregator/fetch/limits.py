"""What the HTTP client takes from others and gives of itself, as one value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network


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
        concurrency: requests at once over all hosts, and answers waiting to be taken by one caller; those that have been
            waited for longer than a second are counted apart, as many again.
        lookahead: requests of one call known ahead, so that a stuck host cannot hide the others.
        allow_private: networks that may be reached although they are not public.
        proxy: URL of an HTTP proxy; the guard then judges names only.
        contact: a page, a mail address or both, for people who look at their logs; shown in the User-Agent.
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
        """The User-Agent (RFC 9110 §10.1.5): who we are and where to complain, never a browser's name.

        `aggregator/1.2 (+https://news.example/about; mailto:desk@news.example)`
        """
        named = "; ".join(_contact(part) for part in re.split(r"[;\s]+", self.contact) if part)
        return self.user_agent or f"aggregator/{_version()} ({f'+{named}' if named else 'feed watcher'})"


def _contact(part: str) -> str:
    """A page as it is, a mail address as what it is."""
    return f"mailto:{part}" if "@" in part and ":" not in part else part


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("aggregator")
    except metadata.PackageNotFoundError:
        return "0"
