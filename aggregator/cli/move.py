"""`aggregator move`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aggregator.cli import output
from aggregator.cli.context import Context, json_option, pass_context, talk
from aggregator.cli.restore import tell_recalled
from aggregator.errors import UsageError
from aggregator.instance import InstanceLock

if TYPE_CHECKING:
    from aggregator.app import App
    from aggregator.moving import Moved


@click.command("move")
@click.option("--to", "url", metavar="URL", help="An empty database: postgresql://user@host/name.")
@click.option("--undo", is_flag=True, help="Use the file again that was left, without what came since.")
@json_option
@pass_context
def command(context: Context, *, url: str | None, undo: bool, as_json: bool) -> None:
    """Move all data from the file to a PostgreSQL database. Everything goes on where it stood, and nothing is sent twice.

    Stop the daemon and the pages first. All is copied in one transaction, read back and looked through; then the file is marked, so that
    nobody uses it by mistake. Whatever breaks off on the way leaves the file as it was: run the same command again. The log of what was
    sent, the secret and the pages stay in var.

    Tells how many rows of each table came over, with a sum over all that stands in them.

    \b
    Examples:
      aggregator move --to postgresql://aggregator@db.example/news
      aggregator move --undo
    """
    from aggregator import settings

    if (url is None) != undo:
        raise click.UsageError("name the database with --to, or take a move back with --undo")
    with context.app(sync=False) as app:
        home = app.configuration.home
        if home.server:
            raise UsageError(
                f"storage.url names {home.database}: what is on a server moves with pg_dump and pg_restore; "
                "name the file there to take a move back"
            )
        target = "" if url is None else _checked(url)
        settings.prepare(home)
        lock = InstanceLock(home.lock)
        lock.acquire()
        try:
            if undo:
                _take_back(app)
            else:
                _move(app, target, as_json=as_json)
        finally:
            lock.release()


def _checked(url: str) -> str:
    """The URL of a PostgreSQL database. Raises UsageError, without its password."""
    from aggregator.settings import storage

    try:
        if storage.database_url(url).startswith("postgresql://"):
            return url
    except ValueError as e:
        raise UsageError(f"--to: {e}") from None
    raise UsageError("--to: data moves to PostgreSQL alone: postgresql://user@host/aggregator")


def _move(app: App, url: str, *, as_json: bool) -> None:
    from aggregator import moving
    from aggregator.settings import storage

    moved = moving.move(app.configuration, url, app.secret, app.clock.now(), talk)
    if as_json:
        for name, one in moved.tables.items():
            output.line({"table": name, "rows": one.rows, "sum": one.digest})
    else:
        cells = [(name, f"{one.rows:>13,}", one.digest) for name, one in moved.tables.items() if one.rows]
        output.table(cells, limits=(24, 13, 16))
    _tell(moved)
    shown = storage.without_password(url)
    talk(
        f"{app.configuration.home.db} is left as it is, and not used any more. Put into config/aggregator.yaml:\n\n"
        f"storage:\n  url: {shown}\n"
    )
    if shown != url:
        talk(
            "with its password, or keep that in ~/.pgpass; var/secret goes to every machine that is to share the database"
        )


def _tell(moved: Moved) -> None:
    """What was special, for people."""
    if moved.found:
        talk("it was all there already, from an earlier move that fell at its very end")
    if moved.replaced:
        characters = output.many(moved.replaced, "NUL character")
        talk(f"{characters} of the texts became U+FFFD: PostgreSQL does not hold them")
    for problem in moved.warnings:
        talk(f"warning: {problem.what}; {problem.do}")


def _take_back(app: App) -> None:
    from aggregator import moving

    found = moving.take_back(app.configuration, app.secret, app.clock.now())
    talk(f"{app.configuration.home.db} is used again, as it was; what came since is not in it")
    tell_recalled(found.recalled)
    talk(
        f"every edition is held, {output.many(found.held, 'unsent message')} among them: "
        "look at `aggregator outbox list`, then `aggregator outbox release`"
    )
