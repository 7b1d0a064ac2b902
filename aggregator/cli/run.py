"""`aggregator run`."""

from __future__ import annotations

import logging
import os

import click

from aggregator.cli import aside
from aggregator.cli.context import Context, pass_context
from aggregator.cli.logs import set_up_logging


@click.command("run")
@pass_context
def command(context: Context) -> None:
    """Run the daemon: all lines and the web pages, until SIGTERM.

    \b
    SIGTERM, SIGINT   finish what is under way, within 10 seconds
    SIGHUP            take over the configuration; a bad one keeps the old (a changed file is noticed anyway)

    Example: aggregator run
    """
    from aggregator.app import build
    from aggregator.daemon import Daemon

    with build(context.home) as app:
        log = app.configuration.settings.log
        set_up_logging("debug" if context.verbose else log.level, log.format)
        aside.divert()
        drained = Daemon(app).run()
    if not drained:
        # A thread still waits for another machine; the interpreter would wait for it.
        logging.shutdown()
        os._exit(0)
