"""Bursts and silences."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from datetime import date, datetime

from aggregator.publication import Edition
from aggregator.reading import Signal, Voice
from aggregator.store.sql import rows
from aggregator.store.sql.engine import Connection, Database, Row


class Signals:
    """SignalStore in SQL."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def watched(self) -> Mapping[str, datetime]:
        """See SignalStore.watched."""
        sql = "SELECT id, changed_at FROM watchlists WHERE removed_at IS NULL ORDER BY id"
        return {row["id"]: rows.moment(row["changed_at"]) for row in self._db.ask(sql)}

    def voices(self, since: date) -> builtins.list[Voice]:
        """See SignalStore.voices."""
        return [
            Voice(
                row["id"], row["title"], rows.moment(row["last_ok_at"]), rows.moment(row["newest_at"]), row["entries"]
            )
            for row in self._db.ask(_VOICES, (str(since),))
        ]

    def waiting(self, digest_id: str, since: datetime, until: datetime) -> builtins.list[Signal]:
        """See SignalStore.waiting."""
        values = {"digest": digest_id, "since": rows.stamp(since), "until": rows.stamp(until)}
        return [_signal(row) for row in self._db.ask(f"SELECT s.* {UNTOLD} AND d.id = :digest ORDER BY s.id", values)]

    def begin(self, signal: Signal) -> int:
        """See SignalStore.begin."""
        values = {
            "kind": signal.kind,
            "watchlist": signal.watchlist_id or None,
            "feed": signal.feed_id or None,
            "began": rows.stamp(signal.began_at),
            "found": rows.stamp(signal.found_at),
            "observed": signal.observed,
            "expected": signal.expected,
            "detail": signal.detail,
        }
        with self._db.write() as conn:
            row = conn.execute(_BEGIN, values).fetchone()
        return 0 if row is None else int(row[0])

    def end(self, signal_id: int, now: datetime) -> bool:
        """See SignalStore.end."""
        sql = "UPDATE signals SET ended_at = ? WHERE id = ? AND ended_at IS NULL"
        with self._db.write() as conn:
            return conn.execute(sql, (rows.stamp(now), signal_id)).rowcount == 1

    def list(self, since: datetime | None = None, *, lasting: bool = False) -> builtins.list[Signal]:
        """See SignalStore.list."""
        sql = "SELECT * FROM signals WHERE found_at >= ? AND (? = 0 OR ended_at IS NULL) ORDER BY id DESC"
        return [_signal(row) for row in self._db.ask(sql, ("" if since is None else rows.stamp(since), lasting))]


def told(conn: Connection, edition: Edition) -> bool:
    """Whether somebody else has told one of an edition's signals meanwhile."""
    sql = "SELECT 1 FROM signal_tellings WHERE digest_id = ? AND signal_id = ?"
    return any(conn.execute(sql, (edition.digest_id, one.signal_id)).fetchone() for one in edition.signals)


def tell(conn: Connection, edition: Edition, edition_id: int) -> None:
    """Note which edition told its signals."""
    sql = "INSERT INTO signal_tellings (signal_id, digest_id, edition_id) VALUES (?, ?, ?)"
    conn.executemany(sql, [(one.signal_id, edition.digest_id, edition_id) for one in edition.signals])


def _signal(row: Row) -> Signal:
    return Signal(
        id=row["id"],
        kind=row["kind"],
        watchlist_id=row["watchlist_id"] or "",
        feed_id=row["feed_id"] or "",
        began_at=rows.moment(row["began_at"]),
        found_at=rows.moment(row["found_at"]),
        observed=row["observed"],
        expected=row["expected"],
        detail=row["detail"],
        ended_at=rows.moment_or_none(row["ended_at"]),
    )


# From the few new signals on, which have an index of their own; CROSS JOIN keeps SQLite to that order.
UNTOLD = """FROM signals s CROSS JOIN digest_watchlists w ON w.watchlist_id = s.watchlist_id CROSS JOIN digests d ON d.id = w.digest_id
WHERE s.found_at >= :since AND s.found_at < :until AND s.found_at >= d.added_at AND (s.kind = 'burst' OR s.ended_at IS NULL)
  AND NOT EXISTS (SELECT 1 FROM signal_tellings t WHERE t.signal_id = s.id AND t.digest_id = d.id)"""
"""The signals that an edition of digest `d` may tell."""
_VOICES = f"""SELECT * FROM (SELECT f.id, {rows.FEED_TITLE} AS title, f.last_ok_at,
  (SELECT max(e.first_seen_at) FROM entries e WHERE e.feed_id = f.id) AS newest_at,
  (SELECT coalesce(sum(c.entries), 0) FROM entry_counts c WHERE c.feed_id = f.id AND c.day >= ?) AS entries
FROM feeds f WHERE f.removed_at IS NULL AND f.state = 'ok' AND f.last_ok_at IS NOT NULL) v WHERE newest_at IS NOT NULL ORDER BY id"""  # noqa: S608 - our own words
_BEGIN = """INSERT INTO signals (kind, watchlist_id, feed_id, began_at, found_at, observed, expected, detail)
SELECT :kind, :watchlist, :feed, :began, :found, :observed, :expected, :detail
WHERE NOT EXISTS (SELECT 1 FROM signals WHERE kind = :kind AND watchlist_id IS :watchlist AND feed_id IS :feed AND ended_at IS NULL)
RETURNING id"""
