"""Where a process may fall while it composes and sends: every point has a name, and each can be planted from outside."""

from __future__ import annotations

import os
import signal
import smtplib
from collections.abc import Callable
from typing import Any

from aggregator.delivery.pages import Pages
from aggregator.delivery.smtp import SmtpSession, SmtpTransport
from aggregator.store.sqlite.editions import Editions
from aggregator.store.sqlite.outbox import Outbox

BEFORE, AFTER = "before", "after"
POINTS: dict[str, tuple[type, str, str]] = {
    "compose: before the edition's commit": (Editions, "commit_editions", BEFORE),
    "compose: after the edition's commit": (Editions, "commit_editions", AFTER),
    "compose: before the page is written": (Pages, "publish", BEFORE),
    "compose: after the page is written": (Pages, "publish", AFTER),
    "send: before the claim": (Outbox, "claim_due", BEFORE),
    "send: after the claim": (Outbox, "claim_due", AFTER),
    "send: connected": (SmtpTransport, "connect", AFTER),
    "send: recipient accepted": (SmtpSession, "prepare", AFTER),
    "send: before phase data is committed": (Outbox, "enter_data", BEFORE),
    "send: after phase data is committed": (Outbox, "enter_data", AFTER),
    "send: body under way": (smtplib.SMTP, "send", "half"),
    "send: body sent, not answered": (SmtpSession, "_hand_over", "unanswered"),
    "send: answered, not settled": (SmtpSession, "deliver", AFTER),
    "send: before settling": (Outbox, "settle", BEFORE),
    "send: after settling": (Outbox, "settle", AFTER),
}


def plant(name: str, nth: int) -> None:
    """This process dies at the point, when it comes there for the nth time."""
    owner, method, how = POINTS[name]
    left = [nth]

    def die() -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    if how == "unanswered":
        _between(owner, method, die)
    elif how == "half":
        _half(die)
    else:
        _around(owner, method, how, die)


def hurry(seconds: float) -> None:
    """A server that never answers is waited for this long, not for ten minutes."""
    init = SmtpTransport.__init__
    assert init.__kwdefaults__ is not None
    init.__kwdefaults__["data_timeout"] = seconds


def _around(owner: type, method: str, how: str, die: Callable[[], None]) -> None:
    real = getattr(owner, method)

    def planted(self: Any, *args: Any, **kwargs: Any) -> Any:
        if how == BEFORE:
            die()
        answer = real(self, *args, **kwargs)
        if how == AFTER:
            die()
        return answer

    setattr(owner, method, planted)


def _between(owner: type, method: str, die: Callable[[], None]) -> None:
    """Inside `_hand_over`: the body is out, the reply not read."""
    real, reply = getattr(owner, method), smtplib.SMTP.getreply

    def planted(self: Any, *args: Any) -> Any:
        def dying(smtp: smtplib.SMTP) -> Any:
            die()
            return reply(smtp)

        smtplib.SMTP.getreply = dying  # type: ignore[method-assign, assignment]
        try:
            return real(self, *args)
        finally:
            smtplib.SMTP.getreply = reply  # type: ignore[method-assign]

    setattr(owner, method, planted)


def _half(die: Callable[[], None]) -> None:
    """A long write goes out by half."""
    real = smtplib.SMTP.send

    def planted(self: smtplib.SMTP, data: Any) -> None:
        if len(data) > 2000:
            real(self, data[: len(data) // 2])
            die()
            data = data[len(data) // 2 :]
        real(self, data)

    smtplib.SMTP.send = planted  # type: ignore[method-assign, assignment]
