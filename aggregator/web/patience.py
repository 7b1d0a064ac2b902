"""Ends connections on which nobody asks: each costs the process a file, and polls and the database need those too."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST = 250
"""Connections at a time. The next is closed at once: of the 1,024 files that a process may usually open most stay free."""
SECONDS = 10.0
"""In which a request, with its body, has come whole; at worst it takes twice as long until that is noticed."""


class PatientProtocol(H11Protocol):
    """HTTP/1.1 that waits for a while, and not for everybody."""

    most, seconds = MOST, SECONDS
    _seen: object = None
    _look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio.Protocol."""
        super().connection_made(transport)
        if len(self.connections) > self.most:
            transport.abort()
        else:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        if self._look is not None:
            self._look.cancel()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._look = self.loop.call_later(self.seconds, self._check)

    def _check(self) -> None:
        """Go on while requests come and are answered."""
        asked: Any = self.cycle
        is_answered = asked is not None and not asked.response_complete and not asked.more_body
        if is_answered or asked is not self._seen:
            self._seen = asked
            self._wait()
        else:
            self.transport.abort()
