"""When the lines have something to do: a few looks at the ends of indexes, and one number that says whether to look again."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import datetime

from aggregator.store.sqlite import migrations, rows
from aggregator.store.sqlite.database import BUSY_SECONDS, Database
from aggregator.store.sqlite.network import OUTAGE


class Agenda:
    """AgendaStore on SQLite."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def version(self) -> int:
        """See AgendaStore.version."""
        return int(self._db.ask("PRAGMA data_version")[0][0])

    def next(self, now: datetime) -> Mapping[str, datetime]:
        """See AgendaStore.next."""
        found = self._db.ask(_NEXT, {"now": rows.stamp(now), "outage": OUTAGE})
        return {line: rows.moment(at) for line, at in found if at is not None}

    def may_write(self, seconds: float) -> None:
        """See AgendaStore.may_write."""
        try:
            conn = self._db.conn
            conn.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")
            try:
                conn.execute("BEGIN IMMEDIATE")
                try:
                    migrations.see_that_all_are_known(self._db.utils, self._db.path)
                finally:
                    conn.execute("ROLLBACK")
            finally:
                conn.execute(f"PRAGMA busy_timeout = {round(BUSY_SECONDS * 1000)}")
        except sqlite3.Error as e:
            raise self._db.error(e) from e


# A feed that is due but has to wait for a pause of its own or of its host is due when that is over. While our own network is down
# the poll line decides by itself when to try.
_HELD = "max(next_poll_at, coalesce(held_until, ''), coalesce((SELECT h.held_until FROM hosts h WHERE h.host = feeds.host), ''))"
_POLLED = "removed_at IS NULL AND state != 'paused'"
_NEXT = f"""SELECT 'poll', min(at) FROM (
  SELECT min({_HELD}) AS at FROM feeds WHERE {_POLLED} AND next_poll_at <= :now
  UNION ALL SELECT * FROM (SELECT next_poll_at FROM feeds WHERE {_POLLED} AND next_poll_at > :now ORDER BY next_poll_at LIMIT 1)
  UNION ALL SELECT value FROM facts WHERE name = :outage)
UNION ALL SELECT 'compose', min(at) FROM (
  SELECT min(next_at) AS at FROM digests WHERE removed_at IS NULL AND every != 'instant'
  UNION ALL SELECT min(held_until) FROM digests WHERE removed_at IS NULL AND every = 'instant' AND held_until > :now)
UNION ALL SELECT 'send', min(at) FROM (
  SELECT min(next_attempt_at) AS at FROM messages WHERE state = 'waiting' AND held_at IS NULL
  UNION ALL SELECT min(next_attempt_at) FROM messages WHERE state = 'unknown' AND held_at IS NULL
  UNION ALL SELECT min(claimed_until) FROM messages WHERE state = 'claimed')
UNION ALL SELECT 'enrich', min(next_at) FROM articles WHERE state = 'due'"""  # noqa: S608 - our own words
