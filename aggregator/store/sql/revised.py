"""What publishers have changed of what a digest has told: the entries behind "updated since your last edition"."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from aggregator.levels import LEVELS
from aggregator.model import Entry, Revised, Span
from aggregator.publication import Window
from aggregator.store.sql import markup, rows
from aggregator.store.sql.engine import Connection, Row


def revised(conn: Connection, digest_id: str, window: Window) -> list[Revised]:
    """See EditionStore.revised."""
    if window.end <= window.start:
        return []
    values = {"digest": digest_id, "start": rows.stamp(window.start), "end": rows.stamp(window.end)}
    told: dict[int, list[Row]] = defaultdict(list)
    for row in conn.execute(_TOLD, values):
        told[row["entry_id"]].append(row)
    found = []
    for part in rows.chunks(sorted(told)):
        sql = f"SELECT {rows.ENTRY_COLUMNS} FROM {rows.ENTRY_TABLES} WHERE e.id IN ({rows.marks(len(part))}) ORDER BY e.id"  # noqa: S608 - names are ours
        found += [_revised(conn, rows.entry(r), told[r["id"]], values["end"]) for r in conn.execute(sql, tuple(part))]
    return found


def _revised(conn: Connection, entry: Entry, told: Sequence[Row], end: str) -> Revised:
    """One entry with its texts before and after; `told` are its told matches, each with the first change's revision."""
    first = conn.execute(_TEXT, (entry.id, told[0]["first"])).fetchone()
    shown = _as_of(conn, entry, end)
    matches = tuple(replace(rows.match(row), spans=_spans(conn, row, shown.revisions)) for row in told)
    level = max(row["level"] for row in told)
    return Revised(shown, matches, first["title"], first["body"], LEVELS[level])


def _as_of(conn: Connection, entry: Entry, end: str) -> Entry:
    """The entry as it stood at the end of the window: what was changed later the next edition tells."""
    sql = "SELECT revision, title, link, body, markup FROM entry_revisions WHERE entry_id = ? AND replaced_at >= ? ORDER BY revision LIMIT 1"
    old = conn.execute(sql, (entry.id, end)).fetchone()
    if old is None:
        return entry
    summary, content = markup.unpack(old["markup"], old["body"])
    texts = {"title": old["title"], "link": old["link"], "body": old["body"], "summary": summary, "content": content}
    return replace(entry, revisions=old["revision"], **texts)


def _spans(conn: Connection, match: Row, revision: int) -> tuple[Span, ...]:
    """The spans of the same watchlist in the text of a revision; none where that does not match."""
    sql = "SELECT spans FROM matches WHERE watchlist_id = ? AND entry_id = ? AND revision = ?"
    row = conn.execute(sql, (match["watchlist_id"], match["entry_id"], revision)).fetchone()
    return tuple(Span(**span) for span in json.loads(row[0])) if row else ()


# A match for each entry and watchlist that the digest has told. What was changed before its edition was composed, that
# edition has shown.
_TOLD = """WITH changed AS (
  SELECT entry_id, revision, replaced_at FROM entry_revisions WHERE replaced_at >= :start AND replaced_at < :end
), told AS (
  SELECT m.entry_id, m.watchlist_id, max(m.id) AS match_id, min(ed.composed_at) AS composed_at,
    max(CASE em.prominence WHEN 'mention' THEN 0 WHEN 'lead' THEN 1 ELSE 2 END) AS level
  FROM (SELECT DISTINCT entry_id FROM changed) c
  JOIN entries e ON e.id = c.entry_id
  JOIN matches m ON m.entry_id = e.id AND m.revision >= e.story_revision
  JOIN edition_matches em ON em.digest_id = :digest AND em.match_id = m.id
  JOIN editions ed ON ed.id = em.edition_id
  GROUP BY m.entry_id, m.watchlist_id
), since AS (SELECT entry_id, min(composed_at) AS composed_at FROM told GROUP BY entry_id)
SELECT * FROM (SELECT m.*, t.level, (
    SELECT min(c.revision) FROM changed c JOIN entries e ON e.id = c.entry_id
    WHERE c.entry_id = t.entry_id AND c.replaced_at >= s.composed_at AND c.revision >= e.story_revision
  ) AS first
FROM told t JOIN since s ON s.entry_id = t.entry_id JOIN matches m ON m.id = t.match_id) r
WHERE first IS NOT NULL ORDER BY entry_id, id"""
_TEXT = "SELECT title, body FROM entry_revisions WHERE entry_id = ? AND revision = ?"
