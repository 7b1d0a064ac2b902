"""Copies of a database: verified before they get their name, and one that is kept before the schema changes."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sqlite3
from pathlib import Path

from aggregator.errors import StoreError
from aggregator.store.sql.engine import FACT, MARK
from aggregator.store.sqlite.database import BUSY_SECONDS

log = logging.getLogger("aggregator")

KEPT = "before-{}.db"
"""The file that is kept before a step of the schema, by the step's name."""


def write(source: sqlite3.Connection, target: Path, mark: str = "") -> None:
    """Copy what `source` sees to `target`, which appears only when it is whole, verified and on the disk; `mark` stands in the copy.

    Raises:
        StoreError: it could not be written, or is not sound.
    """
    part = target.with_name(target.name + ".part")
    try:
        _discard(part)  # of a process that fell
        with contextlib.closing(sqlite3.connect(part)) as copy:
            # In one step: a snapshot, while writers go on in the log; by pages it would begin anew at each commit.
            source.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")
            if mark:
                copy.execute(FACT, (MARK, mark))
                copy.commit()
            found = copy.execute("PRAGMA integrity_check").fetchone()[0]
            if found == "ok" and (broken := copy.execute("PRAGMA foreign_key_check").fetchone()) is not None:
                found = f"foreign key: {broken}"
        if found != "ok":
            raise StoreError(f"{part}: the copy is not sound ({found}); the database stays as it is")
        with part.open("rb") as file:
            os.fchmod(file.fileno(), 0o600)
            os.fsync(file.fileno())
        part.replace(target)
    except (sqlite3.Error, OSError) as e:
        raise StoreError(f"{part}: {e}; check that the folder exists, may be written and has room") from e
    finally:
        _discard(part)


def keep(database: Path, folder: Path, step: str) -> None:
    """Keep the database as it is before a step of the schema; only the newest such copy stays.

    Whoever calls holds the writers' lock, so nobody changes it meanwhile. The change itself may need as much room again:
    where there is not enough for both, no copy is made, and the log says so.
    """
    target = folder / KEPT.format(step)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(f"{KEPT.format('*')}.part"):
            _discard(left)
        _see_to_room(database, folder)
        with contextlib.closing(sqlite3.connect(database, timeout=BUSY_SECONDS)) as source:
            write(source, target)
    except (OSError, sqlite3.Error, StoreError) as e:
        log.warning("the tables are brought up to date, and no copy of the database is kept from before: %s", e)
        return
    log.info("the database as it was before %s is kept: %s", step, target)
    for older in folder.glob(KEPT.format("*")):
        if older != target:
            _discard(older)


def _see_to_room(database: Path, folder: Path) -> None:
    size, free = database.stat().st_size, shutil.disk_usage(folder).free
    if free < 2 * size:
        raise StoreError(f"{folder}: {2 * size >> 20:,} MB of room are needed, {free >> 20:,} MB are free")


def _discard(file: Path) -> None:
    """Remove a file, and what SQLite may have laid beside it."""
    for name in (file.name, f"{file.name}-journal"):
        with contextlib.suppress(OSError):
            file.with_name(name).unlink()
