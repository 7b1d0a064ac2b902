"""Who wants which digest; an end in the database always wins over the file."""

from __future__ import annotations

import builtins
import hashlib
import json
import re
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from aggregator.levels import Threshold, Wanted
from aggregator.model import SyncReport
from aggregator.readership import Asker, Subscription
from aggregator.store.sql import bounces, rows
from aggregator.store.sql.consents import mailbox_hmac, note
from aggregator.store.sql.engine import Connection, Database, Row
from aggregator.store.sql.suppressions import suppress

LEFT_FILE = "no longer in digests.yaml"
FILE, OPERATOR = Asker("configuration"), Asker("command line")


def token_hash(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


class Subscriptions:
    """SubscriptionStore in SQL. `secret` keys the suppression list, so that it names nobody."""

    def __init__(self, db: Database, secret: bytes) -> None:
        self._db = db
        self._secret = secret

    def _hmac(self, address: str) -> str:
        return rows.address_hmac(self._secret, address)

    def _suppressed(self, conn: Connection, address: str) -> bool:
        row = conn.execute("SELECT 1 FROM suppressions WHERE address_hmac = ?", (self._hmac(address),)).fetchone()
        return row is not None

    def sync(self, wanted: Sequence[Wanted], now: datetime) -> SyncReport:
        """See SubscriptionStore.sync."""
        added, changed, removed = [], [], []
        named = {(one.digest_id, one.address.lower()): one for one in wanted}
        with self._db.write() as conn:
            stored = {(r["digest_id"], r["address"].lower()): r for r in conn.execute(_SELECT)}
            for key, one in named.items():
                row = stored.get(key)
                if row is None and not self._suppressed(conn, one.address):
                    self._insert(conn, one, "config", now)
                    note(conn, self._secret, _find_id(conn, one.digest_id, one.address), "added", FILE, now=now)
                    added.append(f"{one.digest_id}: {one.address}")
                elif row is not None and _differs(row, one) and not self._suppressed(conn, one.address):
                    if row["state"] == "ended":
                        self._revive(conn, row["id"], "config", one.prominence)
                    sql = "UPDATE subscriptions SET prominence = ?, timezone = ? WHERE id = ?"
                    conn.execute(sql, (one.prominence, one.timezone, row["id"]))
                    note(
                        conn, self._secret, row["id"], "added" if row["state"] == "ended" else "changed", FILE, now=now
                    )
                    changed.append(f"{one.digest_id}: {one.address}")
            for key, row in stored.items():
                if key not in named and row["origin"] == "config" and row["state"] != "ended":
                    end(conn, row["id"], LEFT_FILE, now)
                    note(conn, self._secret, row["id"], "ended", FILE, now=now, detail=LEFT_FILE)
                    removed.append(f"{row['digest_id']}: {row['address']}")
        return SyncReport(tuple(added), tuple(changed), tuple(removed))

    @staticmethod
    def _insert(conn: Connection, wanted: Wanted, origin: str, now: datetime) -> None:
        stamp = rows.stamp(now)
        conn.execute(
            "INSERT INTO subscribers (address, added_at) VALUES (?, ?) ON CONFLICT DO NOTHING", (wanted.address, stamp)
        )
        conn.execute(
            "INSERT INTO subscriptions (subscriber_id, digest_id, state, origin, created_at, prominence, timezone) "
            "SELECT id, ?, 'active', ?, ?, ?, ? FROM subscribers WHERE address = ?",
            (wanted.digest_id, origin, stamp, wanted.prominence, wanted.timezone, wanted.address),
        )

    @staticmethod
    def _revive(conn: Connection, subscription_id: int, origin: str, prominence: str) -> None:
        sql = """UPDATE subscriptions SET state = 'active', origin = ?, prominence = ?, ended_at = NULL, reason = ''
                 WHERE id = ?"""
        conn.execute(sql, (origin, prominence, subscription_id))

    def list(self, digest_id: str = "", states: Collection[str] = ()) -> builtins.list[Subscription]:
        """See SubscriptionStore.list."""
        sql = _SELECT + " WHERE (? = '' OR s.digest_id = ?) ORDER BY s.digest_id, b.address"
        with self._db.read() as conn:
            found = [_subscription(r) for r in conn.execute(sql, (digest_id, digest_id))]
        return [s for s in found if not states or s.state in states]

    def add(self, digest_id: str, address: str, now: datetime, prominence: Threshold | None = None) -> Subscription:
        """See SubscriptionStore.add."""
        with self._db.write() as conn:
            # The operator's word after an erasure or a bounce: the address is wanted again.
            bounces.lift(conn, self._secret, address)
            row = _find(conn, digest_id, address)
            if row is None:
                self._insert(conn, Wanted(digest_id, address, prominence or "any"), "operator", now)
            elif row["state"] != "active" or (prominence and row["prominence"] != prominence):
                self._revive(conn, row["id"], "operator", prominence or row["prominence"])
            found = _find(conn, digest_id, address)
            assert found is not None
            if row is None or tuple(row) != tuple(found):
                event = "changed" if row is not None and row["state"] == "active" else "added"
                note(conn, self._secret, found["id"], event, OPERATOR, now=now)
            return _subscription(found)

    def end(self, subscription_id: int, reason: str, now: datetime) -> bool:
        """See SubscriptionStore.end."""
        with self._db.write() as conn:
            ended = end(conn, subscription_id, reason, now)
            if ended:
                note(conn, self._secret, subscription_id, "ended", OPERATOR, now=now, detail=reason)
            return ended

    def find_token(self, token: str) -> Subscription | None:
        """See SubscriptionStore.find_token."""
        sql = _SELECT + " JOIN tokens t ON t.subscription_id = s.id WHERE t.hash = ? AND t.purpose = 'unsubscribe'"
        with self._db.read() as conn:
            row = conn.execute(sql, (token_hash(token),)).fetchone()
        return None if row is None else _subscription(row)

    def export(self, address: str) -> dict[str, Any]:
        """See SubscriptionStore.export."""
        with self._db.read() as conn:
            subscriptions = conn.execute(_SELECT + " WHERE b.address = ? ORDER BY s.id", (address,)).fetchall()
            messages = conn.execute(
                "SELECT m.id, ed.digest_id, ed.key, ed.subject, m.state, m.created_at, m.settled_at, m.message_id, m.error "
                "FROM messages m LEFT JOIN editions ed ON ed.id = m.edition_id WHERE m.address = ? COLLATE NOCASE ORDER BY m.id",
                (address,),
            ).fetchall()
            attempts = conn.execute(
                "SELECT t.message_id, t.started_at, t.ended_at, t.outcome, t.code, t.detail "
                "FROM attempts t JOIN messages m ON m.id = t.message_id WHERE m.address = ? COLLATE NOCASE ORDER BY t.id",
                (address,),
            ).fetchall()
            suppressed = self._suppressed(conn, address)
            more = self._more(conn, address)
        return {
            "address": address,
            "subscriptions": [dict(r) for r in subscriptions],
            "messages": [dict(r) for r in messages],
            "attempts": [dict(r) for r in attempts],
            "suppressed": suppressed,
            **more,
        }

    def _more(self, conn: Connection, address: str) -> dict[str, Any]:
        """What is known of an address beside its subscriptions and mail; hashes are left out, they mean nothing to anybody."""
        consents = """SELECT c.subscription_id, c.event, c.at, c.cause, c.detail FROM consents c
                      JOIN subscriptions s ON s.id = c.subscription_id JOIN subscribers b ON b.id = s.subscriber_id
                      WHERE b.address = ? ORDER BY c.id"""
        watchlists = """SELECT DISTINCT w.id, w.title, w.query FROM watchlists w JOIN digest_watchlists d ON d.watchlist_id = w.id
                        JOIN subscriptions s ON s.digest_id = d.digest_id JOIN subscribers b ON b.id = s.subscriber_id
                        WHERE w.origin = 'reader' AND b.address = ? ORDER BY w.id"""
        requests = "SELECT at, answered FROM requests WHERE address_hmac = ? ORDER BY id"
        returned = "SELECT at, kind, status, detail FROM bounces WHERE address_hmac = ? ORDER BY id"
        asked = {
            "consents": (consents, address),
            "queries": (watchlists, address),
            "requests": (requests, mailbox_hmac(self._secret, address)),
            "bounces": (returned, self._hmac(address)),
        }
        return {name: [dict(r) for r in conn.execute(sql, (key,))] for name, (sql, key) in asked.items()}

    def erase(self, address: str, now: datetime) -> int:
        """See SubscriptionStore.erase."""
        with self._db.write() as conn:
            return erase(conn, self._secret, address, now)


def erase(conn: Connection, secret: bytes, address: str, now: datetime) -> int:
    """See SubscriptionStore.erase; inside a transaction."""
    found = conn.execute(_SELECT + " WHERE b.address = ?", (address,)).fetchall()
    for row in found:
        if end(conn, row["id"], "erased", now):
            note(conn, secret, row["id"], "ended", OPERATOR, now=now, detail="erased")
    _scrub(conn, address)
    _forget(conn, secret, address)
    sql = "UPDATE messages SET address = '', token = '' WHERE address = ? COLLATE NOCASE"
    count = len(found) + conn.execute(sql, (address,)).rowcount
    count += conn.execute("UPDATE subscribers SET address = 'erased-' || id WHERE address = ?", (address,)).rowcount
    suppress(conn, rows.address_hmac(secret, address), "erased", rows.stamp(now))
    return count


def _forget(conn: Connection, secret: bytes, address: str) -> None:
    """What was asked for and what came back; the texts of letters, which hold what was asked."""
    conn.execute("DELETE FROM requests WHERE address_hmac = ?", (mailbox_hmac(secret, address),))
    conn.execute("DELETE FROM bounces WHERE address_hmac = ?", (rows.address_hmac(secret, address),))
    sql = """UPDATE letters SET mail = x'', subject = '' WHERE id IN (
             SELECT letter_id FROM messages WHERE address = ? COLLATE NOCASE)"""
    conn.execute(sql, (address,))


def _differs(row: Row, wanted: Wanted) -> bool:
    """Whether the file says other of a stored subscription, and has a say: it ended what it made, or names another threshold or zone."""
    if row["state"] == "ended":
        return bool(row["reason"] == LEFT_FILE)
    told = (row["prominence"], row["timezone"])
    return bool(row["origin"] == "config" and told != (wanted.prominence, wanted.timezone))


def _find_id(conn: Connection, digest_id: str, address: str) -> int:
    found = _find(conn, digest_id, address)
    assert found is not None
    return int(found["id"])


def _find(conn: Connection, digest_id: str, address: str) -> Row | None:
    found: Row | None = conn.execute(
        _SELECT + " WHERE s.digest_id = ? AND b.address = ?", (digest_id, address)
    ).fetchone()
    return found


def _scrub(conn: Connection, address: str) -> None:
    """Take an address out of what mail servers said of it, and out of the digests' own lists."""
    pattern = re.compile(re.escape(address), re.IGNORECASE)
    for table, key, column in _SPOKEN:
        sql = f"SELECT {column} AS text, {key} AS id FROM {table} WHERE {column} LIKE '%@%'"  # noqa: S608 - names are ours
        found = [(r["text"], r["id"]) for r in conn.execute(sql) if pattern.search(r["text"])]
        update = f"UPDATE {table} SET {column} = ? WHERE {key} = ?"  # noqa: S608 - names are ours
        if column == "addresses":
            kept = [([a for a in json.loads(t) if a.lower() != address.lower()], i) for t, i in found]
            conn.executemany(update, [(rows.dump(a), i) for a, i in kept])
        else:
            conn.executemany(update, [(pattern.sub("(erased)", t), i) for t, i in found])


_SPOKEN = (
    ("messages", "id", "error"),
    ("attempts", "id", "detail"),
    ("consents", "id", "detail"),
    ("subscriptions", "id", "reason"),
    ("bounces", "id", "detail"),
    ("relays", "name", "error"),
    ("digests", "id", "addresses"),
)


def end(conn: Connection, subscription_id: int, reason: str, now: datetime) -> bool:
    """End a subscription inside a transaction, and take its mail out of the outbox; whether it was not ended before."""
    values = {"id": subscription_id, "reason": reason, "now": rows.stamp(now)}
    sql = """UPDATE subscriptions SET state = 'ended', reason = :reason, ended_at = coalesce(ended_at, :now)
             WHERE id = :id AND state != 'ended'"""
    ended: bool = conn.execute(sql, values).rowcount == 1
    # A claimed message is under way; it is cancelled when its claim is next looked at.
    conn.execute(
        "UPDATE messages SET state = 'cancelled', settled_at = :now, token = '', late = 0, error = :reason "  # noqa: S608 - our own words
        f"WHERE subscription_id = :id AND {rows.OWED}",
        values,
    )
    return ended


def _subscription(row: Row) -> Subscription:
    """A subscription with its subscriber's address."""
    return Subscription(
        id=row["id"],
        address=row["address"],
        digest_id=row["digest_id"],
        state=row["state"],
        origin=row["origin"],
        created_at=rows.moment(row["created_at"]),
        ended_at=rows.moment_or_none(row["ended_at"]),
        reason=row["reason"],
        prominence=row["prominence"],
        timezone=row["timezone"],
        paused_until=rows.moment_or_none(row["paused_until"]),
    )


_SELECT = """SELECT s.id, b.address, s.digest_id, s.state, s.origin, s.created_at, s.ended_at, s.reason, s.prominence,
  s.timezone, s.paused_until
FROM subscriptions s JOIN subscribers b ON b.id = s.subscriber_id"""
