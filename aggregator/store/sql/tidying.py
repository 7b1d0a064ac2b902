"""What time does to readers' subscriptions: pauses end, bridges are crossed, what was never confirmed is forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from aggregator.readership import BRIDGE, Asker
from aggregator.store.sql import choices, rows
from aggregator.store.sql.consents import note
from aggregator.store.sql.editions import _FOREVER, _WAITING
from aggregator.store.sql.engine import Connection, Row

UNCONFIRMED = timedelta(days=7)
"""How long a request waits for its confirmation; the link in the letter works for 48 hours."""
REQUESTS = timedelta(days=31)
SETTLED = "('sent', 'dead', 'cancelled')"

_PAUSED = "FROM subscriptions WHERE state = 'paused' AND paused_until <= ?"
_BRIDGES = "FROM digests WHERE origin = 'reader' AND removed_at IS NULL AND instr(id, ?) > 0"
_UNCONFIRMED = "FROM subscriptions WHERE state = 'pending' AND coalesce((SELECT max(at) FROM consents c WHERE c.subscription_id = subscriptions.id), created_at) < ?"
_OLD_REQUESTS = "FROM requests WHERE at < ?"
_OLD_TOKENS = "FROM tokens WHERE expires_at < ?"
_READ_LETTERS = f"""FROM letters WHERE length(mail) > 0 AND NOT EXISTS (
  SELECT 1 FROM messages m WHERE m.letter_id = letters.id AND m.state NOT IN {SETTLED})"""  # noqa: S608 - our own words


def questions(now: datetime) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Statements of which one finds a row when there is something to do: mostly none does, and nothing is written."""
    old = rows.stamp(now - REQUESTS)
    asked: tuple[tuple[str, tuple[str, ...]], ...] = (
        (_PAUSED, (rows.stamp(now),)),
        (_BRIDGES, (BRIDGE,)),
        (choices.UNREAD, ()),
        (_UNCONFIRMED, (rows.stamp(now - UNCONFIRMED),)),
        (_OLD_REQUESTS, (old,)),
        (_OLD_TOKENS, (old,)),
        (_READ_LETTERS, ()),
    )
    yield from ((f"SELECT 1 {where} LIMIT 1", values) for where, values in asked)


def resume(conn: Connection, secret: bytes, now: datetime) -> int:
    """End the pauses that are over."""
    found = [r[0] for r in conn.execute(f"SELECT id {_PAUSED}", (rows.stamp(now),))]
    for subscription_id in found:
        conn.execute("UPDATE subscriptions SET state = 'active', paused_until = NULL WHERE id = ?", (subscription_id,))
        note(conn, secret, subscription_id, "resumed", Asker("configuration"), now=now, detail="the pause is over")
    return len(found)


def join(conn: Connection) -> int:
    """Let readers cross from their bridges to the digest that all with their choice share, where both stand at the same place."""
    joined = 0
    for bridge in conn.execute(f"SELECT * {_BRIDGES}", (BRIDGE,)).fetchall():
        digest_id = bridge["id"].partition(BRIDGE)[0]
        digest = conn.execute("SELECT * FROM digests WHERE id = ?", (digest_id,)).fetchone()
        if digest["removed_at"] is not None:
            choices.carry(
                conn, bridge["id"], digest_id, rows.moment(bridge["next_at"]), rows.moment(bridge["added_at"])
            )
            _forget_told(conn, digest_id, bridge["id"])
        elif not _level(conn, bridge, digest):
            continue
        for row in conn.execute("SELECT id FROM subscriptions WHERE digest_id = ?", (bridge["id"],)).fetchall():
            absorb(conn, row["id"], digest_id)
            conn.execute("UPDATE subscriptions SET digest_id = ? WHERE id = ?", (digest_id, row["id"]))
            joined += 1
    return joined


