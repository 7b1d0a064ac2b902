"""The outbox: messages that are not settled, who carries them now, and what became of the rest."""

from __future__ import annotations

import builtins
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from aggregator.publication import Attempt, Content, Message
from aggregator.readership import Bounce
from aggregator.replies import nameless
from aggregator.store.sql import bounces, rows
from aggregator.store.sql.engine import Connection, Database, Row, log_line
from aggregator.store.sql.rows import address_hmac
from aggregator.store.sql.told import edition_name, message_mark

CLAIM = timedelta(minutes=15)
"""Longer than the 10 minutes that RFC 5321 §4.5.3.2.6 grants a server after the final dot."""


class Outbox:
    """OutboxStore in SQL."""

    def __init__(self, db: Database, secret: bytes) -> None:
        self._db = db
        self._secret = secret

    def claim_due(
        self,
        owner: str,
        limit: int,
        now: datetime,
        *,
        only: Collection[int] = (),
        but: Collection[str] = (),
        settled: Sequence[Attempt] = (),
    ) -> builtins.list[Message]:
        """See OutboxStore.claim_due."""
        values: dict[str, object] = {
            "owner": owner,
            "now": rows.stamp(now),
            "until": rows.stamp(now + CLAIM),
            "limit": limit,
            "only": rows.dump(sorted(only)),
            "but": rows.dump(sorted(but)),
        }
        if self._db.log is not None:
            self._db.log.sync()  # once for a batch; what is sent is in the file before its row is settled
        with self._db.write() if settled else self._db.claim() as conn:
            self._settled(conn, settled, owner)
            conn.execute(_EXPIRE.format(skip=conn.skip_locked), values)
            conn.execute(_CANCEL.format(skip=conn.skip_locked), values)
            claim = (_CLAIM_ONLY if only else _CLAIM).format(skip=conn.skip_locked)
            while ids := [r["id"] for r in conn.execute(claim, values).fetchall()]:
                sql = f"{SELECT} WHERE m.id IN ({rows.marks(len(ids))}) ORDER BY m.kind = 'digest', m.next_attempt_at, m.id"
                messages = [message(r) for r in conn.execute(sql, ids)]
                if wanted := self._without_suppressed(conn, messages, now):
                    return wanted
            return []

    def _without_suppressed(
        self, conn: Connection, messages: Sequence[Message], now: datetime
    ) -> builtins.list[Message]:
        """Those whose address is not on the list; the others are cancelled. The list holds keyed hashes; mostly it is short."""
        suppressed = {r[0] for r in conn.execute("SELECT address_hmac FROM suppressions")}
        refused = [m for m in messages if suppressed and address_hmac(self._secret, m.address) in suppressed]
        sql = """UPDATE messages SET state = 'cancelled', phase = 'queued', settled_at = ?, token = '', claimed_by = NULL,
                 claimed_until = NULL, error = 'the address is suppressed' WHERE id = ?"""
        conn.executemany(sql, [(rows.stamp(now), m.id) for m in refused])
        return [m for m in messages if m not in refused]

    def enter_data(self, message_id: int, owner: str, now: datetime) -> bool:
        """See OutboxStore.enter_data."""
        sql = f"""UPDATE messages SET phase = 'data', claimed_until = :until
                 WHERE id = :id AND claimed_by = :owner AND state = 'claimed' AND (kind = 'notice' OR EXISTS (
                 SELECT 1 FROM subscriptions s WHERE s.id = messages.subscription_id AND {_WANTED}))"""  # noqa: S608 - our own words
        with self._db.write() as conn:
            values = {"id": message_id, "owner": owner, "until": rows.stamp(now + CLAIM)}
            return conn.execute(sql, values).rowcount == 1

    def settle(self, attempts: Sequence[Attempt], owner: str) -> None:
        """See OutboxStore.settle."""
        with self._db.write() as conn:
            self._settled(conn, attempts, owner)

    def _settled(self, conn: Connection, attempts: Sequence[Attempt], owner: str) -> None:
        for attempt in attempts:
            address = _address(conn, attempt.message_id)
            # Of a reader who was erased meanwhile no server's words bring the address back.
            said = attempt if address else replace(attempt, detail=nameless(attempt.detail))
            if _settle(conn, said, owner):
                self._judge(conn, said, address)
            if attempt.state == "sent":
                self._log(conn, attempt)

    def _log(self, conn: Connection, attempt: Attempt) -> None:
        """A line that outlives the database: this message was sent."""
        sql = """SELECT m.message_id, ed.digest_id, ed.key FROM messages m LEFT JOIN editions ed ON ed.id = m.edition_id
                 WHERE m.id = ?"""
        row = conn.execute(sql, (attempt.message_id,)).fetchone()
        if row is not None:
            name = edition_name(row["digest_id"], row["key"]) if row["key"] else ""
            log_line(conn, at=rows.stamp(attempt.ended_at), sent=message_mark(self._secret, row["message_id"]), of=name)

    def _judge(self, conn: Connection, attempt: Attempt, address: str) -> None:
        """What an attempt says of its address: an address that is to blame has bounced, one that took mail may be well again."""
        if "@" not in address:
            return
        if attempt.fault:
            bounce = Bounce(attempt.fault, attempt.status, nameless(attempt.detail))
            bounces.record(conn, self._secret, address, bounce, attempt.ended_at)
        elif attempt.state == "sent":
            bounces.clear(conn, self._secret, address, attempt.ended_at)

    def list(self, states: Collection[str] = (), limit: int = 200) -> builtins.list[Message]:
        """See OutboxStore.list."""
        where = ":any = 1 OR m.state IN (SELECT value FROM json_each(:states))"
        sql = f"{SELECT} WHERE {where} ORDER BY m.id DESC LIMIT :limit"
        with self._db.read() as conn:
            found = conn.execute(sql, {"any": not states, "states": rows.dump(sorted(states)), "limit": limit})
            return [message(r) for r in found]

    def get(self, message_id: int) -> Message | None:
        """See OutboxStore.get."""
        with self._db.read() as conn:
            row = conn.execute(SELECT + " WHERE m.id = ?", (message_id,)).fetchone()
        return None if row is None else message(row)

    def content(self, message: Message) -> Content | None:
        """See OutboxStore.content."""
        sql = """SELECT coalesce(v.mail, ed.mail, nullif(l.mail, x'')) AS mail, coalesce(v.data, ed.data, '') AS data
                 FROM (SELECT ? AS edition_id, ? AS letter_id, ? AS variant) m
                 LEFT JOIN editions ed ON ed.id = m.edition_id LEFT JOIN letters l ON l.id = m.letter_id
                 LEFT JOIN edition_mails v ON v.edition_id = m.edition_id AND v.variant = m.variant"""
        with self._db.read() as conn:
            row = conn.execute(sql, (message.edition_id, message.letter_id, message.variant)).fetchone()
        return None if row["mail"] is None else Content(bytes(row["mail"]), row["data"])

    def retry(self, message_id: int, now: datetime) -> bool:
        """See OutboxStore.retry."""
        sql = """UPDATE messages SET state = iif(state = 'unknown' OR phase = 'data', 'unknown', 'waiting'), next_attempt_at = ?,
                 held_at = NULL, settled_at = NULL, late = 0, retried_at = ?
                 WHERE id = ? AND told_in IS NULL AND state IN ('waiting', 'unknown', 'dead', 'cancelled') AND address != '' AND token != ''"""
        with self._db.write() as conn:
            return conn.execute(sql, (rows.stamp(now), rows.stamp(now), message_id)).rowcount == 1

    def drop(self, message_id: int, now: datetime) -> bool:
        """See OutboxStore.drop."""
        sql = """UPDATE messages SET state = 'cancelled', settled_at = ?, held_at = NULL, late = 0, error = 'dropped by the operator'
                 WHERE id = ? AND state IN ('waiting', 'unknown', 'dead')"""
        with self._db.write() as conn:
            return conn.execute(sql, (rows.stamp(now), message_id)).rowcount == 1

    def release_held(self, now: datetime) -> int:
        """See OutboxStore.release_held."""
        sql = """UPDATE messages SET held_at = NULL, next_attempt_at = ?
                 WHERE held_at IS NOT NULL AND state IN ('waiting', 'unknown')"""
        with self._db.write() as conn:
            released: int = conn.execute(sql, (rows.stamp(now),)).rowcount
            conn.execute("DELETE FROM facts WHERE name = 'held_since'")
            return released


