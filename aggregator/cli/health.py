"""`aggregator health`."""

from __future__ import annotations

import click

from aggregator.app import App, build
from aggregator.cli import output
from aggregator.cli.context import Context, json_option, pass_context
from aggregator.errors import AggregatorError

STALE = 180.0
"""Seconds after which a daemon without pages, which says every half minute that it lives, counts as hung."""


@click.command("health")
@json_option
@pass_context
def command(context: Context, as_json: bool) -> int:
    """Whether the daemon of this home does its work: exit 0 when it does, else 1. For Docker's HEALTHCHECK and other monitors.

    It asks the daemon's own /readyz at web.host and web.port; where the pages are not served, or at a port that nobody knows, it
    looks at what the daemon has written down. Where workers run here instead, it looks at what each has told the database.
    Feeds that fail and a mail server that is away do not make it unhealthy.

    \b
    Examples:
      aggregator health
      aggregator health --json
    """
    with build(context.home) as app:
        wrong = _wrong(app)
    if as_json:
        output.line({"healthy": not wrong, "problem": wrong})
    else:
        click.echo(wrong or "healthy")
    return 1 if wrong else 0


def _wrong(app: App) -> str:
    """What keeps it from its work, one line; "" when nothing does."""
    from aggregator import health
    from aggregator.instance import running_pid

    home = app.configuration.home
    if not running_pid(home.lock):
        return _wrong_with_workers(app) if home.server else f"no daemon runs on {home.path.resolve()}: `aggregator run`"
    web = app.configuration.settings.web
    if web.enabled and web.port:
        answer = _asked(app)
        if answer:
            return answer
    hung = [name for name, line in health.read(home.health).items() if line.hung_since]
    if hung:
        return f"{', '.join(sorted(hung))} hangs; the daemon's log says more"
    if web.enabled and web.port:
        return ""
    try:
        if health.age(home.health, app.clock.now()) > STALE:
            return "the daemon has not said for three minutes that it lives"
        app.stores.agenda.may_write(5.0)
    except (OSError, AggregatorError) as e:
        return str(e)
    return ""


def _wrong_with_workers(app: App) -> str:
    """The same of the workers of this machine."""
    from aggregator import health, onduty

    try:
        found = onduty.here(app)
        if not found:
            return f"no daemon runs on {app.configuration.home.path.resolve()}, and no worker here: `aggregator worker`"
        for one in found:
            if not onduty.lives(one, app.clock.now()):
                return f"worker {onduty.name(one)} has not said for a minute that it lives"
            if hung := sorted(name for name, line in health.parsed(one.health).items() if line.hung_since):
                return f"{', '.join(hung)} of worker {onduty.name(one)} hangs; its log says more"
        app.stores.agenda.may_write(5.0)
    except AggregatorError as e:
        return str(e)
    return ""


def _asked(app: App) -> str:
    """What is wrong with the answer of /readyz; "" for nothing."""
    from aggregator import adapters
    from aggregator.model import FetchFailure, FetchRequest

    url = adapters.own_url(app.configuration, "readyz")
    client = adapters.own_client(app.clock)
    try:
        [answer] = client.fetch_many([FetchRequest("readyz", url)])
    finally:
        client.close()
    if isinstance(answer, FetchFailure):
        return f"the daemon runs, but {url} does not answer: {answer.message}"
    if answer.status == 503:
        return f"the daemon is not ready: {url} says which part"
    return "" if answer.status == 200 else f"{url} answers {answer.status}: is that the daemon?"
