"""Putting another database and secret in the place of a home's own, so that a fall in the middle is finished by whoever comes next."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from aggregator.errors import ConfigError
from aggregator.settings import home as folders
from aggregator.settings.home import Home, sync_folder, write_new

DATABASE, SECRET = "aggregator.db", "secret"
"""What the folder to put in place holds."""
PARTS = ("", "-wal", "-shm")
KEPT = {"restoring": ".before-restore", "salvaging": ".before-salvage"}
"""What a swap is called by its folder -> how the names of the files end that it replaced."""


def prepare(home: Home) -> None:
    """Make the folders that are written to, and finish a swap that was begun. Raises ConfigError naming what cannot be."""
    finish(home)
    folders.prepare(home)


def secret(home: Home) -> bytes:
    """The installation's secret, 32 random bytes; made once, read ever after. Raises ConfigError."""
    finish(home)
    return folders.secret(home)


def scratch(home: Home, prefix: str, *, alone: bool = False) -> TemporaryDirectory[str]:
    """A folder beside the database for what may be put in place. `alone`: those of one that fell go first; the lock of the home must be held."""
    home.db.parent.mkdir(parents=True, exist_ok=True)
    if alone:
        for left in home.db.parent.glob(f"{prefix}*"):
            shutil.rmtree(left, ignore_errors=True)
    return TemporaryDirectory(dir=home.db.parent, prefix=prefix, ignore_cleanup_errors=True)


def swap(home: Home, folder: Path, name: str = "restoring") -> None:
    """Put the files of a folder, which stands beside the database, in place; what they replace stays as KEPT says of this name.

    A folder without a secret leaves the home's own. The folder's new name is the moment from which it is done: whatever falls later,
    the next `finish` goes on. The lock of the home must be held. Raises ConfigError.
    """
    for file, path in ((DATABASE, home.db), (SECRET, home.secret)):
        if not (folder / file).exists():
            continue
        for part in PARTS:  # what an earlier one left under this name belongs to another database
            _kept(path, part, name).unlink(missing_ok=True)
        with (folder / file).open("rb") as handle:
            os.fsync(handle.fileno())
    sync_folder(folder)
    folder.rename(home.db.with_name(name))
    sync_folder(home.db.parent)
    finish(home)


def finish(home: Home) -> None:
    """Finish a swap that was begun; mostly there is none. Raises ConfigError: it cannot be finished."""
    for name in KEPT:
        _finish(home, name)


def _finish(home: Home, name: str) -> None:
    ready = home.db.with_name(name)
    try:
        if not ready.exists():
            return
    except OSError as e:
        raise ConfigError(f"{ready.parent}: {e.strerror}; make it readable for this user or name another --home") from e
    try:
        with _alone(ready):
            if (ready / DATABASE).exists():
                for part in PARTS:
                    _move(home.db.with_name(home.db.name + part), _kept(home.db, part, name))
                (ready / DATABASE).replace(home.db)
            if (ready / SECRET).exists():
                _change_secret(home, ready / SECRET, _kept(home.secret, "", name))
            for folder in (home.db.parent, home.secret.parent):
                sync_folder(folder)
            shutil.rmtree(ready)
    except FileNotFoundError:
        if ready.exists():
            raise
    except OSError as e:
        what = "a restore" if name == "restoring" else "a salvage"
        raise ConfigError(
            f"{ready}: {what} was begun and cannot be finished: {e.strerror or e}; mend it, then start again"
        ) from e


def _change_secret(home: Home, fresh: Path, kept: Path) -> None:
    """By a copy: the secret may be on another disk than the database."""
    draft = home.secret.with_name(f".{SECRET}-restored")
    draft.unlink(missing_ok=True)
    write_new(draft, fresh.read_bytes(), 0o600)
    _move(home.secret, kept)
    draft.replace(home.secret)
    fresh.unlink()


@contextmanager
def _alone(ready: Path) -> Iterator[None]:
    """One process at a time; FileNotFoundError when another has finished meanwhile."""
    handle = os.open(ready, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not ready.exists():
            raise FileNotFoundError(ready)
        yield
    finally:
        os.close(handle)


def _move(old: Path, kept: Path) -> None:
    with suppress(FileNotFoundError):
        old.replace(kept)


def _kept(path: Path, part: str, name: str) -> Path:
    return path.with_name(path.name + KEPT[name] + part)
