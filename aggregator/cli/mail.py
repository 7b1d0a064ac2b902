"""`aggregator mail ...`."""

from __future__ import annotations

from dataclasses import asdict

import click

from aggregator.app import App
from aggregator.cli import mailview, output
from aggregator.cli.context import Context, Group, json_option, pass_context, talk
from aggregator.errors import UsageError, WorkError
from aggregator.publication import Edition, Window


@click.group("mail", cls=Group)
def command() -> None:
    """Whether mail leaves, and what must hold for it to arrive."""


@command.command("test")
@click.argument("address")
@pass_context
def test(context: Context, address: str) -> int:
    """Send one small mail to an address, as editions are sent: same server, same headers, same form.

    Says in one line how that went. Exit 1 when it could not be handed over, with the class of the error and what to do. The mail
    is in no outbox and is not tried again; its link to unsubscribe leads nowhere.

    Example: aggregator mail test anna@example.org
    """
    from aggregator import settings

    try:
        plain = settings.address(address)
    except ValueError as e:
        raise UsageError(f"{address}: {e}") from None
    with context.app(sync=False) as app:
        try:
            answer = _send(app, plain)
        except WorkError as e:
            talk(f"{e.error_class}: {e}")
            talk(f"what to do: {mailview.advice(e)}")
            return 1
        click.echo(f"{plain}: {app.transport.name}: {answer}")
    return 0


def _send(app: App, address: str) -> str:
    """The whole conversation; the server's answer."""
    from aggregator.digests import messages

    token = messages.new_token()
    message_id = f"<test.{token}@{app.configuration.settings.mail.message_domain}>"
    body = app.renderer.message(app.renderer.render(_edition(app)).mail, address, token, message_id)
    session = app.transport.open()
    try:
        session.prepare(address, app.return_path(0))
        return session.deliver(body, message_id)
    finally:
        session.close()


def _edition(app: App) -> Edition:
    """An edition without stories, which says what was checked."""
    now = app.clock.now()
    return Edition(
        digest_id="test",
        title="Test of the mail",
        key=f"{now:%Y-%m-%dT%H:%M}",
        kind="digest",
        window=Window(now, now),
        timezone="UTC",
        stories=(),
        continued=(),
        entries=0,
        more=0,
        checked=app.stores.upkeep.checked(),
        queries=(),
        composed_at=now,
    )


@command.command("check")
@json_option
@pass_context
def check(context: Context, as_json: bool) -> int:
    """Print what DNS must hold for the sender's domain and its relay, and check the settings.

    Nothing is looked up: the lines to ask DNS with stand beside the records. Exit 1 when a setting keeps mail from arriving.

    Example: aggregator mail check
    """
    from aggregator.app import build

    with build(context.home) as app:
        sender = _sender(app)
    records, problems = list(mailview.records(sender)), list(mailview.problems(sender))
    if as_json:
        for record in records:
            output.line(asdict(record))
        for problem in problems:
            output.line({"level": problem.level, "problem": problem.what, "do": problem.do})
    else:
        _show(records)
        for problem in problems:
            mark = "error" if problem.level == "error" else "note"
            click.echo(f"{mark}: {problem.what}\n       {problem.do}")
        if not problems:
            click.echo("the settings are as they should be")
    return 1 if any(p.level == "error" for p in problems) else 0


def _sender(app: App) -> mailview.Sender:
    mail, web = app.configuration.settings.mail, app.configuration.settings.web
    return mailview.Sender(
        from_address=mail.from_address,
        bounces=mail.bounces,
        host=mail.host,
        port=mail.port,
        security=mail.security,
        public_url=web.public_url,
        wants_tags=mail.verp,
        tagged=mail.tagged,
    )


def _show(records: list[mailview.Record]) -> None:
    click.echo("What DNS must hold (nothing was looked up; RELAY, ADDRESS, SELECTOR and KEY are the relay's):\n")
    for record in records:
        click.echo(f"{record.what:<6} {record.record}\n       {record.why}\n       look: {record.look}\n")
