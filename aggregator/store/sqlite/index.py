"""The search index: contentless FTS5, so that no text is kept twice (docs/decisions/0011).

FTS5 forgets a row of such a table only when it is told once more what it was fed. That is made anew from the stored
texts by our own tokeniser, so whoever changes the title, body or article of a row takes it out first (`remove`) and puts it
in again. The index only proposes: a posting too many costs time and never an answer; one too few would.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from aggregator.query import Need, NeedAll, NeedAny, NeedPhrase, NeedPrefix, NeedToken
from aggregator.store.sql.engine import FACT, Indexed
from aggregator.store.sql.words import is_begun, reindexed_to, stored
from aggregator.tokens import FTS5_TOKENIZE

FIELDS = ("title", "body", "article")
LONGEST = 32_768
"""Bytes of a token that FTS5 keeps."""
TABLE, NEXT = "entry_index", "entry_index_next"
_PUT = "INSERT INTO {table} (rowid, title, body, article) VALUES (?, ?, ?, ?)"
_REMOVE = "INSERT INTO {table} ({table}, rowid, title, body, article) VALUES ('delete', ?, ?, ?, ?)"
_MERGE = "INSERT INTO entry_index (entry_index, rank) VALUES ('merge', ?)"
STEP = 64
"""Pages of 4 kB that one step of a merge writes, or somewhat more: others wait for so long."""
DEPTH = 24
"""How many levels of AND and OR an expression gets."""


class Fts:
    """Words (engine.Words) in FTS5."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn

    def put(self, found: Iterable[Indexed]) -> None:
        """Index entries that are not in the index."""
        rows = list(found)
        self._conn.executemany(_PUT.format(table=TABLE), rows)
        done = self.reindexed_to()
        if done is not None:
            self._conn.executemany(_PUT.format(table=NEXT), [row for row in rows if row[0] <= done])

    def remove(self, ids: Sequence[int]) -> list[Indexed]:
        """Take entries out, while their rows still hold the texts that were indexed; what the index held of them."""
        held = [row for entry_id in ids for row in stored(self._conn, "WHERE e.id = ?", entry_id)]
        done = self.reindexed_to()
        if done is None:
            self._conn.executemany(_REMOVE.format(table=TABLE), held)
        else:  # by which rules the old index was fed is not known: what it holds too much is let lie until it goes
            self._conn.executemany(_REMOVE.format(table=NEXT), [row for row in held if row[0] <= done])
        return held

    def rebuild(self) -> None:
        """Index every entry from its stored texts, from nothing."""
        self._conn.execute("INSERT INTO entry_index (entry_index) VALUES ('delete-all')")
        self.put(stored(self._conn))

    # -- making it anew beside the old one (rule 6 of the tokeniser) -----------------------------------------------------------

    def reindexed_to(self) -> int | None:
        """While a new index is made: up to which entry it reaches. None otherwise."""
        return reindexed_to(self._conn)

    def begin(self, version: int) -> None:
        """Begin a new index for this version of the tokeniser, unless it is begun; the old one stays in use."""
        if is_begun(self._conn, version):
            return
        self.forget()
        self._conn.execute(
            f"CREATE VIRTUAL TABLE {NEXT} USING fts5 ({', '.join(FIELDS)}, content = '', columnsize = 0, tokenize = \"{FTS5_TOKENIZE}\")"
        )
        self._conn.executemany(FACT, [("reindexed_to", "0"), ("reindexed_by", str(version))])

    def go_on(self, limit: int) -> bool:
        """Index the next entries, so many at most; when all are, the new index takes the place of the old. Whether there are more."""
        done = self.reindexed_to()
        if done is None:
            return False
        page = list(stored(self._conn, "WHERE e.id > ? ORDER BY e.id LIMIT ?", done, limit))
        self._conn.executemany(_PUT.format(table=NEXT), page)
        if len(page) == limit:
            self._conn.execute(FACT, ("reindexed_to", str(page[-1][0])))
            return True
        self._conn.execute(f"DROP TABLE {TABLE}")
        self._conn.execute(f"ALTER TABLE {NEXT} RENAME TO {TABLE}")
        self._conn.execute("UPDATE OR REPLACE facts SET name = 'tokenizer_version' WHERE name = 'reindexed_by'")
        self._conn.execute("DELETE FROM facts WHERE name = 'reindexed_to'")
        return False

    def forget(self) -> None:
        """Give up a new index that is not ready."""
        self._conn.execute(f"DROP TABLE IF EXISTS {NEXT}")
        self._conn.execute("DELETE FROM facts WHERE name IN ('reindexed_to', 'reindexed_by')")

    def merge(self, now: str, unless_after: str) -> bool:
        """A step towards an index of one piece, unless it was that after a moment; whether more are to come.

        What is taken out stays in FTS5's pieces, as it was and as a mark, until those are merged: by itself it merges the largest never.
        """
        known = dict(
            self._conn.execute("SELECT name, value FROM facts WHERE name IN ('index_merged_at', 'index_merging')")
        )
        if known.get("index_merged_at", "") > unless_after or self.reindexed_to() is not None:
            return False
        before = self._conn.total_changes
        # The first step puts all pieces on one level; less than two changes say that there is nothing left to do (fts5, merge).
        self._conn.execute(_MERGE, (STEP if "index_merging" in known else -STEP,))
        if self._conn.total_changes - before >= 2:
            self._conn.execute(FACT, ("index_merging", now))
            return True
        self._conn.execute("DELETE FROM facts WHERE name = 'index_merging'")
        self._conn.execute(FACT, ("index_merged_at", now))
        return False

    def problems(self) -> Iterator[str]:
        """Where the index differs from what the stored texts come to; every posting is looked at.

        Must stand in a transaction that is rolled back: it makes a table of its own. While another is made, nothing is compared.
        """
        if self.reindexed_to() is not None:
            return
        self._conn.execute("CREATE VIRTUAL TABLE temp.entry_words USING fts5vocab (main, entry_index, instance)")
        held: dict[int, int] = defaultdict(int)
        cursor = self._conn.cursor()
        cursor.row_factory = None  # plain tuples: of a million entries there are seventy million
        cursor.execute("SELECT doc, col, offset, CAST(term AS BLOB) FROM temp.entry_words")
        for entry_id, field, place, token in cursor:
            held[entry_id] += hash((field, place, token))
        for entry_id, *texts in stored(self._conn):
            wanted = sum(hash(posting) for posting in _postings(texts))
            found = held.pop(entry_id, 0)
            if wanted and not found:
                yield f"an entry that is not indexed: {entry_id}"
            elif wanted != found:
                yield f"search index: entry {entry_id} is not indexed as it reads"
        yield from (f"an index row without an entry: {entry_id}" for entry_id in held)

    def newest(self, need: Need, low: int, high: int, size: int) -> list[int]:
        """See Words.newest."""
        expression = match_expression(need)
        ids = "SELECT rowid FROM entry_index WHERE entry_index MATCH :expression AND rowid BETWEEN :low AND :high"
        if not expression:
            ids = "SELECT id FROM entries WHERE id BETWEEN :low AND :high"
        values = {"expression": expression, "low": low, "high": high, "size": size}
        return [r[0] for r in self._conn.execute(f"{ids} ORDER BY 1 DESC LIMIT :size", values)]

    def is_certain(self, need: Need) -> bool:
        """See Words.is_certain."""
        return bool(match_expression(need)) and is_whole(need) and self.reindexed_to() is None


