"""Connections and transactions on PostgreSQL: a pool, and one writer at a time among all processes.

What SQLite gives by its one writer an advisory lock gives here: whoever writes is alone, and what it reads first still
holds when it commits (docs/decisions/0056).
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import ConnectionPool, PoolTimeout

from aggregator.errors import StoreError
from aggregator.store.postgres import faults
from aggregator.store.postgres.connection import Connection, prepare
from aggregator.store.sql.engine import tell
from aggregator.store.sql.sentlog import SentLog

WRITER = zlib.crc32(b"aggregator/writer")
"""The advisory lock of whoever writes."""
WAIT_SECONDS = 10.0
"""How long anybody waits for a connection; a writer waits for its turn three times as long (`lock_timeout`)."""
CONNECTIONS = 12
"""Of one process at most: its lines, and readers of pages."""
IDLE_SECONDS = 300.0
BAD_URL = "the database's URL is none that PostgreSQL takes; write it like postgresql://user@host/name"

logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # that a connection failed is told by whoever needed it


class Database:
    """One PostgreSQL database (engine.Database).

    Attributes:
        url: where it is, as given; it may hold a password.
        name: the same for people, without one.
        trouble: what was refused last; None since a write went well.
    """

    reading = False

    def __init__(self, url: str, *, sent: Path | None = None, connections: int = CONNECTIONS) -> None:
        """`sent` is the folder of the log of what was sent; None for no log. Nothing is connected to yet. Raises StoreError."""
        self.url = url
        self.name, known = shown(url), _parts(url)
        self.log = None if sent is None else SentLog(sent)
        self.trouble: StoreError | None = None
        self._local = threading.local()
        self._is_away = False
        options = {
            "application_name": "aggregator",
            "connect_timeout": "10",
            "options": "-c timezone=UTC -c lock_timeout=30s",
        }
        self._conninfo = make_conninfo(url, **{name: value for name, value in options.items() if name not in known})
        self._pool: ConnectionPool[psycopg.Connection[Any]] = ConnectionPool(
            self._conninfo,
            min_size=0,
            max_size=connections,
            max_idle=IDLE_SECONDS,
            timeout=WAIT_SECONDS,
            reconnect_timeout=5.0,
            kwargs={"autocommit": True},
            configure=prepare,
            check=ConnectionPool.check_connection,
            open=True,
        )

    # -- connections -------------------------------------------------------------------------------------------------

    def reach(self) -> None:
        """See that the server answers: at once, and with its own words. Raises StoreError."""
        try:
            psycopg.connect(self._conninfo).close()
        except psycopg.Error as e:
            self._is_away = True
            raise self.error(e) from e
        self._is_away = False

    @contextlib.contextmanager
    def _connected(self, seconds: float = WAIT_SECONDS) -> Iterator[Connection]:
        """This thread's connection: the one it works with already, else one of the pool, after so long at most. Raises StoreError."""
        held: Connection | None = getattr(self._local, "held", None)
        try:
            if held is not None:
                yield held
                return
            if self._is_away:
                self.reach()  # where the pool would be waited for by everybody anew
            with self._pool.connection(seconds) as raw:
                made = self._local.held = Connection(raw)
                try:
                    yield made
                finally:
                    self._local.held = None
        except PoolTimeout as e:
            self.reach()  # which says why
            raise self.error(e) from e
        except (psycopg.Error, sqlite3.DatabaseError) as e:
            raise self.error(e) from e

    # -- transactions ------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """See engine.Database.read."""
        with self._connected() as conn:
            if _is_within(conn):
                yield conn
                return
            with self._transaction(conn, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "ROLLBACK"):
                yield conn

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """See engine.Database.write."""
        with self._connected() as conn:
            conn.lines.clear()
            with self._transaction(conn, "BEGIN", "COMMIT"):
                conn.raw.execute("SELECT pg_advisory_xact_lock(%s)", (WRITER,))
                yield conn
                tell(self.log, conn)
                own = conn.raw.execute(_COUNT).rowcount
            self._local.own = getattr(self._local, "own", 0) + own
            self.trouble = None

    @contextlib.contextmanager
    def claim(self) -> Iterator[Connection]:
        """See engine.Database.claim: beside the one who writes."""
        with self._connected() as conn, self._transaction(conn, "BEGIN", "COMMIT"):
            yield conn

    @contextlib.contextmanager
    def turn(self, name: str, seconds: float) -> Iterator[bool]:
        """See engine.Database.turn: an advisory lock of the session that this thread works in."""
        key = zlib.crc32(f"aggregator/{name}".encode())
        with self._connected() as conn:
            try:
                conn.raw.execute(
                    "SELECT set_config('lock_timeout', %s, false)", (f"{max(1, round(seconds * 1000))}ms",)
                )
                conn.raw.execute("SELECT pg_advisory_lock(%s)", (key,))
            except psycopg.errors.LockNotAvailable:
                yield False
                return
            finally:
                with contextlib.suppress(psycopg.Error):
                    conn.raw.execute(_USUAL_PATIENCE)
            try:
                yield True
            finally:
                with contextlib.suppress(psycopg.Error):
                    conn.raw.execute("SELECT pg_advisory_unlock(%s)", (key,))

    @staticmethod
    @contextlib.contextmanager
    def _transaction(conn: Connection, begin: str, end: str) -> Iterator[None]:
        conn.raw.execute(begin.encode())
        try:
            yield
            conn.raw.execute(end.encode())
        except BaseException:
            with contextlib.suppress(psycopg.Error):
                conn.raw.execute("ROLLBACK")
            raise

    def ask(self, sql: str, values: Sequence[Any] | Mapping[str, Any] = (), /) -> list[Any]:
        """See engine.Database.ask."""
        with self._connected() as conn:
            return conn.execute(sql, values).fetchall()

    # -- its state -----------------------------------------------------------------------------------------------------

    def may_write(self, seconds: float) -> None:
        """See engine.Database.may_write."""
        with self._connected(seconds) as conn, self._transaction(conn, "BEGIN READ ONLY", "ROLLBACK"):
            conn.raw.execute(f"SET LOCAL statement_timeout = {round(seconds * 1000)}".encode())
            ((recovering, only),) = conn.execute(
                "SELECT pg_is_in_recovery(), current_setting('default_transaction_read_only')"
            ).fetchall()
        if recovering or only == "on":
            raise StoreError(f"{self.name}: it is only read; name the server that takes writes", "read_only")

    def version(self) -> int:
        """See engine.Database.version: how many have written, but for this thread itself."""
        ((count,),) = self.ask("SELECT count FROM writes")
        return int(count) - getattr(self._local, "own", 0)

    def size(self) -> int:
        """See engine.Database.size."""
        return int(self.ask("SELECT pg_database_size(current_database())")[0][0])

    def error(self, error: Exception) -> StoreError:
        """The clear line for a person, with what to do."""
        if isinstance(error, StoreError):
            return error
        word = faults.fault(error)
        found = StoreError(f"{self.name}: {faults.text(error, word)}", word)
        if word != "other":
            self.trouble = found
        return found

    def close(self) -> None:
        """See engine.Database.close."""
        self._pool.close(timeout=2.0)
        if self.log is not None:
            self.log.sync()


_USUAL_PATIENCE = "RESET lock_timeout"
_COUNT = "UPDATE writes SET count = count + 1 WHERE pg_current_xact_id_if_assigned() IS NOT NULL"
"""Within a write, as the last of it: one more has changed something."""


def _is_within(conn: Connection) -> bool:
    return conn.raw.info.transaction_status != psycopg.pq.TransactionStatus.IDLE


def _parts(url: str) -> dict[str, Any]:
    """What a URL says. What libpq says of one that it does not take may hold the password; so we say it. Raises StoreError."""
    try:
        return dict(conninfo_to_dict(url))
    except psycopg.Error:
        raise StoreError(BAD_URL) from None


def shown(url: str) -> str:
    """A database's URL without its password."""
    known = _parts(url)
    port = f":{known['port']}" if known.get("port") else ""
    return f"postgresql://{known.get('host', '')}{port}/{known.get('dbname', '')}"
