"""The store of several machines: PostgreSQL through psycopg 3 (extra `postgres`)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from aggregator.errors import StoreError
from aggregator.store.postgres.database import CONNECTIONS, Database
from aggregator.store.postgres.upkeep import Upkeep
from aggregator.store.sql.parts import Parts


class PostgresStores(Parts):
    """All parts of the store in one PostgreSQL database (stores.Stores)."""

    def __init__(
        self,
        url: str,
        *,
        secret: bytes,
        initial: timedelta = timedelta(days=1),
        kept_in: str = "var/secret",
        sent: Path | None = None,
        connections: int = CONNECTIONS,
    ) -> None:
        """Connect to the database of this URL, bringing its schema up to date where needed.

        Args:
            url: as libpq takes it, `postgresql://user@host/name`.
            secret: keys the suppression list; the same for all who share the database.
            kept_in: where the secret was read, for who has another.
            initial: how far back the first window of a new scheduled digest reaches.
            sent: the folder of the log of what this machine has sent; None: no log.
            connections: of this process at most.

        Raises:
            StoreError: the database cannot be used, or belongs to others.
        """
        self.db = Database(url, sent=sent, connections=connections)
        super().__init__(self.db, secret, initial)
        self.upkeep = Upkeep(self.db, secret)
        try:
            self.db.reach()
            self.upkeep.migrate()
            self.upkeep.recognize(kept_in)
        except StoreError:
            self.db.close()
            raise
