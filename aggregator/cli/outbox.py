"""`aggregator outbox ...`."""

from __future__ import annotations

import click

from aggregator.cli import output
from aggregator.cli.context import Context, json_option, pass_context, talk
from aggregator.errors import UsageError

STATES = ["waiting", "claimed", "sent", "unknown", "dead", "cancelled"]


@click.group("outbox")
def command() -> None:
    """Messages that are not settled, and what became of the rest."""


@command.command("list")
@click.option("--state", "states", multiple=True, type=click.Choice(STATES), help="Only these; may be repeated.")
@click.option("--limit", default=200, type=click.IntRange(1), show_default=True)
@json_option
@pass_context
def list_(context: Context, states: tuple[str, ...], limit: int, as_json: bool) -> None:
    """Messages, newest first."""
    with context.app() as app:
        messages = app.stores.outbox.list(states, limit)
    if as_json:
        for message in messages:
            output.line(output.message(message))
        return
    rows = [["message", "state", "tries", "next try (UTC)", "address", "subject", "error"]]
    rows += [
        [str(m.id), m.state, str(m.attempts), output.short(m.next_attempt_at), m.address, m.subject, m.error]
        for m in messages
    ]
    output.table(rows, limits=[8, 9, 5, 16, 30, 50, 50])


@command.command("show")
@click.argument("message_id", metavar="MESSAGE", type=int)
@json_option
@pass_context
def show(context: Context, message_id: int, as_json: bool) -> None:
    """One message with its state."""
    with context.app() as app:
        message = app.stores.outbox.get(message_id)
    if message is None:
        raise UsageError(f"no message {message_id}; `aggregator outbox list` names them")
    values = output.message(message)
    if as_json:
        output.line(values)
        return
    for name, value in values.items():
        click.echo(f"{name.replace('_', ' '):<16} {value if value not in (None, '') else '-'}")


@command.command("retry")
@click.argument("message_ids", metavar="MESSAGE...", type=int, nargs=-1, required=True)
@pass_context
def retry(context: Context, message_ids: tuple[int, ...]) -> None:
    """Make messages due now; `aggregator send` or the daemon hands them over."""
    with context.app() as app:
        for message_id in message_ids:
            if not app.stores.outbox.retry(message_id, app.clock.now()):
                raise UsageError(f"message {message_id} is not there, or was sent already")
            talk(f"message {message_id} is due")


@command.command("release")
@pass_context
def release(context: Context) -> None:
    """Let go of the messages that a restore holds back."""
    with context.app() as app:
        talk(f"{app.stores.outbox.release_held(app.clock.now())} messages released")


@command.command("drop")
@click.argument("message_ids", metavar="MESSAGE...", type=int, nargs=-1, required=True)
@pass_context
def drop(context: Context, message_ids: tuple[int, ...]) -> None:
    """Cancel messages that are not sent."""
    with context.app() as app:
        for message_id in message_ids:
            if not app.stores.outbox.drop(message_id, app.clock.now()):
                raise UsageError(f"message {message_id} is not there, or is settled already")
            talk(f"message {message_id} is cancelled")
