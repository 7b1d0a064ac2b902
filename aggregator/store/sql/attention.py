"""Counts by day and hour, for reading."""

from __future__ import annotations

import builtins
import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta

from aggregator.reading import By, Cell, DayCount, FeedDay, Headline, Hours, Part
from aggregator.store.sql import rows
from aggregator.store.sql.engine import Database, Row


class Attention:
    """AttentionStore in SQL."""

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
        values = {"watchlist": watchlist_id, "limit": limit, **_pieces(since, until)}
        with self._db.read() as conn:
            return [Part(*row) for row in conn.execute(_PARTS[by], values)]

    def cells(self, watchlist_id: str, since: date, until: date) -> list[Cell]:
        """See AttentionStore.cells."""
        values = {"watchlist": watchlist_id, **_range(since, until)}
        with self._db.read() as conn:
            return [Cell(date.fromisoformat(day), *rest) for day, *rest in conn.execute(_CELLS, values)]

    def all(self, since: date, until: date) -> int:
        """See AttentionStore.all."""
        sql = "SELECT coalesce(sum(entries), 0) FROM day_counts WHERE day BETWEEN :since AND :until"
        with self._db.read() as conn:
            return int(conn.execute(sql, _range(since, until)).fetchone()[0])

    def hours(self, watchlist_id: str, since: datetime, *, feeds_since: datetime | None = None) -> Hours:
        """See AttentionStore.hours."""
        values = {
            "watchlist": watchlist_id,
            "since": rows.stamp(since)[:13],
            "feeds_since": rows.stamp_or_none(feeds_since),
        }
        return _hours(self._db.ask(_HOURS if feeds_since is None else _HOURS_OF_KNOWN, values))

    def hours_of_feed(self, feed_id: str, since: datetime) -> Hours:
        """See AttentionStore.hours_of_feed."""
        # What is dated since then was seen since then.
        sql = "SELECT substr(sort_at, 1, 13), count(*) FROM entries WHERE feed_id = ? AND first_seen_at >= ? GROUP BY 1"
        return _hours(self._db.ask(sql, (feed_id, rows.stamp(since))))

    def answers(self, since: datetime) -> Hours:
        """See AttentionStore.answers."""
        return _hours(self._db.ask("SELECT hour, answered FROM poll_hours WHERE hour >= ?", (rows.stamp(since)[:13],)))

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

    def headlines(self, watchlist_id: str, since: date, until: date, limit: int) -> builtins.list[Headline]:
        """See AttentionStore.headlines."""
        values = {"watchlist": watchlist_id, "limit": limit, **_range(since, until)}
        found = self._db.ask(_HEADLINES if watchlist_id else _ALL_HEADLINES, values)
        return [Headline(row["title"], _marks(row["spans"])) for row in found]


def _hours(found: Iterable[Row]) -> Hours:
    return {datetime.fromisoformat(f"{hour}:00+00:00"): entries for hour, entries in found}


def _marks(spans: str) -> tuple[tuple[int, int], ...]:
    return tuple((span["start"], span["end"]) for span in json.loads(spans) if span["field"] == "title")


def _range(since: date, until: date) -> dict[str, str]:
    """Bounds of days and, for texts that go on with an hour, of hours."""
    return {"since": str(since), "until": str(until), "after": str(until + timedelta(days=1))}


def _pieces(since: date, until: date) -> dict[str, str]:
    """The same in days before the first whole month, whole months, and days behind the last; each from a bound to before the next.

    Days are compared with hours, too: `2026-11-27` is before `2026-11-27T00`.
    """
    after = until + timedelta(days=1)
    first = ((since - timedelta(days=1)).replace(day=1) + timedelta(days=32)).replace(day=1)
    last = after.replace(day=1)
    if first >= last:
        first = last = after
    months = {"month": str(first)[:7], "no_month": str(last)[:7] if first < last else ""}
    return {"since": str(since), "first": str(first), **months, "last": str(last), "after": str(after)}


def _each(since: date, until: date) -> list[date]:
    return [since + timedelta(days=n) for n in range((until - since).days + 1)]


_DAYS = "SELECT day, entries FROM match_days WHERE watchlist_id = :watchlist AND day BETWEEN :since AND :until"
_EVERY = "SELECT day, entries FROM day_counts WHERE day BETWEEN :since AND :until"
_FOUND = """found (feed_id, language, entries) AS (SELECT feed_id, language, sum(entries) FROM (
  SELECT feed_id, language, entries FROM match_months WHERE watchlist_id = :watchlist AND month >= :month AND month < :no_month
  UNION ALL SELECT feed_id, language, entries FROM match_counts WHERE watchlist_id = :watchlist AND hour >= :since AND hour < :first
  UNION ALL SELECT feed_id, language, entries FROM match_counts WHERE watchlist_id = :watchlist AND hour >= :last AND hour < :after
) p GROUP BY feed_id, language)"""
# CROSS JOIN: feed by feed, each a few ranges of the primary key.
_BY_LANGUAGE = """SELECT m.language, m.entries FROM feeds f CROSS JOIN entry_months m
    ON m.feed_id = f.id AND m.month >= :month AND m.month < :no_month
  UNION ALL SELECT c.language, c.entries FROM feeds f CROSS JOIN entry_counts c
    ON c.feed_id = f.id AND c.day >= :since AND c.day < :first
  UNION ALL SELECT c.language, c.entries FROM feeds f CROSS JOIN entry_counts c
    ON c.feed_id = f.id AND c.day >= :last AND c.day < :after"""
