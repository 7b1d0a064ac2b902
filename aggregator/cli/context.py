"""What every command shares: the home, the App on it, and words for what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from aggregator.errors import StoreError

if TYPE_CHECKING:
    from aggregator.app import App


NOT_WRITTEN = ("read_only", "full", "locked")
"""Faults in spite of which a database can be read."""


@dataclass(frozen=True)
class Context:
    """Options that stand before the command."""

    home: Path
    verbose: bool

    @contextmanager
    def app(self, *, sync: bool = True, reads: bool = False) -> Iterator[App]:
        """An App on the home; with `sync`, the database follows the files first.

        What only `reads` is shown also where nothing can be written: as it was last written, which is said.
        """
        from aggregator.app import build

        with build(self.home) as app:
            app.reads = reads
            try:
                if sync:
                    app.sync()
            except StoreError as e:
                if not reads or e.fault not in NOT_WRITTEN:
                    raise
                talk(f"{e}\nwhat is shown is as it was last written")
            yield app


class Group(click.Group):
    """A command with subcommands; each is listed with its whole first sentence."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the subcommands."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, one.get_short_help_str(limit=200)) for name, one in found if one is not None])


pass_context = click.make_pass_decorator(Context)


ROW = click.IntRange(1, 2**63 - 1)
"""The number of a row."""
LIMIT = click.IntRange(1, 1_000_000_000)
DAYS = click.IntRange(1, 36_500)

F = TypeVar("F", bound=Callable[..., Any])


def json_option(function: F) -> F:
    """`--json`: JSON Lines on stdout."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON Lines.")(function)


def talk(text: str) -> None:
    """Say something to the person, on stderr."""
    click.echo(text, err=True)


def moment(text: str, now: datetime) -> datetime:
    """`2023-02-02`, `2023-02-02T12:00+03:00`, or an age: `36h`, `7d`.

    Raises:
        click.BadParameter: it is neither.
    """
    from aggregator.settings import moments

    try:
        return moments.moment(text, now)
    except ValueError as e:
        raise click.BadParameter(str(e)) from None
