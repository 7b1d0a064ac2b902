"""`aggregator subscriptions ...`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import click

from aggregator.app import App
from aggregator.cli import output, suppressions
from aggregator.cli.context import ROW, Context, Group, json_option, pass_context, talk
from aggregator.errors import UsageError
from aggregator.levels import THRESHOLDS, Threshold
from aggregator.readership import Asker, Choice

OPERATOR = Asker("command line")

F = TypeVar("F", bound=Callable[..., Any])


@click.group("subscriptions", cls=Group)
def command() -> None:
    """Who gets which digest; by hand what the web page does."""


command.add_command(suppressions.command)


def choice_options(function: F) -> F:
    """The options of a reader's choice."""
    texts = {
        "--watchlist": ("ID", "Tell this watchlist alone, at a rhythm of its own."),
        "--query": ("QUERY", "A query of the reader's own, in place of a watchlist."),
        "--rhythm": ("RHYTHM", "instant, hourly, daily 07:30, weekdays 07:30 or weekly mon 07:30."),
        "--timezone": ("ZONE", "IANA zone of the rhythm; default UTC."),
        "--quiet": ("22:00-07:00", "Hours in which alerts wait; with instant only."),
    }
    for name, (metavar, text) in reversed(texts.items()):
        function = click.option(name, default="", metavar=metavar, help=text)(function)
    urgent = click.Choice([*THRESHOLDS, "none"])
    return click.option("--urgent", type=urgent, default="none", help="What breaks through quiet hours.")(function)


@command.command("list")
@click.option("--digest", "digest_id", default="", metavar="ID", help="Only of this digest.")
@json_option
@pass_context
def list_(context: Context, digest_id: str, as_json: bool) -> None:
    """Every subscription with its state, why it is so, and when its digest comes out next.

    Example: aggregator subscriptions list --digest morning
    """
    with context.app(reads=True) as app:
        found = app.stores.subscriptions.list(digest_id)
        due = {d.spec.id: "at once" if d.spec.schedule.every == "instant" else output.short(d.next_at) for d in app.stores.editions.digests()}  # fmt: skip
        why = {s.id: app.stores.suppressions.reason(s.address) for s in found}
    rows = [["subscription", "digest", "address", "state", "origin", "prominence", "next (UTC)", "reason"]]
    for s in found:
        reason = f"suppressed: {why[s.id]}" if why[s.id] else s.reason
        until = f" until {s.paused_until:%Y-%m-%d}" if s.state == "paused" and s.paused_until else ""
        following = due.get(s.digest_id, "") if s.state == "active" and not why[s.id] else ""
        if as_json:
            output.line(output.subscription(s) | {"suppressed": why[s.id], "next": following})
        rows.append([str(s.id), s.digest_id, s.address, s.state + until, s.origin, s.prominence, following, reason])
    if not as_json:
        output.table(rows, limits=[12, 40, 40, 24, 9, 10, 16, 40])


@command.command("add")
@click.argument("words", metavar="[DIGEST] ADDRESS", nargs=-1, required=True)
@choice_options
@click.option(
    "--prominence",
    type=click.Choice(THRESHOLDS),
    help="Least prominence of the stories it is told: any, lead or title; left out: as it was, at first any.",
)
@pass_context
def add(context: Context, /, words: tuple[str, ...], prominence: Threshold | None, **fields: str) -> None:
    """Subscribe an address to a digest, or to a watchlist at a rhythm of its own, on your word that its owner asked.

    \b
    Examples:
      aggregator subscriptions add morning anna@example.org
      aggregator subscriptions add csto-now anna@example.org --prominence title
      aggregator subscriptions add csto-now channel:newsdesk
      aggregator subscriptions add --watchlist csto --rhythm "daily 07:30" --timezone Europe/Minsk anna@example.org
      aggregator subscriptions add --query 'grain OR corn' --rhythm instant --quiet 22:00-07:00 anna@example.org
    """
    if len(words) > 2:
        raise UsageError(
            f"{words[2]!r} is too much: a digest and an address, or an address with --watchlist or --query"
        )
    digest_id, address = "".join(words[:-1]), words[-1]
    with context.app() as app:
        plain = _address(app, address)
        if fields["watchlist"] or fields["query"]:
            if digest_id:
                raise UsageError(f"name a digest ({digest_id!r}) or a watchlist with its rhythm, not both")
            made = app.subscribe.add(plain, _choice(app, fields, prominence), OPERATOR)
        else:
            if any(fields[name] for name in ("rhythm", "timezone", "quiet")):
                raise UsageError("a rhythm goes with --watchlist or --query; a digest of digests.yaml has its own")
            made = app.stores.subscriptions.add(_digest(app, digest_id), plain, app.clock.now(), prominence)
    click.echo(made.id)
    talk(f"{made.address} gets {made.digest_id}")


