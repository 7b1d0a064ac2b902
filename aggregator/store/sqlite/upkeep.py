"""Care of a SQLite file: migrations, its pages, its log, copies of it."""

from __future__ import annotations

import builtins
import contextlib
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from aggregator.errors import StoreError
from aggregator.model import Problem
from aggregator.store.sql import invariants
from aggregator.store.sql.upkeep import OTHER_TOKENS, Care
from aggregator.store.sqlite import copies, migrations, wal
from aggregator.store.sqlite.connection import Connection
from aggregator.store.sqlite.database import Database
from aggregator.tokens import TOKENIZER_VERSION

SHRINKS = "0005_smaller"


class Upkeep(Care):
    """Upkeep on SQLite."""

    _db: Database

    def __init__(self, db: Database, secret: bytes, backups: Path | None = None) -> None:
        """`backups` is the folder for a copy of the database before its tables change; None: none is kept."""
        super().__init__(db, secret)
        self._backups = backups

    def migrate(self) -> list[str]:
        """See care.Upkeep.migrate."""
        pending = self._pending()
        if pending:
            with self._db.write() as conn:
                pending = self._pending()  # another process may have been faster
                self._keep_before(conn, pending)
                migrations.migrations.apply(self._db.utils)
                sql = "INSERT OR IGNORE INTO facts (name, value) VALUES ('tokenizer_version', ?)"
                conn.execute(sql, (str(TOKENIZER_VERSION),))
        if SHRINKS in pending:
            self._give_back()
        self._renew_index()
        return pending

    def _pending(self) -> list[str]:
        """The steps that this database has still to take. Raises StoreError when it is from the future."""
        try:
            migrations.see_that_all_are_known(self._db.utils, self._db.path)
            return [m.name for m in migrations.migrations.pending(self._db.utils)]
        except sqlite3.Error as e:
            raise self._db.error(e) from e

    def _keep_before(self, conn: Connection, pending: builtins.list[str]) -> None:
        """A copy of a database that holds something already, before it is changed (docs/decisions/0045)."""
        if self._backups is None or not pending or not migrations.migrations.applied(self._db.utils):
            return
        if conn.execute("SELECT 1 FROM feeds UNION ALL SELECT 1 FROM subscribers LIMIT 1").fetchone():
            copies.keep(self._db.path, self._backups, pending[0])

    def _give_back(self) -> None:
        """Let the file shrink to what is left in it; where that cannot be now, its room is used up by and by."""
        with contextlib.suppress(sqlite3.Error):
            conn = self._db.conn
            free, pages = (conn.execute(f"PRAGMA {name}").fetchone()[0] for name in ("freelist_count", "page_count"))
            if free * 4 > pages:
                conn.execute("VACUUM")

    def examine(self, *, deep: bool = False) -> list[Problem]:
        """See care.Upkeep.examine; `deep` reads every page and holds the invariants against the rows."""
        try:
            with self._db.read() as conn:
                broken = _pages(conn, deep=deep)
                problems = [Problem(what, invariants.RESTORE, "error") for what in broken]
                problems += invariants.problems(conn) if deep else []
                problems += [OTHER_TOKENS] if self._is_foreign(conn) else []
        except StoreError as e:
            return [Problem(str(e), invariants.RESTORE, "error")]
        for what in broken:
            if what.startswith(("integrity_check", "quick_check")):
                self._db.condemn(what)
                break
        return problems + (self._check_index() if deep and not self._db.reading else [])

    def _check_index(self) -> list[Problem]:
        """The search index examines its own pages; SQLite's own check does not look into them."""
        try:
            with self._db.write() as conn:
                conn.execute("INSERT INTO entry_index (entry_index) VALUES ('integrity-check')")
        except StoreError as e:
            return [Problem(f"search index: {e}", invariants.RESTORE, "error")]
        return []

    def log_bytes(self) -> int:
        """See care.Upkeep.log_bytes."""
        return wal.size(self._db.path)

    def log_holders(self) -> Sequence[str]:
        """See care.Upkeep.log_holders."""
        return wal.named_holders(self._db.path)

    def fold_log(self, seconds: float) -> bool:
        """See care.Upkeep.fold_log."""
        return self._db.fold_log(seconds)

    def backup(self, target: Path, now: datetime | None = None) -> None:
        """See care.Upkeep.backup."""
        mark = self._db.mark_backup(now) if now is not None else ""
        try:
            copies.write(self._db.conn, target, mark)
        except StoreError:
            self.check()  # if it is the database and not the copy that is damaged, nothing more is written to it
            raise


def _pages(conn: Connection, *, deep: bool) -> builtins.list[str]:
    """What SQLite itself finds in its pages, and rows that point nowhere."""
    pragma = "integrity_check" if deep else "quick_check"
    found = [f"{pragma}: {r[0]}" for r in conn.execute(f"PRAGMA {pragma}") if r[0] != "ok"]
    lost = (
        f"foreign key: row {row[1]} of {row[0]} points to nothing in {row[2]}"
        for row in conn.execute("PRAGMA foreign_key_check")
    )
    return found + invariants.grouped(lost)
