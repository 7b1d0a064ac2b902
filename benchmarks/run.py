"""Run every benchmark beside this file: each bench_*.py prints one JSON document; results/latest.json keeps them.

Numbers of one machine on one day: compare within a run (the ratio), not between runs.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def main() -> int:
    """Run those whose names are given, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="poll runs bench_poll.py; default: all")
    parser.add_argument("--peers", default="", help="Python of the environment that holds the peers")
    args, more = parser.parse_known_args()
    scripts = {p.stem.removeprefix("bench_"): p for p in sorted(HERE.glob("bench_*.py"))}
    if unknown := set(args.names) - set(scripts):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(scripts)}")
    found = {name: measured(scripts[name], args.peers, more) for name in args.names or scripts}
    keep(found)
    for name, document in found.items():
        show(name, document)
    return 0


def measured(script: Path, peers: str, more: list[str]) -> dict[str, Any]:
    """One script's document."""
    print(f"{script.name} ...", file=sys.stderr, flush=True)
    command = [sys.executable, str(script), *(["--peers", peers] if peers else []), *more]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def keep(found: dict[str, dict[str, Any]]) -> None:
    """Write results/latest.json, with where and when."""
    about = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
    }
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    (results / "latest.json").write_text(json.dumps(about | {"benchmarks": found}, indent=2) + "\n")


def show(name: str, document: dict[str, Any]) -> None:
    """A table: one line a case, CPU seconds and peak memory for each system, or what the benchmark words itself."""
    facts = ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in document["facts"].items())
    print(f"\n{name}: {document['promise']}\n{facts}")
    if "table" in document:
        columns = itertools.zip_longest(*document["table"], fillvalue="")
        widths = [max(map(len, column)) + 3 for column in columns]
        for cells in document["table"]:
            print("".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=False)).rstrip())
        return
    systems = [k for k, v in document["rows"][0].items() if isinstance(v, dict)]
    head = f"{'case':<16}" + "".join(f"{s + ' CPU s':>20}{'peak MB':>10}" for s in systems)
    print(head + (f"{'ratio':>10}" if "ratio" in document["rows"][0] else ""))
    for row in document["rows"]:
        cells = "".join(f"{row[s]['cpu_seconds']:>20.2f}{row[s]['peak_mb']:>10.0f}" for s in systems)
        print(f"{row['case']:<16}{cells}" + (f"{row['ratio']:>10.3f}" if "ratio" in row else ""))


if __name__ == "__main__":
    sys.exit(main())
