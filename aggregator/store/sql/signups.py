"""How readers come: requests and what limits count of them, letters in the outbox, and tokens. All hashes are keyed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from aggregator import addresses
from aggregator.readership import Asked, Asker, NewLetter, NewToken, Reading, Wish
from aggregator.store.sql import choices, rows
from aggregator.store.sql.consents import mailbox_hmac, network_hmac, note
from aggregator.store.sql.engine import Connection, Database
from aggregator.store.sql.readers import _READING, live_token, one, pending, reading
from aggregator.store.sql.subscriptions import end as _end
from aggregator.store.sql.subscriptions import token_hash
from aggregator.store.sql.suppressions import suppress

HOUR, DAY, MONTH = timedelta(hours=1), timedelta(days=1), timedelta(days=30)


class Signups:
    """SignupStore in SQL."""

    def __init__(self, db: Database, secret: bytes) -> None:
        self._db = db
        self._secret = secret

    def asked(self, address: str, network: str, now: datetime) -> Asked:
        """See SignupStore.asked."""
        values = self._keys(address, network) | {
            "hour": rows.stamp(now - HOUR),
            "day": rows.stamp(now - DAY),
            "month": rows.stamp(now - MONTH),
        }
        with self._db.read() as conn:
            return Asked(*conn.execute(_ASKED, values).fetchone())

    def _keys(self, address: str, network: str) -> dict[str, str]:
        return {
            "address": mailbox_hmac(self._secret, address),
            "domain": rows.keyed(self._secret, "domain", addresses.domain(address)),
            "network": network_hmac(self._secret, network),
        }

    def turn_away(self, address: str, asker: Asker, now: datetime) -> None:
        """See SignupStore.turn_away."""
        with self._db.write() as conn:
            self._request(conn, address, asker, now, answered=False)

    def _request(self, conn: Connection, address: str, asker: Asker, now: datetime, *, answered: bool) -> None:
        values = self._keys(address, asker.network) | {"at": rows.stamp(now), "answered": int(answered)}
        conn.execute(
            "INSERT INTO requests (at, address_hmac, domain_hmac, network_hmac, answered) "
            "VALUES (:at, :address, :domain, :network, :answered)",
            values,
        )

    def request(self, wish: Wish, letter: NewLetter, asker: Asker, now: datetime, detail: str) -> int:
        """See SignupStore.request."""
        with self._db.write() as conn:
            choices.lay_down(conn, wish.spec, wish.own, now)
            subscription_id = pending(conn, letter.address, wish.spec.id, "visitor", now)
            self._request(conn, letter.address, asker, now, answered=True)
            _letter(conn, letter, subscription_id, now)
            note(conn, self._secret, subscription_id, "requested", asker, now=now, detail=detail)
        return subscription_id

    def remind(self, letter: NewLetter, asker: Asker, now: datetime) -> bool:
        """See SignupStore.remind."""
        sql = """SELECT s.id FROM subscriptions s JOIN subscribers b ON b.id = s.subscriber_id
                 WHERE b.address = ? AND s.state IN ('active', 'paused') ORDER BY s.id LIMIT 1"""
        with self._db.write() as conn:
            row = conn.execute(sql, (letter.address,)).fetchone()
            self._request(conn, letter.address, asker, now, answered=row is not None)
            if row is not None:
                _letter(conn, letter, row["id"], now)
        return row is not None

    def of(self, address: str = "", subscription_id: int = 0) -> list[Reading]:
        """See SignupStore.of."""
        reader = "SELECT subscriber_id FROM subscriptions WHERE id = ?"
        sql = f"{_READING} WHERE b.address = ? OR b.id = ({reader}) ORDER BY s.id"
        return [reading(row) for row in self._db.ask(sql, (address, subscription_id))]

    def look(self, token: str, purpose: str, now: datetime) -> Reading | None:
        """See SignupStore.look."""
        with self._db.read() as conn:
            found = live_token(conn, token, purpose, now)
            if found is None:
                return None
            row = conn.execute(f"{_READING} WHERE s.id = ?", (found["subscription_id"],)).fetchone()
        return reading(row)

    def issue(self, subscription_id: int, tokens: Sequence[NewToken], now: datetime) -> None:
        """See SignupStore.issue."""
        with self._db.write() as conn:
            _issue(conn, subscription_id, tokens, now)

    def refuse(self, token: str, asker: Asker, now: datetime) -> bool:
        """See SignupStore.refuse."""
        with self._db.write() as conn:
            found = live_token(conn, token, "refuse", now)
            if found is None:
                return False
            address = one(conn, found["subscription_id"]).address
            suppress(conn, rows.address_hmac(self._secret, address), "refused", rows.stamp(now))
            conn.execute(
                "UPDATE tokens SET used_at = coalesce(used_at, ?) WHERE hash = ?", (rows.stamp(now), found["hash"])
            )
            for row in conn.execute(f"{_READING} WHERE b.address = ? AND s.state != 'ended'", (address,)).fetchall():
                _end(conn, row["id"], "refused", now)
                note(conn, self._secret, row["id"], "refused", asker, now=now)
            choices.put_to_sleep(conn, now)
        return True


def _letter(conn: Connection, letter: NewLetter, subscription_id: int, now: datetime) -> None:
    """Lay a letter into the outbox, with its tokens; it goes to the address as its owner once wrote it."""
    stamp = rows.stamp(now)
    address = one(conn, subscription_id).address
    sql = "INSERT INTO letters (kind, subject, mail, created_at) VALUES (?, ?, ?, ?) RETURNING id"
    (made,) = conn.execute(sql, (letter.kind, letter.rendered.subject, letter.rendered.mail, stamp)).fetchone()
    conn.execute(
        "INSERT INTO messages (letter_id, kind, subscription_id, address, token, message_id, next_attempt_at, created_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (made, letter.kind, subscription_id, address, letter.tokens[0].token, letter.message_id, stamp, stamp),
    )
    _issue(conn, subscription_id, letter.tokens, now)


def _issue(conn: Connection, subscription_id: int, tokens: Sequence[NewToken], now: datetime) -> None:
    conn.executemany(
        "INSERT INTO tokens (hash, purpose, subscription_id, created_at, expires_at) VALUES (?, ?, ?, ?, ?)",
        [(token_hash(t.token), t.purpose, subscription_id, rows.stamp(now), rows.stamp(t.expires_at)) for t in tokens],
    )


# Answered requests only: whoever is turned away is not turned away longer for asking again.
_ASKED = """SELECT
  count(CASE WHEN address_hmac = :address AND at > :day THEN 1 END), count(CASE WHEN address_hmac = :address THEN 1 END),
  count(CASE WHEN network_hmac = :network AND network_hmac != '' AND at > :hour THEN 1 END),
  count(CASE WHEN domain_hmac = :domain AND at > :hour THEN 1 END), count(CASE WHEN at > :hour THEN 1 END)
FROM requests WHERE answered = 1 AND at > :month"""
