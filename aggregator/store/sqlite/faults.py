"""What is wrong with a database, in a stable word by SQLite's own number, and what a person can do about it."""

from __future__ import annotations

import errno
import os
import resource
import sqlite3
import tempfile
from collections.abc import Mapping
from pathlib import Path

from aggregator.errors import StoreFault
from aggregator.store.sqlite import wal

SAMPLE = 256 * 1024
"""Bytes that are tried where SQLite only says that it could not write."""
OUT_OF_ROOM = (errno.ENOSPC, errno.EDQUOT)
_FAULTS: Mapping[int, StoreFault] = {
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_BUSY: "locked",
    sqlite3.SQLITE_LOCKED: "locked",
    sqlite3.SQLITE_PROTOCOL: "locked",
    sqlite3.SQLITE_CORRUPT: "corrupt",
    sqlite3.SQLITE_NOTADB: "corrupt",
    sqlite3.SQLITE_FORMAT: "corrupt",
    sqlite3.SQLITE_READONLY: "read_only",
    sqlite3.SQLITE_PERM: "read_only",
    sqlite3.SQLITE_CANTOPEN: "read_only",
    sqlite3.SQLITE_IOERR: "io",
}
MISSING = "it was moved or removed while in use; put it back or restore a backup, then start again"
_ADVICE: Mapping[StoreFault, str] = {
    "full": "the disk is full; make room, nothing stored is lost",
    "locked": "another program holds it; close it or try again",
    "read_only": "check that the folder exists and may be written",
    "missing": MISSING,
    "io": "the disk refused; look at its health and limits (`dmesg`, `ulimit -f`), nothing stored is lost",
    "other": "run `aggregator doctor`",
}


def fault(error: sqlite3.Error, path: Path, *, known: bool) -> StoreFault:
    """The word for an error of the database at `path`; `known` says that it was there before."""
    code = getattr(error, "sqlite_errorcode", 0)
    word = _FAULTS.get(code & 0xFF, "other")
    if code == sqlite3.SQLITE_READONLY_DBMOVED or (known and word in ("read_only", "io") and not path.exists()):
        return "missing"
    if word in ("io", "read_only") and not has_room(path):
        return "full"
    return word


def text(error: sqlite3.Error, word: StoreFault) -> str:
    """What SQLite says, and what can be done."""
    said = str(error)
    if word == "io":
        said = f"{said} ({getattr(error, 'sqlite_errorname', '')})"
    return f"{said}; {_ADVICE.get(word, restore(''))}"


def restore(spare: str) -> str:
    """What can be done about a damaged file; `spare` is the backup to take, or ""."""
    if not spare:
        return "restore a backup with `aggregator restore`, or see what `aggregator salvage` can read"
    return f"`aggregator restore {spare}` puts the newest sound backup in place"


def moved(fact: str) -> str:
    """What can be done about a file whose contents are elsewhere; `fact` says since when and where."""
    at, _, to = fact.partition(" ")
    return (
        f"its data moved to {to} at {at[:16]}Z, and nothing is kept here any more; name that in storage.url, "
        "or take it back with `aggregator move --undo`, without what came since"
    )


def has_room(path: Path) -> bool:
    """Whether the disk, quotas and limits of this process leave some room beside the database.

    SQLite tells a full disk by ENOSPC alone, and not where it makes the files beside the database.
    """
    largest = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    sizes = (file.stat().st_size for file in (path, wal.file(path)) if file.exists())
    if largest != resource.RLIM_INFINITY and max(sizes, default=0) + SAMPLE > largest:
        return False
    try:
        with tempfile.TemporaryFile(dir=path.parent) as file:
            os.write(file.fileno(), bytes(SAMPLE))
            return os.fstat(file.fileno()).st_size == SAMPLE
    except OSError as e:
        return e.errno not in OUT_OF_ROOM
