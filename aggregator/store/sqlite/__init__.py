"""The store of one machine: SQLite through sqlite-utils; the hot path speaks to its connection."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from aggregator.errors import StoreError
from aggregator.store.sql.agenda import Agenda
from aggregator.store.sql.alerts import Alerts
from aggregator.store.sql.attention import Attention
from aggregator.store.sql.bounces import Bounces
from aggregator.store.sql.credentials import Credentials
from aggregator.store.sql.editions import Editions
from aggregator.store.sql.entries import Entries
from aggregator.store.sql.feeds import Feeds
from aggregator.store.sql.history import History
from aggregator.store.sql.measures import Measuring
from aggregator.store.sql.moments import Moments
from aggregator.store.sql.network import Network
from aggregator.store.sql.notices import Notices
from aggregator.store.sql.outbox import Outbox
from aggregator.store.sql.overview import Overview
from aggregator.store.sql.polls import Polls
from aggregator.store.sql.portions import Portions
from aggregator.store.sql.readers import Readers
from aggregator.store.sql.reading import Reading
from aggregator.store.sql.relays import Relays
from aggregator.store.sql.retention import Retention
from aggregator.store.sql.signals import Signals
from aggregator.store.sql.signups import Signups
from aggregator.store.sql.stories import Stories
from aggregator.store.sql.subscriptions import Subscriptions
from aggregator.store.sql.suppressions import Suppressions
from aggregator.store.sql.watch import Watch
from aggregator.store.sqlite import faults, wal
from aggregator.store.sqlite.database import Database
from aggregator.store.sqlite.upkeep import Upkeep


class SqliteStores:
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

        Raises:
            StoreError: the file cannot be used.
        """
        _look(path, spare)
        db = Database(path, synchronous=synchronous, reading=reading, spare=spare, sent=sent)
        self.db = db
        self._make(db, secret, initial, backups)
        try:
            self.upkeep.migrate()
        except StoreError:
            db.close()
            raise

    def _make(self, db: Database, secret: bytes, initial: timedelta, backups: Path | None) -> None:
        self.feeds = Feeds(db)
        self.history = History(db)
        self.polls = Polls(db)
        self.network = Network(db)
        self.entries = Entries(db)
        self.stories = Stories(db)
        self.watch = Watch(db)
        self.editions = Editions(db, initial)
        self.alerts = Alerts(db)
        self.relays = Relays(db)
        self.outbox = Outbox(db, secret)
        self.subscriptions = Subscriptions(db, secret)
        self.bounces = Bounces(db, secret)
        self.signups = Signups(db, secret)
        self.readers = Readers(db, secret, initial)
        self.suppressions = Suppressions(db, secret)
        self.attention = Attention(db)
        self.signals = Signals(db)
        self.reading = Reading(db)
        self.overview = Overview(db)
        self.portions = Portions(db)
        self.credentials = Credentials(db)
        self.notices = Notices(db)
        self.measures = Measuring(db)
        self.moments = Moments(db)
        self.upkeep = Upkeep(db, secret, backups)
        self.agenda = Agenda(db)
        self.retention = Retention(db)


def _look(path: Path, spare: Callable[[], str]) -> None:
    """Whether a database can stand there. Raises StoreError."""
    if not path.parent.is_dir():
        raise StoreError(f"{path.parent}: no such folder; run `aggregator init` there or name another --home")
    if path.is_file() and path.stat().st_size == 0 and ((name := spare()) or wal.size(path)):
        # SQLite would take it for a new one, throw its log away, and everything would be polled again as new.
        raise StoreError(f"{path}: it is empty, and was not; {faults.restore(name)}", "corrupt")
