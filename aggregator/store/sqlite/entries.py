"""Stored entries, stories and article pages."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from aggregator.model import ArticleOutcome, ArticleTask, Entry, Story
from aggregator.query import Need, NeedAll, NeedAny, NeedEverything, NeedPhrase, NeedPrefix, NeedToken
from aggregator.store.sqlite import rows
from aggregator.store.sqlite.database import Database
from aggregator.store.sqlite.polls import add_matches

CLAIM = timedelta(minutes=10)
PAGE = 500


class Entries:
    """EntryStore on SQLite."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, entry_id: int) -> Entry | None:
        """See EntryStore.get."""
        with self._db.read() as conn:
            row = conn.execute(
                f"SELECT {rows.ENTRY_COLUMNS} FROM {rows.ENTRY_TABLES} WHERE e.id = ?", (entry_id,)
            ).fetchone()  # noqa: S608 - names are ours
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

    def propose(self, need: Need, since: datetime | None = None) -> Iterator[Entry]:
        """See EntryStore.propose."""
        expression = match_expression(need)
        inner = "SELECT rowid AS id FROM entry_index WHERE entry_index MATCH :expression AND rowid < :before"
        if not expression:
            inner = "SELECT id FROM entries WHERE id < :before"
        inner += f" ORDER BY 1 DESC LIMIT {PAGE}"
        sql = f"SELECT {rows.ENTRY_COLUMNS} FROM {rows.ENTRY_TABLES} WHERE e.id IN ({inner}) ORDER BY e.id DESC"  # noqa: S608 - names are ours
        before = 1 << 62
        while True:
            with self._db.read() as conn:
                page = [rows.entry(r) for r in conn.execute(sql, {"expression": expression, "before": before})]
            yield from (e for e in page if since is None or e.first_seen_at >= since)
            # Ids grow with first sight, so a page that ends before `since` ends the search.
            if len(page) < PAGE or (since is not None and page[-1].first_seen_at < since - timedelta(days=1)):
                return
            before = page[-1].id

    def stories(self, since: datetime | None = None) -> Iterator[Story]:
        """See EntryStore.stories."""
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

    def story(self, story_id: int) -> Story | None:
        """See EntryStore.story."""
        with self._db.read() as conn:
            return load_stories(conn, [story_id]).get(story_id)

    def claim_articles(self, owner: str, limit: int, now: datetime) -> list[ArticleTask]:
        """See EntryStore.claim_articles."""
        sql = """UPDATE articles SET claimed_by = ?, claimed_until = ? WHERE entry_id IN (
                   SELECT entry_id FROM articles WHERE state = 'due' AND next_at <= ?
                   AND (claimed_until IS NULL OR claimed_until <= ?) ORDER BY entry_id DESC LIMIT ?)
                 RETURNING entry_id, attempts, reach"""
        stamp = rows.stamp(now)
        with self._db.write() as conn:
            claimed = conn.execute(sql, (owner, rows.stamp(now + CLAIM), stamp, stamp, limit)).fetchall()
        newest_first = sorted(claimed, key=lambda r: -r["entry_id"])
        tasks = [(self.get(r["entry_id"]), r["attempts"], r["reach"]) for r in newest_first]
        return [ArticleTask(entry, attempts, reach) for entry, attempts, reach in tasks if entry is not None]

    def commit_articles(self, outcomes: Sequence[ArticleOutcome], owner: str, now: datetime) -> None:
        """See EntryStore.commit_articles."""
        with self._db.write() as conn:
            for outcome in outcomes:
                self._commit_article(conn, outcome, owner, rows.stamp(now))

    @staticmethod
    def _commit_article(conn: sqlite3.Connection, outcome: ArticleOutcome, owner: str, now: str) -> None:
        values = {
            "id": outcome.entry_id,
            "owner": owner,
            "state": "due" if outcome.state == "retry" else outcome.state,
            "text": outcome.text,
            "error": outcome.error,
            "now": now,
            "next": rows.stamp_or_none(outcome.next_at) or now,
        }
        sql = """UPDATE articles SET state = :state, text = :text, error = :error, fetched_at = :now, next_at = :next,
                 attempts = attempts + 1, claimed_by = NULL, claimed_until = NULL
                 WHERE entry_id = :id AND claimed_by = :owner"""
        if conn.execute(sql, values).rowcount != 1 or not outcome.text:
            return
        conn.execute("UPDATE entry_index SET article = ? WHERE rowid = ?", (outcome.index_body, outcome.entry_id))
        revision = conn.execute("SELECT revision FROM entries WHERE id = ?", (outcome.entry_id,)).fetchone()[0]
        add_matches(conn, [(outcome.entry_id, revision, m) for m in outcome.matches], now)


def load_stories(conn: sqlite3.Connection, ids: Sequence[int]) -> dict[int, Story]:
    """Stories with their entries, by id."""
    found: dict[int, Story] = {}
    for part in rows.chunks(list(ids)):
        marks = rows.marks(len(part))
        heads = {r["id"]: r for r in conn.execute(f"SELECT * FROM stories WHERE id IN ({marks})", tuple(part))}  # noqa: S608 - marks only
        sql = f"SELECT {rows.ENTRY_COLUMNS} FROM {rows.ENTRY_TABLES} WHERE e.story_id IN ({marks}) ORDER BY e.story_id, e.id"  # noqa: S608 - names are ours
        members = (rows.entry(r) for r in conn.execute(sql, tuple(part)))
        for story_id, group in groupby(members, key=lambda e: e.story_id):
            head = heads[story_id]
            found[story_id] = Story(story_id, head["title"], rows.moment(head["first_seen_at"]), tuple(group))
    return found


def match_expression(need: Need) -> str:
    """A need as an FTS5 expression of quoted tokens; "" when it excludes nothing."""
    match need:
        case NeedToken(token):
            return quote(token)
        case NeedPrefix(prefix):
            return f"{quote(prefix)} *"
        case NeedPhrase(words):
            return quote(" ".join(words))
        case NeedAll(parts):
            texts = [t for t in map(match_expression, parts) if t]
            return f"({' AND '.join(texts)})" if texts else ""
        case NeedAny(parts):
            texts = [match_expression(p) for p in parts]
            return f"({' OR '.join(texts)})" if texts and all(texts) else ""
        case NeedEverything():
            return ""


def quote(text: str) -> str:
    """An FTS5 string; our tokens hold no NUL."""
    return '"' + text.replace('"', '""') + '"'
