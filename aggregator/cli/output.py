"""Values as people and programs read them: JSON Lines with the contract's fields, tables, times."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

import click

from aggregator.model import Span
from aggregator.plain import (
    ENTRY_FIELDS,
    cell,
    edition,
    entry,
    event,
    feed,
    gap,
    many,
    masked,
    member,
    message,
    past_attempt,
    short,
    signal,
    span,
    story,
    subscription,
    when,
)

__all__ = [
    "ENTRY_FIELDS",
    "cell",
    "edition",
    "entry",
    "event",
    "feed",
    "fit",
    "gap",
    "highlighted",
    "line",
    "many",
    "masked",
    "member",
    "message",
    "past_attempt",
    "rows",
    "short",
    "signal",
    "span",
    "story",
    "subscription",
    "table",
    "when",
    "width",
]


def rows(values: dict[str, Any]) -> None:
    """One thing's values, a line each; what is empty as a dash."""
    for name, value in values.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else "-" if value in (None, "") else str(value)
        click.echo(f"{name.replace('_', ' '):<16} {fit(shown or '-', 400)}")


_encode = json.JSONEncoder(ensure_ascii=False).encode


def line(values: dict[str, Any]) -> None:
    """One JSON object a line."""
    sys.stdout.write(_encode(values) + "\n")


def width(text: str) -> int:
    """Columns that a text takes on a terminal."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def fit(text: str, columns: int) -> str:
    """The text, cut to so many columns."""
    text = "".join(" " if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") else c for c in text)
    if width(text) <= columns:
        return text
    cut = text
    while width(cut) > columns - 1:
        cut = cut[:-1]
    return cut + "…"


def table(rows: Iterable[Sequence[str]], *, limits: Sequence[int]) -> None:
    """Columns that line up; each is cut to its limit."""
    cells = [[fit(c, limit) for c, limit in zip(row, limits, strict=True)] for row in rows]
    widths = [max((width(row[i]) for row in cells), default=0) for i in range(len(limits))]
    for row in cells:
        padded = [c + " " * (w - width(c)) for c, w in zip(row, widths, strict=True)]
        click.echo("  ".join(padded).rstrip())


def highlighted(text: str, spans: Iterable[Span], field: str) -> str:
    """A field's text with its spans in bold where the terminal can."""
    parts: list[str] = []
    at = 0
    for found in sorted((s for s in spans if s.field == field), key=lambda s: s.start):
        if found.start < at:
            continue
        parts += [text[at : found.start], click.style(text[found.start : found.end], bold=True, fg="yellow")]
        at = found.end
    return "".join([*parts, text[at:]])
