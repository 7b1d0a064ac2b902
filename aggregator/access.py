"""How a feed is asked that wants more than its address."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Access:
    """How one feed is asked that wants more than its address; what is secret is in no repr, and in no database.

    Attributes:
        username, password: for Basic authentication (RFC 7617); no username, none of it.
        headers: sent besides, or instead of, the client's own.
        proxy: URL of the HTTP proxy that this feed alone goes through, or "".
        home: the address in feeds.yaml; only its origin gets the above but for the proxy, even when the feed has moved.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    proxy: str = field(default="", repr=False)
    home: str = ""

    @property
    def secret(self) -> bool:
        """Whether there is something that only the feed's own server may see."""
        return bool(self.password or self.username or self.headers)
