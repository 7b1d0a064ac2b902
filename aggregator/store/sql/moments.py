"""Moments that a wrong clock wrote: put right, so that nothing sleeps for as long as the clock was wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from aggregator.store.sql import rows
from aggregator.store.sql.engine import FACT, Connection, Database

WEEK = timedelta(days=9)
"""Longer than any pause of a feed: a week, a tenth of jitter, and a day of rest."""
CLAIMS = timedelta(minutes=20)
PATIENCE = timedelta(days=3)
"""Longer than any message is worth sending; what fails as a whole is left in peace for less."""
CREATED = timedelta(hours=1)

AHEAD: Mapping[tuple[str, str], timedelta] = {
    ("feeds", "next_poll_at"): WEEK,
    ("feeds", "held_until"): WEEK,
    ("feeds", "claimed_until"): CLAIMS,
    ("hosts", "held_until"): WEEK,
    ("host_claims", "claimed_until"): CLAIMS,
    ("host_claims", "rests_until"): CLAIMS,
    ("articles", "next_at"): WEEK,
    ("articles", "claimed_until"): CLAIMS,
    ("messages", "next_attempt_at"): PATIENCE,
    ("messages", "claimed_until"): CLAIMS,
    ("relays", "paused_until"): PATIENCE,
    ("digests", "held_until"): PATIENCE,
}
"""What waits for a moment, and how far ahead of the clock that can lie."""
DAY = timedelta(days=1)
_BELIEVED = """SELECT value FROM facts WHERE name = 'believed_at'
UNION ALL SELECT * FROM (SELECT first_seen_at FROM entries ORDER BY id DESC LIMIT 1) e LIMIT 1"""
_KEYS = {"hosts": "host", "host_claims": "host", "articles": "entry_id", "relays": "name"}
_POLLED = ("last_poll_at", "last_ok_at")
"""What the next poll is judged by; it moves with it."""
_OPEN = {"messages": "state IN ('waiting', 'claimed', 'unknown')", "articles": "state = 'due'"}
_SPANS = {
    table: f"SELECT hash, created_at, expires_at FROM {table} WHERE created_at > :ahead AND expires_at > :ahead"  # noqa: S608 - our own words
    for table in ("tokens", "credentials")
} | {
    # When somebody paused stays on record as it was said; what has been shortened no longer lies behind it.
    "subscriptions": """SELECT s.id, max(c.at), s.paused_until FROM subscriptions s JOIN consents c ON c.subscription_id = s.id
    AND c.event = 'paused' WHERE s.state = 'paused' AND c.at > :ahead GROUP BY s.id HAVING s.paused_until > max(c.at)"""
}
"""What holds from one moment to another, by table: its key, and the two."""
_SHORTEN = {
    table: f"UPDATE {table} SET created_at = :now, expires_at = :until WHERE hash = :key"  # noqa: S608 - our own words
    for table in ("tokens", "credentials")
} | {"subscriptions": "UPDATE subscriptions SET paused_until = :until WHERE id = :key"}


class Moments:
    """Moments in SQL."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def set_right(self, now: datetime, step: timedelta = timedelta(0)) -> int:
        """See care.Moments.set_right."""
        found = 0
        if step or self._waits_too_long(now):
            with self._db.write() as conn:
                if step:
                    _move(conn, step, now)
                for table, column, values in _late(now):
                    sql = f"UPDATE {table} SET {column} = :now {_where(table, column)}"  # noqa: S608 - our own words
                    found += conn.execute(sql, values).rowcount
        return found + self._shorten(now)

    def _waits_too_long(self, now: datetime) -> bool:
        """Whether anything does: mostly nothing, and then nothing is written."""
        with self._db.read() as conn:
            asked = (conn.execute(f"SELECT 1 FROM {t} {_where(t, c)} LIMIT 1", values) for t, c, values in _late(now))  # noqa: S608 - our own words
            return any(found.fetchone() for found in asked)

    def _shorten(self, now: datetime) -> int:
        """What was issued in the future holds as long as it should have, from now on."""
        values = {"ahead": rows.stamp(now + CREATED)}
        with self._db.read() as conn:
            found = [(table, row) for table, sql in _SPANS.items() for row in conn.execute(sql, values)]
        if found:
            with self._db.write() as conn:
                for table, (key, began, ends) in found:
                    until = rows.stamp(now + (rows.moment(ends) - rows.moment(began)))
                    conn.execute(_SHORTEN[table], {"key": key, "until": until, "now": rows.stamp(now)})
        return len(found)

    def latest(self) -> datetime | None:
        """See care.Moments.latest."""
        sql = "SELECT max(last_poll_at) FROM feeds WHERE removed_at IS NULL AND state != 'paused'"
        ((found,),) = self._db.ask(sql)
        return rows.moment_or_none(found)

    def believed(self, now: datetime) -> datetime:
        """See care.Moments.believed."""
        with self._db.write() as conn:
            row = conn.execute(_BELIEVED).fetchone()
            moment = now if row is None else min(now, rows.moment(row[0]) + DAY)
            conn.execute(FACT, ("believed_at", rows.stamp(moment)))
        return moment


def _late(now: datetime) -> Iterator[tuple[str, str, dict[str, str]]]:
    for (table, column), longest in AHEAD.items():
        yield table, column, {"now": rows.stamp(now), "ahead": rows.stamp(now + longest)}


def _where(table: str, column: str) -> str:
    return f"WHERE {column} > :ahead AND {_OPEN.get(table, 'true')}"


def _move(conn: Connection, step: timedelta, now: datetime) -> None:
    """Everything that waits does so for as long as before; a poll that has been lies in no future."""
    for table, column in AHEAD:
        _move_column(conn, table, column, lambda stamp: _moved(stamp, step))
    for column in _POLLED:
        _move_column(conn, "feeds", column, lambda stamp: min(_moved(stamp, step), rows.stamp(now)))


def _move_column(conn: Connection, table: str, column: str, moved: Callable[[str], str]) -> None:
    key = _KEYS.get(table, "id")
    sql = f"SELECT {key}, {column} FROM {table} WHERE {column} IS NOT NULL AND {_OPEN.get(table, 'true')}"  # noqa: S608 - names are ours
    found = [(moved(stamp), name) for name, stamp in conn.execute(sql)]
    conn.executemany(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", found)  # noqa: S608 - names are ours


def _moved(stamp: str, step: timedelta) -> str:
    try:
        return rows.stamp(rows.moment(stamp) + step)
    except OverflowError:
        return stamp
