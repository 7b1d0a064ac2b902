"""docs/commands.md, its generated part: every command with its options and examples, read from the commands themselves.

`make docs` (python -m tests.commands_page) writes it; tests/test_docs.py fails while it is behind.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import click

from aggregator.cli import root

PAGE = Path(__file__).parents[1] / "docs/commands.md"
BEGIN = "<!-- commands: begin (generated: make docs) -->"
END = "<!-- commands: end -->"


def commands(
    group: click.Command = root, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command and group under one, with the words that call it, in the order of `--help`."""
    if not isinstance(group, click.Group):
        return
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        yield from commands(command, (*path, name))


def page(text: str) -> str:
    """The page with its generated part renewed; what stands around it is written by hand."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n\n{generated()}\n{END}{tail}"


def generated() -> str:
    """A section for each command, a smaller one for each subcommand."""
    return "\n".join(section(path, command) for path, command in commands())


def section(path: tuple[str, ...], command: click.Command) -> str:
    """Heading, usage, what it does, options, examples."""
    prose, examples = told(command.help or "")
    parts = [f"{'#' * (len(path) + 1)} {' '.join(path)}\n"]
    if not isinstance(command, click.Group) or command.invoke_without_command:
        parts.append(f"    aggregator {' '.join([*path, *usage(command)])}\n")
    parts += [f"{paragraph}\n" for paragraph in prose]
    parts += options(command)
    if examples:
        parts.append("```sh\n" + "\n".join(examples) + "\n```\n")
    return "\n".join(parts)


def told(text: str) -> tuple[list[str], list[str]]:
    """The help text as paragraphs, and the examples in it."""
    prose, examples = [], []
    for block in inspect.cleandoc(text).split("\n\n"):
        kept = block.startswith("\b")
        lines = [line.strip() for line in block.replace("\b", "").strip().splitlines()]
        if lines and lines[0] in ("Examples:", "Example:"):
            examples += lines[1:]
        elif lines and lines[0].startswith("Example: "):
            examples.append(lines[0].removeprefix("Example: "))
            prose += [" ".join(lines[1:])] if lines[1:] else []
        elif lines:
            prose.append("\n".join(f"    {line}" for line in lines) if kept else " ".join(lines))
    return prose, examples


def usage(command: click.Command) -> list[str]:
    """What stands behind the command's name. We write it ourselves: click's own wording differs between versions."""
    pieces = ["[OPTIONS]"] if any(isinstance(p, click.Option) for p in command.params) else []
    for argument in command.params:
        if isinstance(argument, click.Argument):
            shown = value(argument)
            shown = shown if argument.required or shown.startswith("[") else f"[{shown}]"
            pieces.append(shown if argument.nargs == 1 or shown.endswith("...") else f"{shown}...")
    return pieces


def value(parameter: click.Parameter) -> str:
    """How the value of an option or argument is called."""
    if parameter.metavar:
        return parameter.metavar
    if isinstance(parameter.type, click.Choice):
        return f"[{'|'.join(parameter.type.choices)}]"
    if isinstance(parameter, click.Argument):
        return (parameter.name or "").upper()
    return {"integer range": "NUMBER", "integer": "NUMBER"}.get(parameter.type.name, parameter.type.name.upper())


def options(command: click.Command) -> list[str]:
    """The options as a table."""
    shown = [p for p in command.params if isinstance(p, click.Option) and not p.hidden]
    lines = [f"| `{barred(spelled(p))}` | {barred(meaning(p))} |" for p in shown]
    return ["| option | |\n|---|---|\n" + "\n".join(lines) + "\n"] if lines else []


def spelled(option: click.Option) -> str:
    """The option's names and its value."""
    names = " / ".join([", ".join(option.opts), *option.secondary_opts])
    return names if option.is_flag else f"{names} {value(option)}"


def meaning(option: click.Option) -> str:
    """The option's help, its default, and whether it may come again."""
    default = f" (default: {option.default})" if option.show_default and not option.is_flag else ""
    return f"{(option.help or '').rstrip()}{default}".strip()


def barred(text: str) -> str:
    """Text that may stand in a cell."""
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
