"""`aggregator worker`."""

from __future__ import annotations

import logging
import os

import click

from aggregator.cli import aside
from aggregator.cli.context import Context, pass_context
from aggregator.cli.logs import set_up_logging
from aggregator.errors import ConfigError, UsageError
from aggregator.fellows import LINES


@click.command("worker")
@click.option("--lines", default="", help="What it runs, such as poll,enrich. Default: all.")
@pass_context
def command(context: Context, lines: str) -> None:
    """Work beside others on one PostgreSQL database: `storage.url` names it, and any number may.

    One of them looks at the clock for all; when it ends or falls, another does. The tasks lie in a queue in the same database, so
    nothing else has to be installed. A worker serves no pages: `aggregator web` does. Each needs the same configuration
    and the same var/secret.

    \b
    SIGTERM, SIGINT   finish what is under way, within 10 seconds; others take over
    SIGHUP            take over the configuration; a bad one keeps the old (a changed file is noticed anyway)

    \b
    Examples:
      aggregator worker
      aggregator worker --lines poll,enrich
    """
    from aggregator.app import build
    from aggregator.daemon import Daemon
    from aggregator.seats import Among

    wanted = [name.strip() for name in lines.split(",") if name.strip()]
    if unknown := [name for name in wanted if name not in LINES]:
        raise click.BadParameter(
            f"no line is called {unknown[0]!r}; there are {', '.join(LINES)}", param_hint="--lines"
        )
    with build(context.home) as app:
        home, log = app.configuration.home, app.configuration.settings.log
        if not home.server:
            raise UsageError(
                f"storage.url names the file {home.database}, which has one daemon: `aggregator run`; "
                "several workers share a PostgreSQL database, and `aggregator move` brings this one there"
            )
        set_up_logging("debug" if context.verbose else log.level, log.format)
        aside.divert()
        runs = wanted or list(LINES)
        try:
            seat = Among(app, runs)
        except ImportError as e:
            raise ConfigError(
                f"a worker needs {e.name}, which is not installed; pip install 'aggregator[postgres]'"
            ) from e
        drained = Daemon(app, seat=seat, lines=[*runs, "heartbeat"]).run()
    if not drained:
        # A thread still waits for another machine; the interpreter would wait for it.
        logging.shutdown()
        os._exit(0)
