"""Storing matches: each revision of an entry once for a watchlist, and counted."""

from __future__ import annotations

from collections.abc import Sequence

from aggregator.model import NewMatch
from aggregator.store.sql import counting, rows, told
from aggregator.store.sql.engine import Connection


def add_matches(conn: Connection, found: Sequence[tuple[int, int, NewMatch]], now: str) -> int:
    """Store (entry id, revision, match); a watchlist that an earlier revision satisfied is not told again."""
    count, before = 0, counting.last_match(conn) if found else 0
    for entry_id, revision, m in found:
        values = {
            "w": m.watchlist_id,
            "e": entry_id,
            "r": revision,
            "s": rows.spans(m.spans),
            "reach": m.reach,
            "now": now,
        }
        count += max(conn.execute(_INSERT_MATCH, values).rowcount, 0)
    if count:
        counting.count_matches(conn, before)
        told.settle_again(conn, before)
    return count


_INSERT_MATCH = """INSERT INTO matches (watchlist_id, entry_id, revision, spans, reach, matched_at)
VALUES (:w, :e, :r, :s,
  iif(EXISTS (SELECT 1 FROM matches m JOIN entries e ON e.id = m.entry_id WHERE m.watchlist_id = :w AND m.entry_id = :e
              AND m.revision >= e.story_revision), 'none', :reach), :now)
ON CONFLICT (watchlist_id, entry_id, revision) DO NOTHING"""
