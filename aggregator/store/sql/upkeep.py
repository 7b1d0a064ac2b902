"""Care of the whole database that every engine takes alike: numbers, the index, what a restore recalls."""

from __future__ import annotations

import builtins
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from aggregator.care import BackupState, Held, Recalled
from aggregator.errors import StoreError
from aggregator.model import Problem
from aggregator.publication import Checked, FailingFeed, Missed
from aggregator.store.sql import network, recall, rows, sentlog
from aggregator.store.sql.engine import FACT, MARK, Connection, Database, Row
from aggregator.store.sql.outbox import UNCLAIM
from aggregator.tokens import TOKENIZER_VERSION

AT_ONCE = 5_000
"""Entries whose index is made anew while the database is opened; of more, in the background (`EntryStore.reindex`)."""
MERGED_EVERY = timedelta(days=7)
"""How often the search index gives back what it keeps of entries that are gone."""
_BEHIND = (
    """SELECT count(*) FROM facts f JOIN entries e ON e.id > CAST(f.value AS INTEGER) WHERE f.name = 'reindexed_to'"""
)
_FORGET = "DELETE FROM story_keys WHERE entry_id NOT IN (SELECT id FROM entries WHERE first_seen_at >= ?)"


class Care:
    """What of Upkeep every engine does alike."""

    def __init__(self, db: Database, secret: bytes) -> None:
        self._db = db
        self._secret = secret

    def examine(self, *, deep: bool = False) -> list[Problem]:
        """See care.Upkeep.examine."""
        raise NotImplementedError

    def _renew_index(self) -> None:
        """An index of other tokens can neither be asked well nor be told what to forget: a small one is made anew at once."""
        with self._db.read() as conn:
            current = self._tokenizer(conn) == str(TOKENIZER_VERSION)
            if current and conn.words.reindexed_to() is None:
                return
        with self._db.write() as conn:
            (many,) = conn.execute("SELECT count(*) > ? FROM entries", (AT_ONCE,)).fetchone()
            if many and not current:
                conn.words.begin(TOKENIZER_VERSION)
                return
            conn.words.forget()
            if not current:
                conn.words.rebuild()
                conn.execute(FACT, ("tokenizer_version", str(TOKENIZER_VERSION)))

    def _is_foreign(self, conn: Connection) -> bool:
        """Whether the index is of another tokeniser, and nobody makes it anew."""
        return self._tokenizer(conn) != str(TOKENIZER_VERSION) and conn.words.reindexed_to() is None

    def check(self, *, deep: bool = False) -> list[str]:
        """See care.Upkeep.check."""
        return [problem.what for problem in self.examine(deep=deep)]

    @staticmethod
    def _tokenizer(conn: Connection) -> str:
        row = conn.execute("SELECT value FROM facts WHERE name = 'tokenizer_version'").fetchone()
        return "" if row is None else str(row[0])

    def trouble(self) -> StoreError | None:
        """See care.Upkeep.trouble."""
        return self._db.trouble

    @property
    def reading(self) -> bool:
        """See care.Upkeep.reading."""
        return self._db.reading

    def backups(self) -> BackupState:
        """See care.Upkeep.backups."""
        facts = {r[0]: r[1] for r in self._db.ask("SELECT name, value FROM facts WHERE name LIKE 'backup%'")}
        return BackupState(
            rows.moment_or_none(facts.get("backup_at")),
            facts.get("backup_file", ""),
            rows.moment_or_none(facts.get("backup_tried_at")),
            facts.get("backup_error", ""),
        )

    def note_backup(self, now: datetime, file: str = "", error: str = "") -> None:
        """See care.Upkeep.note_backup."""
        facts = {"backup_tried_at": rows.stamp(now), "backup_error": error}
        if file:
            facts |= {"backup_at": rows.stamp(now), "backup_file": file}
        with self._db.write() as conn:
            conn.executemany(FACT, facts.items())

    def forget_texts(self, before: datetime) -> int:
        """See care.Upkeep.forget_texts."""
        with self._db.write() as conn:
            return conn.execute(f"{_FORGET} AND kind = 'text'", (rows.stamp(before),)).rowcount

    def merge_index(self, now: datetime) -> bool:
        """See care.Upkeep.merge_index."""
        with self._db.write() as conn:
            return conn.words.merge(rows.stamp(now), rows.stamp(now - MERGED_EVERY))

    def size(self) -> int:
        """See care.Upkeep.size."""
        return self._db.size()

    def stats(self, now: datetime) -> dict[str, Any]:
        """See care.Upkeep.stats."""
        day, week = rows.stamp(now - timedelta(days=1)), rows.stamp(now - timedelta(days=7))
        with self._db.read() as conn:

            def pairs(sql: str, *values: str) -> dict[str, int]:
                return {r[0]: r[1] for r in conn.execute(sql, values)}

            def number(sql: str, *values: str) -> int:
                return int(conn.execute(sql, values).fetchone()[0])

            return {
                "feeds": pairs("SELECT state, count(*) FROM feeds WHERE removed_at IS NULL GROUP BY state"),
                "entries": number("SELECT count(*) FROM entries"),
                "entries_last_day": number("SELECT count(*) FROM entries WHERE first_seen_at >= ?", day),
                "entries_to_index": number(_BEHIND),
                "stories": number("SELECT count(*) FROM stories"),
                "matches": pairs("SELECT watchlist_id, count(DISTINCT entry_id) FROM matches GROUP BY watchlist_id"),
                "editions": pairs("SELECT digest_id, count(*) FROM editions GROUP BY digest_id"),
                "messages": pairs("SELECT state, count(*) FROM messages GROUP BY state"),
                "alert_seconds": _latency([float(r[0]) for r in conn.execute(_LATENCY, (week,))]),
                "subscriptions": pairs("SELECT state, count(*) FROM subscriptions GROUP BY state"),
                "database_bytes": self._db.size(),
                "last_backup_at": next((r[0] for r in conn.execute(_LAST_BACKUP)), None),
            }

    def checked(self, since: datetime | None = None) -> Checked:
        """See care.Upkeep.checked."""
        with self._db.read() as conn:
            feeds, last = conn.execute(_ASKED).fetchone()
            outage = network.outage_began(conn)
            # In an outage of ours a feed in order may be unread too.
            found = conn.execute(_HEALTH, {"all": outage is not None}).fetchall()
            missed = () if since is None else tuple(map(_missed, conn.execute(_MISSED, (rows.stamp(since),))))
        failing = tuple(_failing(r, outage) for r in found if r["state"] != "ok" or _unread(r, last or ""))
        return Checked(feeds, feeds - len(failing), failing, missed)

    def recall(self, log: Path, now: datetime) -> Recalled:
        """See care.Upkeep.recall."""
        with self._db.write() as conn:
            row = conn.execute("SELECT value FROM facts WHERE name = ?", (MARK,)).fetchone()
            return recall.recall(conn, self._secret, sentlog.read(log), "" if row is None else row[0], now)

    def hold_outbox(self, now: datetime, *, editions: bool = False) -> int:
        """See care.Upkeep.hold_outbox."""
        sql = f"UPDATE messages SET held_at = ?, {UNCLAIM} WHERE state IN ('waiting', 'claimed', 'unknown')"  # noqa: S608 - our own words
        with self._db.write() as conn:
            if editions:
                conn.execute(FACT, (recall.HELD, rows.stamp(now)))
            return conn.execute(sql, (rows.stamp(now),)).rowcount

    def held(self) -> Held:
        """See care.Upkeep.held."""
        sql = """SELECT (SELECT count(*) FROM messages WHERE held_at IS NOT NULL AND state IN ('waiting', 'unknown')),
                 (SELECT value FROM facts WHERE name = ?)"""
        ((messages, since),) = self._db.ask(sql, (recall.HELD,))
        return Held(messages, rows.moment_or_none(since))

    def close(self) -> None:
        """See care.Upkeep.close."""
        self._db.close()


