"""Putting another database and secret in the place of a home's own, so that a fall in the middle is finished by whoever comes next."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from aggregator.errors import ConfigError
from aggregator.settings import home as folders
from aggregator.settings.home import Home, sync_folder, write_new

DATABASE, SECRET = "aggregator.db", "secret"
"""What the folder to put in place holds."""
PARTS = ("", "-wal", "-shm")
KEPT = ".before-restore"


def prepare(home: Home) -> None:
    """Make the folders that are written to, and finish a swap that was begun. Raises ConfigError naming what cannot be."""
    finish(home)
    folders.prepare(home)


def secret(home: Home) -> bytes:
    """The installation's secret, 32 random bytes; made once, read ever after. Raises ConfigError."""
    finish(home)
    return folders.secret(home)


def swap(home: Home, folder: Path) -> None:
    """Put the two files of a folder, which stands beside the database, in place; what they replace stays as `.before-restore`.

    The folder's new name is the moment from which it is done: whatever falls later, the next `finish` goes on. The lock of the
    home must be held. Raises ConfigError.
    """
    for path in (home.db, home.secret):
        for part in PARTS:  # what an earlier restore left under this name belongs to another database
            _kept(path, part).unlink(missing_ok=True)
    for name in (DATABASE, SECRET):
        with (folder / name).open("rb") as file:
            os.fsync(file.fileno())
    folder.rename(_ready(home))
    sync_folder(home.db.parent)
    finish(home)


def finish(home: Home) -> None:
    """Finish a swap that was begun; mostly there is none. Raises ConfigError: it cannot be finished."""
    ready = _ready(home)
    try:
        if not ready.exists():
            return
    except OSError as e:
        raise ConfigError(f"{ready.parent}: {e.strerror}; make it readable for this user or name another --home") from e
    try:
        with _alone(ready):
            if (ready / DATABASE).exists():
                for part in PARTS:
                    _move(home.db.with_name(home.db.name + part), _kept(home.db, part))
                (ready / DATABASE).replace(home.db)
            if (ready / SECRET).exists():
                _change_secret(home, ready / SECRET)
            for folder in (home.db.parent, home.secret.parent):
                sync_folder(folder)
            shutil.rmtree(ready)
    except FileNotFoundError:
        if ready.exists():
            raise
    except OSError as e:
        raise ConfigError(
            f"{ready}: a restore was begun and cannot be finished: {e.strerror or e}; mend it, then start again"
        ) from e


def _change_secret(home: Home, fresh: Path) -> None:
    """By a copy: the secret may be on another disk than the database."""
    draft = home.secret.with_name(f".{SECRET}-restored")
    draft.unlink(missing_ok=True)
    write_new(draft, fresh.read_bytes(), 0o600)
    _move(home.secret, _kept(home.secret, ""))
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


def _ready(home: Home) -> Path:
    return home.db.with_name("restoring")


def _kept(path: Path, part: str) -> Path:
    return path.with_name(path.name + KEPT + part)
