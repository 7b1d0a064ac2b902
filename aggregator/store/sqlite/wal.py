"""SQLite's log of what was committed and is not yet in the file (`-wal`): how long it is, folding it in, who holds it up.

The log can begin anew only while nobody reads an older state. One program that reads for an hour lets it grow for an hour;
so a writer waits a little whenever it has grown by a megabyte past its bound: slow is better than a full disk.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

KEPT = 8 << 20
"""Bytes that the file of the log keeps once all in it is folded in."""
BOUND = 24 << 20
"""From here on writers wait for readers."""
STEP = 1 << 20
"""Each time it has grown by this."""
WAIT = 5.0
"""For so many seconds at most."""
_READ_LOCKS = range(123, 128)
_WRITE_LOCK = 120
"""Bytes of `-shm` that readers and the writer lock (walformat.html, "locks")."""


def file(database: Path) -> Path:
    """The log of a database."""
    return database.with_name(database.name + "-wal")


def size(database: Path) -> int:
    """Its bytes; 0 where there is none."""
    try:
        return file(database).stat().st_size
    except OSError:
        return 0


def fold(conn: sqlite3.Connection, seconds: float) -> bool:
    """Bring all of it into the database and empty it, waiting so long for readers and writers; whether that could be done.

    Raises sqlite3.Error when the disk refuses.
    """
    (usual,) = conn.execute("PRAGMA busy_timeout").fetchone()
    conn.execute(f"PRAGMA busy_timeout={int(seconds * 1000)}")
    try:
        busy, _, _ = conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError as e:
        if getattr(e, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return False
        raise
    finally:
        with contextlib.suppress(sqlite3.Error):
            conn.execute(f"PRAGMA busy_timeout={usual}")
    return not busy


def holders(database: Path) -> list[int]:
    """Processes that read an older state of it or write at this moment; empty where the system does not tell (proc_locks(5))."""
    try:
        inode = database.with_name(database.name + "-shm").stat().st_ino
        lines = Path("/proc/locks").read_text("ascii").splitlines()
    except OSError:
        return []
    found = set()
    for fields in (line.replace("-> ", "").split() for line in lines):
        pid, where, start, end = fields[-4:]
        if where.rpartition(":")[2] != str(inode) or not pid.isdigit():
            continue
        locked = range(int(start), int(end) + 1 if end.isdigit() else 1 << 30)
        if _WRITE_LOCK in locked or any(byte in locked for byte in _READ_LOCKS):
            found.add(int(pid))
    return sorted(found - {0})


def named_holders(database: Path) -> list[str]:
    """The same with what each is called: `1234 sqlite3`."""
    return [f"{pid} {_name(pid)}" for pid in holders(database)]


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text("utf-8", "replace").strip()
    except OSError:
        return "?"
