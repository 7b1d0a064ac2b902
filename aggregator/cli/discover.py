"""`aggregator feeds discover`: which feeds a page names."""

from __future__ import annotations

import click

from aggregator.app import App
from aggregator.cli import output
from aggregator.cli.context import Context, json_option, pass_context, talk
from aggregator.errors import AggregatorError, WorkError
from aggregator.feeds import charset, discover, parse, politeness
from aggregator.feeds.discover import Candidate
from aggregator.model import FetchFailure, FetchRequest, FetchResponse

PERMANENT = (301, 308)


@click.command("discover")
@click.argument("url")
@json_option
@pass_context
def command(context: Context, url: str, *, as_json: bool) -> None:
    """List the feeds that a page names; an address that is a feed itself lists itself.

    Only that page is asked for: no addresses are guessed.

    Example: aggregator feeds discover https://example.org/
    """
    with context.app(sync=False) as app:
        answer = next(iter(app.fetcher.fetch_many([FetchRequest("page", url, kind="page")])))
        found = _found(app, url, answer)
    for candidate in found:
        if as_json:
            output.line({"url": candidate.url, "title": candidate.title, "type": candidate.type})
        else:
            click.echo(f"{candidate.url}\t{output.fit(candidate.title, 100)}\t{candidate.type}")
    if len(found) >= discover.MOST:
        talk(f"the page names {discover.MOST} feeds or more; these are the first")


def _found(app: App, url: str, answer: FetchResponse | FetchFailure) -> list[Candidate]:
    """The feeds at an address; AggregatorError in one line when there is none."""
    shown = output.masked(url)
    if isinstance(answer, FetchFailure):
        raise AggregatorError(answer.message if shown in answer.message else f"{shown}: {answer.message}")
    refused = politeness.classify(answer)
    if refused is not None:
        raise AggregatorError(f"{shown}: {refused[1]}")
    content_type = answer.headers.get("content-type", "")
    try:
        feed = app.workers.submit(parse.document, answer.body, answer.url, content_type).result()
    except WorkError as e:
        found = discover.candidates(charset.decide(answer.body, content_type).text, answer.url)
        if not found:
            of_page = "an HTML page" in e.message
            raise AggregatorError(f"{shown}: {'the page names no feed' if of_page else e.message}") from None
        return found
    talk(f"{shown} is a feed itself; `aggregator feeds add` takes it")
    moved = bool(answer.redirects) and all(hop.status in PERMANENT for hop in answer.redirects)
    return [discover.itself(answer.url if moved or not answer.redirects else url, feed.title, feed.version)]