def _address(conn: Connection, message_id: int) -> str:
    row = conn.execute("SELECT address FROM messages WHERE id = ?", (message_id,)).fetchone()
    return "" if row is None else str(row["address"])


def _settle(conn: Connection, attempt: Attempt, owner: str) -> bool:
    """Settle one attempt; whether it was the owner's to settle."""
    ended = attempt.state in ("sent", "cancelled")
    values = {
        "id": attempt.message_id,
        "owner": owner,
        "state": attempt.state,
        "phase": attempt.phase if attempt.state in ("unknown", "sent") else "queued",
        "next": rows.stamp(attempt.next_attempt_at),
        "error": "" if attempt.state == "sent" else attempt.detail,
        "settled": rows.stamp(attempt.ended_at) if attempt.state in ("sent", "dead", "cancelled") else None,
        "ended": ended,
        "late": attempt.late,
    }
    sql = f"""UPDATE messages SET state = :state, phase = :phase, attempts = attempts + 1, next_attempt_at = :next,
             error = :error, settled_at = :settled, late = iif(:late = 1 AND {rows.WANTED}, 1, 0), claimed_by = NULL, claimed_until = NULL,
             token = iif(:ended = 1, '', token)
             WHERE id = :id AND (claimed_by = :owner OR (:state = 'sent' AND state != 'sent'))"""  # noqa: S608 - our own words
    if conn.execute(sql, values).rowcount != 1:
        return False
    conn.execute(
        "INSERT INTO attempts (message_id, started_at, ended_at, outcome, phase, code, detail) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            attempt.message_id,
            rows.stamp(attempt.started_at),
            rows.stamp(attempt.ended_at),
            attempt.outcome,
            attempt.phase,
            attempt.code,
            attempt.detail,
        ),
    )
    return True


