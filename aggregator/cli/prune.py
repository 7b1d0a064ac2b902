"""`aggregator prune`."""

from __future__ import annotations

from collections.abc import Mapping

import click

from aggregator.cli import output
from aggregator.cli.context import Context, json_option, pass_context, talk
from aggregator.errors import UsageError


@click.command("prune")
@click.option(
    "--keep",
    default="",
    metavar="AGE",
    help="Keep entries of this age, for example 400d (default: as `retention` says).",
)
@click.option("--dry-run", is_flag=True, help="Only say how many entries of each feed would go.")
@json_option
@pass_context
def command(context: Context, keep: str, *, dry_run: bool, as_json: bool) -> None:
    """Remove what is old: entries that no match needs, settled messages, and what nobody asks for any more.

    The daemon does so by itself every hour, as `retention` says. The names of entries outlive them, so they do not come back as new.

    \b
    Examples:
      aggregator prune --dry-run
      aggregator prune --keep 400d
    """
    from dataclasses import replace

    from aggregator import retention
    from aggregator.settings import fields

    with context.app() as app:
        now, rules = app.clock.now(), retention.keep(app.configuration)
        if keep:
            try:
                age = None if keep.lower() == "forever" else fields.duration(keep)
                _ = now - (age or now - now)
            except (ValueError, OverflowError) as e:
                raise UsageError(f"--keep {keep}: {e}") from None
            rules = replace(rules, entries=age, feeds={})
        if dry_run:
            found = app.stores.retention.prunable(now, rules)
            _tell(found, as_json=as_json)
            talk(f"would be removed: {output.many(sum(found.values()), 'entry', 'entries')}; nothing was changed")
            return
        gone = retention.tidy(app.stores, rules, app.clock, everything=True)
    if as_json:
        output.line(dict(gone))
    entries = output.many(gone["entries"], "entry", "entries")
    more = [
        f"{count} {name.replace('_', ' ')}"
        for name, count in gone.items()
        if count and name not in ("entries", "stories")
    ]
    talk(", ".join([f"removed: {entries}", output.many(gone["stories"], "story", "stories"), *more]))


def _tell(found: Mapping[str, int], *, as_json: bool) -> None:
    for feed, count in found.items():
        if as_json:
            output.line({"feed_id": feed, "entries": count})
        else:
            click.echo(f"{count:>8,}  {feed}")
