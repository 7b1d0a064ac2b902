"""The search index on PostgreSQL: tokens of ours as tsvector without places, in tables of entries by the hundred thousand.

Words stand apart from the entries, in one table for each range of ids (docs/decisions/0056): a search looks through the newest first
and stops when it has found enough. No places are kept, since a tsvector holds 256 of a word at most and one too few would
lose an entry: for a phrase its words are proposed. No extension is needed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from aggregator.query import Need, NeedAll, NeedAny, NeedPhrase, NeedPrefix, NeedToken
from aggregator.store.sql.engine import FACT, Indexed
from aggregator.store.sql.words import is_begun, reindexed_to, stored

if TYPE_CHECKING:
    from aggregator.store.postgres.connection import Connection

CHUNK = 1 << 17
"""Ids in one table."""
LONGEST = 2_000
"""Bytes of a token; a tsvector takes 2,046."""
MOST = 700_000
"""Bytes of all tokens of an entry; a tsvector takes 1 MB with what it needs itself."""
DEPTH = 24
"""How many levels of AND and OR a tsquery gets; what is nested deeper is left to the evaluator."""
PAGE = 500
TOP = (1 << 63) - 1


class Words:
    """Words (engine.Words) in tables of tsvectors."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    def put(self, found: Iterable[Indexed]) -> None:
        """See engine.Words.put."""
        by_chunk: dict[int, list[tuple[int, str | None]]] = defaultdict(list)
        for entry_id, *texts in found:
            tokens = _tokens(texts)
            by_chunk[entry_id // CHUNK].append((entry_id, None if tokens is None else " ".join(tokens)))
        for chunk, rows in sorted(by_chunk.items()):
            self._open(chunk)
            # As one text: of an array each element would be looked at for what has to be quoted.
            sql = f"INSERT INTO entry_words_{chunk} (entry_id, words) VALUES (?, array_to_tsvector(string_to_array(?, ' ')))"  # noqa: S608 - a number
            self._conn.executemany(sql, rows)
            if any(tokens is None for _, tokens in rows):
                self._conn.execute("UPDATE word_chunks SET unsure = 1 WHERE number = ?", (chunk,))

    def _open(self, chunk: int) -> None:
        """Have the table of a range of ids. Whoever writes is alone."""
        new = "INSERT INTO word_chunks (number) VALUES (?) ON CONFLICT DO NOTHING"
        if self._conn.execute(new, (chunk,)).rowcount:
            self._conn.execute(f"CREATE TABLE entry_words_{chunk} (entry_id BIGINT PRIMARY KEY, words tsvector)")
            self._conn.execute(f"CREATE INDEX entry_words_{chunk}_words ON entry_words_{chunk} USING gin (words)")
            self._conn.execute(
                f"CREATE INDEX entry_words_{chunk}_unsure ON entry_words_{chunk} (entry_id) WHERE words IS NULL"
            )

    def remove(self, ids: Sequence[int]) -> list[Indexed]:
        """See engine.Words.remove."""
        held = [row for entry_id in ids for row in stored(self._conn, "WHERE e.id = ?", entry_id)]
        known = set(self._chunks())
        for chunk in {row[0] // CHUNK for row in held} & known:
            mine = [(row[0],) for row in held if row[0] // CHUNK == chunk]
            self._conn.executemany(f"DELETE FROM entry_words_{chunk} WHERE entry_id = ?", mine)  # noqa: S608 - a number
        return held

    def rebuild(self) -> None:
        """See engine.Words.rebuild."""
        for chunk in self._chunks():
            self._conn.execute(f"DROP TABLE entry_words_{chunk}")
        self._conn.execute("DELETE FROM word_chunks")
        after = 0
        while page := self._page(after, PAGE):
            self.put(page)
            after = page[-1][0]

    def _page(self, after: int, limit: int) -> list[Indexed]:
        return list(stored(self._conn, "WHERE e.id > ? ORDER BY e.id LIMIT ?", after, limit))

    def _chunks(self) -> list[int]:
        """The newest first."""
        return [row[0] for row in self._conn.execute("SELECT number FROM word_chunks ORDER BY number DESC")]

    # -- asking ----------------------------------------------------------------------------------------------------------

    def newest(self, need: Need, low: int, high: int, size: int) -> list[int]:
        """See engine.Words.newest."""
        expression = tsquery(need)
        if not expression:
            sql = "SELECT id FROM entries WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT ?"
            return [row[0] for row in self._conn.execute(sql, (low, high, size))]
        found: list[int] = []
        for chunk in self._chunks():
            if len(found) < size and chunk * CHUNK <= high and (chunk + 1) * CHUNK > low:
                sql = f"""SELECT entry_id FROM entry_words_{chunk} WHERE (words @@ ?::tsquery OR words IS NULL)
                          AND entry_id BETWEEN ? AND ? ORDER BY entry_id DESC LIMIT ?"""  # noqa: S608 - a number
                values = (expression, low, high, size - len(found))
                found += [row[0] for row in self._conn.execute(sql, values)]
        return found

    def is_certain(self, need: Need) -> bool:
        """See engine.Words.is_certain."""
        if not tsquery(need) or not _is_whole(need) or self.reindexed_to() is not None:
            return False
        return self._conn.execute("SELECT 1 FROM word_chunks WHERE unsure = 1 LIMIT 1").fetchone() is None

    # -- for another tokeniser ---------------------------------------------------------------------------------------------

    def reindexed_to(self) -> int | None:
        """See engine.Words.reindexed_to."""
        return reindexed_to(self._conn)

    def begin(self, version: int) -> None:
        """See engine.Words.begin. What is indexed anew takes the place of the old row by row."""
        if not is_begun(self._conn, version):
            self._conn.executemany(FACT, [("reindexed_to", "0"), ("reindexed_by", str(version))])

    def go_on(self, limit: int) -> bool:
        """See engine.Words.go_on."""
        done = self.reindexed_to()
        if done is None:
            return False
        page = self._page(done, limit)
        self.remove([row[0] for row in page])
        self.put(page)
        if len(page) == limit:
            self._conn.execute(FACT, ("reindexed_to", str(page[-1][0])))
            return True
        found = self._conn.execute("SELECT value FROM facts WHERE name = 'reindexed_by'").fetchall()
        self._conn.executemany(FACT, [("tokenizer_version", row[0]) for row in found])
        self.forget()
        return False

    def forget(self) -> None:
        """See engine.Words.forget."""
        self._conn.execute("DELETE FROM facts WHERE name IN ('reindexed_to', 'reindexed_by')")

    def merge(self, now: str, unless_after: str) -> bool:  # noqa: ARG002 - the shape of the port
        """Autovacuum does it."""
        return False

    def problems(self) -> Iterator[str]:
        """See engine.Words.problems."""
        if self.reindexed_to() is not None:
            return
        after = 0
        while page := self._page(after, PAGE):
            held = self._held(after, page[-1][0])
            for entry_id, *texts in page:
                if entry_id not in held:
                    yield f"an entry that is not indexed: {entry_id}"
                    continue
                tokens, found = _tokens(texts), held.pop(entry_id)
                if (None if tokens is None else frozenset(tokens)) != found:
                    yield f"search index: entry {entry_id} is not indexed as it reads"
            yield from (f"an index row without an entry: {entry_id}" for entry_id in held)
            after = page[-1][0]
        yield from (f"an index row without an entry: {entry_id}" for entry_id in self._held(after, TOP))

    def _held(self, after: int, last: int) -> dict[int, frozenset[str] | None]:
        """The tokens that are indexed of entries behind `after` up to `last`."""
        held: dict[int, frozenset[str] | None] = {}
        for chunk in self._chunks():
            if chunk * CHUNK <= last and (chunk + 1) * CHUNK > after:
                sql = f"""SELECT entry_id, array_to_string(tsvector_to_array(words), ' ') FROM entry_words_{chunk}
                          WHERE entry_id > ? AND entry_id <= ?"""  # noqa: S608 - a number
                for entry_id, text in self._conn.execute(sql, (after, last)):
                    held[entry_id] = None if text is None else frozenset(text.split(" ") if text else ())
        return held


def _tokens(texts: Sequence[str]) -> list[str] | None:
    """The tokens of an entry, each once; None where a tsvector would not take them."""
    tokens = sorted({token for text in texts for token in text.split(" ") if token})
    sizes = [len(token.encode()) for token in tokens]
    return None if max(sizes, default=0) > LONGEST or sum(sizes) > MOST else tokens


def tsquery(need: Need, room: int = DEPTH) -> str:
    """A need as the text of a tsquery; "" when it excludes nothing."""
    match need:
        case NeedToken(token):
            return _quote(token)
        case NeedPrefix(prefix):
            return f"{_quote(prefix)}:*" if _quote(prefix) else ""
        case NeedPhrase(words, beginning):
            texts = [_quote(word) for word in words]
            if beginning and texts and texts[-1]:
                texts[-1] += ":*"
            return _joined(" & ", texts)
        case NeedAll(parts) if room:
            return _joined(" & ", [tsquery(part, room - 1) for part in parts])
        case NeedAny(parts) if room:
            texts = [tsquery(part, room - 1) for part in parts]
            return _joined(" | ", texts) if all(texts) else ""
        case _:
            return ""


def _joined(by: str, texts: Sequence[str]) -> str:
    wanted = [text for text in texts if text]
    return f"({by.join(wanted)})" if wanted else ""


def _is_whole(need: Need, room: int = DEPTH) -> bool:
    """Whether the tsquery says all that the need says."""
    match need:
        case NeedToken(token) | NeedPrefix(token):
            return bool(_quote(token))
        case NeedAll(parts) | NeedAny(parts) if room:
            return all(_is_whole(part, room - 1) for part in parts)
        case _:
            return False


def _quote(token: str) -> str:
    """A lexeme, or "" where a tsvector could not hold it."""
    raw = token.encode("utf-8", "replace")
    if "\0" in token or not token.strip() or len(raw) > LONGEST:
        return ""
    return "'" + raw.decode().replace("\\", "\\\\").replace("'", "''") + "'"
