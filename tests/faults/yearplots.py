"""Small plots as SVG, for docs/years.md: one line or a few over days, readable by day and by night, from 320 pixels on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

WIDTH, HEIGHT = 400, 230
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 44, 40
_STYLE = """
text{font:13px system-ui,sans-serif;fill:#222}.t{font-weight:600;font-size:14px}.g{stroke:#ccc}.a{stroke:#666}
.l{fill:none;stroke-width:2}.l0{stroke:#0b5cad}.l1{stroke:#b3470b;stroke-dasharray:6 3}.k0{fill:#0b5cad}.k1{fill:#b3470b}
@media(prefers-color-scheme:dark){text{fill:#eee}.g{stroke:#444}.a{stroke:#aaa}.l0{stroke:#7db8f5}.l1{stroke:#f5a878}.k0{fill:#7db8f5}.k1{fill:#f5a878}}
"""


class Plot(NamedTuple):
    """A plot: its file's name, its title, what stands at its upright axis, and its lines: their names, columns and divisors."""

    name: str
    title: str
    unit: str
    lines: Sequence[tuple[str, str, float]]


MB = float(1 << 20)
PLOTS = (
    Plot("database", "The database, and its write-ahead log", "MB", [("database", "db", MB), ("log", "wal", MB)]),
    Plot("memory", "Memory of the daemon and of its workers", "MB", [("daemon", "rss_kb", 1024), ("workers", "workers_kb", 1024)]),
    Plot("handles", "Open files and threads", "count", [("files", "files", 1), ("threads", "threads", 1)]),
    Plot("entries", "Entries, and those that matched", "1,000", [("entries", "rows_entries", 1000), ("matches", "rows_matches", 1000)]),
)  # fmt: skip


def write(rows: Sequence[Mapping[str, float]], folder: Path) -> None:
    """Every plot as `years-NAME.svg`."""
    for plot in PLOTS:
        (folder / f"years-{plot.name}.svg").write_text(svg(plot, rows), "utf-8")


def svg(plot: Plot, rows: Sequence[Mapping[str, float]]) -> str:
    """One plot of so many days."""
    days = [float(row["day"]) for row in rows]
    values = [[float(row[column]) / divisor for row in rows] for _, column, divisor in plot.lines]
    top = ceiling(max(map(max, values)))
    said = "; ".join(f"{name} at the end {v[-1]:.0f}" for (name, *_), v in zip(plot.lines, values, strict=True))
    parts = [_text(LEFT, 16, plot.title, "t"), *_grid(top, days[-1], plot.unit)]
    for n, ((name, *_), line) in enumerate(zip(plot.lines, values, strict=True)):
        points = " ".join(f"{_x(d, days[-1]):.1f},{_y(v, top):.1f}" for d, v in zip(days, line, strict=True))
        parts += [
            f'<polyline class="l l{n}" points="{points}"/>',
            _text(LEFT + 110 * n, 34, f"{'—' if not n else '- -'} {name}", f"k{n}"),
        ]
    label = escape(f"{plot.title}: {said} {plot.unit}", quote=True)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{label}">'
    return f"{head}<style>{_STYLE}</style>{''.join(parts)}</svg>\n"


def ceiling(value: float) -> float:
    """A round number that is not less: 1, 2, 4, 6 or 8 with noughts, or 1 for nothing."""
    steps = (m * 10.0**n for n in range(12) for m in (1, 2, 4, 6, 8))
    return next(step for step in steps if step >= value)


def _grid(top: float, days: float, unit: str) -> list[str]:
    lines = []
    for n in range(5):
        y = _y(top * n / 4, top)
        lines.append(
            f'<line class="{"a" if not n else "g"}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        )
        lines.append(_text(LEFT - 6, y + 4, f"{top * n / 4:g}", "", "end"))
        lines.append(
            _text(_x(days * n / 4, days), HEIGHT - BOTTOM + 16, f"{days * n / 4:.0f}", "", "middle" if n < 4 else "end")
        )
    lines.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, "simulated days", "", "middle"))
    return [*lines, _text(LEFT - 6, TOP - 10, unit, "", "end")]


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _x(day: float, days: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * day / days


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top
