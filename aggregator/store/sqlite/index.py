"""The search index: contentless FTS5, so that no text is kept twice (docs/decisions/0011).

FTS5 forgets a row of such a table only when it is told once more what it was fed. That is made anew from the stored
texts by our own tokeniser, so whoever changes the title, body or article of a row takes it out first (`remove`) and puts it
in again. The index only proposes: a posting too many costs time and never an answer; one too few would.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from aggregator.store.sqlite import markup
from aggregator.tokens import index_text, tokenize

Row = tuple[int, str, str, str]
"""Entry id and what the index is fed with: title, body, article."""

FIELDS = ("title", "body", "article")
LONGEST = 32_768
"""Bytes of a token that FTS5 keeps."""


def put(conn: sqlite3.Connection, found: Iterable[Row]) -> None:
    """Index entries that are not in the index."""
    conn.executemany("INSERT INTO entry_index (rowid, title, body, article) VALUES (?, ?, ?, ?)", found)


def remove(conn: sqlite3.Connection, ids: Sequence[int]) -> list[Row]:
    """Take entries out, while their rows still hold the texts that were indexed; what the index held of them."""
    held = [row for entry_id in ids for row in _rows(conn, "WHERE e.id = ?", entry_id)]
    sql = "INSERT INTO entry_index (entry_index, rowid, title, body, article) VALUES ('delete', ?, ?, ?, ?)"
    conn.executemany(sql, held)
    return held


def rebuild(conn: sqlite3.Connection) -> None:
    """Index every entry from its stored texts, from nothing."""
    conn.execute("INSERT INTO entry_index (entry_index) VALUES ('delete-all')")
    put(conn, _rows(conn))


def problems(conn: sqlite3.Connection) -> Iterator[str]:
    """Where the index differs from what the stored texts come to; every posting is looked at.

    Must stand in a transaction that is rolled back: it makes a table of its own.
    """
    conn.execute("CREATE VIRTUAL TABLE temp.entry_words USING fts5vocab (main, entry_index, instance)")
    held: dict[int, int] = defaultdict(int)
    for entry_id, *posting in conn.execute("SELECT doc, col, offset, CAST(term AS BLOB) FROM temp.entry_words"):
        held[entry_id] += hash(tuple(posting))
    for entry_id, *texts in _rows(conn):
        wanted = sum(hash(posting) for posting in _postings(texts))
        found = held.pop(entry_id, 0)
        if wanted and not found:
            yield f"an entry that is not indexed: {entry_id}"
        elif wanted != found:
            yield f"search index: entry {entry_id} is not indexed as it reads"
    yield from (f"an index row without an entry: {entry_id}" for entry_id in held)


def unreadable(conn: sqlite3.Connection) -> Iterator[str]:
    """Entries and earlier revisions whose markup cannot be unpacked."""
    for table, key in (("entries", "id"), ("entry_revisions", "entry_id")):
        for entry_id, packed, body in conn.execute(f"SELECT {key}, markup, body FROM {table}"):  # noqa: S608 - names are ours
            try:
                markup.unpack(packed, body)
            except sqlite3.DatabaseError as e:
                yield f"{table}: {entry_id}: {e}"


def _postings(texts: Sequence[str]) -> Iterator[tuple[str, int, bytes]]:
    for field, text in zip(FIELDS, texts, strict=True):
        for place, token in enumerate(text.split(" ") if text else ()):
            yield field, place, token.encode()[:LONGEST]


def _rows(conn: sqlite3.Connection, where: str = "", *values: int) -> Iterator[Row]:
    sql = "SELECT e.id, e.title, e.body, a.text FROM entries e LEFT JOIN articles a ON a.entry_id = e.id "
    for entry_id, *texts in conn.execute(sql + where, values):
        title, body, article = (index_text(tokenize(text)) if text else "" for text in texts)
        yield entry_id, title, body, article
