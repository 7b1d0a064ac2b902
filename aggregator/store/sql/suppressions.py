"""Addresses that we must not write to, as keyed hashes: the list holds after an address is erased, and names nobody."""

from __future__ import annotations

import builtins
from collections.abc import Sequence

from aggregator.readership import Suppressed
from aggregator.store.sql import rows
from aggregator.store.sql.engine import Connection, Database, log_line


class Suppressions:
    """SuppressionStore in SQL."""

    def __init__(self, db: Database, secret: bytes) -> None:
        self._db = db
        self._secret = secret

    def list(self) -> builtins.list[Suppressed]:
        """See SuppressionStore.list."""
        sql = "SELECT address_hmac, reason, created_at FROM suppressions ORDER BY created_at, address_hmac"
        return [Suppressed(r[0], r[1], rows.moment(r[2])) for r in self._db.ask(sql)]

    def hash(self, address: str) -> str:
        """See SuppressionStore.hash."""
        return rows.address_hmac(self._secret, address)

    def add(self, entries: Sequence[Suppressed]) -> int:
        """See SuppressionStore.add."""
        with self._db.write() as conn:
            return sum(suppress(conn, e.address_hmac, e.reason, rows.stamp(e.created_at)) for e in entries)

    def remove(self, address_hmac: str) -> bool:
        """See SuppressionStore.remove."""
        with self._db.write() as conn:
            return lift(conn, address_hmac)

    def reason(self, address: str) -> str:
        """See SuppressionStore.reason."""
        found = self._db.ask("SELECT reason FROM suppressions WHERE address_hmac = ?", (self.hash(address),))
        return found[0][0] if found else ""


def suppress(conn: Connection, address_hmac: str, reason: str, at: str) -> bool:
    """Put an address on the list inside a transaction, and into the log; whether it is new there."""
    sql = "INSERT OR IGNORE INTO suppressions (address_hmac, reason, created_at) VALUES (?, ?, ?)"
    added = conn.execute(sql, (address_hmac, reason, at)).rowcount == 1
    if added or reason == "erased":
        log_line(conn, at=at, suppressed=address_hmac, reason=reason)
    return added


def lift(conn: Connection, address_hmac: str) -> bool:
    """Take an address off the list inside a transaction; whether it was there."""
    done = conn.execute("DELETE FROM suppressions WHERE address_hmac = ?", (address_hmac,)).rowcount == 1
    if done:
        log_line(conn, unsuppressed=address_hmac)
    return done
