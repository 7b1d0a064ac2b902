"""`aggregator subscriptions ...`."""

from __future__ import annotations

import click

from aggregator.app import App
from aggregator.cli import output
from aggregator.cli.context import ROW, Context, Group, json_option, pass_context, talk
from aggregator.errors import UsageError
from aggregator.levels import THRESHOLDS, Threshold


@click.group("subscriptions", cls=Group)
def command() -> None:
    """Who gets which digest; by hand what the web page does."""


@command.command("list")
@click.option("--digest", "digest_id", default="", metavar="ID", help="Only of this digest.")
@json_option
@pass_context
def list_(context: Context, digest_id: str, as_json: bool) -> None:
    """Every subscription with its state.

    Example: aggregator subscriptions list --digest morning
    """
    with context.app() as app:
        found = app.stores.subscriptions.list(digest_id)
    if as_json:
        for subscription in found:
            output.line(output.subscription(subscription))
        return
    rows = [["subscription", "digest", "address", "state", "origin", "prominence", "reason"]]
    rows += [[str(s.id), s.digest_id, s.address, s.state, s.origin, s.prominence, s.reason] for s in found]
    output.table(rows, limits=[12, 24, 40, 8, 9, 10, 40])


@command.command("add")
@click.argument("digest_id", metavar="DIGEST")
@click.argument("address")
@click.option(
    "--prominence",
    type=click.Choice(THRESHOLDS),
    help="Least prominence of the stories it is told: any, lead or title; left out: as it was, at first any.",
)
@pass_context
def add(context: Context, digest_id: str, address: str, prominence: Threshold | None) -> None:
    """Subscribe an address to a digest, on your word that its owner asked; or a channel, as `channel:ID`.

    \b
    Examples:
      aggregator subscriptions add morning anna@example.org
      aggregator subscriptions add csto-now anna@example.org --prominence title
      aggregator subscriptions add csto-now channel:newsdesk
    """
    with context.app() as app:
        plain = _address(app, address)
        if digest_id not in {d.id for d in app.configuration.digests}:
            known = ", ".join(d.id for d in app.configuration.digests) or "none yet"
            raise UsageError(f"no digest {digest_id!r}; there are: {known}")
        subscription = app.stores.subscriptions.add(digest_id, plain, app.clock.now(), prominence)
    click.echo(subscription.id)
    talk(f"{subscription.address} gets {digest_id}")


def _address(app: App, address: str) -> str:
    """The address as it is stored; a channel must be one of the configuration."""
    from aggregator import settings
    from aggregator.channel import named

    name = named(address)
    if name and name not in app.configuration.channels:
        known = ", ".join(app.configuration.channels) or "none yet"
        raise UsageError(f"no channel {name!r} in config/digests.yaml; there are: {known}")
    try:
        return address if name else settings.address(address)
    except ValueError as e:
        raise UsageError(f"{address}: {e}") from None


@command.command("end")
@click.argument("subscription_id", metavar="SUBSCRIPTION", type=ROW)
@pass_context
def end(context: Context, subscription_id: int) -> None:
    """End a subscription; its queued messages are cancelled.

    Example: aggregator subscriptions end 7
    """
    with context.app() as app:
        if not app.stores.subscriptions.end(subscription_id, "ended by the operator", app.clock.now()):
            raise UsageError(f"no subscription {subscription_id} is active; `aggregator subscriptions list` names them")
    talk(f"subscription {subscription_id} ended")


@command.command("export")
@click.argument("address")
@pass_context
def export(context: Context, address: str) -> None:
    """Print all that is stored about an address, as JSON.

    Example: aggregator subscriptions export anna@example.org
    """
    with context.app() as app:
        output.line(app.stores.subscriptions.export(address))


@command.command("erase")
@click.argument("address")
@pass_context
def erase(context: Context, address: str) -> None:
    """Remove an address everywhere; it is never written to again unless you add it.

    Example: aggregator subscriptions erase anna@example.org
    """
    with context.app() as app:
        count = app.stores.subscriptions.erase(address, app.clock.now())
        still = [d.id for d in app.configuration.digests if address.lower() in (a.lower() for a in d.to)]
    talk(f"{output.many(count, 'row')} changed")
    if still:
        talk(
            f"config/digests.yaml still names the address in {', '.join(still)}: take it out there; no mail goes to it"
        )
