"""Stored stories, and what a person does to them by hand."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby

from aggregator.model import Story
from aggregator.store.sql import rows
from aggregator.store.sql.engine import Connection, Database
from aggregator.store.sql.polls import keep_titles

PAGE = 500


class Stories:
    """StoryStore in SQL."""

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
            meant = _meant(conn, story_id)
            return load_stories(conn, [meant]).get(meant)

    def merge(self, story_id: int, others: Collection[int], now: datetime) -> bool:
        """See StoryStore.merge."""
        with self._db.write() as conn:
            known = {
                r[0]
                for r in conn.execute(
                    "SELECT id FROM stories WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_each(?))",
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

    def founder(self, story_id: int) -> int:
        """See StoryStore.founder."""
        with self._db.read() as conn:
            return _founder(_parts(conn, story_id))

    def split(self, story_id: int, entry_ids: Collection[int]) -> int:
        """See StoryStore.split."""
        with self._db.write() as conn:
            parts = _parts(conn, story_id)
            wanted = set(entry_ids)
            if not wanted or not wanted <= parts.keys() or _founder(parts) in wanted:
                return 0
            for part, held in _merged(conn, story_id, parts).items():
                own = {entry_id for entry_id, joined in parts.items() if joined == part}
                if wanted in (held, own):
                    _restore(conn, part, below=held == wanted)
                    return part
            return _split(conn, wanted)


def load_stories(conn: Connection, ids: Sequence[int]) -> dict[int, Story]:
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


def _meant(conn: Connection, story_id: int) -> int:
    """The story that an id stands for: itself, or the one that it was merged into."""
    row = conn.execute("SELECT story_id FROM story_aliases WHERE id = ?", (story_id,)).fetchone()
    return story_id if row is None else int(row[0])


def _merge(conn: Connection, story_id: int, other: int, now: str) -> None:
    """All of one story goes to another; each entry keeps whose copy it is."""
    conn.execute("UPDATE entries SET story_reason = 'merged' WHERE id = ?", (_founder(_parts(conn, other)),))
    conn.execute(_ALIAS, {"into": story_id, "id": other, "now": now})
    moved = "UPDATE entries SET merged_from = coalesce(merged_from, story_id), story_id = ? WHERE story_id = ?"
    conn.execute(moved, (story_id, other))
    conn.execute("UPDATE story_aliases SET story_id = ? WHERE story_id = ?", (story_id, other))
    conn.execute("DELETE FROM stories WHERE id = ?", (other,))


def _parts(conn: Connection, story_id: int) -> dict[int, int | None]:
    """The entries of a story, each with the merged story that it had joined."""
    return dict(conn.execute("SELECT id, merged_from FROM entries WHERE story_id = ?", (story_id,)).fetchall())


def _founder(parts: Mapping[int, int | None]) -> int:
    """The first of a story's own entries, or of all where none of those is left; 0 for no story."""
    own = [entry_id for entry_id, part in parts.items() if part is None]
    return min(own or parts, default=0)


def _merged(conn: Connection, story_id: int, parts: Mapping[int, int | None]) -> dict[int, set[int]]:
    """The stories merged into this one, with the entries that each would have again; what holds others first."""
    found = conn.execute("SELECT id, merged_into FROM story_aliases WHERE story_id = ?", (story_id,)).fetchall()
    into = {row[0]: row[1] for row in found}
    held: dict[int, set[int]] = {part: set() for part in into}
    for entry_id, joined in parts.items():
        part = joined
        while part in held and entry_id not in held[part]:
            held[part].add(entry_id)
            part = into[part]
    return dict(sorted(held.items(), key=lambda pair: (-len(pair[1]), pair[0] not in into.values())))


def _restore(conn: Connection, part: int, *, below: bool) -> None:
    """Take a merging back: the story has its id again, its title, and, with `below`, what had been merged into it before."""
    (story_id, title, seen) = conn.execute(
        "DELETE FROM story_aliases WHERE id = ? RETURNING story_id, title, first_seen_at", (part,)
    ).fetchone()
    conn.execute("INSERT INTO stories (id, title, first_seen_at) VALUES (?, ?, ?)", (part, title, seen))
    others = [row[0] for row in conn.execute(_BELOW, {"part": part, "story": story_id})] if below else []
    conn.executemany("UPDATE story_aliases SET story_id = ? WHERE id = ?", [(part, one) for one in others])
    moved = (
        "UPDATE entries SET story_id = ?, merged_from = nullif(merged_from, ?) WHERE story_id = ? AND merged_from = ?"
    )
    conn.executemany(moved, [(part, part, story_id, one) for one in (part, *others)])
    conn.execute("UPDATE entries SET story_reason = 'first' WHERE id = ?", (_founder(_parts(conn, part)),))


def _split(conn: Connection, wanted: Collection[int]) -> int:
    """A story as old as the first of its entries. As copies of another they were told for it; their own news is untold."""
    sql = "INSERT INTO stories (title, first_seen_at) SELECT '', first_seen_at FROM entries WHERE id = ? RETURNING id"
    new_id = int(conn.execute(sql, (min(wanted),)).fetchone()[0])
    ids = rows.dump(sorted(wanted))
    conn.execute(_UNTOLD, (ids,))
    conn.execute(_SPLIT, (new_id, ids))
    return new_id


_ALIAS = """INSERT INTO story_aliases (id, story_id, merged_into, title, first_seen_at, merged_at)
SELECT s.id, :into, :into, t.title, s.first_seen_at, :now FROM stories s JOIN story_titles t ON t.story_id = s.id WHERE s.id = :id"""
_BELOW = """WITH RECURSIVE below (id) AS (
  SELECT id FROM story_aliases WHERE merged_into = :part AND story_id = :story
  UNION SELECT a.id FROM story_aliases a JOIN below b ON a.merged_into = b.id WHERE a.story_id = :story
) SELECT id FROM below"""
_UNTOLD = """UPDATE edition_matches SET edition_id = NULL WHERE match_id IN (
  SELECT m.id FROM matches m JOIN entries e ON e.id = m.entry_id
  WHERE e.id IN (SELECT CAST(value AS BIGINT) FROM json_each(?)) AND e.story_reason NOT IN ('first', 'merged'))"""
_SPLIT = """UPDATE entries SET story_id = ?, merged_from = NULL, story_reason = 'split', story_score = 1
WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_each(?))"""
