"""When the lines have something to do: a few looks at the ends of indexes, and one number that says whether to look again."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime

from aggregator.store.sql import rows
from aggregator.store.sql.engine import Database
from aggregator.store.sql.network import OUTAGE


class Agenda:
    """AgendaStore in SQL."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def version(self) -> int:
        """See AgendaStore.version."""
        return self._db.version()

    def next(self, now: datetime) -> Mapping[str, datetime]:
        """See AgendaStore.next."""
        found = self._db.ask(_NEXT, {"now": rows.stamp(now), "outage": OUTAGE})
        return {line: rows.moment(at) for line, at in found if at is not None}

    def turn(self, line: str, seconds: float = 0.0) -> AbstractContextManager[bool]:
        """See AgendaStore.turn."""
        return self._db.turn(line, seconds)

    def may_write(self, seconds: float) -> None:
        """See AgendaStore.may_write."""
        self._db.may_write(seconds)


# A feed that is due but has to wait for a pause of its own or of its host is due when that is over. While our own network is down
# the poll line decides by itself when to try.
_HELD = "max(next_poll_at, coalesce(held_until, ''), coalesce((SELECT h.held_until FROM hosts h WHERE h.host = feeds.host), ''))"
_POLLED = "removed_at IS NULL AND state != 'paused'"
_NEXT = f"""SELECT 'poll', min(at) FROM (
  SELECT min({_HELD}) AS at FROM feeds WHERE {_POLLED} AND next_poll_at <= :now
  UNION ALL SELECT * FROM (SELECT next_poll_at FROM feeds WHERE {_POLLED} AND next_poll_at > :now ORDER BY next_poll_at LIMIT 1) n
  UNION ALL SELECT value FROM facts WHERE name = :outage) p
UNION ALL SELECT 'compose', min(at) FROM (
  SELECT min(next_at) AS at FROM digests WHERE removed_at IS NULL AND every != 'instant'
  UNION ALL SELECT min(held_until) FROM digests WHERE removed_at IS NULL AND every = 'instant' AND held_until > :now) c
UNION ALL SELECT 'send', min(at) FROM (
  SELECT min(next_attempt_at) AS at FROM messages WHERE state = 'waiting' AND held_at IS NULL
  UNION ALL SELECT min(next_attempt_at) FROM messages WHERE state = 'unknown' AND held_at IS NULL
  UNION ALL SELECT min(claimed_until) FROM messages WHERE state = 'claimed') s
UNION ALL SELECT 'enrich', min(next_at) FROM articles WHERE state = 'due'"""  # noqa: S608 - our own words
