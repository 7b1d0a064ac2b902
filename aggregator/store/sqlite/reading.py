"""What pages show, read in the order and the portions in which they show it."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from aggregator.model import Entry
from aggregator.reading import Found, News
from aggregator.store.sqlite import rows
from aggregator.store.sqlite.database import Database

AT_ONCE = 8
"""Newest matches that are read for each story wanted: copies of one story come together."""


class Reading:
    """ReadingStore on SQLite."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def news(self, watchlist_ids: Sequence[str], since: datetime, each: int) -> list[News]:
        """See ReadingStore.news."""
        with self._db.read() as conn:
            # Clocks jump: the lowest id is asked for, not that of the earliest.
            (first,) = conn.execute(
                "SELECT min(id) FROM matches WHERE matched_at >= ?", (rows.stamp(since),)
            ).fetchone()
            if first is None:
                return [News(watchlist_id, 0, 0, ()) for watchlist_id in watchlist_ids]
            counted = {row[0]: (row[1], row[2]) for row in conn.execute(_COUNTED, (first,))}
            found: list[News] = []
            for watchlist_id in watchlist_ids:
                counts = counted.get(watchlist_id, (0, 0))
                values = {"watchlist": watchlist_id, "first": first, "before": 1 << 62, "limit": each * AT_ONCE}
                newest = _one_each((f.entry.story_id, f) for f in _found(conn, values, told=True)) if counts[0] else []
                found.append(News(watchlist_id, *counts, tuple(newest[:each])))
        return found

    def found(self, watchlist_id: str, limit: int, before: int = 0) -> list[Found]:
        """See ReadingStore.found."""
        values = {"watchlist": watchlist_id, "first": 0, "before": before or 1 << 62, "limit": limit}
        with self._db.read() as conn:
            return _one_each((f.entry.id, f) for f in _found(conn, values))

    def copies(self, story_ids: Sequence[int]) -> Mapping[int, Sequence[str]]:
        """See ReadingStore.copies."""
        titles: dict[int, dict[str, None]] = defaultdict(dict)
        with self._db.read() as conn:
            for story_id, title in conn.execute(_COPIES, (rows.dump(list(story_ids)),)):
                titles[story_id][title] = None
        return {story_id: tuple(every) for story_id, every in titles.items()}

    def version(self) -> int:
        """See ReadingStore.version."""
        return int(self._db.ask("PRAGMA data_version")[0][0])

    def mark(self, watchlist_ids: Sequence[str] = (), story_ids: Sequence[int] = ()) -> str:
        """See ReadingStore.mark."""
        values = {"watchlists": rows.dump(list(watchlist_ids)), "stories": rows.dump(list(story_ids))}
        with self._db.read() as conn:
            known = [tuple(row) for sql in _MARKS for row in conn.execute(sql, values)]
        return hashlib.blake2b(repr(known).encode(), digest_size=12).hexdigest()


def _found(conn: sqlite3.Connection, values: Mapping[str, object], *, told: bool = False) -> list[Found]:
    sql = _FOUND.format(told="AND m.reach != 'none'" if told else "")
    ids = conn.execute(sql, values).fetchall()
    matches = {row["id"]: rows.match(row) for row in ids}
    entries: dict[int, Entry] = {}
    for part in rows.chunks([m.entry_id for m in matches.values()]):
        read = f"SELECT {rows.ENTRY_COLUMNS} FROM {rows.ENTRY_TABLES} WHERE e.id IN ({rows.marks(len(part))})"  # noqa: S608 - names are ours
        entries.update((row["id"], rows.entry(row)) for row in conn.execute(read, tuple(part)))
    return [Found(match, entries[match.entry_id]) for match in matches.values() if match.entry_id in entries]


def _one_each(found: Iterable[tuple[int, Found]]) -> list[Found]:
    """The first of each key."""
    first: dict[int, Found] = {}
    for key, one in found:
        first.setdefault(key, one)
    return list(first.values())


_COUNTED = """SELECT m.watchlist_id, count(DISTINCT m.entry_id), count(DISTINCT e.story_id)
FROM matches m CROSS JOIN entries e ON e.id = m.entry_id WHERE m.id >= ? AND m.reach != 'none' GROUP BY m.watchlist_id"""
_FOUND = """SELECT m.* FROM matches m WHERE m.watchlist_id = :watchlist AND m.id >= :first AND m.id < :before {told}
ORDER BY m.id DESC LIMIT :limit"""
_COPIES = """SELECT e.story_id, coalesce(nullif(f.title, ''), nullif(f.own_title, ''), f.id) FROM entries e JOIN feeds f ON f.id = e.feed_id
WHERE e.story_id IN (SELECT value FROM json_each(?)) ORDER BY e.story_id, e.id"""
_MARKS = (
    "SELECT (SELECT max(m.id) FROM matches m WHERE m.watchlist_id = j.value) FROM json_each(:watchlists) j",
    "SELECT max(id) FROM editions",
    "SELECT count(*), count(ended_at), max(id) FROM signals",
    "SELECT count(*), max(id), sum(revision) FROM entries WHERE story_id IN (SELECT value FROM json_each(:stories))",
)