def message(row: Row) -> Message:
    """A message from the columns of `messages`, with digest and subject."""
    return Message(
        id=row["id"],
        edition_id=row["edition_id"] or 0,
        letter_id=row["letter_id"] or 0,
        variant=row["variant"],
        digest_id=row["digest_id"],
        kind=row["kind"],
        subject=row["subject"],
        subscription_id=row["subscription_id"] or 0,
        address=row["address"],
        token=row["token"],
        message_id=row["message_id"],
        state=row["state"],
        phase=row["phase"],
        attempts=row["attempts"],
        next_attempt_at=rows.moment(row["next_attempt_at"]),
        created_at=rows.moment(row["created_at"]),
        patient_since=rows.moment(row["retried_at"] or row["created_at"]),
        settled_at=rows.moment_or_none(row["settled_at"]),
        error=row["error"],
    )


SELECT = """SELECT m.*, coalesce(ed.digest_id, s.digest_id, '') AS digest_id, coalesce(ed.subject, l.subject) AS subject
FROM messages m LEFT JOIN subscriptions s ON s.id = m.subscription_id
LEFT JOIN editions ed ON ed.id = m.edition_id LEFT JOIN letters l ON l.id = m.letter_id"""
# Whoever held it is gone. In phase data the body may have been handed over: unknown, not waiting.
UNCLAIM = """state = iif(state = 'unknown' OR phase = 'data', 'unknown', 'waiting'), phase = iif(phase = 'data', 'data', 'queued'),
claimed_by = NULL, claimed_until = NULL"""
_EXPIRE = f"""UPDATE messages SET {UNCLAIM}
WHERE id IN (SELECT id FROM messages WHERE state = 'claimed' AND claimed_until <= :now {{skip}})"""  # noqa: S608 - our own words
# Nobody waits for it any more: its reader has left, or what came before a pause would come weeks late.
_CANCEL = """UPDATE messages SET state = 'cancelled', settled_at = :now, token = '', error = (
  SELECT iif(s.state = 'ended', 'the subscription has ended', 'the subscription is paused')
  FROM subscriptions s WHERE s.id = messages.subscription_id)
WHERE id IN (SELECT id FROM messages m WHERE m.state IN ('waiting', 'unknown') AND m.next_attempt_at <= :now AND EXISTS (
  SELECT 1 FROM subscriptions s WHERE s.id = m.subscription_id
  AND (s.state = 'ended' OR (s.state IN ('paused', 'pending') AND m.letter_id IS NULL))) {skip})"""
# A letter goes to who has not confirmed yet, or pauses; an edition to the active alone.
_WANTED = "(s.state = 'active' OR (kind IN ('confirm', 'manage') AND s.state IN ('pending', 'paused')))"
_DUE = f"""FROM messages m
WHERE (m.kind = 'notice' OR EXISTS (SELECT 1 FROM subscriptions s WHERE s.id = m.subscription_id AND {_WANTED}))
  AND m.state IN ('waiting', 'unknown') AND m.next_attempt_at <= :now AND m.held_at IS NULL
  AND iif(m.address LIKE 'channel:%', m.address, 'mail') NOT IN (SELECT value FROM json_each(:but))"""  # noqa: S608 - our own words
_TAKE = (
    "UPDATE messages SET state = 'claimed', phase = 'connect', claimed_by = :owner, claimed_until = :until WHERE id IN"
)
_FIRST = "ORDER BY m.kind = 'digest', m.next_attempt_at, m.id LIMIT :limit {skip}"
_CLAIM = f"{_TAKE} (SELECT m.id {_DUE} {_FIRST}) RETURNING id"
_CLAIM_ONLY = f"{_TAKE} (SELECT m.id {_DUE} AND m.id IN (SELECT CAST(value AS BIGINT) FROM json_each(:only)) {_FIRST}) RETURNING id"  # noqa: S608 - our own words
