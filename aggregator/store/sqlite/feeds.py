"""Feeds: what the operator names, what polling taught, and who may poll them now."""

from __future__ import annotations

import builtins
import sqlite3
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from aggregator.model import Feed, FeedSpec, SyncReport
from aggregator.store.sqlite import rows
from aggregator.store.sqlite.database import Database

CLAIM = timedelta(minutes=10)


class Feeds:
    """FeedStore on SQLite."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def sync(self, specs: Sequence[FeedSpec], now: datetime) -> SyncReport:
        """See FeedStore.sync."""
        with self._db.write() as conn:
            stored = {r["id"]: r for r in conn.execute("SELECT * FROM feeds")}
            wanted = {s.id for s in specs}
            by_url = {r["url"]: r["id"] for r in stored.values() if r["removed_at"] is None or r["id"] not in wanted}
            added: list[str] = []
            changed: list[str] = []
            renames = {by_url[s.url]: s.id for s in specs if s.url in by_url and s.id not in stored}
            for old, new in renames.items():
                if old not in wanted:
                    conn.execute("UPDATE feeds SET id = ? WHERE id = ?", (new, old))
                    stored[new] = stored.pop(old)
            self._free_urls(conn, specs, stored)
            for spec in specs:
                row = stored.get(spec.id)
                if row is None:
                    self._db.utils["feeds"].insert(
                        {**rows.spec_columns(spec), "added_at": rows.stamp(now), "next_poll_at": rows.stamp(now)}
                    )
                    added.append(spec.id)
                elif self._update(conn, spec, row, now):
                    changed.append(spec.id)
            removed = [i for i, r in stored.items() if i not in wanted and r["removed_at"] is None]
            conn.executemany(
                "UPDATE feeds SET removed_at = ?, claimed_by = NULL WHERE id = ?",
                [(rows.stamp(now), i) for i in removed],
            )
        return SyncReport(tuple(added), tuple(changed), tuple(removed))

    @staticmethod
    def _free_urls(conn: sqlite3.Connection, specs: Sequence[FeedSpec], stored: dict[str, sqlite3.Row]) -> None:
        """Two feeds may swap their URLs in one edit: park the changing ones so that the unique index holds."""
        for spec in specs:
            row = stored.get(spec.id)
            if row is not None and row["url"] != spec.url:
                conn.execute("UPDATE feeds SET url = 'moving:' || id WHERE id = ?", (spec.id,))

    @staticmethod
    def _update(conn: sqlite3.Connection, spec: FeedSpec, row: sqlite3.Row, now: datetime) -> bool:
        columns = rows.spec_columns(spec)
        differs = [name for name, value in columns.items() if row[name] != value]
        if not differs and row["removed_at"] is None:
            return False
        extra: dict[str, object] = {"removed_at": None}
        if "url" in differs:  # validators belong to a URL (RFC 9111 §4)
            extra |= {"etag": "", "last_modified": "", "body_hash": "", "failures": 0, "failing_since": None}
            extra |= {"held_until": None, "next_poll_at": rows.stamp(now), "error": "", "error_class": ""}
            if row["state"] in ("failing", "gone"):
                extra["state"] = "new" if row["last_ok_at"] is None else "ok"
        elif row["removed_at"] is not None:
            extra["next_poll_at"] = rows.stamp(now)
        values = columns | extra
        sets = ", ".join(f"{name} = :{name}" for name in values)
        conn.execute(f"UPDATE feeds SET {sets} WHERE id = :id", values)  # noqa: S608 - names are ours
        return True

    def claim_due(
        self, owner: str, limit: int, now: datetime, *, ids: Collection[str] = (), everything: bool = False
    ) -> builtins.list[Feed]:
        """See FeedStore.claim_due."""
        conditions = [
            "removed_at IS NULL",
            "state != 'paused'",
            "(claimed_until IS NULL OR claimed_until <= :now)",
            "(held_until IS NULL OR held_until <= :now)",
            "(last_poll_at IS NULL OR last_poll_at < :now)" if everything else "next_poll_at <= :now",
        ]
        values: dict[str, object] = {"now": rows.stamp(now), "until": rows.stamp(now + CLAIM), "owner": owner}
        if ids:
            conditions.append("id IN (SELECT value FROM json_each(:ids))")
            values["ids"] = rows.dump(sorted(ids))
        sql = (
            "UPDATE feeds SET claimed_by = :owner, claimed_until = :until WHERE id IN (SELECT id FROM feeds WHERE "  # noqa: S608 - our own conditions
            + " AND ".join(conditions)
            + " ORDER BY next_poll_at, id LIMIT :limit) RETURNING *, 0 AS entries"
        )
        with self._db.write() as conn:
            claimed = conn.execute(sql, {**values, "limit": limit}).fetchall()
        return sorted((rows.feed(r) for r in claimed), key=lambda f: (f.poll.next_poll_at, f.id))

    def release(self, owner: str) -> int:
        """See FeedStore.release."""
        count = 0
        with self._db.write() as conn:
            for table in ("feeds", "articles"):
                count += conn.execute(
                    f"UPDATE {table} SET claimed_by = NULL, claimed_until = NULL WHERE claimed_by = ?",  # noqa: S608 - table names are ours
                    (owner,),
                ).rowcount
            # A process that died in phase data may have handed the body over: unknown, not waiting.
            count += conn.execute(
                "UPDATE messages SET state = iif(phase = 'data', 'unknown', 'waiting'), claimed_by = NULL, "
                "claimed_until = NULL WHERE claimed_by = ? AND state = 'claimed'",
                (owner,),
            ).rowcount
        return count

    def owners(self) -> builtins.list[str]:
        """See FeedStore.owners."""
        sql = " UNION ".join(
            f"SELECT claimed_by FROM {table} WHERE claimed_by IS NOT NULL"  # noqa: S608 - table names are ours
            for table in ("feeds", "articles", "messages")
        )
        with self._db.read() as conn:
            return sorted(r[0] for r in conn.execute(sql))

    def list(self) -> builtins.list[Feed]:
        """See FeedStore.list."""
        with self._db.read() as conn:
            return [rows.feed(r) for r in conn.execute(_SELECT + " WHERE removed_at IS NULL ORDER BY id")]

    def get(self, feed_id: str) -> Feed | None:
        """See FeedStore.get."""
        with self._db.read() as conn:
            row = conn.execute(_SELECT + " WHERE removed_at IS NULL AND id = ?", (feed_id,)).fetchone()
        return None if row is None else rows.feed(row)

    def pause(self, feed_id: str, now: datetime) -> bool:  # noqa: ARG002 - the port's shape: other stores log the time
        """See FeedStore.pause."""
        with self._db.write() as conn:
            sql = "UPDATE feeds SET state = 'paused' WHERE id = ? AND removed_at IS NULL"
            return conn.execute(sql, (feed_id,)).rowcount == 1

    def resume(self, feed_id: str, now: datetime) -> bool:
        """See FeedStore.resume."""
        with self._db.write() as conn:
            sql = """UPDATE feeds SET state = iif(last_ok_at IS NULL, 'new', 'ok'), failures = 0, failing_since = NULL,
                     error = '', error_class = '', held_until = NULL, next_poll_at = :now
                     WHERE id = :id AND removed_at IS NULL"""
            return conn.execute(sql, {"id": feed_id, "now": rows.stamp(now)}).rowcount == 1


_SELECT = "SELECT f.*, (SELECT count(*) FROM entries e WHERE e.feed_id = f.id) AS entries FROM feeds f"
