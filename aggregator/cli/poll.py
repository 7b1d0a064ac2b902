"""`aggregator poll`."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, fields
from datetime import datetime

import click

from aggregator import feedview
from aggregator.cli import output
from aggregator.cli.context import Context, json_option, pass_context, talk
from aggregator.errors import UsageError
from aggregator.model import Feed, PollReport

REINDEXING = 2.0
"""Seconds for a search index that has to be made anew; where a daemon runs, that does it."""
UNREACHED = ("dns", "connect", "timeout")
FIELDS = tuple(field.name for field in fields(PollReport))


@click.command("poll")
@click.option(
    "--all", "everything", is_flag=True, help="Ask every feed now, except those held by the server's own word."
)
@click.option("--feed", "feed_ids", multiple=True, metavar="ID", help="Only this feed; may be repeated.")
@click.option("--articles/--no-articles", default=True, help="Fetch the article pages that are due as well.")
@json_option
@pass_context
def command(context: Context, everything: bool, feed_ids: tuple[str, ...], articles: bool, as_json: bool) -> None:
    """One sweep of due feeds. Feeds that fail are reported; the exit code stays 0.

    \b
    Examples:
      aggregator poll
      aggregator poll --all --json
      aggregator poll --feed belta-en
    """
    with context.app() as app:
        known = {f.id for f in app.configuration.feeds}
        for feed_id in feed_ids:
            if feed_id not in known:
                raise UsageError(f"no feed {feed_id!r}; `aggregator feeds list` names them")
        if not known:
            talk("no feeds yet: `aggregator feeds add URL`")
        reports = []
        # A feed named on the command line is wanted now, due or not.
        for report in app.poll.sweep(ids=feed_ids, everything=everything or bool(feed_ids)):
            reports.append(report)
            _show(report, as_json=as_json)
        enriched = app.enrich.finish() if articles else None
        app.catch_up()
        app.forget_texts()
        app.reindex(REINDEXING)
        polled = {report.feed_id for report in reports}
        # Of all others only somebody who got less than expected is told.
        left = [] if reports and not feed_ids else [f for f in app.stores.feeds.list() if f.id not in polled]
        outage, now = app.stores.network.outage(), app.clock.now()
        waiting = app.stores.entries.article_hosts(now) if articles else []
    _summary(reports)
    _explain(reports, left, feed_ids, now)
    if outage is not None:
        talk(
            f"our own network seems down since {output.short(outage)} UTC; nothing is held against the feeds, "
            "and a few are tried every minute. `make demo` (`aggregator demo`) shows everything without a network"
        )
    if enriched is not None and (enriched.fetched or enriched.failed):
        talk(
            f"article pages: {enriched.fetched} read, {enriched.failed} failed, {output.many(enriched.matches, 'match', 'matches')}"
        )
    if waiting:
        talk(f"pages of {output.many(len(waiting), 'host')} wait for their turn; the next poll goes on with them")


def _show(report: PollReport, *, as_json: bool) -> None:
    if as_json:
        values = {name: getattr(report, name) for name in FIELDS}
        values |= {"id": report.feed_id, "url": output.masked(report.url)}
        values["next_poll_at"] = output.when(report.next_poll_at)
        values["events"] = [asdict(event) for event in report.events]
        values["gap"] = None if report.gap is None else output.gap(report.gap)
        values["elapsed"] = round(report.elapsed, 3)
        output.line(values)
    elif report.outcome == "failed":
        from aggregator.urls import named

        click.echo(
            f"{report.feed_id}: failed: {report.error_class}: {named(report.url, report.error)}; next try {output.short(report.next_poll_at)}"
        )
    elif report.outcome == "new":
        more = f", {report.entries_revised} revised" if report.entries_revised else ""
        found = f", {output.many(report.matches, 'match', 'matches')}" if report.matches else ""
        missed = f", {feedview.missed(report.gap)}" if report.gap else ""
        click.echo(f"{report.feed_id}: {report.entries_new} new{more}{found}{missed}")
    else:
        click.echo(f"{report.feed_id}: {'not modified (304)' if report.outcome == 'not_modified' else 'same bytes'}")


def _explain(reports: list[PollReport], left: list[Feed], feed_ids: tuple[str, ...], now: datetime) -> None:
    """What a person would ask next: why a feed was not polled, or what it means that none could be read."""
    for feed in left:
        if feed.id in feed_ids:
            held = feedview.held(feed, now)
            why = f"{feed.poll.state}: {held}" if held else feed.poll.state
            talk(f"{feed.id} was not polled ({why}); `aggregator feeds resume {feed.id}` makes it due")
    first = min((f.poll.next_poll_at for f in left), default=now)
    if left and not reports and not feed_ids and first > now:
        talk(f"no feed is due before {output.short(first)} UTC; --all asks them now")
    if reports and all(r.outcome == "failed" and r.error_class in UNREACHED for r in reports):
        talk(
            "no feed could be reached: is the network down? `make demo` (`aggregator demo`) shows everything without one"
        )


def _summary(reports: list[PollReport]) -> None:
    by = Counter(r.outcome for r in reports)
    talk(
        f"{output.many(len(reports), 'feed')} polled: {by['new']} read, {by['not_modified']} not modified, {by['unchanged']} same bytes, "
        f"{by['failed']} failed; {output.many(sum(r.entries_new for r in reports), 'new entry', 'new entries')}, "
        f"{output.many(sum(r.matches for r in reports), 'match', 'matches')}"
    )
