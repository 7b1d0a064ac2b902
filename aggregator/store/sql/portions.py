"""Long lists in portions, newest first by id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from aggregator.model import Entry, Story
from aggregator.publication import StoredEdition
from aggregator.reading import Found, Portion, Selection
from aggregator.store.sql import rows
from aggregator.store.sql.editions import bare_editions
from aggregator.store.sql.engine import Connection, Database
from aggregator.store.sql.stories import load_stories

LOOKED_AT = 50_000
"""Ids that one portion looks through for what no index knows: a language, and what a watchlist has found in one feed."""
T = TypeVar("T")


class Portions:
    """PortionStore in SQL."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def entries(self, selection: Selection) -> Portion[Entry]:
        """See PortionStore.entries."""
        with self._db.read() as conn:
            low, high = _bounds(conn, "entries", "first_seen_at", selection)
            is_slow = selection.language or (selection.feed_id and selection.watchlist_id)
            reached = max(low, high - LOOKED_AT) if is_slow else low
            conditions = [
                ("e.feed_id = :feed", selection.feed_id),
                ("e.language = :language", selection.language),
                ("m.watchlist_id = :watchlist", selection.watchlist_id),
            ]
            sql = _MATCHED if selection.watchlist_id else _ENTRIES
            sql = sql.format(more=" AND ".join(["true", *(text for text, given in conditions if given)]))
            ids = [row[0] for row in conn.execute(sql, {**_values(selection), "low": reached, "high": high})]
            found = _entries(conn, ids[: selection.limit])
        items = [found[entry_id] for entry_id in ids[: selection.limit]]
        return _portion(items, ids, selection.limit, reached if reached > low else 0)

    def stories(self, selection: Selection) -> Portion[Story]:
        """See PortionStore.stories."""
        with self._db.read() as conn:
            low, high = _bounds(conn, "stories", "first_seen_at", selection)
            ids = [row[0] for row in conn.execute(_STORIES, {**_values(selection), "low": low, "high": high})]
            found = load_stories(conn, ids[: selection.limit])
        return _portion([found[i] for i in ids[: selection.limit] if i in found], ids, selection.limit)

    def matches(self, selection: Selection) -> Portion[Found]:
        """See PortionStore.matches."""
        which = "watchlist_id = :watchlist" if selection.watchlist_id else f"watchlist_id IN ({_OURS})"
        with self._db.read() as conn:
            low, high = _bounds(conn, "matches", "matched_at", selection)
            sql = _MATCHES.format(which=which)
            matches = [rows.match(row) for row in conn.execute(sql, {**_values(selection), "low": low, "high": high})]
            found = _entries(conn, [m.entry_id for m in matches])
        items = [Found(m, found[m.entry_id]) for m in matches[: selection.limit] if m.entry_id in found]
        return _portion(items, [m.id for m in matches], selection.limit)

    def editions(self, selection: Selection) -> Portion[StoredEdition]:
        """See PortionStore.editions."""
        which = (
            "digest_id = :digest"
            if selection.digest_id
            else "digest_id IN (SELECT id FROM digests WHERE origin = 'config')"
        )
        where = (
            f"{which} AND id < :high AND composed_at >= :since AND composed_at < :until ORDER BY id DESC LIMIT :most"
        )
        with self._db.read() as conn:
            found = bare_editions(conn, where, {**_values(selection), "high": selection.before or 1 << 62})
        return _portion(found[: selection.limit], [e.id for e in found], selection.limit)


def _portion(items: Sequence[T], ids: Sequence[int], limit: int, reached: int = 0) -> Portion[T]:
    """One more than asked for was read, to know whether there is more; `reached` is where a search was broken off."""
    return Portion(tuple(items), ids[limit - 1] if len(ids) > limit else reached)


def _values(selection: Selection) -> dict[str, object]:
    return {
        "most": selection.limit + 1,
        "since": "" if selection.since is None else rows.stamp(selection.since),
        "until": "9" * 4 if selection.until is None else rows.stamp(selection.until),
        "feed": selection.feed_id,
        "watchlist": selection.watchlist_id,
        "digest": selection.digest_id,
        "language": selection.language,
    }


def _bounds(conn: Connection, table: str, column: str, selection: Selection) -> tuple[int, int]:
    """The lowest id that may be in the list, and the one that all of it are below. Clocks jump, so that ids alone do not tell."""
    low, high = 1, selection.before or int(conn.execute(f"SELECT coalesce(max(id), 0) + 1 FROM {table}").fetchone()[0])  # noqa: S608 - names are ours
    # `+id`: without it SQLite walks through the rows by their ids, most of which it need not look at.
    if selection.since is not None:
        sql = f"SELECT coalesce(min(+id), :high) FROM {table} WHERE {column} >= :since"  # noqa: S608 - names are ours
        low = int(conn.execute(sql, {**_values(selection), "high": high}).fetchone()[0])
    if selection.until is not None:
        sql = f"SELECT coalesce(max(+id), 0) + 1 FROM {table} WHERE {column} < :until"  # noqa: S608 - names are ours
        high = min(high, int(conn.execute(sql, _values(selection)).fetchone()[0]))
    return low, high


def _entries(conn: Connection, ids: Sequence[int]) -> dict[int, Entry]:
    found: dict[int, Entry] = {}
    for part in rows.chunks(list(ids)):
        sql = f"SELECT {rows.ENTRY_COLUMNS} FROM {rows.ENTRY_TABLES} WHERE e.id IN ({rows.marks(len(part))})"  # noqa: S608 - names are ours
        found.update((row["id"], rows.entry(row)) for row in conn.execute(sql, tuple(part)))
    return found


_OURS = "SELECT id FROM watchlists WHERE origin = 'config' AND removed_at IS NULL"
_ENTRIES = """SELECT e.id FROM entries e WHERE e.id >= :low AND e.id < :high AND e.first_seen_at >= :since AND e.first_seen_at < :until
AND {more} ORDER BY e.id DESC LIMIT :most"""
_MATCHED = """SELECT DISTINCT m.entry_id FROM matches m CROSS JOIN entries e ON e.id = m.entry_id
WHERE m.entry_id >= :low AND m.entry_id < :high AND e.first_seen_at >= :since AND e.first_seen_at < :until AND {more}
ORDER BY m.entry_id DESC LIMIT :most"""
_STORIES = """SELECT id FROM stories WHERE id >= :low AND id < :high AND first_seen_at >= :since AND first_seen_at < :until
ORDER BY id DESC LIMIT :most"""
_MATCHES = """SELECT * FROM matches WHERE {which} AND id >= :low AND id < :high AND matched_at >= :since AND matched_at < :until
ORDER BY id DESC LIMIT :most"""
