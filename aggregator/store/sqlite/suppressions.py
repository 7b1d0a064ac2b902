"""Addresses that we must not write to, as keyed hashes: the list holds after an address is erased, and names nobody."""

from __future__ import annotations

import builtins
from collections.abc import Sequence

from aggregator.readership import Suppressed
from aggregator.store.sqlite import rows
from aggregator.store.sqlite.database import Database


class Suppressions:
    """SuppressionStore on SQLite."""

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
        sql = "INSERT OR IGNORE INTO suppressions (address_hmac, reason, created_at) VALUES (?, ?, ?)"
        with self._db.write() as conn:
            return sum(
                conn.execute(sql, (e.address_hmac, e.reason, rows.stamp(e.created_at))).rowcount for e in entries
            )

    def remove(self, address_hmac: str) -> bool:
        """See SuppressionStore.remove."""
        with self._db.write() as conn:
            return conn.execute("DELETE FROM suppressions WHERE address_hmac = ?", (address_hmac,)).rowcount == 1

    def reason(self, address: str) -> str:
        """See SuppressionStore.reason."""
        found = self._db.ask("SELECT reason FROM suppressions WHERE address_hmac = ?", (self.hash(address),))
        return found[0][0] if found else ""
