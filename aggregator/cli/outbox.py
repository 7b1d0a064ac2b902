"""`aggregator outbox ...`."""

from __future__ import annotations

import click

from aggregator.cli import output
from aggregator.cli.context import LIMIT, ROW, Context, Group, json_option, pass_context, talk
from aggregator.errors import UsageError

STATES = ["waiting", "claimed", "sent", "unknown", "dead", "cancelled"]


@click.group("outbox", cls=Group)
def command() -> None:
    """Messages that are not settled, and what became of the rest."""


@command.command("list")
@click.option("--state", "states", multiple=True, type=click.Choice(STATES), help="Only these; may be repeated.")
@click.option("--limit", default=200, type=LIMIT, show_default=True, help="Messages at most.")
@json_option
@pass_context
def list_(context: Context, states: tuple[str, ...], limit: int, as_json: bool) -> None:
    """Messages, newest first.

    Example: aggregator outbox list --state waiting --state dead
    """
    with context.app(reads=True) as app:
        messages = app.stores.outbox.list(states, limit)
    if as_json:
        for message in messages:
            output.line(output.message(message))
        return
    rows = [["message", "state", "tries", "next try (UTC)", "address", "subject", "error"]]
    for m in messages:
        next_at = None if m.settled_at else m.next_attempt_at
        rows.append([str(m.id), m.state, str(m.attempts), output.short(next_at), m.address, m.subject, m.error])
    output.table(rows, limits=[8, 9, 5, 16, 30, 50, 50])


@command.command("show")
@click.argument("message_id", metavar="MESSAGE", type=ROW)
@json_option
@pass_context
def show(context: Context, message_id: int, as_json: bool) -> None:
    """One message with its state, and what was tried.

    Example: aggregator outbox show 12
    """
    with context.app(reads=True) as app:
        message = app.stores.outbox.get(message_id)
        tried = app.stores.overview.attempts(message_id)
    if message is None:
        raise UsageError(f"no message {message_id}; `aggregator outbox list` names them")
    values = output.message(message)
    if as_json:
        output.line(values | {"tried": [output.past_attempt(one) for one in tried]})
        return
    output.rows(values)
    for one in tried:
        code = f" ({one.code})" if one.code else ""
        said = f"{output.short(one.started_at)}  {one.outcome} in phase {one.phase}{code}: {one.detail or '-'}"
        click.echo(output.fit(said, 420))


@command.command("retry")
@click.argument("message_ids", metavar="MESSAGE...", type=ROW, nargs=-1, required=True)
@pass_context
def retry(context: Context, message_ids: tuple[int, ...]) -> None:
    """Make messages due now; `aggregator send` or the daemon hands them over.

    Example: aggregator outbox retry 12 13
    """
    with context.app() as app:
        for message_id in message_ids:
            if not app.stores.outbox.retry(message_id, app.clock.now()):
                raise UsageError(f"message {message_id} is not there, or was sent already")
            talk(f"message {message_id} is due")


@command.command("hold")
@pass_context
def hold(context: Context) -> None:
    """Hold back every unsent message, and every edition to come, until you release them.

    For a database on a server that was put back to an older state: before any worker starts. What the log in var/sent knows of the time
    since is sent already; who left since stays away.

    Example: aggregator outbox hold
    """
    with context.app() as app:
        upkeep, now = app.stores.upkeep, app.clock.now()
        recalled = upkeep.recall(app.configuration.home.sent, now)
        count = upkeep.hold_outbox(now, editions=True)
        talk(
            f"{output.many(recalled.sent, 'message')} found in {app.configuration.home.sent} as sent; {output.many(count, 'message')} held, and every edition to come: `aggregator outbox list`, then `outbox release`"
        )


@command.command("release")
@pass_context
def release(context: Context) -> None:
    """Let go of the messages that a restore or `outbox hold` holds back.

    Example: aggregator outbox release
    """
    with context.app() as app:
        talk(f"{output.many(app.stores.outbox.release_held(app.clock.now()), 'message')} released")


@command.command("drop")
@click.argument("message_ids", metavar="MESSAGE...", type=ROW, nargs=-1, required=True)
@pass_context
def drop(context: Context, message_ids: tuple[int, ...]) -> None:
    """Cancel messages that are not sent.

    Example: aggregator outbox drop 12
    """
    with context.app() as app:
        for message_id in message_ids:
            if not app.stores.outbox.drop(message_id, app.clock.now()):
                raise UsageError(f"message {message_id} is not there, or is settled already")
            talk(f"message {message_id} is cancelled")
