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
from aggregator.tokens import FTS5_TOKENIZE, index_text, tokenize

Row = tuple[int, str, str, str]
"""Entry id and what the index is fed with: title, body, article."""

FIELDS = ("title", "body", "article")
LONGEST = 32_768
"""Bytes of a token that FTS5 keeps."""
TABLE, NEXT = "entry_index", "entry_index_next"
_PUT = "INSERT INTO {table} (rowid, title, body, article) VALUES (?, ?, ?, ?)"
_REMOVE = "INSERT INTO {table} ({table}, rowid, title, body, article) VALUES ('delete', ?, ?, ?, ?)"
_MERGE = "INSERT INTO entry_index (entry_index, rank) VALUES ('merge', ?)"
STEP = 64
"""Pages of 4 kB that one step of a merge writes, or somewhat more: others wait for so long."""
FACT = "INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)"


def put(conn: sqlite3.Connection, found: Iterable[Row]) -> None:
    """Index entries that are not in the index."""
    rows = list(found)
    conn.executemany(_PUT.format(table=TABLE), rows)
    done = reindexed_to(conn)
    if done is not None:
        conn.executemany(_PUT.format(table=NEXT), [row for row in rows if row[0] <= done])


def remove(conn: sqlite3.Connection, ids: Sequence[int]) -> list[Row]:
    """Take entries out, while their rows still hold the texts that were indexed; what the index held of them."""
    held = [row for entry_id in ids for row in _rows(conn, "WHERE e.id = ?", entry_id)]
    done = reindexed_to(conn)
    if done is None:
        conn.executemany(_REMOVE.format(table=TABLE), held)
    else:  # by which rules the old index was fed is not known: what it holds too much is let lie until it goes
        conn.executemany(_REMOVE.format(table=NEXT), [row for row in held if row[0] <= done])
    return held


def rebuild(conn: sqlite3.Connection) -> None:
    """Index every entry from its stored texts, from nothing."""
    conn.execute("INSERT INTO entry_index (entry_index) VALUES ('delete-all')")
    put(conn, _rows(conn))


# -- making it anew beside the old one (rule 6 of the tokeniser) -----------------------------------------------------------


def reindexed_to(conn: sqlite3.Connection) -> int | None:
    """While a new index is made: up to which entry it reaches. None otherwise."""
    row = conn.execute("SELECT value FROM facts WHERE name = 'reindexed_to'").fetchone()
    return None if row is None else int(row[0])


def begin(conn: sqlite3.Connection, version: int) -> None:
    """Begin a new index for this version of the tokeniser, unless it is begun; the old one stays in use."""
    by = conn.execute("SELECT value FROM facts WHERE name = 'reindexed_by'").fetchone()
    if by is not None and by[0] == str(version):
        return
    forget(conn)
    conn.execute(
        f"CREATE VIRTUAL TABLE {NEXT} USING fts5 ({', '.join(FIELDS)}, content = '', columnsize = 0, tokenize = \"{FTS5_TOKENIZE}\")"
    )
    conn.executemany(FACT, [("reindexed_to", "0"), ("reindexed_by", str(version))])


def go_on(conn: sqlite3.Connection, limit: int) -> bool:
    """Index the next entries, so many at most; when all are, the new index takes the place of the old. Whether there are more."""
    done = reindexed_to(conn)
    if done is None:
        return False
    page = list(_rows(conn, "WHERE e.id > ? ORDER BY e.id LIMIT ?", done, limit))
    conn.executemany(_PUT.format(table=NEXT), page)
    if len(page) == limit:
        conn.execute(FACT, ("reindexed_to", str(page[-1][0])))
        return True
    conn.execute(f"DROP TABLE {TABLE}")
    conn.execute(f"ALTER TABLE {NEXT} RENAME TO {TABLE}")
    conn.execute("UPDATE OR REPLACE facts SET name = 'tokenizer_version' WHERE name = 'reindexed_by'")
    conn.execute("DELETE FROM facts WHERE name = 'reindexed_to'")
    return False


def forget(conn: sqlite3.Connection) -> None:
    """Give up a new index that is not ready."""
    conn.execute(f"DROP TABLE IF EXISTS {NEXT}")
    conn.execute("DELETE FROM facts WHERE name IN ('reindexed_to', 'reindexed_by')")


def merge(conn: sqlite3.Connection, now: str, unless_after: str) -> bool:
    """A step towards an index of one piece, unless it was that after a moment; whether more are to come.

    What is taken out stays in FTS5's pieces, as it was and as a mark, until those are merged: by itself it merges the largest never.
    """
    known = dict(conn.execute("SELECT name, value FROM facts WHERE name IN ('index_merged_at', 'index_merging')"))
    if known.get("index_merged_at", "") > unless_after or reindexed_to(conn) is not None:
        return False
    before = conn.total_changes
    # The first step puts all pieces on one level; less than two changes say that there is nothing left to do (fts5, merge).
    conn.execute(_MERGE, (STEP if "index_merging" in known else -STEP,))
    if conn.total_changes - before >= 2:
        conn.execute(FACT, ("index_merging", now))
        return True
    conn.execute("DELETE FROM facts WHERE name = 'index_merging'")
    conn.execute(FACT, ("index_merged_at", now))
    return False


def problems(conn: sqlite3.Connection) -> Iterator[str]:
    """Where the index differs from what the stored texts come to; every posting is looked at.

    Must stand in a transaction that is rolled back: it makes a table of its own. While another is made, nothing is compared.
    """
    if reindexed_to(conn) is not None:
        return
    conn.execute("CREATE VIRTUAL TABLE temp.entry_words USING fts5vocab (main, entry_index, instance)")
    held: dict[int, int] = defaultdict(int)
    cursor = conn.cursor()
    cursor.row_factory = None  # plain tuples: of a million entries there are seventy million
    cursor.execute("SELECT doc, col, offset, CAST(term AS BLOB) FROM temp.entry_words")
    for entry_id, field, place, token in cursor:
        held[entry_id] += hash((field, place, token))
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
