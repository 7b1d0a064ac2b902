"""`aggregator stats`."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any, cast

import click

from aggregator import signalview
from aggregator.app import App
from aggregator.cli import output
from aggregator.cli.context import DAYS, Context, json_option, pass_context
from aggregator.errors import UsageError
from aggregator.reading import By, Part
from aggregator.stores import Stores

ROWS = 1_000
WORDS = 50
FIELDS = {
    "day": ("day", "entries", "all_entries", "share"),
    "feed": ("feed_id", "title", "entries", "all_entries", "share"),
    "language": ("language", "entries", "all_entries", "share"),
    "country": ("country", "entries", "all_entries", "share"),
    "word": ("word", "entries", "elsewhere"),
}
"""By what a watchlist's attention is taken apart, and the fields of each row: a contract, and the names of the views."""


@click.command("stats")
@click.option("--watchlist", default="", metavar="ID", help="The attention a watchlist gets.")
@click.option("--days", type=DAYS, default=30, show_default=True, help="Of so many days (UTC), with today.")
@click.option("--by", type=click.Choice(list(FIELDS)), default="day", show_default=True, help="How to take it apart.")
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@pass_context
def command(context: Context, *, watchlist: str, days: int, by: str, as_json: bool, as_csv: bool) -> None:
    """Numbers: feeds by state, entries, stories, matches, editions, messages, and what is out of its rhythm. Of a watchlist, how
    many entries it got, by day (and of how many in all), feed, language, country, or word in headlines.

    \b
    Examples:
      aggregator stats --json
      aggregator stats --watchlist csto --days 30
      aggregator stats --watchlist csto --days 90 --by feed --csv > feeds.csv
    """
    if as_json and as_csv:
        raise UsageError("--json or --csv, not both")
    if not watchlist and (by != "day" or as_csv):
        raise UsageError("--by and --csv want a --watchlist")
    with context.app(reads=True) as app:
        if not watchlist:
            _everything(app, as_json=as_json)
            return
        if watchlist not in app.stores.signals.watched():
            raise UsageError(f"there is no watchlist {watchlist!r}: `aggregator watch list`")
        until = app.clock.now().date()
        rows = list(_attention(app.stores, watchlist, until - timedelta(days=days - 1), until, by))
    _print(rows, FIELDS[by], as_json=as_json, as_csv=as_csv)


def _everything(app: App, *, as_json: bool) -> None:
    stats = app.stores.upkeep.stats(app.clock.now())
    lasting = app.stores.signals.list(lasting=True)
    if as_json:
        output.line({**stats, "signals": [output.signal(one) for one in lasting]})
        return
    for name, value in stats.items():
        shown = ", ".join(f"{k} {v}" for k, v in value.items()) or "-" if isinstance(value, dict) else _plain(value)
        click.echo(f"{name.replace('_', ' '):<18} {shown}")
    for place, signal in enumerate(lasting):
        click.echo(f"{'' if place else 'out of rhythm':<18} {signalview.text(signal)}")


def _plain(value: int | str | None) -> str:
    return "-" if value is None else f"{value:,}" if isinstance(value, int) else value


def _attention(stores: Stores, watchlist: str, since: date, until: date, by: str) -> Iterator[dict[str, Any]]:
    """A watchlist's attention as rows with the fields of FIELDS."""
    if by == "word":
        from aggregator import topwords

        for word in topwords.top(stores, watchlist, since, until, WORDS):
            yield {"word": word.word, "entries": word.entries, "elsewhere": word.elsewhere}
    elif by == "day":
        for day in stores.attention.days(watchlist, since, until):
            yield {"day": str(day.day), "entries": day.entries, "all_entries": day.all, "share": round(day.share, 6)}
    else:
        for part in stores.attention.parts(watchlist, since, until, cast("By", by), ROWS):
            yield dict(zip(FIELDS[by], _part(part, by), strict=True))


def _part(part: Part, by: str) -> tuple[Any, ...]:
    named = (part.key, part.title) if by == "feed" else (part.key,)
    return (*named, part.entries, part.all, round(part.entries / part.all, 6) if part.all else 0.0)


def _print(rows: Sequence[dict[str, Any]], fields: Sequence[str], *, as_json: bool, as_csv: bool) -> None:
    if as_json:
        for row in rows:
            output.line(row)
    elif as_csv:
        writer = csv.DictWriter(sys.stdout, fields)
        writer.writeheader()
        writer.writerows({name: output.cell(value) for name, value in row.items()} for row in rows)
    else:
        head = [name.replace("_", " ") for name in fields]
        output.table([head, *([_shown(row[name]) for name in fields] for row in rows)], limits=[40] * len(fields))


def _shown(value: Any) -> str:
    return f"{value:.2%}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value) or "-"
