"""Watchlists and the matches of stored entries."""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Sequence
from datetime import datetime

from aggregator.model import Match, NewMatch, SyncReport, Watchlist
from aggregator.store.sql import rows
from aggregator.store.sql.engine import Connection, Database
from aggregator.store.sql.matches import add_matches

PAGE = 500


class Watch:
    """WatchStore in SQL."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def sync(
        self, watchlists: Sequence[Watchlist], now: datetime, found: Sequence[tuple[int, NewMatch]] = ()
    ) -> SyncReport:
        """See WatchStore.sync."""
        stamp = rows.stamp(now)
        with self._db.write() as conn:
            stored = {r["id"]: r for r in conn.execute("SELECT * FROM watchlists WHERE origin = 'config'")}
            wanted = {w.id: w for w in watchlists}
            added = [i for i in wanted if i not in stored or stored[i]["removed_at"] is not None]
            changed = [
                w.id
                for w in watchlists
                if w.id not in added and (stored[w.id]["title"], stored[w.id]["query"]) != (w.title, w.query)
            ]
            # What it asks is the same.
            renamed = [i for i in changed if stored[i]["query"] == wanted[i].query]
            removed = [i for i, r in stored.items() if i not in wanted and r["removed_at"] is None]
            fresh = [w for w in watchlists if w.id in added or w.id in changed]
            changes = {w.id: stored[w.id]["changed_at"] if w.id in renamed else stamp for w in fresh}
            conn.executemany(_SAVE, [(w.id, w.title, w.query, changes[w.id]) for w in fresh])
            conn.executemany("UPDATE watchlists SET removed_at = ? WHERE id = ?", [(stamp, i) for i in removed])
            _add(conn, found, stamp)
        return SyncReport(tuple(added), tuple(changed), tuple(removed))

    def list(self) -> builtins.list[Watchlist]:
        """See WatchStore.list."""
        with self._db.read() as conn:
            found = conn.execute("SELECT id, title, query FROM watchlists WHERE removed_at IS NULL ORDER BY id")
            return [Watchlist(*r) for r in found]

    def of_readers(self) -> builtins.list[Watchlist]:
        """See WatchStore.of_readers."""
        sql = "SELECT id, title, query FROM watchlists WHERE removed_at IS NULL AND origin = 'reader' ORDER BY id"
        return [Watchlist(*r) for r in self._db.ask(sql)]

    def turn(self) -> int:
        """See WatchStore.turn."""
        found = self._db.ask("SELECT value FROM facts WHERE name = 'readers_turn'")
        return int(found[0][0]) if found else 0

    def matches(self, watchlist_id: str = "", entry_id: int = 0, since: datetime | None = None) -> builtins.list[Match]:
        """See WatchStore.matches."""
        sql = """SELECT * FROM matches WHERE (:watchlist = '' OR watchlist_id = :watchlist)
                 AND (:entry = 0 OR entry_id = :entry) AND matched_at >= :since ORDER BY id"""
        values = {"watchlist": watchlist_id, "entry": entry_id, "since": "" if since is None else rows.stamp(since)}
        with self._db.read() as conn:
            return [rows.match(r) for r in conn.execute(sql, values)]

    def each_match(self, watchlist_id: str = "", since: datetime | None = None) -> Iterator[Match]:
        """See WatchStore.each_match."""
        after = 0
        sql = f"""SELECT * FROM matches WHERE id > ? AND (? = '' OR watchlist_id = ?) AND matched_at >= ?
                  ORDER BY id LIMIT {PAGE}"""  # noqa: S608 - a number
        first = "" if since is None else rows.stamp(since)
        while True:
            page = [rows.match(r) for r in self._db.ask(sql, (after, watchlist_id, watchlist_id, first))]
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1].id

    def newest(self, watchlist_id: str, limit: int) -> builtins.list[Match]:
        """See WatchStore.newest."""
        sql = "SELECT * FROM matches WHERE watchlist_id = ? AND reach != 'none' ORDER BY id DESC LIMIT ?"
        with self._db.read() as conn:
            return [rows.match(r) for r in conn.execute(sql, (watchlist_id, limit))]

    def add_matches(self, found: Sequence[tuple[int, NewMatch]], now: datetime) -> int:
        """See WatchStore.add_matches."""
        with self._db.write() as conn:
            return _add(conn, found, rows.stamp(now))


def _add(conn: Connection, found: Sequence[tuple[int, NewMatch]], now: str) -> int:
    """Store matches of the entries' current revisions; entries that are gone are left out."""
    revisions: dict[int, int] = {}
    for part in rows.chunks([entry_id for entry_id, _ in found]):
        sql = f"SELECT id, revision FROM entries WHERE id IN ({rows.marks(len(part))})"  # noqa: S608 - marks only
        revisions |= {r["id"]: r["revision"] for r in conn.execute(sql, tuple(part))}
    return add_matches(conn, [(i, revisions[i], m) for i, m in found if i in revisions], now)


_SAVE = """INSERT INTO watchlists (id, title, query, changed_at, removed_at, origin) VALUES (?, ?, ?, ?, NULL, 'config')
ON CONFLICT (id) DO UPDATE SET title = excluded.title, query = excluded.query, changed_at = excluded.changed_at,
  removed_at = NULL, origin = 'config'"""
