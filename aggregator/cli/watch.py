"""`aggregator watch ...`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import islice

import click

from aggregator.app import App
from aggregator.backtest import attempt, begin, compare, worded
from aggregator.cli import output
from aggregator.cli.context import DAYS, Context, Group, json_option, pass_context, talk
from aggregator.errors import UsageError
from aggregator.search import Result, advice, newest, search
from aggregator.watch.lint import Warning  # noqa: A004 - the word users read

SAMPLES = 10


@click.group("watch", cls=Group)
def command() -> None:
    """Watchlists: named queries that new entries are matched against."""


@command.command("list")
@json_option
@pass_context
def list_(context: Context, as_json: bool) -> None:
    """Every watchlist with its query and its matches so far.

    Example: aggregator watch list
    """
    with context.app(reads=True) as app:
        counts = app.stores.upkeep.stats(app.clock.now())["matches"]
        rows = [["watchlist", "matches", "title", "query"]]
        for w in app.configuration.watchlists:
            count = counts.get(w.id, 0)
            if as_json:
                output.line({"id": w.id, "title": w.title, "query": w.query, "matches": count})
            rows.append([w.id, str(count), w.title, w.query])
    if not as_json:
        output.table(rows, limits=[24, 8, 30, 70])


@command.command("add")
@click.argument("name")
@click.argument("query")
@click.option("--id", "watchlist_id", default="", help="Stable name; default made from NAME.")
@click.option(
    "--digest", "digest_ids", multiple=True, metavar="ID", help="Tell it in this digest; default: the first one."
)
@pass_context
def add(context: Context, name: str, query: str, watchlist_id: str, digest_ids: tuple[str, ...]) -> None:
    """Add a watchlist to config/watchlists.yaml; what came in during the last day may enter the next digest.

    \b
    Example:
      aggregator watch add "Energy" 'energy OR "power grid" OR электроэнерги*'
    """
    from aggregator import settings

    known = [d.id for d in settings.load(context.home, os.environ).digests]
    for digest_id in digest_ids:
        if digest_id not in known:
            raise UsageError(f"no digest {digest_id!r}; there are: {', '.join(known) or 'none yet'}")
    watchlist = settings.add_watchlist(context.home, watchlist_id or slug(name), name, query)
    for digest_id in digest_ids or known[:1]:
        settings.add_to_digest(context.home, digest_id, watchlist.id)
        talk(f"told in the digest {digest_id}")
    with context.app() as app:
        _lint(app, query)
        found = sum(1 for _ in search(app.stores, app.query(query)))
    click.echo(watchlist.id)
    talk(
        f"added {watchlist.id}; {output.many(found, 'stored entry', 'stored entries')} matching; `aggregator watch test {watchlist.id}` shows some"
    )
    if not known:
        talk("there is no digest yet: `aggregator init` makes one, or write config/digests.yaml")


def slug(name: str) -> str:
    """A stable id from a name."""
    made = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:64]
    if not made:
        raise UsageError(f"no id can be made from {name!r}; give one with --id")
    return made


def _query(app: App, text: str) -> str:
    """The query of a watchlist of this name, else the text itself."""
    return next((w.query for w in app.configuration.watchlists if w.id == text), text)


@command.command("test")
@click.argument("query", metavar="WATCHLIST|QUERY")
@click.option("--days", default=30, type=DAYS, help="How far to look back.")
@json_option
@pass_context
def test(context: Context, query: str, days: int, as_json: bool) -> None:
    """What a query finds in stored entries: how many, and the newest.

    Example: aggregator watch test 'NATO -football'
    """
    with context.app(reads=True) as app:
        text = _query(app, query)
        results = list(search(app.stores, app.query(text), _since(app, days)))
        _lint(app, text)
    _samples(results, as_json=as_json)
    talk(f"{output.many(len(results), 'entry', 'entries')} in {output.many(days, 'day')}")


@command.command("backtest")
@click.argument("query", metavar="WATCHLIST|QUERY")
@click.argument("changed", required=False, metavar="[NEW QUERY]")
@click.option("--days", default=90, type=DAYS, help="How far to look back.")
@json_option
@pass_context
def backtest(context: Context, query: str, changed: str | None, days: int, as_json: bool) -> None:
    """Hits per day and ten samples; with a NEW QUERY, what it would add and drop.

    Example: aggregator watch backtest csto '@csto -football'
    """
    with context.app(reads=True) as app:
        since = _since(app, days)
        tried = attempt(app.stores, app.query(_query(app, query)), since)
        change = None if changed is None else compare(tried, attempt(app.stores, app.query(changed), since))
    if not as_json:
        click.echo(f"{output.many(len(tried.results), 'entry', 'entries')} in {output.many(days, 'day')}")
    for day, count in sorted(tried.days.items()):
        if as_json:
            output.line({"day": day.isoformat(), "entries": count})
        else:
            click.echo(f"{day}  {count:>5}  {'█' * min(count, 60)}")
    if change is None:
        _samples(tried.results, as_json=as_json)
        return
    for name, chosen in (("enters", change.enters), ("leaves", change.leaves)):
        if not as_json:
            verb = name[:-1] if len(chosen) != 1 else name
            click.echo(f"{output.many(len(chosen), 'entry', 'entries')} {verb} with the new query")
        _samples(chosen, as_json=as_json, change=name)


@command.command("lint")
@click.argument("query", metavar="WATCHLIST|QUERY", required=False)
@json_option
@pass_context
def lint(context: Context, query: str | None, as_json: bool) -> int:
    """Warn of what is probably not meant: mixed alphabets, `and` in small letters, prefixes too short, words that no
    stored entry holds or nearly all do. Without a query: every watchlist and every alias.

    Exit 1 when there is something to warn of. Example: aggregator watch lint csto
    """
    with context.app(reads=True) as app:
        texts = [_query(app, query)] if query else [w.query for w in app.configuration.watchlists]
        seen = list(newest(app.stores))
        asked = [(text, seen) for text in texts]
        if not query:  # the spellings of an alias need not all be in use
            asked += [(text, []) for queries in app.configuration.aliases.values() for text in queries]
        found = 0
        for text, documents in asked:
            warnings = advice(app.stores, app.query(text), documents)
            found += len(warnings)
            if not as_json:
                _told(text, warnings, click.echo)
                continue
            for warning in warnings:
                output.line({"query": text, "pos": warning.pos, "message": warning.message})
    if not found:
        talk("nothing to warn of")
    return 1 if found else 0


def _since(app: App, days: int) -> datetime:
    """So many days back: from now, or from the newest entry where nothing has come in since."""
    now, span = app.clock.now(), timedelta(days=days)
    since = begin(app.stores, now, days)
    if since < now - span:
        talk(f"nothing has come in since {output.short(since + span)} UTC; looking back from there")
    return since


def _lint(app: App, text: str) -> None:
    """Advice on a query, beside what was asked for."""
    _told(text, advice(app.stores, app.query(text), list(newest(app.stores))), talk)


def _told(text: str, warnings: Sequence[Warning], tell: Callable[[str], None]) -> None:
    if warnings:
        tell("\n         ".join(f"warning: {worded(text, warnings)}".split("\n")))


def _samples(results: Sequence[Result], *, as_json: bool, change: str = "") -> None:
    for result in islice(results, None if as_json else SAMPLES):
        e = result.entry
        if as_json:
            mark = {"change": change} if change else {}
            output.line(mark | output.entry(e) | {"spans": [output.span(s) for s in result.spans]})
        else:
            title = output.highlighted(e.title, result.spans, "title")
            click.echo(f"{e.id:>7}  {output.short(e.sort_at)}  {output.fit(e.feed_id, 20):<20}  {title}")
