"""`aggregator search`."""

from __future__ import annotations

from itertools import islice

import click

from aggregator.cli import output
from aggregator.cli.context import LIMIT, Context, json_option, moment, pass_context, talk
from aggregator.search import Result, search

SHOWN = 50


@click.command("search")
@click.argument("query")
@click.option("--since", default="", metavar="WHEN", help="First seen since: 2023-02-02 or an age such as 7d.")
@click.option("--limit", type=LIMIT, default=None, help=f"Results at most (default {SHOWN}; all with --json).")
@json_option
@pass_context
def command(context: Context, query: str, since: str, limit: int | None, as_json: bool) -> None:
    """Search history, newest first, in the language of watchlists.

    \b
    Examples:
      aggregator search '@csto -ODKB'
      aggregator search '"collective security" NEAR/5 Minsk' --since 30d
    """
    with context.app(reads=True) as app:
        parsed = app.query(query)
        start = moment(since, app.clock.now()) if since else None
        wanted = limit or (None if as_json else SHOWN)
        shown = 0
        for result in islice(search(app.stores, parsed, start), wanted):
            shown += 1
            if as_json:
                output.line(output.entry(result.entry) | {"spans": [output.span(s) for s in result.spans]})
            else:
                _show(result)
    if not as_json and shown == wanted:
        talk(f"the newest {shown}; --limit shows more")
    elif not shown:
        talk("nothing found")


def _show(result: Result) -> None:
    entry = result.entry
    click.echo(f"{entry.id:>7}  {output.short(entry.sort_at)}  {entry.feed_title}")
    click.echo(f"         {output.highlighted(entry.title, result.spans, 'title')}")
    for field, text in (("body", entry.body), ("article", entry.article)):
        first = next((s for s in result.spans if s.field == field), None)
        if first is None:
            continue
        start, end = max(0, first.start - 60), min(len(text), first.end + 90)
        around = [s for s in result.spans if s.field == field and start <= s.start and s.end <= end]
        shown = output.highlighted(text[:end], around, field) if start == 0 else None
        if shown is None:
            shown = "…" + output.highlighted(
                text[start:end], [s._replace(start=s.start - start, end=s.end - start) for s in around], field
            )
        click.echo("         " + " ".join(shown.split()) + ("…" if end < len(text) else ""))
        break
    if entry.link:
        click.echo(f"         {entry.link}")