_OF_FEED = """(SELECT coalesce(sum(entries), 0) FROM entry_months WHERE feed_id = f.id AND month >= :month AND month < :no_month)
  + (SELECT coalesce(sum(entries), 0) FROM entry_counts WHERE feed_id = f.id AND day >= :since AND day < :first)
  + (SELECT coalesce(sum(entries), 0) FROM entry_counts WHERE feed_id = f.id AND day >= :last AND day < :after)"""
_PARTS: Mapping[By, str] = {
    "feed": f"""WITH {_FOUND}, most (feed_id, entries) AS (
  SELECT feed_id, sum(entries) AS entries FROM found GROUP BY feed_id ORDER BY entries DESC, feed_id LIMIT :limit)
SELECT f.id, {rows.FEED_TITLE}, w.entries,
  {_OF_FEED}
FROM most w JOIN feeds f ON f.id = w.feed_id ORDER BY w.entries DESC, f.id""",  # noqa: S608 - our own words
    "language": f"""WITH {_FOUND}, every (language, entries) AS (SELECT language, sum(entries) FROM ({_BY_LANGUAGE}) p GROUP BY language)
SELECT w.language, w.language, sum(w.entries) AS entries, coalesce(e.entries, 0) FROM found w
LEFT JOIN every e ON e.language = w.language GROUP BY w.language, e.entries ORDER BY entries DESC, w.language LIMIT :limit""",  # noqa: S608 - our own words
    "country": f"""WITH {_FOUND}, every (country, entries) AS (SELECT f.country, sum({_OF_FEED}) FROM feeds f GROUP BY f.country)
SELECT f.country, f.country, sum(w.entries) AS entries, coalesce(e.entries, 0) FROM found w JOIN feeds f ON f.id = w.feed_id
LEFT JOIN every e ON e.country = f.country GROUP BY f.country, e.entries ORDER BY entries DESC, f.country LIMIT :limit""",  # noqa: S608 - our own words
}
_CELLS = f"""SELECT substr(m.hour, 1, 10) AS day, m.feed_id, {rows.FEED_TITLE}, f.country,
  m.language, sum(m.entries), coalesce(c.entries, 0) FROM match_counts m JOIN feeds f ON f.id = m.feed_id
LEFT JOIN entry_counts c ON c.feed_id = m.feed_id AND c.day = substr(m.hour, 1, 10) AND c.language = m.language
WHERE m.watchlist_id = :watchlist AND m.hour >= :since AND m.hour < :after GROUP BY substr(m.hour, 1, 10), m.feed_id, f.id, f.title, f.own_title, f.country, m.language, c.entries
ORDER BY day, m.feed_id, m.language"""  # noqa: S608 - our own words
_FEED_ENTRIES = (
    "SELECT day, sum(entries) FROM entry_counts WHERE feed_id = :feed AND day BETWEEN :since AND :until GROUP BY day"
)
_FEED_POLLS = "SELECT day, polls, answered FROM feed_days WHERE feed_id = :feed AND day BETWEEN :since AND :until"
_HOURS = """SELECT hour, sum(entries) FROM match_counts
WHERE watchlist_id = :watchlist AND hour >= :since GROUP BY hour"""
_HOURS_OF_KNOWN = """SELECT c.hour, sum(c.entries) FROM match_counts c JOIN feeds f ON f.id = c.feed_id
WHERE c.watchlist_id = :watchlist AND c.hour >= :since AND f.added_at <= :feeds_since GROUP BY c.hour"""
# What is dated on a day was matched on it or later, but for clocks that jump; of an entry's matches the last has its text.
_HEADLINES = """SELECT e.title, m.spans FROM matches m JOIN entries e ON e.id = m.entry_id
WHERE m.watchlist_id = :watchlist AND e.sort_at >= :since AND e.sort_at < :after
  AND m.id >= (SELECT id FROM matches WHERE matched_at >= :since ORDER BY matched_at, id LIMIT 1)
  AND m.id = (SELECT max(x.id) FROM matches x WHERE x.entry_id = e.id AND x.watchlist_id = m.watchlist_id) ORDER BY e.id DESC LIMIT :limit"""
_ALL_HEADLINES = """SELECT title, '[]' AS spans FROM entries WHERE sort_at >= :since AND sort_at < :after
ORDER BY id DESC LIMIT :limit"""
_READ = """SELECT DISTINCT d.feed_id FROM feeds f JOIN feed_days d ON d.feed_id = f.id
WHERE d.day >= :day AND d.last_ok_at >= :since AND d.first_ok_at <= :until ORDER BY d.feed_id"""
