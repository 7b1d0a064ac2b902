"""Own templates, held in: no way out of the template, no end without end, no output without bounds.

Jinja's sandbox keeps a template from the machine, not from running for ever: `range` is bounded, but loops may stand in
loops. So each line that a template runs is counted, as Python counts lines for a debugger, and whatever makes a longer text
of short ones (output, `~`, arithmetic, filters, methods) is measured, the worst before it is done.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Mapping
from types import FrameType
from typing import Any

from jinja2 import Template
from jinja2.compiler import CodeGenerator, Frame
from jinja2.nodes import Concat
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

STEPS = 600_000
"""Lines of templates that one rendering may run; a page of a thousand stories takes about half."""
LARGEST = 8_000_000
"""Characters that a template may make."""
WIDEST = 1_000
"""Characters that a text may be padded to."""
_BITS = 10_000
"""Of a number."""
_TOO_LARGE = f"it makes more than {LARGEST:,} characters"
_GROWING = frozenset(
    ("center", "expandtabs", "format", "format_map", "join", "ljust", "replace", "rjust", "translate", "zfill")
)
"""Methods of texts that make a long one of a short one; filters do the same within bounds."""


_bill = threading.local()
"""What long texts one rendering has made, in characters."""


class TooMuchError(Exception):
    """A template that runs too long or makes too much; `place` is its line, as `file:line`, where that is known."""

    place = ""


class _Generator(CodeGenerator):
    """Writes `~` so that what it makes is measured."""

    def visit_Concat(self, node: Concat, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        self.write("environment.measured(")
        super().visit_Concat(node, frame)
        self.write(")")


def _measured(made: Any) -> Any:
    """What was made, where it is not too large."""
    if isinstance(made, (str, list, tuple)):
        if len(made) > LARGEST:
            raise TooMuchError(_TOO_LARGE)
        if len(made) > WIDEST:
            # A macro keeps all that it makes until its end: the sum counts, not the pieces.
            _bill.made = getattr(_bill, "made", 0) + len(made)
            if _bill.made > 2 * LARGEST:
                raise TooMuchError(_TOO_LARGE)
    return made


def _joined(pieces: Iterable[str]) -> str:
    made, size = [], 0
    for piece in pieces:
        size += len(piece)
        if size > LARGEST:
            raise TooMuchError(_TOO_LARGE)
        made.append(piece)
    return "".join(made)


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, with bounds on what is made."""

    intercepted_binops = frozenset(("+", "*", "**", "%"))
    code_generator_class = _Generator
    concat = staticmethod(_joined)
    measured = staticmethod(_measured)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.globals.pop("lipsum", None)
        for name, inner in list(self.filters.items()):
            self.filters[name] = _bounded(name, inner)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Also refuses the methods by which a text grows."""
        return super().is_safe_attribute(obj, attr, value) and not (isinstance(obj, str) and attr in _GROWING)

    def wrap_str_format(self, value: Any) -> None:
        """Jinja would let `str.format` through, with any width; its attribute is refused instead."""

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Refuse what would be out of all proportion before it is worked out."""
        if operator in ("*", "**") and isinstance(left, int) and isinstance(right, int):
            bits = left.bit_length() * right if operator == "**" else left.bit_length() + right.bit_length()
            if bits > _BITS:
                raise TooMuchError("a number is too large")
        elif operator == "*":
            text, times = (right, left) if isinstance(left, int) else (left, right)
            if isinstance(times, int) and hasattr(text, "__len__") and len(text) * times > LARGEST:
                raise TooMuchError(_TOO_LARGE)
        elif operator == "%" and isinstance(left, str):
            _widths(left)
        return _measured(super().call_binop(context, operator, left, right))


def watched(template: Template, values: Mapping[str, Any]) -> str:
    """A template filled in, its steps counted. Raises TooMuchError, or whatever the template does wrong."""
    left, last = STEPS, None

    def count(frame: FrameType, event: str, _value: object) -> Any:
        nonlocal left, last
        if event == "line":
            left, last = left - 1, (frame.f_globals["__jinja_template__"], frame.f_code.co_filename, frame.f_lineno)
        if left < 0:
            raise TooMuchError(f"it runs without end, or for more than {STEPS:,} steps")
        return count

    def enter(frame: FrameType, _event: str, _value: object) -> Any:
        return count if "__jinja_template__" in frame.f_globals else None

    before = sys.gettrace()
    _bill.made = 0
    sys.settrace(enter)
    try:
        return template.render(dict(values))
    except TooMuchError as error:
        if last is not None:
            error.place = f"{last[1]}:{last[0].get_corresponding_lineno(last[2])}"
        raise
    finally:
        sys.settrace(before)


def _bounded(name: str, inner: Any) -> Any:
    """A filter that says how long it would be, or is measured after it was long."""

    def bounded(*values: Any, **named: Any) -> Any:
        _foresee(name, [value for value in (*values, *named.values()) if not isinstance(value, Context)])
        return _measured(inner(*values, **named))

    # What Jinja passes first (context, environment) is written on the function.
    bounded.__dict__.update(getattr(inner, "__dict__", {}))
    return bounded


def _foresee(name: str, values: list[Any]) -> None:
    """The filters that pad, repeat or join."""
    if name in ("center", "indent", "batch", "slice", "wordwrap", "wrap", "hang", "tojson"):
        if any(isinstance(value, int) and value > WIDEST for value in values):
            raise TooMuchError(f"{name}: wider than {WIDEST:,}")
    elif name == "replace":
        texts = [str(value) for value in values if isinstance(value, str)]
        if len(texts) > 2 and len(texts[-3]) * max(1, len(texts[-1])) > LARGEST:
            raise TooMuchError(_TOO_LARGE)
    elif name in ("join", "format"):
        for value in values:
            if isinstance(value, (list, tuple)):
                _joined(map(str, value))
            if name == "format" and isinstance(value, str):
                _widths(value)


def _widths(form: str) -> None:
    """The widths and precisions of a %-format."""
    digits = "".join(char if char.isdigit() else " " for char in form).split()
    if any(len(number) >= len(str(WIDEST)) for number in digits):
        raise TooMuchError(f"a format is wider than {WIDEST:,}")
