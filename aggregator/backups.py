"""Backups: made while everything goes on, checked, listed and rotated; each is the database and the secret in one archive."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tarfile
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from aggregator.care import BackupState, Upkeep
from aggregator.errors import AggregatorError, StoreError
from aggregator.instance import InstanceLock
from aggregator.settings import BackupSettings, Home
from aggregator.settings.home import sync_folder

MEMBERS = ("aggregator.db", "secret")
NAME = re.compile(r"aggregator-(\d{8}-\d{6})(?:-\d+)?\.tar\.gz")
SPARE = 16 << 20
"""Bytes that are left free beside what a backup needs."""
COMPRESSION = 4
BLOCK = 1 << 20
AGAIN = timedelta(hours=1)
"""After how long a backup that failed is tried again; so long a new database waits for its first."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A file that is named as a backup of ours, and the moment in its name."""

    path: Path
    made_at: datetime
    size: int


class NoRoomError(AggregatorError):
    """The disk has too little room for a backup; what is there stays."""


def folder(home: Home, rules: BackupSettings) -> Path:
    """Where backups lie."""
    return home.path / rules.directory


def due(state: BackupState, rules: BackupSettings, now: datetime) -> bool:
    """Whether a backup is to be made now. A clock that went back does not put it off for ever."""
    if not rules.every:
        return False
    waits = [(state.made_at, rules.every), (state.tried_at, min(rules.every, AGAIN))]
    return all(at is None or not at <= now < at + wait for at, wait in waits)


def make(upkeep: Upkeep, home: Home, target: Path, now: datetime, stop: threading.Event | None = None) -> Path:
    """Write a backup, compare it with what it is of, and give it its name only then; mode 0600, down to the disk.

    Raises:
        InstanceError: another one is being made.
        NoRoomError: the disk has no room for it.
        AggregatorError: it cannot be written, or is not sound; nothing is left of it.
    """
    lock = InstanceLock(home.var / "backup.lock", said="a backup is being made", do="wait until it is done")
    lock.acquire()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _scratch(home, target.parent) as scratch:
            _look_for_room(home.db, target.parent)
            copy, part = scratch / MEMBERS[0], scratch / "part"
            upkeep.backup(copy, now)
            written = _pack(part, [(copy, MEMBERS[0]), (home.secret, MEMBERS[1])], now, stop)
            _compare(part, written)
            part.replace(target)
            sync_folder(target.parent)
    except OSError as e:
        raise AggregatorError(f"{target}: {e.strerror or e}; name another file with --out") from e
    finally:
        lock.release()
    return target


def free_name(where: Path, now: datetime) -> Path:
    """A name for a backup made now that no file has."""
    stem = f"aggregator-{now.astimezone(UTC):%Y%m%d-%H%M%S}"
    names = (where / f"{stem}{f'-{n}' if n else ''}.tar.gz" for n in range(10_000))
    return next(path for path in names if not path.exists())


def listed(where: Path) -> list[Backup]:
    """The backups in a folder, the newest first; files that are named otherwise are not ours. Raises OSError."""
    found = []
    for path in where.iterdir() if where.is_dir() else ():
        name = NAME.fullmatch(path.name)
        if name and path.is_file() and not path.is_symlink():
            try:
                made_at = datetime.strptime(name[1], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
            except ValueError:
                continue
            found.append(Backup(path, made_at, path.stat().st_size))
    return sorted(found, key=lambda one: (one.made_at, one.path.name), reverse=True)


def superfluous(found: Sequence[Backup], rules: BackupSettings, newest: Path) -> list[Backup]:
    """Those that need not be kept: not the last of one of the last days or weeks that have any, and not the one just made."""
    days: dict[str, Path] = {}
    weeks: dict[str, Path] = {}
    for one in found:
        days.setdefault(f"{one.made_at:%Y-%m-%d}", one.path)
        weeks.setdefault(f"{one.made_at:%G-%V}", one.path)
    kept = {newest, *list(days.values())[: rules.daily], *list(weeks.values())[: rules.weekly]}
    return [one for one in found if one.path not in kept]


def rotate(where: Path, rules: BackupSettings, newest: Path) -> list[Path]:
    """Remove what need not be kept, after `newest` was made and found good; what was removed. Raises OSError."""
    old = [one.path for one in superfluous(listed(where), rules, newest)]
    for path in old:
        path.unlink(missing_ok=True)
    return old


@contextmanager
def _scratch(home: Home, where: Path) -> Iterator[Path]:
    """A folder beside the target; those that killed processes of this home left there go first."""
    prefix = f".backup-{hashlib.sha256(str(home.path.resolve()).encode()).hexdigest()[:8]}-"
    for left in where.glob(f"{prefix}*"):
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=where, prefix=prefix, ignore_cleanup_errors=True) as scratch:
        yield Path(scratch)


def _look_for_room(db: Path, where: Path) -> None:
    """A backup needs the room of the database and, while it is packed, about half of that again."""
    sizes = [p.stat().st_size for p in (db, db.with_name(db.name + "-wal")) if p.exists()]
    needed = sum(sizes) * 3 // 2 + SPARE
    free = shutil.disk_usage(where).free
    if free < needed:
        raise NoRoomError(
            f"{where}: no room for a backup: it needs {needed >> 20:,} MB, {free >> 20:,} MB are free; "
            "make room, or set backup.directory to another disk"
        )


@dataclass
class _Reading:
    """A file that is read block by block and summed up on the way; it ends early once `stop` is set."""

    file: IO[bytes]
    stop: threading.Event | None = None
    total: hashlib._Hash = field(default_factory=hashlib.sha256)

    def read(self, size: int = BLOCK) -> bytes:
        """The next block. Raises AggregatorError when it is to stop."""
        if self.stop is not None and self.stop.is_set():
            raise AggregatorError("the backup was broken off: the program stops")
        block = self.file.read(min(size, BLOCK))
        self.total.update(block)
        return block


def _pack(
    part: Path, members: Sequence[tuple[Path, str]], now: datetime, stop: threading.Event | None
) -> dict[str, str]:
    """Write the archive, down to the disk; the sum of each member."""
    sums = {}
    with part.open("xb") as file:
        part.chmod(0o600)
        with tarfile.open(fileobj=file, mode="w:gz", compresslevel=COMPRESSION) as tar:
            for path, name in members:
                with path.open("rb") as source:
                    info = tar.gettarinfo(arcname=name, fileobj=source)
                    info.mtime, info.mode = int(now.timestamp()), 0o600
                    info.uid = info.gid = 0
                    info.uname = info.gname = ""
                    reading = _Reading(source, stop)
                    tar.addfile(info, reading)
                sums[name] = reading.total.hexdigest()
        file.flush()
        os.fsync(file.fileno())
    return sums


def _compare(part: Path, written: dict[str, str]) -> None:
    """Read the archive back. Raises StoreError where it does not hold what was put in."""
    for name, expected in written.items():
        with tarfile.open(part) as tar:
            member = tar.extractfile(name)
            assert member is not None
            with member:
                reading = _Reading(member)
                while reading.read():
                    pass
        if reading.total.hexdigest() != expected:
            raise StoreError(f"{part}: {name} cannot be read back as it was written; is the disk sound?")
