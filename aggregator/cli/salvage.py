"""`aggregator salvage`."""

from __future__ import annotations

from pathlib import Path

import click

from aggregator.cli import output
from aggregator.cli.context import Context, json_option, pass_context, talk
from aggregator.errors import UsageError
from aggregator.instance import InstanceLock
from aggregator.settings import Home

SUFFIXES = ("", "-wal", "-shm")


@click.command("salvage")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Default: aggregator.salvaged.db beside the database.",
)
@click.option("--put-in-place", is_flag=True, help="Replace the damaged database; it is kept as .before-salvage.")
@json_option
@pass_context
def command(context: Context, *, out: Path | None, put_in_place: bool, as_json: bool) -> int:
    """Copy what can still be read of a damaged database into a fresh one; for when no backup is recent enough.

    The damaged file is only read, and nothing is put in place unless you say so. Tells how many rows of each table came over, and
    how many are lost. Unsent messages are held until you release them. Exit 1 when something is lost.

    \b
    Examples:
      aggregator salvage
      aggregator salvage --put-in-place
    """
    from aggregator import settings
    from aggregator.store.sqlite.salvage import salvage

    with context.app(sync=False) as app:
        home, now = app.configuration.home, app.clock.now()
    settings.prepare(home)
    # What is put in place needs a file of its own: an earlier look at what can be read stays.
    target = out or home.db.with_name("aggregator.salvaging.db" if put_in_place else "aggregator.salvaged.db")
    if out is None and put_in_place:
        target.unlink(missing_ok=True)  # of one that fell
    if target.exists():
        raise UsageError(f"{target} exists; move it away or name another file with --out")
    if home.server:
        raise UsageError(
            f"storage.url names {home.database}: only a file is salvaged; look at the server's log, and restore its backup"
        )
    if not home.db.is_file():
        raise UsageError(f"{home.db}: there is no such file to be salvaged")
    lock = InstanceLock(home.lock)
    lock.acquire()
    try:
        tables, problems = salvage(home.db, target, now)
        if put_in_place:
            _put_in_place(home, target)
    finally:
        lock.release()
    for one in tables:
        if as_json:
            output.line({"table": one.table, "rows": one.rows, "lost": one.lost})
        elif one.rows or one.lost != 0:
            lost = "unknown" if one.lost is None else f"{one.lost:,}"
            click.echo(f"{one.table}: {output.many(one.rows, 'row')}, lost: {lost}")
    for problem in problems:
        talk(f"missing: {problem}")
    where = f"in place; the damaged one is {home.db}.before-salvage" if put_in_place else f"in {target}"
    talk(f"what could be read is {where}; unsent messages are held: `aggregator outbox list`, then `outbox release`")
    return 1 if problems or any(one.lost != 0 for one in tables) else 0


def _put_in_place(home: Home, target: Path) -> None:
    for suffix in SUFFIXES:
        old = home.db.with_name(home.db.name + suffix)
        kept = home.db.with_name(f"{home.db.name}.before-salvage{suffix}")
        kept.unlink(missing_ok=True)
        if old.exists():
            old.replace(kept)
    target.replace(home.db)
