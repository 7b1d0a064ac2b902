"""`aggregator init`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from aggregator.cli import output
from aggregator.cli.context import Context, pass_context, talk
from aggregator.cli.watch import slug
from aggregator.errors import ConfigError, UsageError


@click.command("init")
@click.option("--feed", "feeds", multiple=True, metavar="URL", help="A feed; may be repeated. Asked for when missing.")
@click.option("--word", default=None, help="A word or query to watch. Asked for when missing.")
@click.option("--address", default=None, help="Where the digest goes; empty for none. Asked for when missing.")
@click.option("--timezone", default="UTC", show_default=True, help="Zone of the digest's 07:30.")
@pass_context
def command(context: Context, feeds: tuple[str, ...], word: str | None, address: str | None, timezone: str) -> None:
    """Start a home in this folder (or --home): asks for feeds, a word and an address, and writes the files.

    \b
    Examples:
      aggregator init
      aggregator --home news init --feed https://example.org/rss --word CSTO --address me@example.org
    """
    from aggregator import settings

    home = context.home
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise ConfigError(f"{home}: {e.strerror}; name another folder with --home") from e
    place = settings.Home.at(home)
    if place.feeds_file.exists():
        raise UsageError(f"{place.feeds_file} exists: this home was started already; `aggregator check` looks at it")
    urls = list(feeds) or _ask_feeds()
    query = word if word is not None else click.prompt("A word to watch, for example CSTO", err=True)
    to = (
        address
        if address is not None
        else click.prompt("Your address for the digest (empty: none)", default="", show_default=False, err=True)
    )
    _write(home, urls, query.strip(), to.strip(), timezone)
    configuration = settings.load(home, os.environ)
    talk(
        f"{home.resolve()}: {output.many(len(configuration.feeds), 'feed')}, a watchlist and a digest at 07:30 {timezone}.\n"
        "Next: `aggregator poll`, then `aggregator digest morning --preview`, and `aggregator run` for good.\n"
        "Mail is written to var/mail/ until config/aggregator.yaml names a mail server."
    )


def _ask_feeds() -> list[str]:
    urls: list[str] = []
    while True:
        text = "Address of a feed" if not urls else "Another one (empty: that is all)"
        url = click.prompt(text, default="" if urls else None, show_default=False, err=True).strip()
        if not url:
            return urls
        urls.append(url)


def _write(home: Path, urls: list[str], query: str, address: str, timezone: str) -> None:
    """Write the files one by one, each checked before it is put in place; undone when one of them is refused."""
    from aggregator import settings

    place = settings.Home.at(home)
    fresh = [p for p in (place.feeds_file, place.watchlists_file, place.digests_file) if not p.exists()]
    try:
        settings.add_feeds(home, [{"url": url} for url in urls])
        name = query.strip('"=@') or query
        try:
            watchlist_id = slug(name)
        except UsageError:
            watchlist_id = "words"
        settings.add_watchlist(home, watchlist_id, name, query)
        to = [address] if address else []
        settings.add_digest(
            home,
            id="morning",
            title="Morning briefing",
            watchlists=[watchlist_id],
            at="07:30",
            timezone=timezone,
            to=to,
        )
    except Exception:
        for path in fresh:
            path.unlink(missing_ok=True)
        raise