def _choice(app: App, fields: dict[str, str], prominence: Threshold | None) -> Choice:
    if fields["watchlist"] and fields["query"]:
        raise UsageError("--watchlist or --query, not both")
    return app.subscribe.choice(fields | {"prominence": prominence or "any"}, by_operator=True)


def _digest(app: App, digest_id: str) -> str:
    known = [d.id for d in app.configuration.digests]
    if digest_id not in known:
        raise UsageError(f"no digest {digest_id!r}; there are: {', '.join(known) or 'none yet'}")
    return digest_id


@command.command("request")
@click.argument("address")
@choice_options
@click.option("--prominence", type=click.Choice(THRESHOLDS), default="any", help="Least prominence of the stories.")
@pass_context
def request(context: Context, /, address: str, prominence: Threshold, **fields: str) -> int:
    """Send an address the letter that asks to confirm, as the page does; its limits hold here too.

    Exit 1 when no letter goes out.

    Example: aggregator subscriptions request --watchlist csto --rhythm hourly anna@example.org
    """
    plain = suppressions.plain_address(address)
    with context.app() as app:
        if app.subscribe.request(plain, _choice(app, fields, prominence), OPERATOR):
            talk(f"a letter to {plain} is in the outbox")
            return 0
    talk("no letter: the address is suppressed, an office's, or has had its share of letters")
    return 1


@command.command("pause")
@click.argument("subscription_id", metavar="SUBSCRIPTION", type=ROW)
@click.option("--days", type=click.IntRange(1, 3650), help="So long; left out: until resumed.")
@pass_context
def pause(context: Context, subscription_id: int, days: int | None) -> None:
    """Send nothing for a while; what comes out meanwhile is not sent later.

    Example: aggregator subscriptions pause 7 --days 30
    """
    span = None if days is None else timedelta(days=days)
    with context.app() as app:
        if not app.subscribe.pause(subscription_id, OPERATOR, span):
            raise UsageError(f"no subscription {subscription_id} is active; `aggregator subscriptions list` names them")
    talk(f"subscription {subscription_id} paused")


@command.command("resume")
@click.argument("subscription_id", metavar="SUBSCRIPTION", type=ROW)
@pass_context
def resume(context: Context, subscription_id: int) -> None:
    """End a pause, or the suspension of an address whose mail came back; what its owner refused stays refused.

    Example: aggregator subscriptions resume 7
    """
    with context.app() as app:
        found = next((s for s in app.stores.subscriptions.list() if s.id == subscription_id), None)
        if found is None:
            raise UsageError(f"no subscription {subscription_id}; `aggregator subscriptions list` names them")
        reason = app.stores.suppressions.reason(found.address)
        lifted = reason not in ("", "refused", "erased") and app.stores.bounces.lift(found.address)
        if not (app.subscribe.resume(subscription_id, OPERATOR) or lifted):
            raise UsageError(
                f"subscription {subscription_id} is not paused{': its owner wants no mail' if reason else ''}"
            )
    talk(f"subscription {subscription_id} goes on")


def _address(app: App, address: str) -> str:
    """The address as it is stored; a channel must be one of the configuration."""
    from aggregator.channel import named

    name = named(address)
    if name and name not in app.configuration.channels:
        known = ", ".join(app.configuration.channels) or "none yet"
        raise UsageError(f"no channel {name!r} in config/digests.yaml; there are: {known}")
    return address if name else suppressions.plain_address(address)


@command.command("end")
@click.argument("subscription_id", metavar="SUBSCRIPTION", type=ROW)
@pass_context
def end(context: Context, subscription_id: int) -> None:
    """End a subscription; its queued messages are cancelled.

    Example: aggregator subscriptions end 7
    """
    with context.app() as app:
        if not app.subscribe.end([subscription_id], OPERATOR, "ended by the operator"):
            raise UsageError(f"no subscription {subscription_id} is active; `aggregator subscriptions list` names them")
    talk(f"subscription {subscription_id} ended")


@command.command("export")
@click.argument("address")
@pass_context
def export(context: Context, address: str) -> None:
    """Print all that is stored about an address, as JSON: what it asked for and confirmed, what it was sent, what came back.

    Example: aggregator subscriptions export anna@example.org
    """
    with context.app(reads=True) as app:
        output.line(app.subscribe.export(address))


@command.command("erase")
@click.argument("address")
@pass_context
def erase(context: Context, address: str) -> None:
    """Remove an address everywhere; it is never written to again unless you add it.

    Example: aggregator subscriptions erase anna@example.org
    """
    with context.app() as app:
        count = app.subscribe.erase(address)
        still = [d.id for d in app.configuration.digests if address.lower() in (a.lower() for a in d.to)]
    talk(f"{output.many(count, 'row')} changed")
    if still:
        talk(
            f"config/digests.yaml still names the address in {', '.join(still)}: take it out there; no mail goes to it"
        )
