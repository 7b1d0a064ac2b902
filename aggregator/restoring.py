"""A backup looked into, and put in place: everything happens in a scratch folder first, and nothing changes unless it is sound."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aggregator import settings
from aggregator.backups import BLOCK, MEMBERS
from aggregator.care import Recalled
from aggregator.errors import StoreError, UsageError
from aggregator.settings import Home

SCRATCH = ".restore-"
"""How the names of the folders begin in which a backup is looked into."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a restore of a backup finds.

    Attributes:
        made_at: when it was made, as the archive says.
        recalled: what the log of the home says of the time since.
        held: messages that are unsent as far as is known; they wait for a person.
        stats: the numbers of its database (care.Upkeep.stats).
    """

    made_at: datetime
    recalled: Recalled
    held: int
    stats: dict[str, Any]


def verify(home: Home, file: Path, now: datetime) -> Found:
    """Do all of a restore but the last step. Raises UsageError: it is no backup; StoreError: its database is not sound."""
    with settings.scratch(home, SCRATCH) as scratch:
        return _prepared(home, file, Path(scratch), now)


def restore(home: Home, file: Path, now: datetime) -> Found:
    """Put a backup in place of the database and the secret, which stay beside it as `.before-restore`.

    The lock of the home must be held. Raises UsageError, StoreError: nothing was changed.
    """
    with settings.scratch(home, SCRATCH, alone=True) as scratch:
        found = _prepared(home, file, Path(scratch), now)
        settings.swap(home, Path(scratch))
    return found


def _prepared(home: Home, file: Path, scratch: Path, now: datetime) -> Found:
    """Unpack, check, bring up to what the log knows, hold the rest."""
    from aggregator.store.sqlite import SqliteStores

    made_at = _unpack(file, scratch)
    copy = scratch / MEMBERS[0]
    try:
        key = bytes.fromhex((scratch / MEMBERS[1]).read_text("ascii").strip())
    except ValueError:
        raise StoreError(f"{file}: its secret is damaged; nothing was changed, try an older backup") from None
    try:
        stores = SqliteStores(copy, secret=key)
        try:
            problems = stores.upkeep.check(deep=True)
            if not problems:
                recalled = stores.upkeep.recall(home.sent, now)
                held = stores.upkeep.hold_outbox(now)
                stores.upkeep.note_backup(made_at, str(file.resolve()))  # itself: it was made before it knew
                return Found(made_at, recalled, held, stores.upkeep.stats(now))
        finally:
            stores.upkeep.close()
    except StoreError as e:
        problems = [str(e).removeprefix(f"{copy}: ").partition(";")[0]]
    raise StoreError(f"{file}: its database is not sound: {problems[0]}; nothing was changed, try an older backup")


def _unpack(file: Path, scratch: Path) -> datetime:
    """Take out the two members by name; a member's own path is never believed. When the archive was made."""
    try:
        with gzip.open(file) as whole:  # the checksum stands at its end
            while whole.read(BLOCK):
                pass
        with tarfile.open(file) as tar:
            for name in MEMBERS:
                source = tar.extractfile(name)
                if source is None:
                    raise UsageError(f"{file}: {name} is no file in it; is this a backup of aggregator?")
                with source, (scratch / name).open("wb") as target:
                    while block := source.read(BLOCK):
                        target.write(block)
            return datetime.fromtimestamp(tar.getmember(MEMBERS[0]).mtime, UTC)
    except (tarfile.TarError, zlib.error, KeyError, EOFError, OSError, ValueError, OverflowError) as e:
        raise UsageError(f"{file}: not a backup of aggregator ({e}); nothing was changed") from e
