"""Bursts and silences."""

from __future__ import annotations

import builtins
import sqlite3
from datetime import datetime

from aggregator.reading import Signal
from aggregator.store.sqlite import rows
from aggregator.store.sqlite.database import Database


class Signals:
    """SignalStore on SQLite."""

    def __init__(self, db: Database) -> None:
        self._db = db

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
        sql = "SELECT * FROM signals WHERE found_at >= ? AND (NOT ? OR ended_at IS NULL) ORDER BY id DESC"
        return [_signal(row) for row in self._db.ask(sql, ("" if since is None else rows.stamp(since), lasting))]


def _signal(row: sqlite3.Row) -> Signal:
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


_BEGIN = """INSERT INTO signals (kind, watchlist_id, feed_id, began_at, found_at, observed, expected, detail)
SELECT :kind, :watchlist, :feed, :began, :found, :observed, :expected, :detail
WHERE NOT EXISTS (SELECT 1 FROM signals WHERE kind = :kind AND watchlist_id IS :watchlist AND feed_id IS :feed AND ended_at IS NULL)
RETURNING id"""
