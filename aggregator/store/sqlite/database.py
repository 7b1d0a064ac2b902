"""Connections and transactions: one writer at a time, BEGIN IMMEDIATE, WAL, synchronous=FULL, foreign keys on."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlite_utils import Database as Utils

from aggregator.errors import StoreError

BUSY_SECONDS = 30.0
WAL_TRIES = 100
PAGE_BYTES = 8192
"""An entry's row is about 1,100 bytes: pages of 4,096 leave a hundred bytes more unused for each."""
CACHE_KB = 16_000
"""A batch of a sweep must not spill before it is committed; SQLite's own 2,000 would."""
STATEMENTS = 512
"""Prepared statements that a connection keeps."""


class Database:
    """One SQLite file, a connection per thread.

    `db.execute()` of sqlite-utils commits by itself and `conn.execute()` does not; connections here are in autocommit
    mode and every write stands in `write()`, so that nobody has to remember which is which.
    """

    def __init__(self, path: Path, *, synchronous: str = "FULL") -> None:
        self.path = path
        self._synchronous = synchronous
        self._local = threading.local()
        self._writer = threading.RLock()
        self._book = threading.Lock()
        self._open: dict[threading.Thread, sqlite3.Connection] = {}
        self._closed = False

    def _connect(self) -> sqlite3.Connection:
        if self._closed:
            raise StoreError(f"{self.path}: the store is closed")
        try:
            # The threads' own connections; `check_same_thread` is off only so that close() can end them all.
            conn = sqlite3.connect(
                self.path,
                timeout=BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=STATEMENTS,
            )
        except sqlite3.Error as e:
            raise self.error(e) from e
        try:
            conn.row_factory = sqlite3.Row
            conn.execute(f"PRAGMA page_size={PAGE_BYTES}")  # of a new file
            _turn_to_wal(conn)
            pragmas = (
                f"synchronous={self._synchronous}",
                "foreign_keys=ON",
                "temp_store=MEMORY",
                f"cache_size=-{CACHE_KB}",
            )
            for pragma in pragmas:
                conn.execute(f"PRAGMA {pragma}")
        except sqlite3.Error as e:
            conn.close()
            raise self.error(e) from e
        self._keep(conn)
        return conn

    def _keep(self, conn: sqlite3.Connection) -> None:
        """Remember it for close(); those of threads that have ended are of no use any more."""
        with self._book:
            for thread in [t for t in self._open if not t.is_alive()]:
                self._open.pop(thread).close()
            self._open[threading.current_thread()] = conn

    @property
    def conn(self) -> sqlite3.Connection:
        """This thread's connection; for reads outside a transaction."""
        conn: sqlite3.Connection | None = getattr(self._local, "conn", None)
        if conn is None or self._closed:
            conn = self._local.conn = self._connect()
        return conn

    @property
    def utils(self) -> Utils:
        """This thread's connection through sqlite-utils."""
        utils: Utils | None = getattr(self._local, "utils", None)
        if utils is None or utils.conn is not self.conn:
            utils = self._local.utils = Utils(self.conn)
        return utils

    @contextlib.contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One write transaction; everything in it is stored when the block ends well, nothing of it otherwise.

        Raises:
            StoreError: the database refused; the transaction is rolled back.
        """
        with self._writer:
            conn = self.conn
            try:
                conn.execute("BEGIN IMMEDIATE")
                yield conn
                conn.execute("COMMIT")
            except sqlite3.Error as e:
                self._rollback(conn)
                raise self.error(e) from e
            except BaseException:
                self._rollback(conn)
                raise

    @contextlib.contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Reads that must agree with each other: one snapshot.

        Raises:
            StoreError: the database refused.
        """
        conn = self.conn
        if conn.in_transaction:
            yield conn
            return
        try:
            conn.execute("BEGIN")
            yield conn
        except sqlite3.Error as e:
            raise self.error(e) from e
        finally:
            self._rollback(conn)

    def ask(self, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[sqlite3.Row]:
        """The rows of one statement, which is a snapshot by itself: a third of the cost of `read`.

        Raises:
            StoreError: the database refused.
        """
        try:
            return self.conn.execute(sql, values).fetchall()
        except sqlite3.Error as e:
            raise self.error(e) from e

    @staticmethod
    def _rollback(conn: sqlite3.Connection) -> None:
        with contextlib.suppress(sqlite3.Error):
            if conn.in_transaction:
                conn.execute("ROLLBACK")

    def error(self, error: sqlite3.Error) -> StoreError:
        """The clear line for a person, with what to do."""
        text = str(error)
        if "locked" in text or "busy" in text:
            advice = "another program holds it; close it or try again"
        elif "readonly" in text or "unable to open" in text:
            advice = "check that the folder exists and may be written"
        elif "full" in text:
            advice = "the disk is full; make room, nothing stored is lost"
        elif "malformed" in text or "not a database" in text or "corrupt" in text:
            advice = "restore a backup with `aggregator restore`"
        else:
            advice = "run `aggregator doctor`"
        return StoreError(f"{self.path}: {text}; {advice}")

    def close(self) -> None:
        """End every connection; safe to call twice."""
        with self._writer, self._book:
            self._closed = True
            for conn in self._open.values():
                with contextlib.suppress(sqlite3.Error):
                    conn.close()
            self._open.clear()


def _turn_to_wal(conn: sqlite3.Connection) -> None:
    """Switch to WAL; of several programs that open a new file at once, the others wait for the one that switches.

    SQLite does not wait for that lock by itself, so we stand in the queue of writers, which does, and ask again.
    """
    for _ in range(WAL_TRIES):
        try:
            conn.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as e:
            if "locked" not in str(e):
                raise
            conn.execute("BEGIN IMMEDIATE")
            conn.execute("ROLLBACK")
        else:
            return
    conn.execute("PRAGMA journal_mode=WAL")
