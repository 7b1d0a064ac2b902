"""What alerts wait for, when the last ones came, and which messages came too late to be sent as they were."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from aggregator.publication import LateMessage
from aggregator.store.sql import rows
from aggregator.store.sql.engine import Connection, Database, Row


class Alerts:
    """AlertStore in SQL."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def hold(self, digest_id: str, until: datetime, seen: int) -> None:
        """See AlertStore.hold."""
        with self._db.write() as conn:
            sql = "UPDATE digests SET held_until = ?, held_match = ? WHERE id = ?"
            conn.execute(sql, (rows.stamp(until), seen, digest_id))

    def sent_since(self, digest_id: str, since: datetime) -> list[datetime]:
        """See AlertStore.sent_since."""
        sql = """SELECT DISTINCT composed_at FROM editions WHERE digest_id = ? AND kind = 'alert' AND composed_at >= ?
                 ORDER BY composed_at"""
        with self._db.read() as conn:
            return [rows.moment(r[0]) for r in conn.execute(sql, (digest_id, rows.stamp(since)))]

    def late(self, digest_id: str) -> list[LateMessage]:
        """See AlertStore.late."""
        # Of another digest of the same reader an alert is told in a scheduled one only: alerts are of one thing.
        where = "t.digest_id = :digest AND (t.id = m.subscription_id OR (m.kind = 'alert' AND d.every != 'instant'))"
        with self._db.read() as conn:
            found = conn.execute(f"{_LATE} AND {where} ORDER BY m.id", {"digest": digest_id}).fetchall()
            return [late for _, late in _loaded(conn, found)]

    def stranded(self) -> dict[str, list[LateMessage]]:
        """See AlertStore.stranded."""
        # One such mail at a time: what becomes late while it waits for the relay goes into the next.
        where = """t.id = m.subscription_id AND d.every = 'instant' AND (m.kind = 'digest' OR NOT EXISTS (
            SELECT 1 FROM subscriptions o JOIN digests p ON p.id = o.digest_id AND p.every != 'instant' AND p.removed_at IS NULL
            WHERE o.subscriber_id = t.subscriber_id AND o.state = 'active')) AND NOT EXISTS (
            SELECT 1 FROM messages q WHERE q.subscription_id = t.id AND q.kind = 'digest'
            AND q.state IN ('waiting', 'claimed', 'unknown'))"""
        found: dict[str, list[LateMessage]] = {}
        with self._db.read() as conn:
            for digest_id, late in _loaded(conn, conn.execute(f"{_LATE} AND {where} ORDER BY m.id").fetchall()):
                found.setdefault(digest_id, []).append(late)
        return found


def _loaded(conn: Connection, found: list[Row]) -> Iterator[tuple[str, LateMessage]]:
    """Each with its digest. What thousands were sent is read once."""
    read: dict[tuple[int, str], Row] = {}
    for row in found:
        what = (row["edition_id"], row["variant"])
        if what not in read:
            read[what] = conn.execute(_DATA, what[::-1]).fetchone()
        content = f"{what[0]} {what[1]}".rstrip()
        at, data = rows.moment(read[what]["composed_at"]), read[what]["data"]
        yield row["digest_id"], LateMessage(row["id"], row["reader_id"], content, at, data)


# From the few late messages on, which have an index of their own; CROSS JOIN keeps SQLite to that order.
_LATE = """SELECT m.id, t.id AS reader_id, t.digest_id, m.edition_id, m.variant
FROM messages m INDEXED BY messages_late CROSS JOIN subscriptions s ON s.id = m.subscription_id
JOIN subscriptions t ON t.subscriber_id = s.subscriber_id AND t.state = 'active'
JOIN digests d ON d.id = t.digest_id AND d.removed_at IS NULL
WHERE m.late = 1 AND m.told_in IS NULL"""
_DATA = """SELECT ed.composed_at, coalesce(v.data, ed.data) AS data FROM editions ed
LEFT JOIN edition_mails v ON v.edition_id = ed.id AND v.variant = ? WHERE ed.id = ?"""
