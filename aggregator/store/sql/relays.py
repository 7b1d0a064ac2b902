"""Mail servers and channels that fail as a whole, and messages that waited too long for one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from aggregator.publication import FailingRelay
from aggregator.store.sql import rows
from aggregator.store.sql.engine import Database


class Relays:
    """RelayStore in SQL."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def failing(self) -> list[FailingRelay]:
        """See RelayStore.failing."""
        with self._db.read() as conn:
            return [
                FailingRelay(
                    row["name"],
                    row["failures"],
                    rows.moment(row["failing_since"]),
                    rows.moment(row["paused_until"]),
                    row["error_class"],
                    row["error"],
                )
                for row in conn.execute("SELECT * FROM relays ORDER BY name")
            ]

    def pause(self, failing: FailingRelay) -> None:
        """See RelayStore.pause."""
        sql = """INSERT INTO relays (name, failures, failing_since, paused_until, error_class, error) VALUES (?, ?, ?, ?, ?, ?)
                 ON CONFLICT (name) DO UPDATE SET failures = excluded.failures, failing_since = excluded.failing_since,
                 paused_until = excluded.paused_until, error_class = excluded.error_class, error = excluded.error"""
        values = (failing.name, failing.failures, rows.stamp(failing.since), rows.stamp(failing.until))
        with self._db.write() as conn:
            conn.execute(sql, (*values, failing.error_class, failing.error))

    def works(self, name: str) -> None:
        """See RelayStore.works."""
        with self._db.write() as conn:
            conn.execute("DELETE FROM relays WHERE name = :name OR :name = ''", {"name": name})

    def expire(self, given_up: Mapping[str, datetime], now: datetime) -> int:
        """See RelayStore.expire."""
        values = [
            {"kind": kind, "before": rows.stamp(before), "now": rows.stamp(now)} for kind, before in given_up.items()
        ]
        with self._db.read() as conn:
            if not any(conn.execute(f"SELECT 1 {_TOO_OLD} LIMIT 1", one).fetchone() for one in values):
                return 0
        with self._db.write() as conn:
            return sum(conn.execute(f"{_GIVE_UP} (SELECT id {_TOO_OLD})", one).rowcount for one in values)


_TOO_OLD = """FROM messages WHERE state IN ('waiting', 'unknown') AND kind = :kind AND coalesce(retried_at, created_at) < :before AND held_at IS NULL"""
_GIVE_UP = f"""UPDATE messages SET state = 'dead', phase = 'queued', settled_at = :now, late = iif(edition_id IS NOT NULL AND {rows.WANTED}, 1, 0),
error = 'not sent in time' || iif(error = '', '', ': ' || error) WHERE id IN"""  # noqa: S608 - our own words
