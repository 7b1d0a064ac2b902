"""`aggregator feeds ...`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from aggregator.cli import feedpace, output
from aggregator.cli.context import Context, Group, json_option, pass_context, talk
from aggregator.errors import AggregatorError, UsageError
from aggregator.model import Feed, FetchFailure, FetchRequest


def no_feed(feed_id: str) -> UsageError:
    """There is none of this name."""
    return UsageError(f"no feed {feed_id!r}; `aggregator feeds list` names them")


@click.group("feeds", cls=Group)
def command() -> None:
    """List, add, remove, pause, import and export feeds."""


@command.command("list")
@json_option
@pass_context
def list_(context: Context, as_json: bool) -> None:
    """Every feed with its state.

    Example: aggregator feeds list --json
    """
    with context.app() as app:
        feeds = app.stores.feeds.list()
    if as_json:
        for feed in feeds:
            output.line(output.feed(feed))
        return
    rows = [["feed", "state", "entries", "last ok (UTC)", "next poll (UTC)", "error"]]
    for feed in feeds:
        p = feed.poll
        rows.append(
            [feed.id, p.state, str(feed.entries), output.short(p.last_ok_at), output.short(p.next_poll_at), _note(feed)]
        )
    output.table(rows, limits=[28, 8, 8, 16, 16, 60])


def _note(feed: Feed) -> str:
    """The one thing to know of a feed in a table."""
    poll = feed.poll
    if poll.error:
        return f"{poll.error_class}: {poll.error}"
    return feedpace.note(feed) or (poll.malformed and f"malformed: {poll.malformed}")


@command.command("show")
@click.argument("feed_id", metavar="ID")
@json_option
@pass_context
def show(context: Context, feed_id: str, as_json: bool) -> None:
    """All that is known of one feed, why it is polled when it is, and what has happened to it.

    Example: aggregator feeds show belta-en
    """
    with context.app() as app:
        feed = app.stores.feeds.get(feed_id)
        happened = app.stores.history.events(feed_id, limit=10)
    if feed is None:
        raise no_feed(feed_id)
    values = output.feed(feed) | {
        "interval": str(feed.spec.interval),
        "articles": feed.spec.articles,
        "etag": feed.poll.etag,
        "last_modified": feed.poll.last_modified,
        "held_until": output.when(feed.poll.held_until),
        "http_status": feed.poll.http_status,
    }
    if as_json:
        output.line(values | feedpace.fields(feed) | {"events": [output.event(e) for e in happened]})
        return
    output.rows(values | dict(feedpace.rows(feed)))
    for line in feedpace.happened(happened):
        click.echo(line)


@command.command("add")
@click.argument("url")
@click.option("--id", "feed_id", default="", help="Stable name; default made from the host.")
@click.option("--title", default="", help="Shown instead of the title that the feed gives itself.")
@click.option("--language", default="", help="Language code such as en, ru, be.")
@click.option("--country", default="", help="Country code such as BY.")
@click.option("--interval", default="", help="How often to poll, for example 30m.")
@click.option(
    "--articles", type=click.Choice(["never", "short", "all"]), default=None, help="Whose article pages to fetch."
)
@click.option("--tag", "tags", multiple=True, help="A word to sort feeds by; may be repeated.")
@pass_context
def add(context: Context, /, url: str, **options: Any) -> None:
    """Add a feed to feeds.yaml; a running daemon takes it over by itself.

    Example: aggregator feeds add https://example.org/rss --language en
    """
    from aggregator import settings

    fields = {
        "url": url,
        "id": options["feed_id"],
        "title": options["title"],
        "language": options["language"],
        "country": options["country"],
        "interval": options["interval"],
        "articles": options["articles"],
        "tags": list(options["tags"]),
    }
    spec = settings.add_feed(context.home, **{k: v for k, v in fields.items() if v})
    click.echo(spec.id)
    talk(f"added {spec.id}: {output.masked(spec.url)}; `aggregator poll --feed {spec.id}` reads it now")


@command.command("remove")
@click.argument("feed_id", metavar="ID")
@pass_context
def remove(context: Context, feed_id: str) -> None:
    """Take a feed out of feeds.yaml; its entries stay.

    Example: aggregator feeds remove belta-en
    """
    from aggregator import settings

    spec = settings.remove_feed(context.home, feed_id)
    with context.app():
        talk(f"removed {spec.id}: {output.masked(spec.url)}; its entries stay")


@command.command("pause")
@click.argument("feed_id", metavar="ID")
@pass_context
def pause(context: Context, feed_id: str) -> None:
    """Poll a feed no more until it is resumed.

    Example: aggregator feeds pause belta-en
    """
    with context.app() as app:
        if not app.stores.feeds.pause(feed_id, app.clock.now()):
            raise no_feed(feed_id)
    talk(f"paused {feed_id}")


@command.command("resume")
@click.argument("feed_id", metavar="ID")
@pass_context
def resume(context: Context, feed_id: str) -> None:
    """Poll a paused, failing or gone feed again, now.

    Example: aggregator feeds resume belta-en
    """
    with context.app() as app:
        if not app.stores.feeds.resume(feed_id, app.clock.now()):
            raise no_feed(feed_id)
    talk(f"resumed {feed_id}: due now")


@command.command("undo")
@click.argument("feed_id", metavar="ID")
@pass_context
def undo(context: Context, feed_id: str) -> None:
    """Take back a move: poll a feed where feeds.yaml says again, now.

    A feed whose server redirected it permanently to the same address in three polls in a row is polled there from then
    on; feeds.yaml stays as it is. After an undo it is not moved to that address again.

    Example: aggregator feeds undo belta-en
    """
    with context.app() as app:
        feed = app.stores.feeds.get(feed_id)
        if feed is None:
            raise no_feed(feed_id)
        if not app.stores.history.undo_move(feed_id, app.clock.now()):
            raise AggregatorError(f"{feed_id} has not moved: {output.masked(feed.spec.url)}")
    talk(f"{feed_id} is polled at {output.masked(feed.spec.url)} again: due now")


@command.command("discover")
@click.argument("url")
@json_option
@pass_context
def discover(context: Context, url: str, as_json: bool) -> None:
    """List the feeds that a page names.

    Example: aggregator feeds discover https://example.org/
    """
    from aggregator.feeds import discover as stage

    with context.app(sync=False) as app:
        answer = next(iter(app.fetcher.fetch_many([FetchRequest("page", url, kind="page")])))
    if isinstance(answer, FetchFailure):
        raise AggregatorError(f"{output.masked(url)}: {answer.message}")
    if answer.status != 200:
        raise AggregatorError(f"{output.masked(url)}: the server answered {answer.status}")
    found = stage.candidates(answer.body.decode("utf-8", "replace"), answer.url)
    for candidate in found:
        if as_json:
            output.line({"url": candidate.url, "title": candidate.title, "type": candidate.type})
        else:
            click.echo(f"{candidate.url}\t{candidate.title}")
    if not found:
        raise AggregatorError(f"{output.masked(url)}: the page names no feed")


@command.command("import")
@click.argument("file", type=click.File("rb"))
@pass_context
def import_(context: Context, file: Any) -> int:
    """Add the feeds of an OPML file to feeds.yaml; those already there are left alone.

    Exit 1 when a feed of the file cannot be taken; the others are added.

    Example: aggregator feeds import subscriptions.opml
    """
    from aggregator import settings
    from aggregator.feeds import opml

    outlines = opml.parse(file.read())
    with context.app(sync=False) as app:
        known = {f.url for f in app.configuration.feeds}
    fresh = [o for o in outlines if o.url not in known]
    good = [o for o in fresh if _taken(o.url)]
    rows = [{k: v for k, v in {"url": o.url, "title": o.title, "tags": list(o.tags)}.items() if v} for o in good]
    added = settings.add_feeds(context.home, rows) if rows else ()
    for spec in added:
        click.echo(spec.id)
    talk(f"{output.many(len(added), 'feed')} added, {len(outlines) - len(fresh)} were there already")
    return 1 if len(good) < len(fresh) else 0


def _taken(url: str) -> bool:
    """Whether feeds.yaml would have this address; says why not."""
    from aggregator.settings import fields

    try:
        fields.http_url(url)
    except ValueError as e:
        talk(f"left out {output.masked(url)}: {e}")
        return False
    return True


@command.command("export")
@pass_context
def export(context: Context) -> None:
    """Print the feeds as OPML 2.0; secrets in URLs are left out.

    Example: aggregator feeds export > feeds.opml
    """
    from aggregator.feeds import opml

    with context.app(sync=False) as app:
        feeds = app.configuration.feeds
    shown = [replace(f, url=output.masked(f.url), title=f.title or f.id) for f in feeds]
    click.echo(opml.render(shown), nl=False)