def _latency(seconds: builtins.list[float]) -> dict[str, int]:
    """The median and the 95th percentile of what alerts took; empty where there was none."""
    ordered = sorted(seconds)
    return {f"p{n}": round(ordered[(len(ordered) * n - 1) // 100]) for n in (50, 95)} if ordered else {}


def _unread(row: Row, last: str) -> bool:
    """Whether a feed in order was asked in vain since it was read, or was due when another was."""
    return bool(row["last_poll_at"] > row["last_ok_at"] or row["next_poll_at"] <= last)


def _failing(row: Row, outage: str | None) -> FailingFeed:
    if row["state"] == "ok":
        return FailingFeed(row["feed_id"], row["title"], rows.moment_or_none(outage), "our own network is down")
    since = rows.moment_or_none(row["failing_since"])
    return FailingFeed(row["feed_id"], row["title"], since, row["error"] or "not polled yet")


def _missed(row: Row) -> Missed:
    return Missed(row["feed_id"], row["title"], rows.moment(row["after_at"]), rows.moment(row["before_at"]))


_TITLE = f"{rows.FEED_TITLE} AS title"
# Not by the view feed_health, which counts the entries of every feed.
_ASKED = "SELECT count(*), max(last_poll_at) FROM feeds WHERE removed_at IS NULL AND state != 'paused'"
_HEALTH = f"""SELECT f.id AS feed_id, {_TITLE}, f.state, f.error, f.failing_since, f.last_poll_at, f.last_ok_at, f.next_poll_at
FROM feeds f WHERE f.removed_at IS NULL AND f.state NOT IN ('paused', iif(:all = 1, '', 'ok')) ORDER BY f.state = 'ok', f.id"""  # noqa: S608 - our own words
_MISSED = f"""SELECT g.feed_id, {_TITLE}, g.after_at, g.before_at FROM gaps g JOIN feeds f ON f.id = g.feed_id
WHERE f.removed_at IS NULL AND g.found_at >= ? ORDER BY g.found_at DESC, g.id DESC"""  # noqa: S608 - our own words
# From the first match of an alert to the moment its message was taken, of the last days.
_LATENCY = """SELECT (julianday(m.settled_at) - julianday(min(x.matched_at))) * 86400 FROM messages m
JOIN edition_matches em ON em.edition_id = m.edition_id JOIN matches x ON x.id = em.match_id
WHERE m.kind = 'alert' AND m.state = 'sent' AND m.settled_at >= ? GROUP BY m.id"""
_LAST_BACKUP = "SELECT value FROM facts WHERE name = 'backup_at'"
OTHER_TOKENS = Problem(
    "search index: made by another tokeniser; searches may miss entries until it is rebuilt",
    "start `aggregator run` anew: it makes the index",
    "error",
)
