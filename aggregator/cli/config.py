"""`aggregator config ...`."""

from __future__ import annotations

import json
import os

import click

from aggregator.cli.context import Context, Group, pass_context


@click.group("config", cls=Group)
def command() -> None:
    """The configuration: its schema, and what is in force."""


@command.command("schema")
def schema() -> None:
    """Print JSON Schema of the four files; editors complete and check with it.

    Example: aggregator config schema > aggregator.schema.json
    """
    from aggregator import settings

    click.echo(json.dumps(settings.json_schema(), indent=2, ensure_ascii=False))


@command.command("show")
@pass_context
def show(context: Context) -> None:
    """Print every setting in force, secrets hidden.

    Example: AGGREGATOR__WEB__PORT=9000 aggregator config show
    """
    from aggregator import settings

    configuration = settings.load(context.home, os.environ)
    click.echo(json.dumps(settings.masked(configuration.settings), indent=2, ensure_ascii=False))
