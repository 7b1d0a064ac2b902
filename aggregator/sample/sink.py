"""An SMTP server on loopback that keeps what it is given, and misbehaves on request."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self

Mode = Literal["ok", "450", "550", "421", "drop", "slow", "hang"]
"""How the sink treats a message.

ok: take it. 450: not now. 550: never. 421: not now, and hang up. drop: store it, then hang up without the reply, so
that the sender cannot know. slow: take it after `delay` seconds. hang: store it and never answer.
"""
Step = Literal["MAIL", "RCPT", "DATA"]
"""Where a reply of the test's own is given; DATA: after the body."""

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
        replies: what is said at a step instead of yes: `{"RCPT": "550 5.1.1 nobody"}`; may be changed at any moment.
        mailboxes: what is said to a recipient instead of yes, by address: `{"gone@news.example": "550 5.1.1 nobody"}`.
    """

    def __init__(self, mode: Mode = "ok", delay: float = 0.5, *, password: str = "") -> None:
        """With a `password`, the sink offers a sign-in and refuses every other password; mail needs none all the same."""
        self.mode: Mode = mode
        self.delay = delay
        self.replies: dict[Step, str] = {}
        self.mailboxes: dict[str, str] = {}
        self._password = password
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

        sign_in: dict[str, Any] = (
            {"authenticator": self._authenticated, "auth_require_tls": False} if self._password else {}
        )
        names: dict[str, Any] = {"hostname": "sink.example", "ident": "sample", "enable_SMTPUTF8": True}
        session = SMTP(self, loop=self._loop, **names, **sign_in)
        self._sessions.add(session)
        return session

    def _authenticated(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> Any:  # noqa: ARG002 - aiosmtpd's
        from aiosmtpd.smtp import AuthResult

        return AuthResult(success=data.password == self._password.encode(), handled=False)

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: ARG002, N802 - aiosmtpd's
        """Take a sender, or say what the test wants said."""
        if "MAIL" in self.replies:
            return self.replies["MAIL"]
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Sender welcome"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: ARG002, N802 - aiosmtpd's
        """Take a recipient, or say what the test wants said."""
        refused = self.mailboxes.get(address) or self.replies.get("RCPT", "")
        if refused:
            return refused
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 Recipient welcome"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: ARG002, N802 - aiosmtpd's
        """Treat a message as the mode says; called by aiosmtpd at the end of DATA."""
        mode = self.mode
        self.attempts += 1
        if "DATA" in self.replies:
            return self.replies["DATA"]
        if mode in _REPLIES:
            if mode == "421":
                asyncio.get_running_loop().call_later(0.05, server.transport.close)
            return _REPLIES[mode]
        if mode == "slow":
            await asyncio.sleep(self.delay)
        self._keep(Received(envelope.mail_from, tuple(envelope.rcpt_tos), bytes(envelope.content), mode))
        if mode == "drop":
            server.transport.abort()
        if mode == "hang":
            await asyncio.get_running_loop().create_future()
        return "250 2.0.0 Message kept"

    def _keep(self, message: Received) -> None:
        with self._arrived:
            self._messages.append(message)
            self._arrived.notify_all()
