"""An SMTP server on loopback that keeps what it is given, and misbehaves on request."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self

Mode = Literal["ok", "450", "550", "421", "drop", "slow"]
"""How the sink treats a message.

ok: take it. 450: not now. 550: never. 421: not now, and hang up. drop: store it, then hang up without the reply, so
that the sender cannot know. slow: take it after `delay` seconds.
"""

_REPLIES = {
    "450": "450 4.2.1 Mailbox busy, try again later",
    "550": "550 5.1.1 No such mailbox",
    "421": "421 4.3.2 Service shutting down, try again later",
}


@dataclass(frozen=True, slots=True)
class Received:
    """One message as it came over the wire."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    mode: Mode


class Sink:
    """An SMTP server on 127.0.0.1, for as long as the `with` block lasts.

    Attributes:
        mode: how messages are treated; may be changed at any moment.
        delay: seconds a "slow" sink thinks before it answers.
        attempts: how many times DATA was completed, whatever came of it.
    """

    def __init__(self, mode: Mode = "ok", delay: float = 0.5) -> None:
        self.mode: Mode = mode
        self.delay = delay
        self.attempts = 0
        self.host = "127.0.0.1"
        self.port = 0
        self._messages: list[Received] = []
        self._arrived = threading.Condition()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._sessions: set[Any] = set()

    def __enter__(self) -> Self:
        """Start listening; the port is known afterwards."""
        ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(self._loop, ready), name="sample-sink", daemon=True)
        self._thread.start()
        ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up on everybody and free the port."""
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop = self._thread = None

    @property
    def messages(self) -> list[Received]:
        """The messages stored so far, oldest first."""
        with self._arrived:
            return list(self._messages)

    def wait_for(self, count: int, timeout: float = 5.0) -> list[Received]:
        """The first `count` messages or more; raises TimeoutError when they do not come in time."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self._messages) >= count, timeout):
                raise TimeoutError(f"{len(self._messages)} of {count} messages after {timeout:g} s")
            return list(self._messages)

    def _run(self, loop: asyncio.AbstractEventLoop, ready: threading.Event) -> None:
        """The sink's thread: serve until the loop is stopped, then close everything that is open."""
        asyncio.set_event_loop(loop)
        server = loop.run_until_complete(loop.create_server(self._session, self.host, 0))
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        try:
            loop.run_forever()
        finally:
            server.close()
            loop.run_until_complete(self._hang_up())
            loop.close()

    async def _hang_up(self) -> None:
        for session in self._sessions:
            if session.transport is not None:
                session.transport.abort()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _session(self) -> asyncio.Protocol:
        from aiosmtpd.smtp import SMTP

        session = SMTP(self, hostname="sink.example", ident="sample", enable_SMTPUTF8=True, loop=self._loop)
        self._sessions.add(session)
        return session

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: ARG002, N802 - aiosmtpd's
        """Treat a message as the mode says; called by aiosmtpd at the end of DATA."""
        mode = self.mode
        self.attempts += 1
        if mode in _REPLIES:
            if mode == "421":
                asyncio.get_running_loop().call_later(0.05, server.transport.close)
            return _REPLIES[mode]
        if mode == "slow":
            await asyncio.sleep(self.delay)
        self._keep(Received(envelope.mail_from, tuple(envelope.rcpt_tos), bytes(envelope.content), mode))
        if mode == "drop":
            server.transport.abort()
        return "250 2.0.0 Message kept"

    def _keep(self, message: Received) -> None:
        with self._arrived:
            self._messages.append(message)
            self._arrived.notify_all()
