"""`aggregator restore`."""

from __future__ import annotations

import tarfile
import tempfile
from datetime import datetime
from pathlib import Path

import click

from aggregator.app import App
from aggregator.cli import output
from aggregator.cli.context import Context, pass_context, talk
from aggregator.errors import StoreError, UsageError
from aggregator.instance import InstanceLock
from aggregator.settings import Home

MEMBERS = ("aggregator.db", "secret")
LARGEST = 1 << 42


@click.command("restore")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@pass_context
def command(context: Context, file: Path) -> None:
    """Put a backup in place. The database it replaces is kept beside it; unsent messages are held until you release them.

    What came after the backup was made is polled anew where it still stands in the feeds, and may be told a second time.

    Example: aggregator restore var/backups/aggregator-20261124-030000.tar.gz
    """
    with context.app(sync=False) as app:
        home = app.configuration.home
        from aggregator import settings

        settings.prepare(home)
        lock = InstanceLock(home.lock)
        lock.acquire()
        try:
            held = _restore(app, home, file)
        finally:
            lock.release()
    talk(f"restored {file}; the database before it is {home.db}.before-restore")
    if held:
        messages = output.many(held, "unsent message")
        talk(f"{messages} held: look at `aggregator outbox list`, then `aggregator outbox release` or `outbox drop`")


def _restore(app: App, home: Home, file: Path) -> int:
    with tempfile.TemporaryDirectory(dir=home.db.parent, prefix=".restore-") as folder:
        copy, secret = (Path(folder) / name for name in MEMBERS)
        _unpack(file, Path(folder))
        held = _hold(file, copy, app.clock.now())
        _keep_old(home)
        copy.replace(home.db)
        secret.chmod(0o600)
        secret.replace(home.secret)
    return held


def _hold(file: Path, copy: Path, now: datetime) -> int:
    """See that the copy is sound, and hold its unsent messages."""
    from aggregator.store.sqlite import SqliteStores

    try:
        stores = SqliteStores(copy, secret=b"")
        try:
            problems = stores.upkeep.check(deep=True)
            held = 0 if problems else stores.upkeep.hold_outbox(now)
        finally:
            stores.upkeep.close()
    except StoreError as e:
        problems = [str(e).removeprefix(f"{copy}: ").partition(";")[0]]
    if problems:
        raise StoreError(f"{file}: its database is not sound: {problems[0]}; nothing was changed, try an older backup")
    return held


def _unpack(file: Path, folder: Path) -> None:
    """Take out the two members by name; a member's own path is never believed."""
    try:
        with tarfile.open(file) as tar:
            for name in MEMBERS:
                source = tar.extractfile(name)
                if source is None:
                    raise UsageError(f"{file}: {name} is no file in it; is this a backup of aggregator?")
                with source, (folder / name).open("wb") as target:
                    while block := source.read(1 << 20):
                        target.write(block)
    except (tarfile.TarError, KeyError, EOFError, OSError) as e:
        raise UsageError(f"{file}: not a backup of aggregator ({e}); nothing was changed") from e


def _keep_old(home: Home) -> None:
    """The replaced database stays as `.before-restore`, its log folded in by the next program that opens it."""
    for path, suffix in ((home.db, ""), (home.db, "-wal"), (home.db, "-shm"), (home.secret, "")):
        old = path.with_name(path.name + suffix)
        kept = path.with_name(path.name + ".before-restore" + suffix)
        # What an earlier restore left under this name belongs to another database.
        kept.unlink(missing_ok=True)
        if old.exists():
            old.replace(kept)
