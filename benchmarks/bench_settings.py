"""Reading a feeds.yaml of 5,000 feeds: read, checked and typed by us, beside the YAML parser alone."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

FEEDS = 5_000
RUNS = 5
ROW = "  - {{url: 'https://host{0}.example/rss', title: Feed {0}, language: en, tags: [a, b], interval: 30m}}\n"
OURS = "from aggregator import settings; load = lambda: settings.load(folder, {}).feeds"
YAML = "import yaml; load = lambda: yaml.load((folder / 'feeds.yaml').read_text(), yaml.CSafeLoader)['feeds']"
MEASURE = """
import json, resource, sys, time
from pathlib import Path
folder = Path(sys.argv[1])
{load}
begin = time.process_time()
count = len(load())
spent = time.process_time() - begin
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({{"count": count, "cpu_seconds": spent, "peak_mb": peak}}))
"""


def cost(load: str, folder: str) -> dict[str, float]:
    """The cheapest of some runs, each in a process of its own; imports do not count."""
    runs: list[dict[str, Any]] = []
    for _ in range(RUNS):
        command = [sys.executable, "-c", MEASURE.format(load=load), folder]
        runs.append(json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout))
    assert {r["count"] for r in runs} == {FEEDS}
    return {key: round(min(r[key] for r in runs), 3) for key in ("cpu_seconds", "peak_mb")}


def main() -> None:
    """Measure and print one JSON document."""
    with tempfile.TemporaryDirectory(prefix="bench-settings-") as folder:
        (Path(folder) / "feeds.yaml").write_text("feeds:\n" + "".join(ROW.format(n) for n in range(FEEDS)))
        row: dict[str, Any] = {"case": "load", "aggregator": cost(OURS, folder), "yaml alone": cost(YAML, folder)}
    row["ratio"] = round(row["aggregator"]["cpu_seconds"] / row["yaml alone"]["cpu_seconds"], 2)
    promise = "5,000 feeds load in less than a second"
    print(json.dumps({"promise": promise, "facts": {"feeds": FEEDS, "runs": RUNS}, "rows": [row]}))


if __name__ == "__main__":
    main()
