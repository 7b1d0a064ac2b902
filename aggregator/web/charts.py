"""Bars as numbers for an SVG: made here, drawn by templates/parts.html.j2, with the same numbers in a table behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 600.0, 120.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: where it stands in the drawing (units of the view box, from the top left), what it is of, and how much."""

    x: float
    y: float
    width: float
    height: float
    label: str
    value: float
    shown: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars side by side; `top` is the value that would fill the height, as people read it."""

    bars: tuple[Bar, ...]
    width: float
    height: float
    top: str


SPARK = 12
"""Height of a spark, in units of its view box; each bar is one wide."""


def spark(values: Sequence[int]) -> str:
    """Bars beside a line of text as the `d` of one path: a page may have hundreds of them."""
    most = max(values, default=0) or 1
    return "".join(f"M{n} {SPARK}V{SPARK - max(1, round(SPARK * v / most))}" for n, v in enumerate(values) if v)


def chart(points: Sequence[tuple[str, float, str]], width: float = WIDTH, height: float = HEIGHT) -> Chart:
    """Bars of (label, value of 0 or more, the value as it is read), in order."""
    most = max((value for _, value, _ in points), default=0) or 1
    step = width / max(len(points), 1)
    gap = min(2.0, step / 4)
    bars = []
    for n, (label, value, shown) in enumerate(points):
        tall = round(height * value / most, 2)
        # What is not nothing is seen.
        tall = max(tall, 1.5) if value else 0.0
        bars.append(Bar(round(n * step, 2), round(height - tall, 2), round(step - gap, 2), tall, label, value, shown))
    top = max(points, key=lambda point: point[1], default=("", 0, "0"))[2]
    return Chart(tuple(bars), width, height, top)
