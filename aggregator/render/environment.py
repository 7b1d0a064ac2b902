"""The door to Jinja: built-in templates, the operator's own instead of some of them, and what both may call.

HTML templates escape everything; text templates are cleaned of what a terminal would obey. Own templates run in a sandbox
(sandbox.py): they come from the config folder, and still a copied one should not be able to read the machine. One that
fails costs its look and nothing else: the built-in one takes its place, and the fault is kept for people to see.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
    TemplateNotFound,
    TemplateSyntaxError,
)

from aggregator.errors import ConfigError
from aggregator.render import columns
from aggregator.render.sandbox import Sandbox, TooMuchError, watched

BUILT_IN = Path(__file__).parent / "templates"
LETTERS = ("confirm.html.j2", "confirm.txt.j2", "manage.html.j2", "manage.txt.j2")
NAMES = ("edition.html.j2", "page.html.j2", "edition.txt.j2", "index.html.j2", *LETTERS)

log = logging.getLogger("aggregator.render")


class Templates:
    """The templates in force. `problems` are the faults found in own ones, as `file:line: message`, each once."""

    def __init__(self, own: Path | None = None) -> None:
        if own is not None and not own.is_dir():
            raise ConfigError(f"{own}: no such folder of templates; create it or leave mail.templates out")
        self._own = own
        self.problems: list[str] = []
        self._built_in = _built_in()
        ours = FileSystemLoader(BUILT_IN)
        # under two names: an own template can extend the one that it replaces
        loader: BaseLoader = ChoiceLoader([FileSystemLoader(own or BUILT_IN), ours, PrefixLoader({"built-in": ours})])
        self._sandbox = {html: _environment(Sandbox, loader, html=html) for html in (True, False)} if own else {}
        for name in NAMES:
            self._compile(name)

    @property
    def is_own(self) -> bool:
        """Whether there may be templates that are not ours."""
        return bool(self._sandbox)

    def render(self, name: str, *, built_in: bool = False, **values: Any) -> str:
        """A template filled in; by the built-in one where an own one fails, or where that is asked for."""
        if self._sandbox and not built_in:
            try:
                return watched(self._sandbox[".html" in name].get_template(name), values)
            except Exception as error:  # noqa: BLE001 - a template is a program: whatever it does wrong, no mail is lost by it
                self.report(self._sentence(error, name))
        return self._built_in[".html" in name].get_template(name).render(**values)

    def report(self, problem: str) -> None:
        """Keep a fault of an own template, and say it once."""
        if problem not in self.problems:
            self.problems.append(problem)
            log.warning("%s; the built-in template is used", problem)

    def _compile(self, name: str) -> None:
        """Look at an own template before it is needed."""
        if self._own is None or not (self._own / name).exists():
            return
        try:
            self._sandbox[".html" in name].get_template(name)
        except Exception as error:  # noqa: BLE001 - as in render
            self.report(self._sentence(error, name))

    def _sentence(self, error: Exception, name: str) -> str:
        """What is wrong, as `file:line: message` on one line."""
        if isinstance(error, TemplateSyntaxError):
            return f"{error.filename or name}:{error.lineno}: {error.message}"
        if isinstance(error, TemplateNotFound):
            return f"{self._own}/{error.name}: no such template"
        if isinstance(error, UnicodeDecodeError):  # perhaps of a template that the failing one extends
            return f"{self._unreadable(name)}:1: not UTF-8: {error.reason}"
        if isinstance(error, RecursionError):
            return f'{self._own}/{name}: it extends itself; write {{% extends "built-in/{name}" %}}'
        place = error.place if isinstance(error, TooMuchError) else ""
        return f"{place or self._place(error, name)}: {columns.plain(str(error)) or type(error).__name__}"

    def _unreadable(self, name: str) -> Path:
        """The own template that is no text."""
        for file in sorted((self._own or BUILT_IN).glob("*.j2")):
            try:
                file.read_text("utf-8")
            except (UnicodeDecodeError, OSError):
                return file
        return (self._own or BUILT_IN) / name

    def _place(self, error: Exception, name: str) -> str:
        """`file:line` of the template's line that failed, from the traceback that Jinja rewrites to it."""
        frames = traceback.extract_tb(error.__traceback__)
        lines = [f"{frame.filename}:{frame.lineno}" for frame in frames if frame.filename.endswith(".j2")]
        return lines[-1] if lines else f"{self._own}/{name}"


@cache
def _built_in() -> dict[bool, Environment]:
    """The built-in templates, for HTML and not: one for the whole process, because compiling them costs more than filling them in."""
    return {html: _environment(Environment, FileSystemLoader(BUILT_IN), html=html) for html in (True, False)}


def _environment(kind: type[Environment], loader: BaseLoader, *, html: bool) -> Environment:
    environment = kind(
        loader=loader,
        autoescape=html,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(parts=parts, wrap=columns.wrap, hang=columns.hang, starred=starred)
    return environment


def parts(text: str, marks: Sequence[tuple[int, int]]) -> Iterator[tuple[str, bool]]:
    """A text in pieces, each with whether it is marked; the pieces are still plain text, for autoescape to see."""
    at = 0
    for start, end in marks:
        if start > at:
            yield text[at:start], False
        yield text[max(at, start) : end], True
        at = max(at, end)
    if at < len(text):
        yield text[at:], False


def starred(text: str, marks: Sequence[tuple[int, int]]) -> str:
    """A text for plain mail, its marks between asterisks."""
    return "".join(f"*{piece}*" if marked else piece for piece, marked in parts(text, marks))
