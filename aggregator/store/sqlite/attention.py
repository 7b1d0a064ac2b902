"""Counts by day and hour, for reading."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from aggregator.reading import By, DayCount, FeedDay, Part
from aggregator.store.sqlite import rows
from aggregator.store.sqlite.database import Database


class Attention:
    """AttentionStore on SQLite."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def days(self, watchlist_id: str, since: date, until: date) -> list[DayCount]:
        """See AttentionStore.days."""
        with self._db.read() as conn:
            values = {"watchlist": watchlist_id, **_range(since, until)}
            found = dict(conn.execute(_DAYS, values).fetchall())
            every = dict(conn.execute(_EVERY, values).fetchall())
        return [DayCount(day, found.get(str(day), 0), every.get(str(day), 0)) for day in _each(since, until)]

    def parts(self, watchlist_id: str, since: date, until: date, by: By, limit: int = 20) -> list[Part]:
        """See AttentionStore.parts."""
        values = {"watchlist": watchlist_id, "limit": limit, **_range(since, until)}
        with self._db.read() as conn:
            return [Part(*row) for row in conn.execute(_PARTS[by], values)]

    def hours(self, watchlist_id: str, since: datetime) -> Mapping[datetime, int]:
        """See AttentionStore.hours."""
        sql = "SELECT hour, sum(entries) FROM match_counts WHERE watchlist_id = ? AND hour >= ? GROUP BY hour"
        found = self._db.ask(sql, (watchlist_id, rows.stamp(since)[:13]))
        return {datetime.strptime(hour, "%Y-%m-%dT%H").replace(tzinfo=UTC): entries for hour, entries in found}

    def feed(self, feed_id: str, since: date, until: date) -> list[FeedDay]:
        """See AttentionStore.feed."""
        values = {"feed": feed_id, **_range(since, until)}
        with self._db.read() as conn:
            entries = dict(conn.execute(_FEED_ENTRIES, values).fetchall())
            polls = {row[0]: (row[1], row[2]) for row in conn.execute(_FEED_POLLS, values)}
        return [FeedDay(day, entries.get(str(day), 0), *polls.get(str(day), (0, 0))) for day in _each(since, until)]

    def read_between(self, since: datetime, until: datetime) -> builtins.list[str]:
        """See AttentionStore.read_between."""
        values = {"day": rows.stamp(since)[:10], "since": rows.stamp(since), "until": rows.stamp(until)}
        return [row[0] for row in self._db.ask(_READ, values)]


def _range(since: date, until: date) -> dict[str, str]:
    """Bounds of days and, for texts that go on with an hour, of hours."""
    return {"since": str(since), "until": str(until), "after": str(until + timedelta(days=1))}


def _each(since: date, until: date) -> list[date]:
    return [since + timedelta(days=n) for n in range((until - since).days + 1)]


_DAYS = """SELECT substr(hour, 1, 10) AS day, sum(entries) FROM match_counts
WHERE watchlist_id = :watchlist AND hour >= :since AND hour < :after GROUP BY day"""
_EVERY = "SELECT day, entries FROM day_counts WHERE day BETWEEN :since AND :until"
_FOUND = """found (feed_id, language, entries) AS (SELECT feed_id, language, sum(entries) FROM match_counts
WHERE watchlist_id = :watchlist AND hour >= :since AND hour < :after GROUP BY feed_id, language)"""
_OF_FEEDS = "entry_counts c ON c.feed_id = f.id AND c.day BETWEEN :since AND :until"
_PARTS: Mapping[By, str] = {
    "feed": f"""WITH {_FOUND} SELECT f.id, coalesce(nullif(f.title, ''), nullif(f.own_title, ''), f.id), sum(w.entries) AS entries,
  (SELECT coalesce(sum(c.entries), 0) FROM entry_counts c WHERE c.feed_id = f.id AND c.day BETWEEN :since AND :until)
FROM found w JOIN feeds f ON f.id = w.feed_id GROUP BY f.id ORDER BY entries DESC, f.id LIMIT :limit""",  # noqa: S608 - our own words
    "language": f"""WITH {_FOUND}, every (language, entries) AS (
  SELECT c.language, sum(c.entries) FROM feeds f CROSS JOIN {_OF_FEEDS} GROUP BY c.language)
SELECT w.language, w.language, sum(w.entries) AS entries, coalesce(e.entries, 0) FROM found w
LEFT JOIN every e ON e.language = w.language GROUP BY w.language ORDER BY entries DESC, w.language LIMIT :limit""",  # noqa: S608 - our own words
    "country": f"""WITH {_FOUND}, every (country, entries) AS (
  SELECT f.country, sum(c.entries) FROM feeds f CROSS JOIN {_OF_FEEDS} GROUP BY f.country)
SELECT f.country, f.country, sum(w.entries) AS entries, coalesce(e.entries, 0) FROM found w JOIN feeds f ON f.id = w.feed_id
LEFT JOIN every e ON e.country = f.country GROUP BY f.country ORDER BY entries DESC, f.country LIMIT :limit""",  # noqa: S608 - our own words
}
_FEED_ENTRIES = (
    "SELECT day, sum(entries) FROM entry_counts WHERE feed_id = :feed AND day BETWEEN :since AND :until GROUP BY day"
)
_FEED_POLLS = "SELECT day, polls, answered FROM feed_days WHERE feed_id = :feed AND day BETWEEN :since AND :until"
_READ = """SELECT DISTINCT d.feed_id FROM feeds f JOIN feed_days d ON d.feed_id = f.id
WHERE d.day >= :day AND d.last_ok_at >= :since AND d.first_ok_at <= :until ORDER BY d.feed_id"""
