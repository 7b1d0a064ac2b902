"""Numbers for metrics, each from few rows or from an index: a scrape costs the same with a million entries as with none."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from aggregator.measures import Measures
from aggregator.store.sql import rows
from aggregator.store.sql.engine import Connection, Database

LATELY = timedelta(days=1)
ALERTS = 1_000
"""Messages and matches of the last day whose time is looked at: the newest."""
TABLES = ("entries", "editions", "attempts")


class Measuring:
    """MeasureStore in SQL."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def look(self, watchlist_ids: Collection[str], now: datetime) -> Measures:
        """See MeasureStore.look."""
        stamp = rows.stamp(now)
        with self._db.read() as conn:
            made = dict(conn.execute("SELECT name, seq FROM sqlite_sequence").fetchall())
            due, oldest = conn.execute(_DUE, {"now": stamp}).fetchone()[0], conn.execute(_OLDEST).fetchone()[0]
            return Measures(
                feeds=_pairs(conn, "SELECT state, count(*) FROM feeds WHERE removed_at IS NULL GROUP BY state"),
                failing=_pairs(conn, _FAILING),
                due_since=rows.moment_or_none(due),
                made={name: int(made.get(name, 0)) for name in TABLES},
                matches=dict.fromkeys(watchlist_ids, 0) | _pairs(conn, _MATCHES, rows.dump(sorted(watchlist_ids))),
                messages=_pairs(conn, _MESSAGES),
                oldest_at=rows.moment_or_none(oldest),
                sent_at=rows.moment_or_none(conn.execute(_SENT).fetchone()[0]),
                latency=_latency(conn, rows.stamp(now - LATELY)),
                signals=_pairs(conn, "SELECT kind, count(*) FROM signals WHERE ended_at IS NULL GROUP BY kind"),
                notices=_pairs(conn, "SELECT level, count(*) FROM notices WHERE ended_at IS NULL GROUP BY level"),
            )


def _pairs(conn: Connection, sql: str, *values: str) -> dict[str, int]:
    return {row[0]: row[1] for row in conn.execute(sql, values)}


def _latency(conn: Connection, since: str) -> dict[str, tuple[float, float]]:
    found = conn.execute(_ALERTS, {"since": since, "limit": ALERTS}).fetchall()
    told: dict[str, tuple[float, float]] = {}
    for place, name in enumerate(("published", "seen")):
        seconds = sorted(float(row[place]) for row in found if row[place] is not None)
        if seconds:
            told[name] = seconds[(len(seconds) - 1) // 2], seconds[((len(seconds) - 1) * 95) // 100]
    return told


_DUE = """SELECT min(next_poll_at) FROM feeds WHERE removed_at IS NULL AND state != 'paused' AND next_poll_at <= :now
AND (held_until IS NULL OR held_until <= :now) AND host NOT IN (SELECT host FROM hosts WHERE held_until > :now)"""
_FAILING = """SELECT error_class, count(*) FROM feeds
WHERE removed_at IS NULL AND state IN ('failing', 'gone') AND error_class != '' GROUP BY error_class"""
# Counted by days when they were found; by entries it would be a walk over them.
_MATCHES = """SELECT watchlist_id, entries FROM (
  SELECT w.value AS watchlist_id, (SELECT sum(entries) FROM match_days d WHERE d.watchlist_id = w.value) AS entries
  FROM json_each(?) w) s WHERE entries IS NOT NULL"""
_MESSAGES = """SELECT iif(held_at IS NOT NULL AND state != 'dead', 'held', state) AS pile, count(*) FROM messages
WHERE state IN ('waiting', 'claimed', 'unknown', 'dead') GROUP BY pile"""
_OLDEST = "SELECT min(created_at) FROM messages WHERE state IN ('waiting', 'claimed', 'unknown') AND held_at IS NULL"
_SENT = """SELECT max(settled_at) FROM (SELECT settled_at FROM messages INDEXED BY messages_due
WHERE state = 'sent' ORDER BY next_attempt_at DESC LIMIT 100) s"""
# What is sent has its last attempt for the next: their index leads to the newest.
_ALERTS = """SELECT (julianday(m.settled_at) - julianday(t.published_at)) * 86400,
  (julianday(m.settled_at) - julianday(t.first_seen_at)) * 86400
FROM (SELECT id, edition_id, settled_at FROM messages INDEXED BY messages_due
  WHERE state = 'sent' AND next_attempt_at >= :since AND kind = 'alert' ORDER BY next_attempt_at DESC LIMIT :limit) m
JOIN (SELECT em.edition_id, min(e.published_at) AS published_at, min(e.first_seen_at) AS first_seen_at
  FROM (SELECT id, entry_id FROM matches ORDER BY id DESC LIMIT :limit) x
  CROSS JOIN edition_matches em ON em.match_id = x.id CROSS JOIN entries e ON e.id = x.entry_id
  WHERE em.edition_id IS NOT NULL GROUP BY em.edition_id) t ON t.edition_id = m.edition_id"""
