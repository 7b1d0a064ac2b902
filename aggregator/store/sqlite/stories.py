"""Stored stories, and what a person does to them by hand."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from itertools import groupby

from aggregator.model import Story
from aggregator.store.sqlite import rows
from aggregator.store.sqlite.database import Database
from aggregator.store.sqlite.polls import keep_titles

PAGE = 500


class Stories:
    """StoryStore on SQLite."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def list(self, since: datetime | None = None) -> Iterator[Story]:
        """See StoryStore.list."""
        after = 0
        since_text = "" if since is None else rows.stamp(since)
        while True:
            with self._db.read() as conn:
                sql = "SELECT id FROM stories WHERE id > ? AND first_seen_at >= ? ORDER BY id LIMIT ?"
                ids = [r[0] for r in conn.execute(sql, (after, since_text, PAGE))]
                page = load_stories(conn, ids)
            yield from (page[i] for i in ids if i in page)
            if len(ids) < PAGE:
                return
            after = ids[-1]

    def get(self, story_id: int) -> Story | None:
        """See StoryStore.get."""
        with self._db.read() as conn:
            return load_stories(conn, [_meant(conn, story_id)]).get(_meant(conn, story_id))

    def merge(self, story_id: int, others: Collection[int], now: datetime) -> bool:
        """See StoryStore.merge."""
        with self._db.write() as conn:
            known = {
                r[0]
                for r in conn.execute(
                    "SELECT id FROM stories WHERE id IN (SELECT value FROM json_each(?))",
                    (rows.dump([story_id, *others]),),
                )
            }
            if story_id in others or not others or known != {story_id, *others}:
                return False
            keep_titles(
                conn, [r[0] for r in conn.execute("SELECT min(id) FROM entries WHERE story_id = ?", (story_id,))]
            )
            for other in others:
                _merge(conn, story_id, other, rows.stamp(now))
        return True

    def split(self, story_id: int, entry_ids: Collection[int]) -> int:
        """See StoryStore.split."""
        with self._db.write() as conn:
            parts = dict(
                conn.execute(
                    "SELECT id, merged_from FROM entries WHERE story_id = ? ORDER BY id", (story_id,)
                ).fetchall()
            )
            wanted = set(entry_ids)
            if not wanted or not wanted <= parts.keys() or min(parts) in wanted:
                return 0
            whole = _part(parts, wanted)
            new_id = _restored(conn, whole) if whole else _founded(conn, min(wanted))
            reason = "story_reason" if whole else "'split'"
            sql = f"UPDATE entries SET story_id = ?, merged_from = NULL, story_reason = {reason}, story_score = 1 WHERE id = ?"  # noqa: S608 - our own words
            conn.executemany(sql, [(new_id, entry_id) for entry_id in wanted])
            if whole:
                conn.execute(
                    "UPDATE entries SET story_reason = 'first' WHERE story_id = ? AND story_reason = 'merged'",
                    (new_id,),
                )
        return new_id


def load_stories(conn: sqlite3.Connection, ids: Sequence[int]) -> dict[int, Story]:
    """Stories with their entries, by id."""
    found: dict[int, Story] = {}
    for part in rows.chunks(list(ids)):
        marks = rows.marks(len(part))
        heads = {r["id"]: r for r in conn.execute(f"SELECT * FROM stories WHERE id IN ({marks})", tuple(part))}  # noqa: S608 - marks only
        sql = f"SELECT {rows.ENTRY_COLUMNS} FROM {rows.ENTRY_TABLES} WHERE e.story_id IN ({marks}) ORDER BY e.story_id, e.id"  # noqa: S608 - names are ours
        members = (rows.entry(r) for r in conn.execute(sql, tuple(part)))
        for story_id, group in groupby(members, key=lambda e: e.story_id):
            head, entries = heads[story_id], tuple(group)
            title = head["title"] or entries[0].title or entries[0].body[:120]
            found[story_id] = Story(story_id, title, rows.moment(head["first_seen_at"]), entries)
    return found


def _meant(conn: sqlite3.Connection, story_id: int) -> int:
    """The story that an id stands for: itself, or the one that it was merged into."""
    row = conn.execute("SELECT story_id FROM story_aliases WHERE id = ?", (story_id,)).fetchone()
    return story_id if row is None else int(row[0])


def _merge(conn: sqlite3.Connection, story_id: int, other: int, now: str) -> None:
    """All of one story goes to another; each entry keeps whose copy it is."""
    founder = "UPDATE entries SET story_reason = 'merged' WHERE id = (SELECT min(id) FROM entries WHERE story_id = ? AND merged_from IS NULL)"
    conn.execute(founder, (other,))
    moved = "UPDATE entries SET merged_from = coalesce(merged_from, story_id), story_id = ? WHERE story_id = ?"
    conn.execute(moved, (story_id, other))
    conn.execute("UPDATE story_aliases SET story_id = ? WHERE story_id = ?", (story_id, other))
    alias = "INSERT INTO story_aliases (id, story_id, first_seen_at, merged_at) SELECT id, ?, first_seen_at, ? FROM stories WHERE id = ?"
    conn.execute(alias, (story_id, now, other))
    conn.execute("DELETE FROM stories WHERE id = ?", (other,))


def _part(parts: dict[int, int | None], wanted: Collection[int]) -> int:
    """The merged story whose entries are exactly these, or 0: to split it off is to take the merging back."""
    first = parts[min(wanted)]
    return first if first and {entry_id for entry_id, part in parts.items() if part == first} == wanted else 0


def _restored(conn: sqlite3.Connection, story_id: int) -> int:
    row = conn.execute("DELETE FROM story_aliases WHERE id = ? RETURNING id, first_seen_at", (story_id,)).fetchone()
    conn.execute("INSERT INTO stories (id, title, first_seen_at) VALUES (?, '', ?)", tuple(row))
    return story_id


def _founded(conn: sqlite3.Connection, entry_id: int) -> int:
    """A story as old as its first entry."""
    sql = "INSERT INTO stories (title, first_seen_at) SELECT '', first_seen_at FROM entries WHERE id = ? RETURNING id"
    return int(conn.execute(sql, (entry_id,)).fetchone()[0])
