"""`aggregator prune`."""

from __future__ import annotations

import click

from aggregator.cli import output
from aggregator.cli.context import Context, pass_context, talk
from aggregator.errors import UsageError


@click.command("prune")
@click.option(
    "--keep", default="", metavar="AGE", help="Keep entries of this age, for example 400d (default: retention.entries)."
)
@pass_context
def command(context: Context, keep: str) -> None:
    """Remove entries that are old and that no match needs. Their keys stay, so they never come back as new.

    Example: aggregator prune --keep 400d
    """
    from aggregator.settings import fields

    with context.app() as app:
        age = app.configuration.settings.retention.entries
        if keep:
            try:
                age = fields.duration(keep)
                _ = app.clock.now() - age
            except (ValueError, OverflowError) as e:
                raise UsageError(f"--keep {keep}: {e}") from None
        if age is None:
            raise UsageError("nothing says what to keep: set retention.entries or give --keep 400d")
        pruned = app.stores.upkeep.prune(app.clock.now(), age)
    entries = output.many(pruned["entries"], "entry", "entries")
    talk(f"removed: {entries}, {output.many(pruned['stories'], 'story', 'stories')}")
