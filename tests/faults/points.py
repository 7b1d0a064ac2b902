"""Where a process may fall: every point has a name, and each can be planted from outside."""

from __future__ import annotations

import functools
import os
import signal
import smtplib
import sqlite3
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from aggregator.delivery.pages import Pages
from aggregator.delivery.smtp import SmtpSession, SmtpTransport
from aggregator.enrich import EnrichLine
from aggregator.fetch import Client
from aggregator.poll import PollLine
from aggregator.store.postgres.target import Filling, Intake
from aggregator.store.sql.editions import Editions
from aggregator.store.sql.entries import Entries
from aggregator.store.sql.feeds import Feeds
from aggregator.store.sql.outbox import Outbox
from aggregator.store.sql.polls import Polls
from aggregator.store.sql.retention import Retention
from aggregator.store.sql.signals import Signals
from aggregator.store.sql.subscriptions import Subscriptions
from aggregator.store.sql.watch import Watch
from aggregator.store.sqlite import copies
from aggregator.store.sqlite.database import Database
from aggregator.store.sqlite.source import Source
from aggregator.store.sqlite.upkeep import Upkeep

BEFORE, AFTER, YIELDED = "before", "after", "yielded"
Point = tuple[type | ModuleType, str, str]
DELIVERY: dict[str, Point] = {
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
CATALOG: dict[str, Point] = {
    "catalog: feeds stored": (Feeds, "sync", AFTER),
    "catalog: watchlists stored, and what they find": (Watch, "sync", AFTER),
    "catalog: digests stored": (Editions, "sync", AFTER),
    "catalog: readers stored": (Subscriptions, "sync", AFTER),
}
POLL: dict[str, Point] = {
    "poll: before the claim": (Feeds, "claim_due", BEFORE),
    "poll: after the claim": (Feeds, "claim_due", AFTER),
    "poll: fetched, not read": (Client, "fetch_many", YIELDED),
    "poll: read, not judged": (PollLine, "_outcomes", BEFORE),
    "poll: judged and matched": (PollLine, "_outcomes", AFTER),
    "poll: before the commit": (Polls, "commit_polls", BEFORE),
    "poll: after the commit": (Polls, "commit_polls", AFTER),
}
ENRICH: dict[str, Point] = {
    "enrich: after the claim": (Entries, "claim_articles", AFTER),
    "enrich: page read and matched": (EnrichLine, "_outcomes", YIELDED),
    "enrich: before the commit": (Entries, "commit_articles", BEFORE),
    "enrich: after the commit": (Entries, "commit_articles", AFTER),
}
SIGNALS: dict[str, Point] = {
    "signals: before one begins": (Signals, "begin", BEFORE),
    "signals: after one began": (Signals, "begin", AFTER),
}
UPKEEP: dict[str, Point] = {
    "upkeep: before old marks are forgotten": (Upkeep, "forget_texts", BEFORE),
    "upkeep: before pruning": (Retention, "prune", BEFORE),
    "upkeep: after pruning": (Retention, "prune", AFTER),
    "upkeep: before a part of the index": (Entries, "reindex", BEFORE),
    "upkeep: after a part of the index": (Entries, "reindex", AFTER),
}
COPY: dict[str, Point] = {
    "copy: before it is made": (copies, "write", BEFORE),
    "copy: while it is made": (sqlite3, "connect", "pages"),
    "copy: made, not on the disk": (os, "fsync", BEFORE),
    "copy: before it gets its name": (os, "replace", BEFORE),
    "copy: it has its name": (os, "replace", AFTER),
    "copy: after it is made": (copies, "write", AFTER),
}
FILES: dict[str, Point] = {
    "files: before something is brought to the disk": (os, "fsync", BEFORE),
    "files: before something gets its name": (os, "replace", BEFORE),
    "files: something has its name": (os, "replace", AFTER),
    "files: before a folder gets its name": (os, "rename", BEFORE),
    "files: a folder has its name": (os, "rename", AFTER),
    "files: before something is removed": (os, "unlink", BEFORE),
}
MOVE: dict[str, Point] = {
    "move: a row is on its way": (Intake, "rows", YIELDED),
    "move: before a table is copied": (Filling, "copy", BEFORE),
    "move: a table is copied": (Filling, "copy", AFTER),
    "move: all tables are copied": (Filling, "finish", BEFORE),
    "move: all is looked through": (Filling, "finish", AFTER),
    "move: the server has stored it": (Source, "leave", BEFORE),
    "move: the file has its mark, not yet for good": (Source, "leave", AFTER),
}
STATEMENT = "any statement to the database"
"""The process falls before the nth statement that it gives, commits among them."""
POINTS = {
    **CATALOG,
    **POLL,
    **ENRICH,
    **SIGNALS,
    **DELIVERY,
    **UPKEEP,
    **COPY,
    **FILES,
    **MOVE,
    STATEMENT: (Database, "_connect", "statement"),
}


def plant(name: str, nth: int) -> None:
    """This process dies at the point, when it comes there for the nth time."""
    owner, method, how = POINTS[name]
    left = [nth]

    def die() -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    special = {"statement": _statement, "pages": _pages, YIELDED: _yielded}
    if how in special:
        special[how](owner, method, die)
    elif how == "unanswered":
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


def _around(owner: type | ModuleType, method: str, how: str, die: Callable[[], None]) -> None:
    real = getattr(owner, method)

    def planted(self: Any, *args: Any, **kwargs: Any) -> Any:
        if how == BEFORE:
            die()
        answer = real(self, *args, **kwargs)
        if how == AFTER:
            die()
        return answer

    setattr(owner, method, planted)


def _between(owner: type | ModuleType, method: str, die: Callable[[], None]) -> None:
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


def _yielded(owner: Any, method: str, die: Callable[[], None]) -> None:
    """Behind each of the values that a method gives one by one."""
    real = getattr(owner, method)

    def planted(*args: Any, **kwargs: Any) -> Iterator[Any]:
        for one in real(*args, **kwargs):
            die()
            yield one

    setattr(owner, method, planted)


def _statement(owner: Any, method: str, die: Callable[[], None]) -> None:
    """Before each statement of any connection."""
    real = getattr(owner, method)

    def planted(self: Any) -> sqlite3.Connection:
        conn: sqlite3.Connection = real(self)
        conn.set_trace_callback(lambda _: die())
        return conn

    setattr(owner, method, planted)


def _pages(owner: Any, method: str, die: Callable[[], None]) -> None:
    """A copy is made page by page, and the process falls between two."""

    class Slow(sqlite3.Connection):
        def backup(self, target: sqlite3.Connection, **_: Any) -> None:
            super().backup(target, pages=1, progress=lambda *_: die())

    setattr(owner, method, functools.partial(getattr(owner, method), factory=Slow))
