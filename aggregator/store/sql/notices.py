"""Notices to the operator: problems while they last, and the letters that tell of them."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from datetime import datetime, timedelta

from aggregator.model import Problem
from aggregator.notice import LASTS, Changed, Notice, NoticeLetter
from aggregator.store.sql import rows
from aggregator.store.sql.engine import FACT, Connection, Database, Row

KEPT = timedelta(days=30)
"""How long a mail of notices stays in the outbox after it was settled."""
DUE = "notices_due_at"


class Notices:
    """NoticeStore in SQL."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def see(self, found: Sequence[Problem], now: datetime) -> Changed:
        """See NoticeStore.see. Where nothing has changed nothing is written."""
        by_name = {one.about: one for one in found}
        known = {one.about: one for one in self.list()}
        begun = [one for name, one in by_name.items() if name not in known]
        ended = [one for name, one in known.items() if name not in by_name and one.ended_at is None]
        other = [one for name, one in by_name.items() if name in known and _differs(known[name], one)]
        if begun or ended or other:
            with self._db.write() as conn:
                conn.executemany(_BEGIN, [_values(one, now) for one in begun])
                conn.executemany(_AGAIN, [_values(one, now) for one in other])
                sql = "UPDATE notices SET ended_at = ? WHERE about = ?"
                conn.executemany(sql, [(rows.stamp(now), one.about) for one in ended])
        return Changed(tuple(_new(one, now) for one in begun), tuple(ended))

    def list(self) -> builtins.list[Notice]:
        """See NoticeStore.list."""
        return [_notice(row) for row in self._db.ask("SELECT * FROM notices ORDER BY began_at, about")]

    def told_at(self) -> datetime | None:
        """See NoticeStore.told_at."""
        found = self._db.ask("SELECT value FROM facts WHERE name = ?", (DUE,))
        return rows.moment(found[0][0]) if found else None

    def tell(
        self, told: Sequence[str], over: Sequence[str], letter: NoticeLetter | None, due: datetime, now: datetime
    ) -> bool:
        """See NoticeStore.tell."""
        with self._db.write() as conn:
            row = conn.execute("SELECT value FROM facts WHERE name = ?", (DUE,)).fetchone()
            # A moment ahead of us was noted by a clock that was wrong.
            if row is not None and rows.stamp(due) <= row[0] <= rows.stamp(now):
                return False
            conn.execute(FACT, (DUE, rows.stamp(due)))
            sql = "UPDATE notices SET told_at = ? WHERE about = ?"
            conn.executemany(sql, [(rows.stamp(now), about) for about in told])
            conn.executemany("DELETE FROM notices WHERE about = ?", [(about,) for about in over])
            if letter is not None:
                _queue(conn, letter, now)
            _forget(conn, now - KEPT)
        return True


def _queue(conn: Connection, letter: NoticeLetter, now: datetime) -> None:
    stamp = rows.stamp(now)
    sql = "INSERT INTO letters (kind, subject, mail, created_at) VALUES ('notice', ?, ?, ?) RETURNING id"
    (made,) = conn.execute(sql, (letter.rendered.subject, letter.rendered.mail, stamp)).fetchone()
    conn.execute(
        "INSERT INTO messages (letter_id, kind, address, token, message_id, next_attempt_at, created_at) "
        "VALUES (?, 'notice', ?, ?, ?, ?, ?)",
        (made, letter.address, letter.token, letter.message_id, stamp, stamp),
    )


def _forget(conn: Connection, before: datetime) -> None:
    """Nobody reads an old mail of notices again; an address that is not the operator's any more goes with it."""
    old = conn.execute(_OLD, (rows.stamp(before),)).fetchall()
    for table, column in (("attempts", "message_id"), ("messages", "id")):
        conn.executemany(f"DELETE FROM {table} WHERE {column} = ?", [(row["id"],) for row in old])  # noqa: S608 - names are ours
    conn.executemany("DELETE FROM letters WHERE id = ?", [(row["letter_id"],) for row in old])


def _differs(known: Notice, found: Problem) -> bool:
    return known.ended_at is not None or (known.level, known.what, known.do) != (found.level, found.what, found.do)


def _values(one: Problem, now: datetime) -> dict[str, str]:
    return {
        "about": one.about,
        "level": one.level,
        "what": one.what,
        "do": one.do,
        "now": rows.stamp(now),
        "recent": rows.stamp(now - LASTS),
    }


def _new(one: Problem, now: datetime) -> Notice:
    return Notice(one.about, one.level, one.what, one.do, now)


def _notice(row: Row) -> Notice:
    return Notice(
        row["about"],
        row["level"],
        row["what"],
        row["do"],
        rows.moment(row["began_at"]),
        rows.moment_or_none(row["told_at"]),
        rows.moment_or_none(row["ended_at"]),
    )


_BEGIN = """INSERT INTO notices (about, level, what, "do", began_at) VALUES (:about, :level, :what, :do, :now)"""
# What nobody was told of and was over for a while begins anew.
_AGAIN = """UPDATE notices SET level = :level, what = :what, "do" = :do, ended_at = NULL,
began_at = iif(told_at IS NULL AND ended_at <= :recent, :now, began_at) WHERE about = :about"""
_OLD = """SELECT id, letter_id FROM messages WHERE kind = 'notice' AND letter_id IS NOT NULL
AND state IN ('sent', 'dead', 'cancelled') AND settled_at < ?"""
