"""Mail that came back: what is kept of it, and which subscriptions it stops. Addresses stand here as keyed hashes alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from aggregator.readership import Asker, Bounce
from aggregator.store.sql import rows, suppressions
from aggregator.store.sql.consents import note
from aggregator.store.sql.engine import Connection, Database

SOFT_DAYS, SOFT_WITHIN = 5, timedelta(days=14)
"""So many days with a soft bounce, in so long a time, suspend an address."""
CLEAR = timedelta(days=3)
"""So long after its last soft bounce an address that is sent mail again counts as well: a report on it would have come by then."""


class Bounces:
    """BounceStore in SQL."""

    def __init__(self, db: Database, secret: bytes) -> None:
        self._db = db
        self._secret = secret

    def record(self, subscription_id: int, bounce: Bounce, now: datetime) -> int | None:
        """See BounceStore.record."""
        sql = """SELECT b.address FROM subscribers b JOIN subscriptions s ON s.subscriber_id = b.id
                 WHERE s.id = ?"""
        with self._db.write() as conn:
            row = conn.execute(sql, (subscription_id,)).fetchone()
            return (
                None
                if row is None or "@" not in row["address"]
                else record(conn, self._secret, row["address"], bounce, now)
            )

    def of_message(self, message_id: str) -> int:
        """See BounceStore.of_message."""
        with self._db.read() as conn:
            row = conn.execute("SELECT subscription_id FROM messages WHERE message_id = ?", (message_id,)).fetchone()
        return 0 if row is None else int(row["subscription_id"] or 0)

    def lift(self, address: str) -> bool:
        """See BounceStore.lift."""
        with self._db.write() as conn:
            return lift(conn, self._secret, address)

    def recent(self, since: datetime) -> Mapping[str, int]:
        """See BounceStore.recent."""
        sql = "SELECT kind, count(DISTINCT address_hmac) AS count FROM bounces WHERE at >= ? GROUP BY kind"
        with self._db.read() as conn:
            return {r["kind"]: r["count"] for r in conn.execute(sql, (rows.stamp(since),))}


def record(conn: Connection, secret: bytes, address: str, bounce: Bounce, now: datetime) -> int:
    """Note a bounce inside a transaction, and stop what it stops; how many subscriptions that were."""
    key = rows.address_hmac(secret, address)
    _note(conn, key, bounce, now)
    if bounce.kind == "soft" and not _worn_out(conn, key, now):
        return 0
    reason = f"bounced: {bounce.detail}" if bounce.kind != "complaint" else bounce.detail
    values = {"address": address, "reason": reason, "now": rows.stamp(now), "complaint": bounce.kind == "complaint"}
    stopped = [r["id"] for r in conn.execute(_STOP, values).fetchall()]
    conn.execute(_CANCEL, values)
    event = "ended" if values["complaint"] else "suspended"
    for subscription_id in stopped:
        note(conn, secret, subscription_id, event, Asker("bounce"), now=now, detail=reason)
    suppressions.suppress(conn, key, "complained" if values["complaint"] else "bounced", rows.stamp(now))
    return len(stopped)


def _note(conn: Connection, key: str, bounce: Bounce, now: datetime) -> None:
    """One row for a kind and a day: a mailbox that is full all day is full once."""
    stamp = rows.stamp(now)
    sql = "SELECT 1 FROM bounces WHERE address_hmac = ? AND kind = ? AND at >= ? AND at <= ?"
    if conn.execute(sql, (key, bounce.kind, stamp[:10], stamp)).fetchone() is None:
        conn.execute(
            "INSERT INTO bounces (address_hmac, at, kind, status, detail) VALUES (?, ?, ?, ?, ?)",
            (key, stamp, bounce.kind, bounce.status, bounce.detail),
        )


def _worn_out(conn: Connection, key: str, now: datetime) -> bool:
    sql = """SELECT count(DISTINCT substr(at, 1, 10)) AS days FROM bounces
             WHERE address_hmac = ? AND kind = 'soft' AND at > ? AND at <= ?"""
    row = conn.execute(sql, (key, rows.stamp(now - SOFT_WITHIN), rows.stamp(now))).fetchone()
    return bool(row["days"] >= SOFT_DAYS)


def clear(conn: Connection, secret: bytes, address: str, now: datetime) -> None:
    """A message was handed over: forget soft bounces, if the last is old enough."""
    sql = """DELETE FROM bounces WHERE address_hmac = :key AND kind = 'soft' AND NOT EXISTS (
             SELECT 1 FROM bounces b WHERE b.address_hmac = :key AND b.kind = 'soft' AND b.at > :since)"""
    conn.execute(sql, {"key": rows.address_hmac(secret, address), "since": rows.stamp(now - CLEAR)})


def lift(conn: Connection, secret: bytes, address: str) -> bool:
    """See BounceStore.lift; inside a transaction."""
    key = rows.address_hmac(secret, address)
    listed = suppressions.lift(conn, key)
    return conn.execute("DELETE FROM bounces WHERE address_hmac = ?", (key,)).rowcount > 0 or listed


# One that was never confirmed must not become active when somebody resumes it.
_STOP = """UPDATE subscriptions SET reason = :reason, paused_until = NULL,
  state = iif(:complaint = 1 OR state = 'pending', 'ended', 'paused'),
  ended_at = iif(:complaint = 1 OR state = 'pending', :now, ended_at)
WHERE subscriber_id = (SELECT id FROM subscribers WHERE address = :address) AND (state IN ('active', 'pending')
  OR (state = 'paused' AND (:complaint = 1 OR reason NOT LIKE 'bounced:%')))
RETURNING id"""
_CANCEL = f"""UPDATE messages SET state = 'cancelled', settled_at = :now, token = '', late = 0, error = :reason
WHERE {rows.OWED} AND subscription_id IN (
  SELECT s.id FROM subscriptions s JOIN subscribers b ON b.id = s.subscriber_id WHERE b.address = :address)"""  # noqa: S608 - our own words
