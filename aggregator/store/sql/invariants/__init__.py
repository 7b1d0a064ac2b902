"""What must hold in every database at every moment (DESIGN §1): the one checker of `doctor --deep` and of the fault tests.

Each invariant is a question for rows that break it, with what somebody who runs this may do about them. All of them hold after
any commit, and so after any fall; what a clock that jumped, a reader who moved or a retention that prunes leaves is no breach.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from itertools import islice

from aggregator.model import Problem
from aggregator.store.sql import words
from aggregator.store.sql.engine import Connection
from aggregator.store.sql.invariants.delivery import DELIVERY, OUTBOX
from aggregator.store.sql.invariants.news import NEWS
from aggregator.store.sql.invariants.rule import REPORT, RESTORE, Invariant

__all__ = ["RESTORE", "grouped", "problems"]

SHOWN = 5
"""Rows of a breach that are named; of more their number is told."""


def problems(conn: Connection) -> Iterator[Problem]:
    """What is broken. Must stand in a transaction that is rolled back (Words.problems)."""
    for one in (*NEWS, *DELIVERY):
        yield from _told(one, (" ".join(map(str, row)) for row in conn.execute(one.sql)))
    yield from _told(_WAY_OUT, _ways_out(conn))
    for found in (*grouped(conn.words.problems()), *grouped(words.unreadable(conn))):
        yield Problem(found, _SEARCH if "index" in found else RESTORE, "error")


def grouped(found: Iterable[str]) -> list[str]:
    """Lines of the form `what: which`, those with the same beginning as one."""
    by_what: dict[str, list[str]] = {}
    for line in found:
        what, _, which = line.partition(": ")
        by_what.setdefault(what, []).append(which)
    return [f"{what}: {named(which)}" for what, which in by_what.items()]


def named(found: Iterable[str]) -> str:
    """The first of them by name, and how many more there are."""
    rest = iter(found)
    first = ", ".join(islice(rest, SHOWN))
    more = sum(1 for _ in rest)
    return f"{first} and {more} more" if more else first


def _told(one: Invariant, found: Iterator[str]) -> Iterator[Problem]:
    which = named(found)
    if which:
        yield Problem(f"{one.what}: {which}", one.do, one.level, f"database:{one.what}")


def _ways_out(conn: Connection) -> Iterator[str]:
    """Messages of editions, by id, whose token opens nothing: whoever gets the mail could not leave."""
    sql = "SELECT id, token, subscription_id FROM messages WHERE token != '' AND edition_id IS NOT NULL"
    known = "SELECT 1 FROM tokens WHERE hash = ? AND purpose = 'unsubscribe' AND subscription_id = ?"
    for message_id, token, subscription_id in conn.execute(sql):
        told = hashlib.sha256(token.encode()).hexdigest()
        if conn.execute(known, (told, subscription_id)).fetchone() is None:
            yield str(message_id)


_WAY_OUT = Invariant("a message whose way out leads nowhere", "", OUTBOX)
_SEARCH = f"searches may miss entries or take longer, nothing stored is lost; {REPORT}"
