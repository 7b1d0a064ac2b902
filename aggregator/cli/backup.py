"""`aggregator backup` and what looks after backups."""

from __future__ import annotations

from pathlib import Path

import click

from aggregator.cli import output
from aggregator.cli.context import Context, Group, json_option, pass_context, talk
from aggregator.cli.restore import tell
from aggregator.errors import UsageError


@click.group("backup", cls=Group, invoke_without_command=True)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Default: aggregator-<time>.tar.gz in backup.directory, var/backups.",
)
@click.pass_context
def command(click_context: click.Context, out: Path | None) -> None:
    """Back up the database and the secret while everything goes on; the copy is verified before it gets its name.

    The daemon does the same once a day and keeps some of them: see `backup` in docs/configuration.md. The files of the configuration
    are not in it.

    Example: aggregator backup --out /backups/aggregator.tar.gz
    """
    if click_context.invoked_subcommand is not None:
        if out is not None:
            raise click.UsageError("--out is for a backup that is made: aggregator backup --out FILE")
        return
    from aggregator import backups

    context: Context = click_context.obj
    with context.app(sync=False) as app:
        now, home = app.clock.now(), app.configuration.home
        if home.server:
            raise UsageError(
                f"storage.url names {home.database}: a server is backed up by its own tools, pg_dump or pg_basebackup, "
                "beside a copy of var/secret and var/sent (docs/scaling.md)"
            )
        where = backups.folder(home, app.configuration.settings.backup)
        target = out or backups.free_name(where, now)
        _ = app.secret
        backups.make(app.stores.upkeep, home, target, now)
        if target.parent.resolve() == where.resolve():
            app.stores.upkeep.note_backup(now, str(target))
    click.echo(target)
    talk(f"{target.stat().st_size:,} bytes, verified; `aggregator restore {target}` puts it in place")


@command.command("list")
@json_option
@pass_context
def listed(context: Context, *, as_json: bool) -> None:
    """The backups in backup.directory, the newest first.

    Example: aggregator backup list
    """
    from aggregator import backups

    with context.app(sync=False) as app:
        where = backups.folder(app.configuration.home, app.configuration.settings.backup)
        found = backups.listed(where)
    for one in found:
        row = {"file": str(one.path), "made_at": output.when(one.made_at), "bytes": one.size}
        if as_json:
            output.line(row)
        else:
            click.echo(f"{one.made_at:%Y-%m-%d %H:%M:%S} UTC  {one.size:>14,} bytes  {one.path}")
    if not found and not as_json:
        talk(f"no backups in {where}; `aggregator backup` makes one")


@command.command("verify")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@pass_context
def verify(context: Context, file: Path) -> None:
    """Do everything of a restore in a scratch folder, and say what it finds; nothing changes.

    Example: aggregator backup verify var/backups/aggregator-20261124-030000.tar.gz
    """
    from aggregator import restoring

    with context.app(sync=False) as app:
        found = restoring.verify(app.configuration.home, file, app.clock.now())
    click.echo(f"{file}: sound")
    tell(found)
