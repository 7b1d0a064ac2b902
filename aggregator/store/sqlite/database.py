"""Connections and transactions: one writer at a time, BEGIN IMMEDIATE, WAL, synchronous=FULL, foreign keys on."""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlite_utils import Database as Utils

from aggregator.errors import BROKEN, StoreError
from aggregator.store.sql import rows
from aggregator.store.sql.copying import MOVED_TO
from aggregator.store.sql.engine import tell
from aggregator.store.sql.sentlog import SentLog
from aggregator.store.sqlite import faults, migrations, opening, wal
from aggregator.store.sqlite.connection import Connection

BUSY_SECONDS = 30.0


class Database:
    """One SQLite file, a connection per thread.

    `db.execute()` of sqlite-utils commits by itself and `conn.execute()` does not; connections here are in autocommit
    mode and every write stands in `write()`, so that nobody has to remember which is which.

    After an error that throws doubt on what a connection believes of the file (errors.BROKEN) that connection is closed and nothing is
    tried again here: the next who asks gets a new one. Once the file itself is known to be damaged, nothing more is written to it.

    Attributes:
        path: the file.
        reading: nothing is written, for nothing can be.
        trouble: what was refused last; None since a write went well. Damage stays.
        moving: it is written although its data is elsewhere: by what moves it.
    """

    def __init__(
        self,
        path: Path,
        *,
        synchronous: str = "FULL",
        reading: bool = False,
        spare: Callable[[], str] = lambda: "",
        sent: Path | None = None,
    ) -> None:
        """`spare` names the backup to restore, once one is needed; `sent` is the folder of the log of what was sent, None for no log."""
        self.path = path
        self.reading = reading
        self.log = None if sent is None or reading else SentLog(sent)
        self.trouble: StoreError | None = None
        self._doubtful = False
        self._spare = spare
        self._synchronous = synchronous
        self._local = threading.local()
        self._writer = threading.RLock()
        self._book = threading.Lock()
        self._open: dict[threading.Thread, Connection] = {}
        self._known = False
        self._waited_at = 0
        self._closed = False
        self.moving = True

    # -- connections -------------------------------------------------------------------------------------------------

    def _connect(self) -> Connection:
        if self._closed:
            raise StoreError(f"{self.path}: the store is closed")
        try:
            if self.reading:
                conn = opening.to_read(self.path, BUSY_SECONDS)
            else:
                # What was there before and is gone is not made anew: an empty database would poll everything again as new.
                conn = opening.to_write(self.path, self._synchronous, BUSY_SECONDS, make=not self._known)
        except sqlite3.Error as e:
            raise self.error(e) from e
        self._known = True
        self._local.file = opening.identity(self.path)
        self._keep(conn)
        if self._doubtful:
            self._look_again(conn)
        return conn

    def _look_again(self, conn: Connection) -> None:
        """After the disk refused: is the file what it was?"""
        self._doubtful = False
        try:
            (found,) = conn.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.Error as e:
            raise self.error(e) from e
        if found != "ok":
            raise self.condemn(str(found))

    def _keep(self, conn: Connection) -> None:
        """Remember it for close(); those of threads that have ended are of no use any more."""
        with self._book:
            for thread in [t for t in self._open if not t.is_alive()]:
                self._open.pop(thread).close()
            self._open[threading.current_thread()] = conn

    def _let_go(self) -> None:
        """Close this thread's connection."""
        self._local.conn = None
        with self._book:
            conn = self._open.pop(threading.current_thread(), None)
        if conn is not None:
            with contextlib.suppress(sqlite3.Error):
                conn.close()

    @property
    def conn(self) -> Connection:
        """This thread's connection; for reads outside a transaction."""
        conn: Connection | None = getattr(self._local, "conn", None)
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

    # -- transactions ------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """One write transaction; everything in it is stored when the block ends well, nothing of it otherwise.

        Raises:
            StoreError: the database refused; the transaction is rolled back.
        """
        if self._damage is not None:
            raise StoreError(str(self._damage), "corrupt")
        if self.reading:
            raise StoreError(
                f"{self.path}: it is only read, as its folder cannot be written; make that writable", "read_only"
            )
        with self._writer:
            conn = self.conn
            self._see_that_it_is_there()
            try:
                self._bound_log(conn)
                before = conn.total_changes
                conn.lines.clear()
                conn.execute("BEGIN IMMEDIATE")
                self.see_that_it_is_in_use()
                yield conn
                tell(self.log, conn)
                conn.execute("COMMIT")
            except sqlite3.Error as e:
                self._rollback(conn)
                raise self.error(e) from e
            except BaseException:
                self._rollback(conn)
                raise
            if self.trouble is not None and conn.total_changes != before:
                self._recovered(self.trouble)

    def claim(self) -> contextlib.AbstractContextManager[Connection]:
        """See engine.Database.claim."""
        return self.write()

    def turn(self, name: str, seconds: float) -> contextlib.AbstractContextManager[bool]:  # noqa: ARG002 - the shape of the port
        """See engine.Database.turn."""
        return contextlib.nullcontext(enter_result=True)

    def _recovered(self, trouble: StoreError) -> None:
        """A write went well: is what was wrong before over? Damage stays, and on a full disk a small write may find a place."""
        if trouble.fault == "corrupt" or (trouble.fault == "full" and not faults.has_room(self.path)):
            return
        self.trouble = None

    def _see_that_it_is_there(self) -> None:
        """In a log SQLite goes on writing to a file that was removed or replaced, and all of it is lost. Raises StoreError."""
        if opening.identity(self.path) != self._local.file:
            self._let_go()
            self.trouble = StoreError(f"{self.path}: {faults.MISSING}", "missing")
            raise StoreError(str(self.trouble), "missing")

    def see_that_it_is_in_use(self) -> None:
        """A file whose contents have moved takes no writes, also of those who had it open before. Raises StoreError."""
        if not self.moving and (found := self.ask("SELECT value FROM facts WHERE name = ?", (MOVED_TO,))):
            raise StoreError(f"{self.path}: {faults.moved(found[0][0])}")

    def _bound_log(self, conn: Connection) -> None:
        """Wait a little for those who read an older state, where the log has grown long."""
        size = wal.size(self.path)
        if size < wal.BOUND:
            self._waited_at = 0
        elif size >= self._waited_at + wal.STEP:
            wal.fold(conn, wal.WAIT)
            self._waited_at = wal.size(self.path)

    def mark_backup(self, now: datetime) -> str:
        """Put a mark into the log, which the copy made next carries, too: what stands behind it, the copy does not know."""
        mark = f"{rows.stamp(now)} {secrets.token_hex(8)}"
        if self.log is not None:
            self.log.append([{"at": rows.stamp(now), "backup": mark}], durable=True)
        return mark

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
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
    def _rollback(conn: Connection) -> None:
        with contextlib.suppress(sqlite3.Error):
            if conn.in_transaction:
                conn.execute("ROLLBACK")

    def may_write(self, seconds: float) -> None:
        """See engine.Database.may_write."""
        try:
            conn = self.conn
            conn.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")
            try:
                conn.execute("BEGIN IMMEDIATE")
                try:
                    migrations.see_that_all_are_known(self.utils, self.path)
                finally:
                    conn.execute("ROLLBACK")
            finally:
                conn.execute(f"PRAGMA busy_timeout = {round(BUSY_SECONDS * 1000)}")
        except sqlite3.Error as e:
            raise self.error(e) from e

    def version(self) -> int:
        """See engine.Database.version."""
        return int(self.ask("PRAGMA data_version")[0][0])

    def size(self) -> int:
        """See engine.Database.size."""
        return self.path.stat().st_size

    def fold_log(self, seconds: float) -> bool:
        """Empty the log, waiting so long for others; whether that could be done. Raises StoreError."""
        try:
            return self.reading or wal.fold(self.conn, seconds)
        except sqlite3.Error as e:
            raise self.error(e) from e

    # -- what goes wrong ---------------------------------------------------------------------------------------------

    def error(self, error: sqlite3.Error) -> StoreError:
        """The clear line for a person, with what to do; a connection that cannot be believed any more is closed."""
        word = faults.fault(error, self.path, known=self._known)
        if word == "corrupt":
            return self.condemn(str(error))
        who = self._who() if word == "locked" else ""
        found = StoreError(f"{self.path}: {faults.text(error, word)}{who}", word)
        if word != "other" and self._damage is None:
            self.trouble = found
        if word in BROKEN:
            self._doubtful = self._doubtful or word == "io"
            self._let_go()
        return found

    def condemn(self, why: str) -> StoreError:
        """From now on nothing is written; the error that says so."""
        self._let_go()
        if self._damage is None:
            self.trouble = StoreError(f"{self.path}: {why}; {faults.restore(self._spare())}", "corrupt")
        return StoreError(str(self.trouble), "corrupt")

    @property
    def _damage(self) -> StoreError | None:
        """Why nothing is written any more."""
        return self.trouble if self.trouble is not None and self.trouble.fault == "corrupt" else None

    def _who(self) -> str:
        """Which processes hold it, where the system tells."""
        named = ", ".join(wal.named_holders(self.path))
        return f" (held by process {named})" if named else ""

    def close(self) -> None:
        """End every connection; safe to call twice."""
        with self._writer, self._book:
            self._closed = True
            for conn in self._open.values():
                with contextlib.suppress(sqlite3.Error):
                    conn.close()
            self._open.clear()
        if self.log is not None:
            self.log.sync()
