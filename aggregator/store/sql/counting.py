"""Counts that are kept as entries and matches come, so that months of attention are read in a moment (migration 0012)."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from aggregator.model import PollState
from aggregator.store.sql import rows
from aggregator.store.sql.engine import Connection

MONTH, DAY, HOUR = len("2026-11"), len("2026-11-27"), len("2026-11-27T07")


class Tally:
    """What one transaction adds to the counts, gathered so that each day of a feed is written once."""

    def __init__(self) -> None:
        self._entries: Counter[tuple[str, str, str]] = Counter()
        self._polls: list[tuple[str, str, bool, str]] = []

    def entry(self, feed_id: str, sort_at: datetime, language: str) -> None:
        """A new entry, or an id that stands for other news now."""
        self._entries[feed_id, rows.stamp(sort_at)[:DAY], language] += 1

    def poll(self, feed_id: str, poll: PollState, now: str) -> None:
        """A feed was asked; it answered where its last good poll is this one."""
        answered = poll.last_ok_at is not None and poll.last_ok_at == poll.last_poll_at
        self._polls.append((feed_id, now[:DAY], answered, now))

    def write(self, conn: Connection) -> None:
        """Add it to what is stored."""
        days: Counter[str] = Counter()
        months: Counter[tuple[str, str, str]] = Counter()
        for (feed_id, day, language), entries in self._entries.items():
            days[day] += entries
            months[feed_id, day[:MONTH], language] += entries
        conn.executemany(_ENTRIES, [(*key, entries) for key, entries in sorted(self._entries.items())])
        conn.executemany(_DAYS, sorted(days.items()))
        conn.executemany(_MONTHS, [(*key, entries) for key, entries in sorted(months.items())])
        hours = Counter(now[:HOUR] for *_, now in self._polls)
        answered = Counter(now[:HOUR] for *_, good, now in self._polls if good)
        conn.executemany(_HOURS, [(hour, polls, answered[hour]) for hour, polls in sorted(hours.items())])
        conn.executemany(
            _POLLS,
            [(feed, day, good, now if good else None, now if good else None) for feed, day, good, now in self._polls],
        )


def last_match(conn: Connection) -> int:
    """The highest id that a match was ever given."""
    row = conn.execute("SELECT seq FROM sqlite_sequence WHERE name = 'matches'").fetchone()
    return 0 if row is None else int(row[0])


def count_matches(conn: Connection, after: int) -> None:
    """Count the entries of the matches behind this id, each once for a watchlist, whatever its revisions."""
    days: Counter[tuple[str, str]] = Counter()
    months: Counter[tuple[str, str, str, str]] = Counter()
    found = [tuple(row) for row in conn.execute(_MATCHED, (after,))]
    for watchlist_id, hour, feed_id, language, entries in found:
        days[watchlist_id, hour[:DAY]] += entries
        months[watchlist_id, hour[:MONTH], feed_id, language] += entries
    conn.executemany(_MATCHES, found)
    conn.executemany(_MATCH_DAYS, [(*key, entries) for key, entries in sorted(days.items())])
    conn.executemany(_MATCH_MONTHS, [(*key, entries) for key, entries in sorted(months.items())])


def _adding(table: str, *keys: str) -> str:
    """The statement that adds to a count, from its keys and by how much."""
    marks = rows.marks(len(keys) + 1)
    return f"""INSERT INTO {table} ({", ".join(keys)}, entries) VALUES ({marks})
ON CONFLICT ({", ".join(keys)}) DO UPDATE SET entries = {table}.entries + excluded.entries"""  # noqa: S608 - names are ours


_ENTRIES = _adding("entry_counts", "feed_id", "day", "language")
_DAYS = _adding("day_counts", "day")
_MONTHS = _adding("entry_months", "feed_id", "month", "language")
_POLLS = """INSERT INTO feed_days (feed_id, day, polls, answered, first_ok_at, last_ok_at) VALUES (?, ?, 1, ?, ?, ?)
ON CONFLICT (feed_id, day) DO UPDATE SET polls = feed_days.polls + 1, answered = feed_days.answered + excluded.answered,
  first_ok_at = coalesce(feed_days.first_ok_at, excluded.first_ok_at), last_ok_at = coalesce(excluded.last_ok_at, feed_days.last_ok_at)"""
_HOURS = """INSERT INTO poll_hours (hour, polls, answered) VALUES (?, ?, ?)
ON CONFLICT (hour) DO UPDATE SET polls = poll_hours.polls + excluded.polls, answered = poll_hours.answered + excluded.answered"""
_MATCHED = f"""SELECT m.watchlist_id, substr(e.sort_at, 1, {HOUR}), e.feed_id, e.language, count(*)
FROM matches m JOIN entries e ON e.id = m.entry_id
WHERE m.id > ? AND NOT EXISTS (SELECT 1 FROM matches b WHERE b.entry_id = m.entry_id AND b.watchlist_id = m.watchlist_id
  AND b.id < m.id AND b.revision >= e.story_revision)
GROUP BY 1, 2, 3, 4"""  # noqa: S608 - a number
_MATCHES = _adding("match_counts", "watchlist_id", "hour", "feed_id", "language")
_MATCH_DAYS = _adding("match_days", "watchlist_id", "day")
_MATCH_MONTHS = _adding("match_months", "watchlist_id", "month", "feed_id", "language")
