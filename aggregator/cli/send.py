"""`aggregator send`."""

from __future__ import annotations

from dataclasses import asdict

import click

from aggregator.cli import output
from aggregator.cli.context import Context, json_option, pass_context, talk


@click.command("send")
@click.option("--once", is_flag=True, help="One pass over what is due now (the default; the daemon goes on for ever).")
@json_option
@pass_context
def command(context: Context, once: bool, as_json: bool) -> int:  # noqa: ARG001 - the name is the promise
    """Settle due messages: hand them to the mail server, or to var/mail/ while none is named.

    A mail server or a channel that is left in peace because it failed is asked all the same.
    Exit 1 when a message could not be handed over; it stays in the outbox and is tried again.

    Example: aggregator send
    """
    with context.app() as app:
        report = app.send.run(patient=False)
    if as_json:
        output.line(asdict(report))
    talk(
        f"{report.sent} sent, {report.retry} to be tried again, {report.unknown} unknown, {report.dead} given up, "
        f"{report.cancelled} cancelled"
        + (f", {report.late} too late: a later edition tells them" if report.late else "")
    )
    if report.error:
        talk(report.error)
    return 1 if report.troubled else 0
