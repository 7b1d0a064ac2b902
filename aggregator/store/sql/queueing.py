"""What an edition lays into the outbox when it is stored: a message for each reader who wants it still."""

from __future__ import annotations

from collections.abc import Sequence

from aggregator.publication import Edition, NewMessage
from aggregator.store.sql import rows
from aggregator.store.sql.engine import Connection
from aggregator.store.sql.subscriptions import token_hash


def queue(conn: Connection, edition: Edition, edition_id: int, messages: Sequence[NewMessage]) -> None:
    """Queue the messages of an edition, and note what came too late before and is told in them.

    Since it was read for whom the edition is, a reader may have left, paused, been erased, or moved to a digest where the same
    matches wait: those get none.
    """
    now, digest = rows.stamp(edition.composed_at), edition.digest_id
    conn.executemany(
        _MESSAGE,
        (  # one after the other: there may be ten thousand
            (edition_id, m.variant, edition.kind, m.token, m.message_id, now, now, m.subscription_id, digest, m.address)
            for m in messages
        ),
    )
    sql = "UPDATE messages SET told_in = (SELECT id FROM messages WHERE message_id = ?) WHERE id = ?"
    conn.executemany(sql, ((m.message_id, told) for m in messages for told in m.tells))
    conn.executemany(_WAY_OUT, ((token_hash(m.token), now, m.message_id, m.token) for m in messages))


def told_meanwhile(conn: Connection, messages: Sequence[NewMessage]) -> bool:
    """Whether somebody else has told, tried again or dropped what one of these tells as late."""
    sql = "SELECT 1 FROM messages WHERE id = ? AND NOT (late = 1 AND told_in IS NULL)"
    return any(conn.execute(sql, (late,)).fetchone() for m in messages for late in m.tells)


_MESSAGE = """INSERT OR IGNORE INTO messages
  (edition_id, variant, kind, subscription_id, address, token, message_id, next_attempt_at, created_at, held_at)
SELECT ?, ?, ?, s.id, b.address, ?, ?, ?, ?, (SELECT value FROM facts WHERE name = 'held_since') FROM subscriptions s JOIN subscribers b ON b.id = s.subscriber_id
WHERE s.id = ? AND s.state = 'active' AND s.digest_id = ? AND b.address = ?"""
_WAY_OUT = """INSERT OR IGNORE INTO tokens (hash, purpose, subscription_id, created_at)
SELECT ?, 'unsubscribe', subscription_id, ? FROM messages WHERE message_id = ? AND token = ?"""
