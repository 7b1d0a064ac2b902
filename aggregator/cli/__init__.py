"""The command line: one file per command. stdout is data, stderr is talk; commands are imported when they are called.

Exit codes: 0 done · 1 some work failed · 2 usage · 3 configuration invalid · 4 another instance runs · 5 database unusable
"""

from __future__ import annotations

import contextlib
import gc
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import click

from aggregator.errors import AggregatorError, QueryError

YOUNG = 50_000
"""New objects between two looks of the collector for circles: at its own 700 it takes a tenth of the time of a sweep."""

COMMANDS = {
    "init": "start a home: asks for feeds, a word and an address",
    "demo": "the whole main job offline, in seconds",
    "run": "the daemon with all lines and the web pages",
    "web": "the web pages alone",
    "worker": "one of several that share a PostgreSQL database",
    "admin": "who may do what: sign-in links, sessions, API tokens",
    "check": "validate the configuration",
    "config": "the configuration: schema, show",
    "doctor": "diagnose the whole installation in one page",
    "health": "whether the daemon does its work, for monitors",
    "systemd": "a unit file for this installation",
    "poll": "one sweep of due feeds",
    "feeds": "list, add, pause, import, export feeds",
    "entries": "every stored entry",
    "stories": "the same news across feeds: list, show, merge, split",
    "match": "try a query on a text, like grep",
    "search": "history, newest first",
    "why": "why an entry matched a watchlist, or why not",
    "watch": "watchlists: list, add, test, backtest, lint",
    "digest": "compose an edition now, or preview the next",
    "editions": "past editions, as sent",
    "send": "settle due messages",
    "render": "the reading pages as plain files",
    "syndicate": "a watchlist, digest or search for feed readers",
    "mail": "whether mail leaves and can arrive: test, check",
    "bounce": "take mail that came back, piped in by a mail server",
    "outbox": "messages: list, show, retry, release, drop",
    "subscriptions": "who gets which digest",
    "export": "entries or matches as CSV or JSON Lines",
    "stats": "numbers",
    "backup": "an online backup, verified",
    "restore": "put a backup in place; unsent mail is held",
    "salvage": "what can still be read of a damaged database, in a fresh one",
    "move": "everything to a PostgreSQL database, and nothing sent twice",
    "prune": "remove old entries that nothing needs",
}


class _ReaderGone(Exception):  # noqa: N818 - nothing is wrong
    """Whoever read our output has left (`| head`)."""


class Lazy(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's shape
        """Every command, in the order a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002 - click's shape
        """Import the command's module."""
        if name not in COMMANDS:
            return None
        command = import_module(f"aggregator.cli.{name}").command
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; click would make a failure of a reader that leaves early."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise _ReaderGone from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's shape
        """List the commands without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command when there is none of this name."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as e:
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, n=1)
            if near:
                raise click.UsageError(f"{e.message.rstrip('.')}; did you mean `{near[0]}`?", ctx) from None
            raise


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="AGGREGATOR_HOME",
    default=Path(),
    help="Folder with feeds.yaml, config/ and var/ (default: the current one; AGGREGATOR_HOME).",
)
@click.option("-v", "--verbose", is_flag=True, help="Say more on stderr.")
@click.version_option(version("aggregator"), prog_name="aggregator")
@click.pass_context
def root(ctx: click.Context, home: Path, verbose: bool) -> None:
    """Watch the news: poll feeds politely, match watchlists in every language, tell each story once.

    \b
    Examples:
      aggregator demo                         see everything work, offline
      aggregator init                         start a home in this folder
      aggregator poll && aggregator search CSTO
      aggregator run                          the daemon
    """
    from aggregator.cli.context import Context

    ctx.obj = Context(home=home, verbose=verbose)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; errors we raise on purpose become one clear line and their exit code."""
    if any("\0" in word for word in argv or ()):
        # No shell passes one on; a program that calls us might, and no file or text of ours can hold it.
        click.echo("aggregator: an argument holds a NUL character; leave it out", err=True)
        return 2
    try:
        result = root.main(args=None if argv is None else list(argv), prog_name="aggregator", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as e:
        return e.exit_code
    except click.Abort:
        click.echo("aggregator: stopped", err=True)
        return 130
    except click.ClickException as e:
        e.show()
        return e.exit_code
    except QueryError as e:
        click.echo(f"aggregator: query: {e}\n{e.caret()}", err=True)
        return e.exit_code
    except AggregatorError as e:
        for line in str(e).splitlines():
            click.echo(f"aggregator: {line}", err=True)
        return e.exit_code
    except (_ReaderGone, BrokenPipeError):
        # That is no failure, and no more may be written.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    except OSError as e:
        if os.environ.get("AGGREGATOR_DEBUG"):
            raise
        # What a command met on its way is an error of ours with words of its own; what is left is the output, most of all.
        click.echo(
            f"aggregator: {e.filename or 'the output'}: {e.strerror or e}; make room or mend it, then run it again",
            err=True,
        )
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as e:
        if isinstance(e, UnicodeEncodeError) and any(_undecoded(a) for a in (sys.argv if argv is None else argv)):
            click.echo("aggregator: an argument is not UTF-8 text", err=True)
            return 2
        if os.environ.get("AGGREGATOR_DEBUG"):
            raise
        click.echo(
            f"aggregator: internal error: {type(e).__name__}: {e}\n"
            "aggregator: this is a bug; run again with AGGREGATOR_DEBUG=1 for the details and report them",
            err=True,
        )
        return 1
    return result if isinstance(result, int) else 0


def _undecoded(argument: str) -> bool:
    return any("\ud800" <= c <= "\udfff" for c in argument)


def _open_standard_files() -> None:
    """Whoever started us may have closed them; a file of ours that got such a number would be written to by mistake."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free: this one
            setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8"))


def run() -> None:
    """The console script."""
    gc.set_threshold(YOUNG, 10, 10)
    _open_standard_files()
    for stream in (sys.stdout, sys.stderr):
        # A text that the terminal's encoding cannot show must not end a command.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(main())
