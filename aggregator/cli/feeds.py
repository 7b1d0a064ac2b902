"""`aggregator feeds ...`."""

from __future__ import annotations

from typing import Any

import click

from aggregator import feedview
from aggregator.cli import discover, feedfields, opml, output
from aggregator.cli.context import Context, Group, json_option, pass_context, talk
from aggregator.errors import AggregatorError, UsageError


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
    """Every feed with its state, and what is wrong in plain words.

    Example: aggregator feeds list --json
    """
    with context.app(reads=True) as app:
        feeds, now = app.stores.feeds.list(), app.clock.now()
    if as_json:
        for feed in feeds:
            output.line(output.feed(feed))
        return
    if not feeds:
        talk("no feeds yet: `aggregator feeds add URL`")
        return
    rows = [["feed", "state", "entries", "last read (UTC)", "next try (UTC)", "what is wrong"]]
    for feed in feeds:
        p = feed.poll
        due = "-" if p.state == "paused" else output.short(p.next_poll_at)
        note = feedview.note(feed, now)
        rows.append([feed.id, p.state, f"{feed.entries:,}", output.short(p.last_ok_at), due, note])
    output.table(rows, limits=[28, 8, 9, 16, 16, 100])


@command.command("show")
@click.argument("feed_id", metavar="ID")
@json_option
@pass_context
def show(context: Context, feed_id: str, as_json: bool) -> None:
    """All that is known of one feed: what its state means, what went wrong, what to do, when it is asked again and why.

    Example: aggregator feeds show belta-en
    """
    with context.app(reads=True) as app:
        feed = app.stores.feeds.get(feed_id)
        access = app.configuration.access.get(feed_id)
        homepage, now = app.configuration.homepages.get(feed_id, ""), app.clock.now()
        past = feedview.Past(app.stores.polls.gaps(feed_id), app.stores.history.events(feed_id, limit=10))
    if feed is None:
        raise no_feed(feed_id)
    if as_json:
        output.line(feedfields.fields(feed, access, homepage, past))
        return
    output.rows(dict(feedview.rows(feed, access, homepage, now)))
    for line in feedview.happened(past):
        click.echo(output.fit(line, 420))


@command.command("add")
@click.argument("url")
@click.option("--id", "feed_id", default="", help="Stable name; default made from the host.")
@click.option("--title", default="", help="Shown instead of the title that the feed gives itself.")
@click.option("--language", default="", help="Language code such as en, ru, be.")
@click.option("--country", default="", help="Country code such as BY.")
@click.option("--interval", default="", help="How often to poll, for example 30m.")
@click.option(
    "--articles",
    type=click.Choice(["never", "matched", "short", "all"]),
    default=None,
    help="Whose article pages to fetch.",
)
@click.option("--tag", "tags", multiple=True, help="A word to sort feeds by; may be repeated.")
@pass_context
def add(context: Context, /, url: str, **options: Any) -> None:
    """Add a feed to feeds.yaml; a running daemon takes it over by itself.

    Nothing is asked for: where URL is a page, `aggregator feeds discover URL` lists its feeds.

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


command.add_command(discover.command)
command.add_command(opml.import_)
command.add_command(opml.export)
