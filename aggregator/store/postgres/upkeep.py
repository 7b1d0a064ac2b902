"""Care of a PostgreSQL database: migrations and the invariants; its files and its log are the server's own care."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from aggregator.errors import StoreError
from aggregator.model import Problem
from aggregator.store.postgres import migrations
from aggregator.store.postgres.database import Database
from aggregator.store.sql import invariants
from aggregator.store.sql.upkeep import OTHER_TOKENS, Care

INSTALLATION = "installation_mark"
"""The fact by which the secret of all who share a database is known; it tells nothing of the secret."""
_MARK = "SELECT value FROM facts WHERE name = ?"
BACK_UP = "back it up with the server's own tools (pg_dump, pg_basebackup; docs/scaling.md)"


class Upkeep(Care):
    """Upkeep on PostgreSQL."""

    _db: Database

    def migrate(self) -> list[str]:
        """See care.Upkeep.migrate."""
        taken = migrations.migrate(self._db)
        self._renew_index()
        return taken

    def recognize(self, kept_in: str) -> None:
        """See that this machine's secret is the one that all who share the database have; the first to come says which.

        Links that one machine mailed would mean nothing to another, and whoever left for good would be unknown there.
        Raises StoreError naming `kept_in`.
        """
        mark = hmac.new(self._secret, INSTALLATION.encode(), "sha256").hexdigest()
        found = self._db.ask(_MARK, (INSTALLATION,))
        if not found:
            with self._db.write() as conn:
                conn.execute("INSERT OR IGNORE INTO facts (name, value) VALUES (?, ?)", (INSTALLATION, mark))
            found = self._db.ask(_MARK, (INSTALLATION,))
        if found[0][0] != mark:
            raise StoreError(
                f"{kept_in}: not the secret of the installation that {self._db.name} belongs to; "
                "copy var/secret from a machine of it, or name another database in storage.url"
            )

    def examine(self, *, deep: bool = False) -> list[Problem]:
        """See care.Upkeep.examine."""
        try:
            with self._db.read() as conn:
                found = list(invariants.problems(conn)) if deep else []
                return found + ([OTHER_TOKENS] if self._is_foreign(conn) else [])
        except StoreError as e:
            return [Problem(str(e), "see that the server runs", "error")]

    def log_bytes(self) -> int:
        """The write-ahead log is the server's."""
        return 0

    def log_holders(self) -> Sequence[str]:
        """See care.Upkeep.log_holders."""
        return ()

    def fold_log(self, seconds: float) -> bool:  # noqa: ARG002 - the shape of the port
        """See care.Upkeep.fold_log."""
        return True

    def backup(self, target: Path, now: datetime | None = None) -> None:  # noqa: ARG002 - the shape of the port
        """See care.Upkeep.backup."""
        raise StoreError(f"{self._db.name}: a database server is not copied into an archive; {BACK_UP}")
