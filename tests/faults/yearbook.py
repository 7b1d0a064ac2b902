"""The year's measures as a table and plots, and what of them has to be level.

    python -m tests.faults.yearbook --home /tmp/year --to docs/images    365 days of 200 feeds; some 40 minutes of one core, 5 GB

The table has a row for every week.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from tests.faults import gauges, yearplots
from tests.faults.press import HOUR
from tests.faults.years import simulate, year

LEVEL = {"rss_kb": 0.2, "files": 0.05, "threads": 0.05, "children": 0.0, "wal": 0.2}
"""By how much each may be more at the end: a fifth of memory (docs: reliability, memory growth)."""
SLACK = {"files": 3, "threads": 2, "children": 1}
"""A sweep that is under way at the moment, or its worker."""


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


def main() -> None:
    """Simulate, and write the table, the plots, and on standard output what was found."""
    parser = argparse.ArgumentParser(description="Simulated days of the daemon, and what each took up.")
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--feeds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=20230202)
    parser.add_argument("--step", type=float, default=0.5, help="hours between two looks at what is due")
    parser.add_argument("--home", type=Path, required=True, help="a new folder for the home")
    parser.add_argument("--to", type=Path, required=True, help="where years.csv and the plots go")
    args = parser.parse_args()
    args.to.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    with year(args.home, args.feeds, seed=args.seed, step=args.step * HOUR) as simulated:
        for row in simulate(simulated, args.days):
            rows.append(row)
            sys.stderr.write(f"{progress(row, args.days)}\n")
            write(rows, args.to)
        found: dict[str, Any] = {"tables": gauges.bytes_by_table(simulated.database), "wrong": simulated.verdict()}
        found |= {"shown": simulated.truth.shown, "mails": simulated.mailbox.mails}
    if args.days == 365:
        found["grew"] = grew(rows, 120, 60)
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


def progress(row: Mapping[str, Any], days: int) -> str:
    """A line for whoever waits."""
    mb = 1 << 20
    return (
        f"day {row['day']:>3} of {days}: {row['seconds']:.1f} s, database {row['db'] / mb:.0f} MB, log {row['wal'] / mb:.1f} MB, "
        f"memory {row['rss_kb'] // 1024} MB, {row['files']} files, {row['threads']} threads, {row['rows_entries']:,} entries"
    )


if __name__ == "__main__":
    main()
