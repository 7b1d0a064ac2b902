"""The door to Jinja: built-in templates, the operator's own instead of some of them, and what both may call.

HTML templates escape everything; text templates are cleaned of what a terminal would obey. Own templates run in Jinja's
sandbox: they come from the config folder, and still a copied one should not be able to read the machine.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment

from aggregator.errors import ConfigError
from aggregator.render import columns

BUILT_IN = Path(__file__).parent / "templates"
NAMES = ("edition.html.j2", "page.html.j2", "edition.txt.j2", "index.html.j2")


class Templates:
    """The templates in force, compiled at once, so that a broken one is a configuration error and not a lost digest."""

    def __init__(self, own: Path | None = None) -> None:
        if own is not None and not own.is_dir():
            raise ConfigError(f"{own}: no such folder of templates; create it or leave mail.templates out")
        self._own = own
        self._html = self._environment(autoescape=True)
        self._text = self._environment(autoescape=False)
        problems = [problem for name in NAMES if (problem := self._problem(name))]
        if problems:
            raise ConfigError(problems)

    def render(self, name: str, **values: Any) -> str:
        """A template filled in; a fault in it is a ConfigError with its file and line."""
        try:
            return self._for(name).get_template(name).render(**values)
        except TemplateSyntaxError as error:
            raise ConfigError(f"{error.filename or name}:{error.lineno}: {error.message}") from error
        except TemplateNotFound as error:
            raise ConfigError(f"{self._own or BUILT_IN}/{error.name}: no such template") from error
        except Exception as error:  # a template is a program: whatever it does wrong, its author needs file and line
            raise ConfigError(f"{self._place(error, name)}: {error}") from error

    def _for(self, name: str) -> Environment:
        return self._html if ".html" in name else self._text

    def _environment(self, *, autoescape: bool) -> Environment:
        kind = ImmutableSandboxedEnvironment if self._own else Environment
        environment = kind(
            loader=self._loader(),
            autoescape=autoescape,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        environment.filters.update(parts=parts, wrap=columns.wrap, hang=columns.hang, starred=starred)
        return environment

    def _loader(self) -> BaseLoader:
        own = [FileSystemLoader(self._own)] if self._own else []
        return ChoiceLoader([*own, FileSystemLoader(BUILT_IN)])

    def _problem(self, name: str) -> str:
        """Why a template cannot be used, as `file:line: message`, or ""."""
        try:
            self._for(name).get_template(name)
        except TemplateSyntaxError as error:
            return f"{error.filename or name}:{error.lineno}: {error.message}"
        except TemplateNotFound as error:
            return f"{self._own or BUILT_IN}/{error.name}: no such template"
        except (TemplateError, OSError, UnicodeDecodeError) as error:
            return f"{self._own or BUILT_IN}/{name}: {error}"
        return ""

    def _place(self, error: Exception, name: str) -> str:
        """`file:line` of the template's line that failed, from the traceback that Jinja rewrites to it."""
        frames = traceback.extract_tb(error.__traceback__)
        lines = [f"{frame.filename}:{frame.lineno}" for frame in frames if frame.filename.endswith(".j2")]
        return lines[-1] if lines else name


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
