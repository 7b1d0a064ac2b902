"""`aggregator bounce`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO

import click

from aggregator.cli.context import Context, pass_context
from aggregator.errors import UsageError

CHUNK = 64 * 1024


@click.command("bounce")
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(allow_dash=True, path_type=Path))
@pass_context
def command(context: Context, files: tuple[Path, ...]) -> None:
    """Take mail that came back: delivery reports, complaints, mails that ask to stop; and what arrived in the canary's mailbox.

    A mail server pipes each one in; several can be named as files. A mailbox that is not there is suspended at once, one that
    is full after five days; whoever complains is never written to again. A copy of a digest that arrived at operator.canary is
    noted. What carries no mark of ours changes nothing, and nothing is ever answered. Exit 0 for whatever is read, with a line
    that says what became of it.

    \b
    Examples:
      aggregator bounce < mail.eml
      aggregator bounce returned/*.eml
    """
    with context.app(sync=False) as app:
        for file in files or (Path("-"),):
            click.echo(app.returns.take(_read(file)).said)


def _read(file: Path) -> bytes:
    """The beginning of a mail, as much as is looked at. The rest is read and dropped: a pipe that closes early is an error to its writer."""
    from aggregator.digests.bounces import LIMIT

    if str(file) == "-":
        return _head(sys.stdin.buffer, LIMIT)
    try:
        with file.open("rb") as stream:
            return stream.read(LIMIT)
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror or error}") from None


def _head(stream: IO[bytes], limit: int) -> bytes:
    head = stream.read(limit)
    while stream.read(CHUNK):
        pass
    return head
