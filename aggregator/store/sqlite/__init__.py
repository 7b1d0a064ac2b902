"""The store of one machine: SQLite through sqlite-utils; the hot path speaks to its connection."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from aggregator.errors import StoreError
from aggregator.store.sql.parts import Parts
from aggregator.store.sqlite import faults, wal
from aggregator.store.sqlite.database import Database
from aggregator.store.sqlite.upkeep import Upkeep


class SqliteStores(Parts):
    """All parts of the store on one database file (stores.Stores)."""

    def __init__(
        self,
        path: Path,
        *,
        secret: bytes,
        initial: timedelta = timedelta(days=1),
        synchronous: str = "FULL",
        reading: bool = False,
        spare: Callable[[], str] = lambda: "",
        backups: Path | None = None,
        sent: Path | None = None,
        moving: bool = False,
    ) -> None:
        """Open `path`, making it and bringing its schema up to date where needed.

        Args:
            path: the file; its folder must exist.
            secret: keys the suppression list.
            initial: how far back the first window of a new scheduled digest reaches.
            synchronous: FULL, or NORMAL, which may lose the last commits in a power cut.
            reading: nothing is written, neither to the file nor beside it.
            spare: names the backup to restore, once one is needed.
            backups: the folder for a copy of the database before its schema changes; None: none is kept.
            sent: the folder of the log of what was sent, which outlives the database; None: no log.
            moving: open it also where its data has moved elsewhere.

        Raises:
            StoreError: the file cannot be used, or its data is elsewhere.
        """
        _look(path, spare)
        db = Database(path, synchronous=synchronous, reading=reading, spare=spare, sent=sent)
        self.db = db
        super().__init__(db, secret, initial)
        self.upkeep = Upkeep(db, secret, backups)
        try:
            self.upkeep.migrate()
            db.moving = moving
            db.see_that_it_is_in_use()
        except StoreError:
            db.close()
            raise


def _look(path: Path, spare: Callable[[], str]) -> None:
    """Whether a database can stand there. Raises StoreError."""
    if not path.parent.is_dir():
        raise StoreError(f"{path.parent}: no such folder; run `aggregator init` there or name another --home")
    if path.is_file() and path.stat().st_size == 0 and ((name := spare()) or wal.size(path)):
        # SQLite would take it for a new one, throw its log away, and everything would be polled again as new.
        raise StoreError(f"{path}: it is empty, and was not; {faults.restore(name)}", "corrupt")
