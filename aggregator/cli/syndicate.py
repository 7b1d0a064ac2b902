"""`aggregator syndicate`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from aggregator.app import App
from aggregator.cli.context import Context, pass_context, talk
from aggregator.errors import AggregatorError, UsageError


@click.command("syndicate")
@click.argument("kind", type=click.Choice(["watchlist", "digest", "search"]))
@click.argument("name", metavar="ID|QUERY")
@click.option("--format", "form", type=click.Choice(["atom", "json"]), default="atom", show_default=True, help="Which.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file instead of stdout.")
@pass_context
def command(context: Context, *, kind: str, name: str, form: str, out: Path | None) -> None:
    """The newest stories of a watchlist, a digest or a search for feed readers, as Atom or JSON Feed: what the web pages
    serve at /watchlists/ID.atom, /digests/ID.json and /search.atom?q=QUERY.

    \b
    Examples:
      aggregator syndicate watchlist csto --out /srv/www/csto.atom
      aggregator syndicate search '@csto Minsk' --format json
    """
    from aggregator.render import syndication

    with context.app(reads=True) as app:
        listing = app.listing(kind, name)
        if listing is None:
            raise UsageError(f"no {kind} {name!r}; there are: {_known(app, kind)}")
        settings = app.configuration.settings
        place = syndication.Place.at(settings.web.public_url, settings.mail.message_domain)
        text = syndication.render(listing, "atom" if form == "atom" else "json", place)
    if out is None:
        sys.stdout.write(text)
        return
    try:
        out.write_text(text, "utf-8")
    except OSError as e:
        raise AggregatorError(f"{out}: {e.strerror}; name another file with --out") from e
    talk(f"wrote {out}")


def _known(app: App, kind: str) -> str:
    listed = app.configuration.watchlists if kind == "watchlist" else app.configuration.digests
    return ", ".join(one.id for one in listed) or "none yet"