def _forget_told(conn: Connection, digest_id: str, bridge_id: str) -> None:
    """A digest that slept while its new reader was told elsewhere: what waits on the bridge waits for it, too."""
    sql = """DELETE FROM edition_matches WHERE digest_id = :digest AND match_id IN (
             SELECT em.match_id FROM edition_matches em JOIN digests d ON d.id = :bridge WHERE em.digest_id = :digest
             AND em.match_id > d.matches_after)
             AND match_id NOT IN (SELECT match_id FROM edition_matches WHERE digest_id = :bridge)"""
    conn.execute(sql, {"digest": digest_id, "bridge": bridge_id})


def _level(conn: Connection, bridge: Row, digest: Row) -> bool:
    """Whether nothing waits for one of the two that does not wait for the other."""
    if bridge["every"] != "instant":
        return bool(bridge["covered_until"] == digest["covered_until"])
    sql = f"SELECT 1 FROM digests d WHERE id IN (:one, :other) AND EXISTS (SELECT 1 {_WAITING})"  # noqa: S608 - our own words
    values = {"one": bridge["id"], "other": digest["id"], "until": _FOREVER}
    return conn.execute(sql, values).fetchone() is None


def absorb(conn: Connection, subscription_id: int, digest_id: str) -> None:
    """Give a subscription what belongs to another of the same reader to this digest, which is then gone: the pair is unique."""
    sql = """SELECT o.id FROM subscriptions o JOIN subscriptions s ON s.subscriber_id = o.subscriber_id
             WHERE s.id = ? AND o.digest_id = ? AND o.id != s.id"""
    other = conn.execute(sql, (subscription_id, digest_id)).fetchone()
    if other is None:
        return
    for table in ("messages", "tokens", "consents"):
        sql = f"UPDATE {table} SET subscription_id = ? WHERE subscription_id = ?"  # noqa: S608 - names are ours
        conn.execute(sql, (subscription_id, other["id"]))
    conn.execute("DELETE FROM subscriptions WHERE id = ?", (other["id"],))


def forget(conn: Connection, now: datetime) -> int:
    """Forget what was never confirmed, old requests and tokens, and what letters said once they are delivered."""
    old = rows.stamp(now - REQUESTS)
    found = [r[0] for r in conn.execute(f"SELECT id {_UNCONFIRMED}", (rows.stamp(now - UNCONFIRMED),))]
    for subscription_id in found:
        _forget(conn, subscription_id)
    conn.execute(f"DELETE {_OLD_REQUESTS}", (old,))
    conn.execute(f"DELETE {_OLD_TOKENS}", (old,))
    conn.execute(f"UPDATE letters SET mail = x'' WHERE id IN (SELECT id {_READ_LETTERS})")  # noqa: S608 - our own words
    return len(found)


def _forget(conn: Connection, subscription_id: int) -> None:
    """A request that nobody confirmed leaves nothing; one of a reader who had been told before is ended again."""
    told = "SELECT 1 FROM messages WHERE subscription_id = ? AND edition_id IS NOT NULL LIMIT 1"
    if conn.execute(told, (subscription_id,)).fetchone():
        sql = "UPDATE subscriptions SET state = 'ended', reason = 'not confirmed' WHERE id = ?"
        conn.execute(sql, (subscription_id,))
        return
    values = {"id": subscription_id}
    subscriber = conn.execute("SELECT subscriber_id FROM subscriptions WHERE id = :id", values).fetchone()[0]
    letters = [r[0] for r in conn.execute("SELECT letter_id FROM messages WHERE subscription_id = :id", values)]
    conn.execute(
        "DELETE FROM attempts WHERE message_id IN (SELECT id FROM messages WHERE subscription_id = :id)", values
    )
    for table in ("messages", "tokens", "consents"):
        conn.execute(f"DELETE FROM {table} WHERE subscription_id = :id", values)  # noqa: S608 - names are ours
    conn.executemany("DELETE FROM letters WHERE id = ?", [(letter,) for letter in letters])
    conn.execute("DELETE FROM subscriptions WHERE id = :id", values)
    sql = (
        "DELETE FROM subscribers WHERE id = :id AND NOT EXISTS (SELECT 1 FROM subscriptions WHERE subscriber_id = :id)"
    )
    conn.execute(sql, {"id": subscriber})
