"""`aggregator why`."""

from __future__ import annotations

import click

from aggregator.cli.context import ROW, Context, pass_context
from aggregator.errors import UsageError


@click.command("why")
@click.argument("entry_id", metavar="ENTRY", type=ROW)
@click.argument("watchlist", metavar="WATCHLIST")
@pass_context
def command(context: Context, entry_id: int, watchlist: str) -> int:
    """Say why an entry matches a watchlist, or why not: field, words, position, alias. Exit 1 when it does not.

    Example: aggregator why 1042 csto
    """
    from aggregator.watch import documents, explain

    with context.app() as app:
        entry = app.stores.entries.get(entry_id)
        if entry is None:
            raise UsageError(f"no entry {entry_id}; `aggregator entries` lists them")
        found = next((w for w in app.configuration.watchlists if w.id == watchlist), None)
        if found is None:
            known = ", ".join(w.id for w in app.configuration.watchlists) or "none yet"
            raise UsageError(f"no watchlist {watchlist!r}; there are: {known}")
        explanation = explain.explain(app.query(found.query), documents.of_entry(entry))
    click.echo(f"{entry.title}\n{entry.link}\n{found.title}: {found.query}")
    for line in explain.lines(explanation):
        click.echo(line)
    return 0 if explanation.matched else 1
