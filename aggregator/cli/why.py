"""`aggregator why`."""

from __future__ import annotations

from dataclasses import asdict

import click

from aggregator.cli import output
from aggregator.cli.context import ROW, Context, json_option, pass_context
from aggregator.errors import UsageError


@click.command("why")
@click.argument("entry_id", metavar="ENTRY", type=ROW)
@click.argument("watchlist", metavar="WATCHLIST")
@json_option
@pass_context
def command(context: Context, entry_id: int, watchlist: str, as_json: bool) -> int:
    """Say why an entry matches a watchlist, or why not: field, words, position, alias. Exit 1 when it does not.

    Example: aggregator why 1042 csto
    """
    from aggregator.watch import documents, explain

    with context.app(reads=True) as app:
        entry = app.stores.entries.get(entry_id)
        if entry is None:
            raise UsageError(f"no entry {entry_id}; `aggregator entries` lists them")
        found = next((w for w in app.configuration.watchlists if w.id == watchlist), None)
        if found is None:
            known = ", ".join(w.id for w in app.configuration.watchlists) or "none yet"
            raise UsageError(f"no watchlist {watchlist!r}; there are: {known}")
        explanation = explain.explain(app.query(found.query), documents.of_entry(entry))
        unread = app.stores.entries.article_unread(entry.id)
    if as_json:
        output.line({"entry_id": entry.id, "watchlist": found.id, **asdict(explanation), "article_unread": unread})
        return 0 if explanation.matched else 1
    click.echo(f"{entry.title}\n{entry.link}\n{found.title}: {found.query}")
    for line in explain.lines(explanation):
        click.echo(line)
    if unread:
        click.echo(f"the article page has not been read: {unread}")
    return 0 if explanation.matched else 1
