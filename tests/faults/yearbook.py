"""The year's measures as a table and plots, and what of them has to be level.

    python -m tests.faults.yearbook --home /tmp/year --to docs/images --page docs/years.md

365 days of 200 feeds; some 40 minutes of one core, 5 GB of disk. years.csv has a row for every week; what the page says between
its two marks is written anew.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from tests.faults import gauges, press, yearplots
from tests.faults.press import HOUR
from tests.faults.years import simulate, year

LEVEL = {"rss_kb": 0.2, "files": 0.05, "threads": 0.05, "children": 0.0, "wal": 0.2}
"""By how much each may be more at the end: a fifth of memory (docs: reliability, memory growth)."""
SLACK = {"files": 3, "threads": 2, "children": 1}
"""A sweep that is under way at the moment, or its worker."""
MB = float(1 << 20)
SHOWN = {
    "database, MB": ("db", MB),
    "of it free, MB": ("free", MB),
    "write-ahead log, MB": ("wal", MB),
    "entries": ("rows_entries", 1.0),
    "matches": ("rows_matches", 1.0),
    "memory of the daemon, MB": ("rss_kb", 1024.0),
    "of it SQLite's caches, MB": ("sqlite_kb", 1024.0),
    "memory of its workers, MB": ("workers_kb", 1024.0),
    "open files": ("files", 1.0),
    "threads": ("threads", 1.0),
    "processes below it": ("children", 1.0),
    "pages, MB": ("pages", MB),
    "backups, MB": ("backups", MB),
    "log, MB": ("log", MB),
}
"""What the page says of a year, by name: the column and what it is divided by."""
LARGEST = 14
MARKS = ("<!-- measured: python -m tests.faults.yearbook -->", "<!-- end -->")


def grew(rows: Sequence[Mapping[str, Any]], settled: int, last: int) -> dict[str, str]:
    """What should be level and is not: the mean of the last days against as many after everything has settled."""
    found = {}
    for name, allowed in LEVEL.items():
        early = fmean(row[name] for row in rows[settled : settled + last])
        late = fmean(row[name] for row in rows[-last:])
        if late > early * (1 + allowed) + SLACK.get(name, 0):
            found[name] = f"{early:.1f} -> {late:.1f}"
    return found


def write(rows: Sequence[Mapping[str, Any]], folder: Path) -> None:
    """The measures as years.csv, the first day and the last of every week, and the plots."""
    with (folder / "years.csv").open("w", newline="") as out:
        table = csv.DictWriter(out, list(rows[-1]), lineterminator="\n")
        table.writeheader()
        table.writerows([rows[0], *rows[6::7]])
    yearplots.write(rows, folder)


def page(rows: Sequence[Mapping[str, Any]], tables: Mapping[str, int], about: str) -> str:
    """What docs/years.md says of a run: a table of what has to be level, and one of what the database holds at the end."""
    third = len(rows) // 3
    early, late = rows[third : third + third // 2], rows[-(third // 2) :]
    lines = [
        about,
        "",
        f"| | day {rows[0]['day']} | {_days(early)} | {_days(late)} |",
        "|---|---|---|---|",
    ]
    for name, (column, divisor) in SHOWN.items():
        means = (rows[0][column], fmean(r[column] for r in early), fmean(r[column] for r in late))
        lines.append(
            f"| {name} | " + " | ".join(f"{value / divisor:,.1f}".removesuffix(".0") for value in means) + " |"
        )
    lines += ["", "| table | MB at the end | rows | more rows a day, in the second half |", "|---|---|---|---|"]
    middle, last = rows[len(rows) // 2], rows[-1]
    for name, size in sorted(tables.items(), key=lambda each: -each[1])[:LARGEST]:
        column = f"rows_{name}"
        more = (last[column] - middle[column]) / max(1, last["day"] - middle["day"]) if column in last else 0.0
        lines.append(f"| `{name}` | {size / MB:,.1f} | {last.get(column, '')} | {more:,.1f} |")
    return "\n".join(lines)


def _days(rows: Sequence[Mapping[str, Any]]) -> str:
    return f"days {rows[0]['day']:.0f} to {rows[-1]['day']:.0f}"


def put(file: Path, text: str) -> None:
    """Write it between the two marks of a page."""
    before, _, rest = file.read_text("utf-8").partition(MARKS[0])
    after = rest.partition(MARKS[1])[2]
    file.write_text(f"{before}{MARKS[0]}\n\n{text}\n\n{MARKS[1]}{after}", "utf-8")


def main() -> None:
    """Simulate, write the table, the plots and the page, and say what was not as promised."""
    parser = argparse.ArgumentParser(description="Simulated days of the daemon, and what each took up.")
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--feeds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=20230202)
    parser.add_argument("--step", type=float, default=0.5, help="hours between two looks at what is due")
    parser.add_argument(
        "--pace", type=float, default=1.0, help="how many times as much time passes between two entries"
    )
    parser.add_argument("--home", type=Path, required=True, help="a new folder for the home")
    parser.add_argument("--to", type=Path, required=True, help="where years.csv and the plots go")
    parser.add_argument("--page", type=Path, help="a page with marks, such as docs/years.md")
    args = parser.parse_args()
    press.RHYTHMS = tuple(one._replace(every=one.every * args.pace) for one in press.RHYTHMS)
    args.to.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    with year(args.home, args.feeds, seed=args.seed, step=args.step * HOUR) as simulated:
        for row in simulate(simulated, args.days):
            rows.append(row)
            sys.stderr.write(f"{progress(row, args.days)}\n")
            write(rows, args.to)
        wrong, tables, truth = simulated.verdict(), gauges.bytes_by_table(simulated.database), simulated.truth
    wrong += [f"not level: {name} {change}" for name, change in grew(rows, args.days // 3, args.days // 6).items()]
    about = (
        f"{args.days} days of {args.feeds} feeds, seed {args.seed}, a look every {args.step:g} h: {rows[-1]['polls']:,} polls, {truth.shown:,} entries "
        f"shown, {rows[-1]['mails']:,} mails; lost, told twice or otherwise wrong: {len(wrong)}."
    )
    told = page(rows, tables, about)
    if args.page is not None:
        put(args.page, told)
    sys.stdout.write("\n".join([told, *wrong[:100], ""]))
    sys.exit(bool(wrong))


def progress(row: Mapping[str, Any], days: int) -> str:
    """A line for whoever waits."""
    return (
        f"day {row['day']:>3} of {days}: {row['seconds']:.1f} s, database {row['db'] / MB:.0f} MB, log {row['wal'] / MB:.1f} MB, "
        f"memory {row['rss_kb'] // 1024} MB, {row['files']} files, {row['threads']} threads, {row['rows_entries']:,} entries"
    )


if __name__ == "__main__":
    main()
