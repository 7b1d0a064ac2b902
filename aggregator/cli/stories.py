"""`aggregator stories`."""

from __future__ import annotations

import click

from aggregator.cli import output
from aggregator.cli.context import Context, json_option, moment, pass_context


@click.command("stories")
@click.option("--since", default="", metavar="WHEN", help="First seen since: 2023-02-02 or an age such as 7d.")
@json_option
@pass_context
def command(context: Context, since: str, as_json: bool) -> None:
    """Entries of several feeds that tell the same news.

    Example: aggregator stories --since 1d
    """
    with context.app() as app:
        start = moment(since, app.clock.now()) if since else None
        for story in app.stores.entries.stories(start):
            if as_json:
                output.line(output.story(story))
                continue
            outlets = len({e.feed_id for e in story.entries})
            more = f"  (+ {output.many(outlets - 1, 'outlet')})" if outlets > 1 else ""
            title = output.fit(story.title, 90)
            click.echo(f"{story.id:>7}  {output.short(story.first_seen_at)}  {title}{more}")
