"""How a connection is opened: to write, or to read alone where nothing can be written."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from aggregator.errors import StoreError
from aggregator.store.sqlite import wal
from aggregator.store.sqlite.connection import Connection

WAL_TRIES = 100
PAGE_BYTES = 8192
"""An entry's row is about 1,100 bytes: pages of 4,096 leave a hundred bytes more unused for each."""
CACHE_KB = 16_000
"""A batch of a sweep must not spill before it is committed; SQLite's own 2,000 would."""
STATEMENTS = 512
"""Prepared statements that a connection keeps."""


def to_write(path: Path, synchronous: str, busy: float, *, make: bool) -> Connection:
    """In WAL mode, waiting `busy` seconds for other writers; without `make` a file that is not there is an error.

    Raises sqlite3.Error.
    """
    conn = _connect(path, "rwc" if make else "rw", busy)
    try:
        conn.execute(f"PRAGMA page_size={PAGE_BYTES}")  # of a new file
        _turn_to_wal(conn)
        pragmas = (f"synchronous={synchronous}", "foreign_keys=ON", f"journal_size_limit={wal.KEPT}")
        _set(conn, *pragmas)
    except sqlite3.Error:
        conn.close()
        raise
    return conn


def to_read(path: Path, busy: float) -> Connection:
    """To read alone, with nothing written beside it. Raises sqlite3.Error, and StoreError where its log would have to be written."""
    try:
        return _tried(_connect(path, "ro", busy))
    except sqlite3.OperationalError:
        if not path.exists():
            raise
    if wal.size(path):
        raise StoreError(
            f"{path}: {wal.file(path).name} beside it holds what is not in it yet, and that cannot be read without writing; "
            "make the folder writable, or copy both files to another home",
            "read_only",
        )
    # Whoever wrote there would have a log; without one the file stays as it is while it is read.
    return _tried(_connect(path, "ro&immutable=1", busy))


def identity(path: Path) -> tuple[int, int] | None:
    """Which file it is; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _connect(path: Path, mode: str, busy: float) -> Connection:
    # The threads' own connections; `check_same_thread` is off only so that Database.close() can end them all.
    conn = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=busy,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=STATEMENTS,
        factory=Connection,
    )
    conn.row_factory = sqlite3.Row
    return conn


def _tried(conn: Connection) -> Connection:
    try:
        _set(conn, "query_only=ON")
        conn.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error:
        conn.close()
        raise
    return conn


def _set(conn: Connection, *more: str) -> None:
    for pragma in ("temp_store=MEMORY", f"cache_size=-{CACHE_KB}", *more):
        conn.execute(f"PRAGMA {pragma}")


def _turn_to_wal(conn: Connection) -> None:
    """Switch to WAL; of several programs that open a new file at once, the others wait for the one that switches.

    SQLite does not wait for that lock by itself, so we stand in the queue of writers, which does, and ask again.
    """
    for _ in range(WAL_TRIES):
        try:
            conn.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as e:
            if e.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise
            conn.execute("BEGIN IMMEDIATE")
            conn.execute("ROLLBACK")
        else:
            return
    conn.execute("PRAGMA journal_mode=WAL")
