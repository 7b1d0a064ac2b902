"""`aggregator feeds import` and `aggregator feeds export`: lists of feeds from and for other programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import click

from aggregator import settings
from aggregator.cli import output
from aggregator.cli.context import Context, json_option, pass_context, talk
from aggregator.feeds import opml
from aggregator.feeds.opml import Outline
from aggregator.model import FeedSpec

MOST = 50
"""Feeds that are named one by one when they are left out."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one feed of the file; `id` is its name in feeds.yaml, `reason` says why it is left out."""

    outline: Outline
    outcome: Literal["new", "known", "repeated", "refused"]
    id: str = ""
    reason: str = ""


@click.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--dry-run", is_flag=True, help="Only say what would be added; nothing is changed.")
@json_option
@pass_context
def import_(context: Context, file: Any, *, dry_run: bool, as_json: bool) -> int:
    """Add the feeds of an OPML file to feeds.yaml; those already there are left alone.

    Folders and categories become tags. Exit 1 when a feed of the file cannot be taken; the others are added.

    \b
    Examples:
      aggregator feeds import subscriptions.opml --dry-run
      aggregator feeds import subscriptions.opml
    """
    outlines = opml.parse(file.read(opml.MAX_BYTES + 1))
    with context.app(sync=False) as app:
        fates = list(_fates(outlines, app.configuration.feeds))
    rows = [_row(fate) for fate in fates if fate.outcome == "new"]
    added = iter(settings.add_feeds(context.home, rows, write=not dry_run))
    fates = [replace(fate, id=next(added).id) if fate.outcome == "new" else fate for fate in fates]
    if as_json:
        for fate in fates:
            output.line(_fields(fate, dry_run=dry_run))
    else:
        _show(fates, dry_run=dry_run)
    _count(fates, dry_run=dry_run)
    return 1 if any(fate.outcome == "refused" for fate in fates) else 0


def _fates(outlines: Iterable[Outline], feeds: Sequence[FeedSpec]) -> Iterator[Fate]:
    """Each feed of the file: new, there already, twice in the file, or none we can take."""
    known = {settings.same_url(feed.url): feed.id for feed in feeds}
    names = {feed.id for feed in feeds}
    lines: dict[str, int] = {}
    for outline in outlines:
        address = settings.same_url(outline.url)
        reason = outline.problem or _refusal(settings.http_url, outline.url)
        if reason:
            yield Fate(outline, "refused", reason=reason)
        elif address in lines:
            yield Fate(outline, "repeated", reason=f"stands in line {lines[address]} already")
        elif address in known:
            yield Fate(outline, "known", known[address], f"is in feeds.yaml already: the feed {known[address]}")
        else:
            own = "" if outline.id in names or _refusal(settings.slug, outline.id) else outline.id
            names.add(own)
            yield Fate(outline, "new", own)
        if not reason:
            lines.setdefault(address, outline.line)


def _refusal(check: Callable[[str], str], value: str) -> str:
    """Why a check refuses a value, or ""."""
    try:
        check(value)
    except ValueError as e:
        return str(e)
    return ""


def _row(fate: Fate) -> dict[str, Any]:
    """The feed as feeds.yaml has it."""
    outline = fate.outline
    values = {"url": outline.url, "id": fate.id, "title": outline.title, "language": outline.language}
    homepage = "" if _refusal(settings.http_url, outline.homepage) else outline.homepage
    return {
        name: value for name, value in (values | {"tags": list(outline.tags), "homepage": homepage}).items() if value
    }


def _fields(fate: Fate, *, dry_run: bool) -> dict[str, Any]:
    """One feed of the file as a program reads it."""
    outline = fate.outline
    return {
        "line": outline.line,
        "outcome": "added" if fate.outcome == "new" and not dry_run else fate.outcome,
        "id": fate.id,
        "url": output.masked(outline.url),
        "title": outline.title,
        "tags": list(outline.tags),
        "language": outline.language,
        "homepage": output.masked(outline.homepage),
        "reason": fate.reason,
    }


def _show(fates: Sequence[Fate], *, dry_run: bool) -> None:
    """The new ones on stdout; on stderr what is left out, by name."""
    new = [fate for fate in fates if fate.outcome == "new"]
    if dry_run:
        rows = [[fate.id, output.masked(fate.outline.url), fate.outline.title] for fate in new]
        output.table(rows, limits=[28, 60, 40])
    else:
        for fate in new:
            click.echo(fate.id)
    left = [fate for fate in fates if fate.outcome != "new"]
    for fate in left[:MOST]:
        outline = fate.outline
        named = output.fit(output.masked(outline.url) or outline.title or "a feed without a name", 100)
        talk(f"line {outline.line}: left out {named}: {fate.reason}")
    if len(left) > MOST:
        talk(f"and {len(left) - MOST} more left out; --json names them all")


def _count(fates: Sequence[Fate], *, dry_run: bool) -> None:
    """How many of each kind."""
    counts = Counter(fate.outcome for fate in fates)
    talk(
        f"{output.many(counts['new'], 'feed')} {'would be added' if dry_run else 'added'}, "
        f"{counts['known']} were there already, {counts['repeated']} twice in the file, "
        f"{counts['refused']} cannot be taken" + ("; nothing was changed" if dry_run else "")
    )


@click.command("export")
@pass_context
def export(context: Context) -> None:
    """Print the feeds as OPML 2.0; secrets in URLs are left out.

    Example: aggregator feeds export > feeds.opml
    """
    with context.app(sync=False) as app:
        configuration = app.configuration
    click.echo(opml.render(configuration.feeds, homepages=configuration.homepages), nl=False)
