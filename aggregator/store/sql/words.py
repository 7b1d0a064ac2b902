"""What indexes of words have in common: what they are fed with, made anew from the stored texts, and how far a new one is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from aggregator.store.sql import markup
from aggregator.store.sql.engine import Indexed
from aggregator.tokens import index_text, tokenize

AT_ONCE = 5_000
"""Entries whose texts are looked through at once."""


def stored(conn: Any, where: str = "", *values: int) -> Iterator[Indexed]:
    """Entries as they are indexed; `where` chooses among entries `e` and says their order. `conn` executes."""
    sql = "SELECT e.id, e.title, e.body, a.text FROM entries e LEFT JOIN articles a ON a.entry_id = e.id "
    for entry_id, *texts in conn.execute(sql + where, values):
        title, body, article = (index_text(tokenize(text)) if text else "" for text in texts)
        yield entry_id, title, body, article


def reindexed_to(conn: Any) -> int | None:
    """While a new index is made: up to which entry it reaches. None otherwise."""
    row = conn.execute("SELECT value FROM facts WHERE name = 'reindexed_to'").fetchone()
    return None if row is None else int(row[0])


def is_begun(conn: Any, version: int) -> bool:
    """Whether a new index is being made for this version of the tokeniser."""
    by = conn.execute("SELECT value FROM facts WHERE name = 'reindexed_by'").fetchone()
    return by is not None and by[0] == str(version)


def unreadable(conn: Any) -> Iterator[str]:
    """Entries and earlier revisions whose markup cannot be unpacked; few texts are in memory at a time."""
    low = 0
    while page := conn.execute(_PAGE, (low, AT_ONCE)).fetchall():
        high = page[-1][0]
        for table, key in (("entries", "id"), ("entry_revisions", "entry_id")):
            sql = f"SELECT {key}, markup, body FROM {table} WHERE {key} > ? AND {key} <= ? ORDER BY {key}"  # noqa: S608 - names are ours
            for entry_id, packed, body in conn.execute(sql, (low, high)):
                try:
                    markup.unpack(packed, body)
                except sqlite3.DatabaseError as e:
                    yield f"{table}: {entry_id}: {e}"
        low = high


_PAGE = "SELECT id FROM entries WHERE id > ? ORDER BY id LIMIT ?"
