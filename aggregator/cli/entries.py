"""`aggregator entries`."""

from __future__ import annotations

import click

from aggregator.cli import output
from aggregator.cli.context import Context, json_option, moment, pass_context
from aggregator.errors import UsageError


@click.command("entries")
@click.option("--feed", "feed_id", default="", metavar="ID", help="Only this feed.")
@click.option("--since", default="", metavar="WHEN", help="First seen since: 2023-02-02 or an age such as 7d.")
@json_option
@pass_context
def command(context: Context, feed_id: str, since: str, as_json: bool) -> None:
    """Every stored entry, oldest first.

    \b
    Examples:
      aggregator entries --json | jq -r .title
      aggregator entries --feed belta-en --since 2d
    """
    with context.app(reads=True) as app:
        start = moment(since, app.clock.now()) if since else None
        unknown = bool(feed_id) and app.stores.feeds.get(feed_id) is None
        for entry in app.stores.entries.entries(feed_id, start):
            unknown = False  # a feed that was taken out keeps its entries
            if as_json:
                output.line(output.entry(entry))
            else:
                title = output.fit(entry.title, 90)
                click.echo(
                    f"{entry.id:>7}  {output.short(entry.sort_at)}  {output.fit(entry.feed_id, 20):<20}  {title}"
                )
    if unknown:
        raise UsageError(f"no feed {feed_id!r}; `aggregator feeds list` names them")
