"""`aggregator check`."""

from __future__ import annotations

import os

import click

from aggregator.cli import output
from aggregator.cli.context import Context, pass_context, talk


@click.command("check")
@pass_context
def command(context: Context) -> None:
    """Validate feeds.yaml and config/, and try the known items of every watchlist and templates of your own: each problem
    as file:line; exit 3 when there is one.

    Example: aggregator check
    """
    from aggregator import known, settings
    from aggregator.app import App
    from aggregator.clock import SystemClock
    from aggregator.errors import ConfigError
    from aggregator.query import parse
    from aggregator.watch import lint

    configuration = settings.load(context.home, os.environ)
    failing = known.failing(configuration.known_items, configuration.aliases)
    with App(configuration, SystemClock()) as app:
        failing = [*failing, *app.renderer.problems()]
    if failing:
        raise ConfigError(failing)
    for watchlist in configuration.watchlists:
        for warning in lint.lint(parse(watchlist.query, configuration.aliases)):
            talk(f"warning: watchlist {watchlist.id}, character {warning.pos + 1}: {warning.message}")
    for name, queries in configuration.aliases.items():
        for text in queries:
            for warning in lint.lint(parse(text, configuration.aliases)):
                talk(f"warning: alias {name}, {text!r}, character {warning.pos + 1}: {warning.message}")
    told = {w for d in configuration.digests for w in d.watchlists}
    for watchlist in configuration.watchlists:
        if watchlist.id not in told:
            talk(f"warning: watchlist {watchlist.id} is in no digest: it can be searched, but tells nobody")
    click.echo(
        f"{context.home.resolve()}: {output.many(len(configuration.feeds), 'feed')}, "
        f"{output.many(len(configuration.watchlists), 'watchlist')}, "
        f"{output.many(len(configuration.digests), 'digest')}: valid"
    )
