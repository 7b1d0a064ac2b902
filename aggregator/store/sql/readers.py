"""What becomes of readers' subscriptions: joined, moved to another rhythm, paused, ended, taken back. Each step is written down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from aggregator.readership import BRIDGE, Asker, Origin, Reading, Subscription, Tidied, Wish
from aggregator.store.sql import choices, rows, tidying
from aggregator.store.sql.consents import note
from aggregator.store.sql.editions import schedule
from aggregator.store.sql.engine import Connection, Database, Row
from aggregator.store.sql.subscriptions import _subscription, token_hash
from aggregator.store.sql.subscriptions import end as _end


class Readers:
    """ReaderStore in SQL. `initial` is how far back the first window of a new digest reaches."""

    def __init__(self, db: Database, secret: bytes, initial: timedelta) -> None:
        self._db = db
        self._secret = secret
        self._initial = initial

    def add(self, address: str, wish: Wish, asker: Asker, now: datetime) -> Subscription:
        """See ReaderStore.add."""
        with self._db.write() as conn:
            conn.execute("DELETE FROM suppressions WHERE address_hmac = ?", (rows.address_hmac(self._secret, address),))
            choices.lay_down(conn, wish.spec, wish.own, now)
            subscription_id = pending(conn, address, wish.spec.id, "operator", now)
            found = self._settle(conn, subscription_id, wish.due, asker, now=now, event="added")
            return one(conn, found)

    def activate(self, token: str, due: datetime, asker: Asker, now: datetime) -> Subscription | None:
        """See ReaderStore.activate."""
        with self._db.write() as conn:
            row = live_token(conn, token, "confirm", now)
            if row is None or row["used_at"] is not None or self._suppressed(conn, row["subscription_id"]):
                return None
            conn.execute("UPDATE tokens SET used_at = ? WHERE hash = ?", (rows.stamp(now), row["hash"]))
            subscription_id = row["subscription_id"]
            state = conn.execute("SELECT state FROM subscriptions WHERE id = ?", (subscription_id,)).fetchone()[0]
            if state != "pending":
                return None
            found = self._settle(conn, subscription_id, due, asker, now=now, event="confirmed")
            return one(conn, found)

    def _suppressed(self, conn: Connection, subscription_id: int) -> bool:
        mac = rows.address_hmac(self._secret, one(conn, subscription_id).address)
        return conn.execute("SELECT 1 FROM suppressions WHERE address_hmac = ?", (mac,)).fetchone() is not None

    def _settle(
        self, conn: Connection, subscription_id: int, due: datetime, asker: Asker, *, now: datetime, event: str
    ) -> int:
        """Make a subscription active; one to the same watchlist at another rhythm moves here instead. The id that lives on."""
        row = conn.execute("SELECT * FROM subscriptions WHERE id = ?", (subscription_id,)).fetchone()
        other = _same_watchlist(conn, row)
        if other is not None:
            _move(conn, other, row["digest_id"], due, now)
            subscription_id = other["id"]
        else:
            instant = conn.execute("SELECT every = 'instant' FROM digests WHERE id = ?", (row["digest_id"],)).fetchone()
            choices.wake(conn, row["digest_id"], now if instant[0] else now - self._initial, due, now)
        _activate(conn, subscription_id)
        choices.put_to_sleep(conn, now)
        note(conn, self._secret, subscription_id, event, asker, now=now)
        return subscription_id

    def move(self, subscription_id: int, wish: Wish, asker: Asker, now: datetime) -> Subscription | None:
        """See ReaderStore.move."""
        with self._db.write() as conn:
            sql = """SELECT s.* FROM subscriptions s JOIN digests d ON d.id = s.digest_id
                     WHERE s.id = ? AND s.state IN ('active', 'paused') AND d.origin = 'reader'"""
            row = conn.execute(sql, (subscription_id,)).fetchone()
            if row is None:
                return None
            choices.lay_down(conn, wish.spec, wish.own, now)
            _move(conn, row, wish.spec.id, wish.due, now)
            choices.put_to_sleep(conn, now)
            note(
                conn,
                self._secret,
                subscription_id,
                "changed",
                asker,
                now=now,
                detail=f"{row['digest_id']} -> {wish.spec.id}",
            )
            return one(conn, subscription_id)

    def pause(self, subscription_id: int, until: datetime | None, asker: Asker, now: datetime) -> bool:
        """See ReaderStore.pause."""
        sql = (
            "UPDATE subscriptions SET state = 'paused', paused_until = ? WHERE id = ? AND state IN ('active', 'paused')"
        )
        with self._db.write() as conn:
            done = conn.execute(sql, (rows.stamp_or_none(until), subscription_id)).rowcount == 1
            if done:
                conn.execute(_PAUSED, (rows.stamp(now), subscription_id))
                note(
                    conn,
                    self._secret,
                    subscription_id,
                    "paused",
                    asker,
                    now=now,
                    detail=f"until {until:%Y-%m-%d}" if until else "",
                )
            return done

    def resume(self, subscription_id: int, asker: Asker, now: datetime) -> bool:
        """See ReaderStore.resume."""
        sql = "UPDATE subscriptions SET state = 'active', paused_until = NULL WHERE id = ? AND state = 'paused'"
        with self._db.write() as conn:
            done = conn.execute(sql, (subscription_id,)).rowcount == 1
            if done:
                note(conn, self._secret, subscription_id, "resumed", asker, now=now)
            return done

    def end(self, subscription_ids: Sequence[int], reason: str, asker: Asker, now: datetime) -> int:
        """See ReaderStore.end."""
        with self._db.write() as conn:
            ended = [i for i in subscription_ids if _end(conn, i, reason, now)]
            for subscription_id in ended:
                note(conn, self._secret, subscription_id, "ended", asker, now=now, detail=reason)
            choices.put_to_sleep(conn, now)
        return len(ended)

    def take_back(self, token: str, fresh: Sequence[str], asker: Asker, now: datetime) -> list[Subscription]:
        """See ReaderStore.take_back."""
        tokens = iter(fresh)
        with self._db.write() as conn:
            row = live_token(conn, token, "undo", now)
            if row is None or row["used_at"] is not None or self._suppressed(conn, row["subscription_id"]):
                return []
            conn.execute("UPDATE tokens SET used_at = ? WHERE hash = ?", (rows.stamp(now), row["hash"]))
            sql = """SELECT o.* FROM subscriptions s JOIN subscriptions o ON o.subscriber_id = s.subscriber_id
                     AND o.state = 'ended' AND o.ended_at = s.ended_at WHERE s.id = ?"""
            ended = conn.execute(sql, (row["subscription_id"],)).fetchall()
            for one_ended in ended:
                choices.rouse(conn, one_ended["digest_id"], now)
                _queue_again(conn, one_ended, tokens, now)
                _activate(conn, one_ended["id"])
                note(conn, self._secret, one_ended["id"], "resumed", asker, now=now, detail="the end was taken back")
            return [one(conn, r["id"]) for r in ended]

    def tidy(self, now: datetime) -> Tidied:
        """See ReaderStore.tidy."""
        if not any(self._db.ask(sql, values) for sql, values in tidying.questions(now)):
            return Tidied()
        with self._db.write() as conn:
            return Tidied(
                tidying.resume(conn, self._secret, now),
                tidying.join(conn),
                choices.put_to_sleep(conn, now),
                tidying.forget(conn, now),
            )


def one(conn: Connection, subscription_id: int) -> Subscription:
    """One subscription, which must be there."""
    sql = "SELECT s.*, b.address FROM subscriptions s JOIN subscribers b ON b.id = s.subscriber_id WHERE s.id = ?"
    return _subscription(conn.execute(sql, (subscription_id,)).fetchone())


def pending(conn: Connection, address: str, digest_id: str, origin: Origin, now: datetime) -> int:
    """A subscription of this address to this digest that waits for a word; its id. One that lives stays as it is."""
    stamp = rows.stamp(now)
    conn.execute("INSERT INTO subscribers (address, added_at) VALUES (?, ?) ON CONFLICT DO NOTHING", (address, stamp))
    conn.execute(
        "INSERT INTO subscriptions (subscriber_id, digest_id, state, origin, created_at) "
        "SELECT id, ?, 'pending', ?, ? FROM subscribers WHERE address = ? ON CONFLICT (subscriber_id, digest_id) "
        "DO UPDATE SET state = 'pending', origin = excluded.origin WHERE subscriptions.state = 'ended'",
        (digest_id, origin, stamp, address),
    )
    sql = "SELECT s.id FROM subscriptions s JOIN subscribers b ON b.id = s.subscriber_id WHERE b.address = ? AND s.digest_id = ?"
    return int(conn.execute(sql, (address, digest_id)).fetchone()[0])


def live_token(conn: Connection, token: str, purpose: str, now: datetime) -> Row | None:
    """The row of a token that is good for this purpose at this time, used or not."""
    sql = "SELECT * FROM tokens WHERE hash = ? AND purpose = ? AND (expires_at IS NULL OR expires_at > ?)"
    found: Row | None = conn.execute(sql, (token_hash(token), purpose, rows.stamp(now))).fetchone()
    return found


def reading(row: Row) -> Reading:
    """A subscription as its reader sees it, from the columns of _READING."""
    return Reading(
        subscription=_subscription(row),
        title=row["title"],
        schedule=schedule(row, row["digest_timezone"]),
        next_at=rows.moment(row["next_at"]),
        own=row["digest_origin"] == "reader",
        watchlist_id=row["watchlist_id"] or "",
        query=row["query"] or "",
        prominence=row["digest_prominence"],
    )


def _activate(conn: Connection, subscription_id: int) -> None:
    sql = "UPDATE subscriptions SET state = 'active', ended_at = NULL, reason = '', paused_until = NULL WHERE id = ?"
    conn.execute(sql, (subscription_id,))


def _same_watchlist(conn: Connection, row: Row) -> Row | None:
    """Another living subscription of the same reader to a digest that was made for the same watchlist."""
    sql = """SELECT s.* FROM subscriptions s JOIN digests d ON d.id = s.digest_id AND d.origin = 'reader'
             JOIN digest_watchlists w ON w.digest_id = d.id
             WHERE s.subscriber_id = :subscriber AND s.id != :id AND s.state IN ('active', 'paused')
               AND w.watchlist_id IN (SELECT watchlist_id FROM digest_watchlists WHERE digest_id = :digest)"""
    values = {"subscriber": row["subscriber_id"], "id": row["id"], "digest": row["digest_id"]}
    found: Row | None = conn.execute(sql, values).fetchone()
    return found


def _move(conn: Connection, row: Row, digest_id: str, due: datetime, now: datetime) -> None:
    """Point a subscription at another digest so that nothing between the two is lost or told twice (docs/decisions/0032)."""
    if row["digest_id"].partition(BRIDGE)[0] == digest_id:
        return
    sql = "SELECT * FROM digests WHERE id = ?"
    old = conn.execute(sql, (row["digest_id"],)).fetchone()
    new = conn.execute(sql, (digest_id,)).fetchone()
    target = digest_id
    fresh = new["removed_at"] is not None and new["covered_until"] == new["added_at"]
    if fresh:
        choices.carry(conn, old["id"], target, due, now)
    elif new["removed_at"] is not None or new["covered_until"] != old["covered_until"] or new["every"] == "instant":
        target = choices.bridge(conn, digest_id, row["id"], now)
        choices.carry(conn, old["id"], target, due, now)
    tidying.absorb(conn, row["id"], target)
    tidying.absorb(conn, row["id"], digest_id)
    conn.execute("UPDATE subscriptions SET digest_id = ? WHERE id = ?", (target, row["id"]))


def _queue_again(conn: Connection, ended: Row, fresh: Iterator[str], now: datetime) -> None:
    """Messages that the end cancelled wait again, each with a new token: the old one is forgotten."""
    sql = """SELECT id FROM messages WHERE subscription_id = ? AND state = 'cancelled' AND settled_at = ? AND letter_id IS NULL
             AND address != '' ORDER BY id DESC"""
    cancelled = [r[0] for r in conn.execute(sql, (ended["id"], ended["ended_at"]))]
    stamp = rows.stamp(now)
    for message_id, token in zip(cancelled, fresh, strict=False):  # of `fresh`, so many as there are
        sql = """UPDATE messages SET state = 'waiting', phase = 'queued', token = ?, next_attempt_at = ?, settled_at = NULL,
                 error = '' WHERE id = ?"""
        conn.execute(sql, (token, stamp, message_id))
        sql = "INSERT INTO tokens (hash, purpose, subscription_id, created_at) VALUES (?, 'unsubscribe', ?, ?)"
        conn.execute(sql, (token_hash(token), ended["id"], stamp))


# What is queued would come weeks late.
_PAUSED = f"""UPDATE messages SET state = 'cancelled', settled_at = ?, token = '', late = 0, error = 'the subscription is paused'
WHERE subscription_id = ? AND {rows.OWED} AND letter_id IS NULL"""  # noqa: S608 - our own words
_READING = """SELECT s.*, b.address, d.title, d.every, d.at, d.days, d.wait_seconds, d.most, d.quiet, d.next_at,
  d.timezone AS digest_timezone, d.origin AS digest_origin, d.prominence AS digest_prominence, w.id AS watchlist_id, w.query
FROM subscriptions s JOIN subscribers b ON b.id = s.subscriber_id JOIN digests d ON d.id = s.digest_id
LEFT JOIN watchlists w ON w.id = (SELECT watchlist_id FROM digest_watchlists WHERE digest_id = d.id ORDER BY position LIMIT 1)"""
