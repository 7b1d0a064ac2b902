"""`aggregator config ...`."""

from __future__ import annotations

import json
import os

import click

from aggregator.cli.context import Context, pass_context


@click.group("config")
def command() -> None:
    """The configuration: its schema, and what is in force."""


@command.command("schema")
def schema() -> None:
    """Print JSON Schema of the four files; editors complete and check with it."""
    from aggregator import settings

    click.echo(json.dumps(settings.json_schema(), indent=2, ensure_ascii=False))


@command.command("show")
@pass_context
def show(context: Context) -> None:
    """Print every setting in force, secrets hidden."""
    from aggregator import settings

    configuration = settings.load(context.home, os.environ)
    click.echo(json.dumps(settings.masked(configuration.settings), indent=2, ensure_ascii=False))
