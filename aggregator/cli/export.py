"""`aggregator export`."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from aggregator.app import App
from aggregator.cli import output
from aggregator.cli.context import Context, moment, pass_context, talk
from aggregator.errors import AggregatorError, UsageError

MATCH_FIELDS = ["watchlist_id", "matched_at", "revision", "reach", "terms"]


@click.command("export")
@click.argument("what", type=click.Choice(["entries", "matches"]), default="entries")
@click.option(
    "--format", "form", type=click.Choice(["csv", "jsonl"]), default="jsonl", show_default=True, help="How to write it."
)
@click.option("--watchlist", default="", metavar="ID", help="Only matches of this watchlist.")
@click.option("--since", default="", metavar="WHEN", help="Since: 2023-02-02 or an age such as 7d.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file instead of stdout.")
@pass_context
def command(context: Context, *, what: str, form: str, watchlist: str, since: str, out: Path | None) -> None:
    """Entries or matches as CSV or JSON Lines.

    \b
    Examples:
      aggregator export --since 7d > entries.jsonl
      aggregator export matches --watchlist csto --format csv --out csto.csv
    """
    with context.app(reads=True) as app:
        if watchlist and (what == "entries" or not _known(app, watchlist)):
            raise UsageError(
                f"no matches of a watchlist {watchlist!r} here: `aggregator export matches --watchlist ID`"
            )
        rows = _entries(app, since) if what == "entries" else _matches(app, watchlist, since)
        try:
            fields = list(output.ENTRY_FIELDS) if what == "entries" else [*MATCH_FIELDS, *output.ENTRY_FIELDS]
            count = _write(rows, form, out, fields)
        except OSError as e:
            if out is None:
                raise
            raise AggregatorError(f"{out}: {e.strerror}; name another file with --out") from e
    talk(output.many(count, "row"))


def _known(app: App, watchlist: str) -> bool:
    """One of the configuration, or one that was taken out and has matches yet."""
    return watchlist in {w.id for w in app.configuration.watchlists} or bool(app.stores.watch.matches(watchlist))


def _entries(app: App, since: str) -> Iterator[dict[str, Any]]:
    start = moment(since, app.clock.now()) if since else None
    return (output.entry(e) for e in app.stores.entries.entries("", start))


def _matches(app: App, watchlist: str, since: str) -> Iterator[dict[str, Any]]:
    start = moment(since, app.clock.now()) if since else None
    for match in app.stores.watch.matches(watchlist, since=start):
        entry = app.stores.entries.get(match.entry_id)
        if entry is not None:
            head = {
                "watchlist_id": match.watchlist_id,
                "matched_at": output.when(match.matched_at),
                "revision": match.revision,
                "reach": match.reach,
                "terms": sorted({s.term for s in match.spans}),
            }
            yield head | output.entry(entry)


def _write(rows: Iterator[dict[str, Any]], form: str, out: Path | None, fields: list[str]) -> int:
    count = 0
    with nullcontext(sys.stdout) if out is None else out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fields)
        if form == "csv":
            writer.writeheader()
        for count, row in enumerate(rows, 1):  # noqa: B007 - the last number is the answer
            if form == "csv":
                writer.writerow({k: output.cell(v) for k, v in row.items()})
            else:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return count
