"""`aggregator salvage`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aggregator.cli import output
from aggregator.cli.context import Context, json_option, pass_context, talk
from aggregator.errors import UsageError
from aggregator.instance import InstanceLock
from aggregator.settings import Home

if TYPE_CHECKING:
    from aggregator.store.sqlite.salvage import Salvaged

SCRATCH = ".salvage-"
"""How the names of the folders begin in which a database is made that is to be put in place."""


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
    if out is not None and put_in_place:
        raise UsageError("--out is for looking first, --put-in-place needs no name: take one of the two")
    target = out or home.db.with_name("aggregator.salvaged.db")
    if target.exists() and not put_in_place:
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
        tables, problems = _replace(home, now) if put_in_place else salvage(home.db, target, now)
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


def _replace(home: Home, now: datetime) -> tuple[list[Salvaged], list[str]]:
    """Salvage into a folder of its own, and let that take the place of the database: all of it, or nothing of it."""
    from aggregator import settings
    from aggregator.store.sqlite.salvage import salvage

    with settings.scratch(home, SCRATCH, alone=True) as scratch:
        found = salvage(home.db, Path(scratch) / home.db.name, now)
        settings.swap(home, Path(scratch), "salvaging")
    return found
