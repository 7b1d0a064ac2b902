"""`aggregator stats`."""

from __future__ import annotations

import click

from aggregator.cli import output
from aggregator.cli.context import Context, json_option, pass_context


@click.command("stats")
@json_option
@pass_context
def command(context: Context, as_json: bool) -> None:
    """Numbers: feeds by state, entries, stories, matches, editions, messages.

    Example: aggregator stats --json
    """
    with context.app() as app:
        stats = app.stores.upkeep.stats(app.clock.now())
    if as_json:
        output.line(stats)
        return
    for name, value in stats.items():
        shown = ", ".join(f"{k} {v}" for k, v in value.items()) or "-" if isinstance(value, dict) else f"{value:,}"
        click.echo(f"{name.replace('_', ' '):<18} {shown}")
