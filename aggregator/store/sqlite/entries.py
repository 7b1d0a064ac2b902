"""Stored entries and article pages."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial

from aggregator import urls
from aggregator.model import ArticleOutcome, ArticleTask, Entry
from aggregator.query import Need, NeedAll, NeedAny, NeedPhrase, NeedPrefix, NeedToken, Proposed
from aggregator.store.sqlite import index, rows
from aggregator.store.sqlite.database import Database
from aggregator.store.sqlite.matches import add_matches

CLAIM = timedelta(minutes=10)
PAGE = 500
FIRST_PAGE = 50
"""What is proposed is read in pages that grow: most who search look at the first."""
STEPS = 2_000
"""Steps of the database's machine between two looks at the time."""
DEPTH = 24
"""How many levels of AND and OR an FTS5 expression gets."""


class Entries:
    """EntryStore on SQLite."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, entry_id: int) -> Entry | None:
        """See EntryStore.get."""
        with self._db.read() as conn:
            sql = f"SELECT {rows.ENTRY_COLUMNS} FROM {rows.ENTRY_TABLES} WHERE e.id = ?"  # noqa: S608 - names are ours
            row = conn.execute(sql, (entry_id,)).fetchone()
        return None if row is None else rows.entry(row)

    def entries(self, feed_id: str = "", since: datetime | None = None) -> Iterator[Entry]:
        """See EntryStore.entries; read in pages, so that a long listing holds no snapshot open."""
        after = 0
        where = "e.id > :after AND (:feed = '' OR e.feed_id = :feed) AND (:since = '' OR e.first_seen_at >= :since)"
        sql = f"SELECT {rows.ENTRY_COLUMNS} FROM {rows.ENTRY_TABLES} WHERE {where} ORDER BY e.id LIMIT {PAGE}"  # noqa: S608 - names are ours
        values = {"feed": feed_id, "since": "" if since is None else rows.stamp(since)}
        while True:
            with self._db.read() as conn:
                page = [rows.entry(r) for r in conn.execute(sql, {**values, "after": after})]
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1].id

    def propose(
        self, need: Need, since: datetime | None = None, before: int = 0, *, stop: Callable[[], bool] | None = None
    ) -> Iterator[Proposed]:
        """See EntryStore.propose."""
        expression = match_expression(need)
        whole = bool(expression) and is_whole(need)
        ids = "SELECT rowid FROM entry_index WHERE entry_index MATCH :expression AND rowid BETWEEN :low AND :high"
        if not expression:
            ids = "SELECT id FROM entries WHERE id BETWEEN :low AND :high"
        ids += " ORDER BY 1 DESC LIMIT :size"
        sql = f"SELECT {rows.ENTRY_COLUMNS} FROM {rows.ENTRY_TABLES} WHERE e.id IN ({{marks}}) ORDER BY e.id DESC"  # noqa: S608 - names are ours
        first = "" if since is None else rows.stamp(since)
        asked = {"expression": expression, "low": self._first_since(since)}
        high, size = (before or 1 << 62) - 1, FIRST_PAGE
        while True:
            with self._db.read() as conn, stopped_by(conn, stop):
                page = [r[0] for r in conn.execute(ids, {**asked, "high": high, "size": size})]
                found = conn.execute(sql.format(marks=rows.marks(len(page))), page).fetchall()
                certain = whole and index.reindexed_to(conn) is None
            if stop is not None and stop():
                return  # what was being read may be half of it
            if since is not None:
                found = [row for row in found if row["first_seen_at"] >= first]
            for row in found:
                yield Proposed(row[0], partial(rows.entry, row), certain)
            if len(page) < size:
                return
            high, size = page[-1] - 1, min(2 * size, PAGE)

    def _first_since(self, since: datetime | None) -> int:
        """The lowest id first seen at or after `since`: clocks jump, so that ids alone do not tell."""
        with self._db.read() as conn:
            # `+id`: by the index of times, not row by row from the oldest on.
            sql = "SELECT coalesce(min(+id), 0) FROM entries WHERE first_seen_at >= ?"
            return 0 if since is None else int(conn.execute(sql, (rows.stamp(since),)).fetchone()[0])

    def reindex(self, limit: int) -> bool:
        """See EntryStore.reindex."""
        with self._db.read() as conn:
            if index.reindexed_to(conn) is None:
                return False  # nobody who writes is kept waiting for nothing
        with self._db.write() as conn:
            return index.go_on(conn, limit)

    def claim_articles(self, owner: str, limit: int, now: datetime, *, but: Collection[str] = ()) -> list[ArticleTask]:
        """See EntryStore.claim_articles."""
        sql = """UPDATE articles SET claimed_by = ?, claimed_until = ? WHERE entry_id = ?
                 RETURNING entry_id, attempts, reach, etag, last_modified"""
        with self._db.read() as conn:
            if not _due_articles(conn, now, but):
                return []  # nobody who writes is kept waiting for nothing
        with self._db.write() as conn:
            ids = list(_due_articles(conn, now, but).values())[:limit]
            until = rows.stamp(now + CLAIM)
            claimed = [conn.execute(sql, (owner, until, entry_id)).fetchone() for entry_id in ids]
        tasks = [(self.get(entry_id), *told) for entry_id, *told in claimed]
        return [ArticleTask(entry, *told) for entry, *told in tasks if entry is not None]

    def article_hosts(self, now: datetime) -> list[str]:
        """See EntryStore.article_hosts."""
        with self._db.read() as conn:
            return sorted(_due_articles(conn, now, ()))

    def article_unread(self, entry_id: int) -> str:
        """See EntryStore.article_unread."""
        found = self._db.ask("SELECT state, error FROM articles WHERE entry_id = ? AND text = ''", (entry_id,))
        return "".join(row["error"] or ("its turn has not come" if row["state"] == "due" else "") for row in found)

    def commit_articles(self, outcomes: Sequence[ArticleOutcome], owner: str, now: datetime) -> None:
        """See EntryStore.commit_articles."""
        with self._db.write() as conn:
            for outcome in outcomes:
                self._commit_article(conn, outcome, owner, rows.stamp(now))

    @staticmethod
    def _commit_article(conn: sqlite3.Connection, outcome: ArticleOutcome, owner: str, now: str) -> None:
        sql = "SELECT e.revision, a.text FROM entries e JOIN articles a ON a.entry_id = e.id WHERE e.id = ? AND claimed_by = ?"
        row = conn.execute(sql, (outcome.entry_id, owner)).fetchone()
        if row is None:
            return
        overtaken = row[0] != outcome.revision
        indexed = index.remove(conn, [outcome.entry_id]) if outcome.text or row[1] else []
        values = {
            "id": outcome.entry_id,
            "state": "due" if outcome.state == "retry" or overtaken else outcome.state,
            "text": outcome.text,
            "error": outcome.error,
            "etag": outcome.etag,
            "last_modified": outcome.last_modified,
            "now": now,
            "next": rows.stamp_or_none(outcome.next_at) or now,
        }
        sql = """UPDATE articles SET state = :state, text = :text, error = :error, fetched_at = :now, next_at = :next,
                 etag = :etag, last_modified = :last_modified, attempts = attempts + 1, claimed_by = NULL, claimed_until = NULL
                 WHERE entry_id = :id"""
        conn.execute(sql, values)
        article = outcome.index_body if outcome.text else ""
        index.put(conn, [(entry_id, title, body, article) for entry_id, title, body, _ in indexed])
        if outcome.text and not overtaken:
            add_matches(conn, [(outcome.entry_id, outcome.revision, m) for m in outcome.matches], now)


def _due_articles(conn: sqlite3.Connection, now: datetime, but: Collection[str]) -> dict[str, int]:
    """The newest entry of each host whose article page is due, newest first."""
    sql = """SELECT a.entry_id, e.link FROM articles a JOIN entries e ON e.id = a.entry_id
             WHERE a.state = 'due' AND a.next_at <= :now AND (a.claimed_until IS NULL OR a.claimed_until <= :now)
             ORDER BY +a.entry_id DESC"""  # the plus: few are due of many that were
    newest: dict[str, int] = {}
    for entry_id, link in conn.execute(sql, {"now": rows.stamp(now)}):
        host = urls.host_key(link)
        if host not in but:
            newest.setdefault(host, entry_id)
    return newest


@contextmanager
def stopped_by(conn: sqlite3.Connection, stop: Callable[[], bool] | None) -> Iterator[None]:
    """Let the database give up what it is at when `stop()` says so: a beginning of one letter takes seconds of a million entries."""
    if stop is None:
        yield
        return
    conn.set_progress_handler(stop, STEPS)
    try:
        yield
    except sqlite3.OperationalError:
        if not stop():
            raise
    finally:
        conn.set_progress_handler(None, 0)


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
