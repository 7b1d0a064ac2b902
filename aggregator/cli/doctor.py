"""`aggregator doctor`."""

from __future__ import annotations

import shutil
import sys

import click

from aggregator import diagnosis, standing, storage
from aggregator.app import build
from aggregator.cli import output
from aggregator.cli.context import Context, json_option, pass_context
from aggregator.errors import AggregatorError, ConfigError
from aggregator.model import Problem
from aggregator.render import columns


@click.command("doctor")
@click.option("--deep", is_flag=True, help="Read every page of the database and check what must always hold.")
@json_option
@pass_context
def command(context: Context, deep: bool, as_json: bool) -> int:
    """Diagnose the whole installation in one page: what is wrong, and what to do. Exit 1 when something is.

    \b
    Examples:
      aggregator doctor
      aggregator doctor --deep --json
    """
    try:
        app = build(context.home)
    except ConfigError as e:
        found = [Problem(p, "correct the file; `aggregator check` looks again", "error") for p in e.problems]
        _show([], found, as_json=as_json)
        return e.exit_code
    app.reads = True
    with app:
        try:
            facts = list(standing.facts(app))
            found = list(diagnosis.problems(app, deep=deep))
        except AggregatorError as e:
            _show([], [storage.refusal(e)], as_json=as_json)
            return e.exit_code
    _show(facts, found, as_json=as_json)
    return 1 if any(p.level == "error" for p in found) else 0


def _show(facts: list[tuple[str, str]], found: list[Problem], *, as_json: bool) -> None:
    if as_json:
        for name, text in facts:
            output.line({"fact": name, "value": text})
        for problem in found:
            output.line({"level": problem.level, "problem": problem.what, "do": problem.do, "about": problem.about})
        return
    widest = max((len(name) for name, _ in facts), default=0)
    for name, text in facts:
        click.echo(_hung(f"{name:<{widest}}  ", text))
    click.echo()
    for problem in found:
        word, colour = ("error", "red") if problem.level == "error" else ("note", "yellow")
        text = _hung(f"{word + ':':<7}", problem.what)
        click.echo(click.style(word, fg=colour) + text[len(word) :])
        click.echo(_hung(" " * 7, problem.do))
    if not found:
        click.echo("nothing is wrong")


def _hung(first: str, text: str) -> str:
    """A text behind its first word, on a terminal in lines that fit it; in a file on one line, which can be looked for."""
    if not sys.stdout.isatty():
        return first + text
    return columns.hang(text, first, max(60, min(120, shutil.get_terminal_size().columns - 1)))
