"""Stored entries and article pages."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType

from aggregator import urls
from aggregator.model import ArticleOutcome, ArticleTask, Entry
from aggregator.query import Need, Proposed
from aggregator.store.sql import hosts, rows
from aggregator.store.sql.engine import Connection, Database
from aggregator.store.sql.matches import add_matches

CLAIM = timedelta(minutes=10)
PAGE = 500
FIRST_PAGE = 50
"""What is proposed is read in pages that grow: most who search look at the first."""


class Entries:
    """EntryStore in SQL."""

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
        sql = f"SELECT {rows.ENTRY_COLUMNS} FROM {rows.ENTRY_TABLES} WHERE e.id IN ({{marks}}) ORDER BY e.id DESC"  # noqa: S608 - names are ours
        first = "" if since is None else rows.stamp(since)
        low = self._first_since(since)
        high, size = (before or 1 << 62) - 1, FIRST_PAGE
        while True:
            with self._db.read() as conn, conn.stopped_by(stop):
                page = conn.words.newest(need, low, high, size)
                found = conn.execute(sql.format(marks=rows.marks(len(page))), page).fetchall()
                certain = conn.words.is_certain(need)
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
            if conn.words.reindexed_to() is None:
                return False  # nobody who writes is kept waiting for nothing
        with self._db.write() as conn:
            return conn.words.go_on(limit)

    def claim_articles(self, owner: str, limit: int, now: datetime, *, but: Collection[str] = ()) -> list[ArticleTask]:
        """See EntryStore.claim_articles."""
        with self._db.read() as conn:
            if not _due_articles(conn, now, {*but, *hosts.taken(conn, owner, now)}):
                return []  # nobody who writes is kept waiting for nothing
        with self._db.claim() as conn:
            found = _due_articles(conn, now, {*but, *hosts.taken(conn, owner, now)})
            free = hosts.lock(conn, list(found)[:limit], owner, now)
            # Once its host is ours: another may have had it, and this page, until a moment ago.
            due = _due_articles(conn, now, ())
            wanted = {entry_id: host for host, entry_id in due.items() if host in free}
            values = {"owner": owner, "until": rows.stamp(now + CLAIM), "ids": rows.dump(list(wanted))}
            claimed = {row[0]: row[1:] for row in conn.execute(_TAKE.format(skip=conn.skip_locked), values).fetchall()}
            hosts.hold(conn, [wanted[entry_id] for entry_id in claimed], owner, now + CLAIM)
        tasks = [(self.get(entry_id), *claimed[entry_id]) for entry_id in wanted if entry_id in claimed]
        return [ArticleTask(entry, *told) for entry, *told in tasks if entry is not None]

    def article_hosts(self, now: datetime) -> list[str]:
        """See EntryStore.article_hosts."""
        with self._db.read() as conn:
            return sorted(_due_articles(conn, now, ()))

    def article_unread(self, entry_id: int) -> str:
        """See EntryStore.article_unread."""
        found = self._db.ask("SELECT state, error FROM articles WHERE entry_id = ? AND text = ''", (entry_id,))
        return "".join(row["error"] or ("its turn has not come" if row["state"] == "due" else "") for row in found)

    def commit_articles(
        self,
        outcomes: Sequence[ArticleOutcome],
        owner: str,
        now: datetime,
        *,
        rests: Mapping[str, datetime] = MappingProxyType({}),
    ) -> None:
        """See EntryStore.commit_articles."""
        with self._db.write() as conn:
            mine = hosts.in_hand(conn, owner)
            for outcome in outcomes:
                self._commit_article(conn, outcome, owner, rows.stamp(now))
            hosts.let_go(conn, {host: rests.get(host) for host in mine}, owner)

    @staticmethod
    def _commit_article(conn: Connection, outcome: ArticleOutcome, owner: str, now: str) -> None:
        sql = f"""SELECT e.revision, a.text FROM entries e JOIN (
                 SELECT entry_id, text FROM articles WHERE entry_id = ? AND claimed_by = ? {conn.for_update}) a ON a.entry_id = e.id"""  # noqa: S608 - our own words
        row = conn.execute(sql, (outcome.entry_id, owner)).fetchone()
        if row is None:
            return
        overtaken = row[0] != outcome.revision
        indexed = conn.words.remove([outcome.entry_id]) if outcome.text or row[1] else []
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
        conn.words.put([(entry_id, title, body, article) for entry_id, title, body, _ in indexed])
        if outcome.text and not overtaken:
            add_matches(conn, [(outcome.entry_id, outcome.revision, m) for m in outcome.matches], now)


_TAKE = """UPDATE articles SET claimed_by = :owner, claimed_until = :until WHERE entry_id IN (
  SELECT entry_id FROM articles WHERE state = 'due' AND entry_id IN (SELECT CAST(value AS BIGINT) FROM json_each(:ids)) {skip})
RETURNING entry_id, attempts, reach, etag, last_modified"""


def _due_articles(conn: Connection, now: datetime, but: Collection[str]) -> dict[str, int]:
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