def _postings(texts: Sequence[str]) -> Iterator[tuple[str, int, bytes]]:
    for field, text in zip(FIELDS, texts, strict=True):
        for place, token in enumerate(text.split(" ") if text else ()):
            yield field, place, token.encode()[:LONGEST]


def match_expression(need: Need, room: int = DEPTH) -> str:
    """A need as an FTS5 expression of quoted tokens; "" when it excludes nothing.

    FTS5's parser has a stack of 100; what is nested deeper than that allows is left to the evaluator.
    """
    match need:
        case NeedToken(token):
            return quote(token)
        case NeedPrefix(prefix):
            return f"{quote(prefix)} *" if quote(prefix) else ""
        case NeedPhrase(words, beginning):
            return quote(" ".join(words)) + (" *" if beginning else "")
        case NeedAll(parts) if room:
            texts = [t for t in (match_expression(p, room - 1) for p in parts) if t]
            return f"({' AND '.join(texts)})" if texts else ""
        case NeedAny(parts) if room:
            texts = [match_expression(p, room - 1) for p in parts]
            return f"({' OR '.join(texts)})" if texts and all(texts) else ""
        case _:
            return ""


def is_whole(need: Need, room: int = DEPTH) -> bool:
    """Whether the expression says all that the need says."""
    match need:
        case NeedToken(token) | NeedPrefix(token):
            return quote(token) == f'"{token}"'
        case NeedPhrase(words):
            return all(quote(word) == f'"{word}"' for word in words)
        case NeedAll(parts) | NeedAny(parts) if room:
            return all(is_whole(part, room - 1) for part in parts)
        case _:
            return False


def quote(text: str) -> str:
    """An FTS5 string, or "" when no token of ours can be in it; a NUL would end the expression, a surrogate is no text."""
    clean = text.replace("\0", " ").encode("utf-8", "replace").decode()
    return '"' + clean.replace('"', '""') + '"' if clean.strip() else ""
