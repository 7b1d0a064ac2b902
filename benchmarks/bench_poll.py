"""What a sweep costs: cold, 304, same bytes, 3 new entries a feed, only a new date; the `reader` package beside us.

Every sweep is a process of its own, started, finished and waited for. A process that finds nothing to do is measured,
too, and taken off before the ratio (ours / reader's) is made. We also match a watchlist, assign stories and fill a full-text
index in these numbers; reader stores and nothing more.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import measure

HERE = Path(__file__).parent
FOLDER = HERE.parent
CASES = [
    # case, what the servers do before it, entries each feed has shown by then
    ("cold", "reset", 30),
    ("304", "normal", 30),
    ("same bytes", "ignore", 30),
    ("3 new a feed", "grow 3", 33),
    ("only a new date", "touch", 33),
]
START = "start alone"
"""A process that finds nothing to do; taken off the other cases for the ratio."""


class Feeds:
    """The server process."""

    def __init__(self, count: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "feedserver.py"), str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        facts = self._read()
        self.urls = [f"http://127.0.0.1:{port}/feed" for port in facts["ports"]]
        self.body, self.gzip = facts["body"], facts["gzip"]

    def tell(self, order: str) -> dict[str, int]:
        """Give an order; returns what was answered since the last one."""
        assert self.process.stdin is not None
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()
        hits: dict[str, int] = self._read()["hits"]
        return hits

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        facts: dict[str, Any] = json.loads(self.process.stdout.readline())
        return facts

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


class Ours:
    """`aggregator poll --all` on a fresh home, as an operator would run it."""

    name = "aggregator"

    def __init__(self, folder: Path, urls: list[str]) -> None:
        self.home = folder / "home"
        (self.home / "config").mkdir(parents=True)
        feeds = "".join(f"  - {{id: feed-{i:03}, url: '{url}'}}\n" for i, url in enumerate(urls))
        (self.home / "feeds.yaml").write_text("feeds:\n" + feeds)
        for name in ("watchlists.yaml",):
            (self.home / "config" / name).write_text((FOLDER / "config" / name).read_text("utf-8"), "utf-8")
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("AGGREGATOR")}
        self.env["AGGREGATOR__NETWORK__ALLOW_PRIVATE"] = '["127.0.0.0/8"]'
        # Compiled, as pip leaves what it installs, reader for instance; but not into this folder.
        self.env.pop("PYTHONDONTWRITEBYTECODE", None)
        self.env["PYTHONPYCACHEPREFIX"] = str(folder / "compiled")
        compiling = [sys.executable, "-m", "compileall", "-q", str(FOLDER / "aggregator")]
        subprocess.run(compiling, env=self.env, check=True)

    def _command(self, *args: str) -> list[str]:
        return [sys.executable, str(FOLDER / "benchmarks/base.py"), "--home", str(self.home), *args]

    def sweep(self) -> measure.Cost:
        """One sweep over every feed."""
        return measure.run(self._command("poll", "--all", "--json"), self.env, FOLDER)

    def start(self) -> measure.Cost:
        """A process that finds nothing due."""
        return measure.run(self._command("poll", "--json"), self.env, FOLDER)

    def entries(self, cost: measure.Cost) -> int:
        """How many entries are stored; every feed must have answered."""
        failed = [r for r in map(json.loads, cost.out.splitlines()) if r["outcome"] == "failed"]
        assert not failed, failed[:3]
        stats = subprocess.run(
            self._command("stats", "--json"), env=self.env, cwd=FOLDER, capture_output=True, text=True, check=True
        )
        return int(json.loads(stats.stdout.splitlines()[0])["entries"])

    def database(self) -> int:
        """Bytes of the database."""
        return sum(p.stat().st_size for p in (self.home / "var").glob("aggregator.db*"))


class Reader:
    """The `reader` package with 8 workers."""

    name = "reader"

    def __init__(self, folder: Path, urls: list[str], python: str) -> None:
        self.python = python
        self.db = folder / "reader.db"
        self.urls = folder / "urls.txt"
        self.urls.write_text("\n".join(urls))

    def sweep(self) -> measure.Cost:
        """One sweep over every feed."""
        return measure.run([self.python, str(HERE / "peer_reader.py"), str(self.db), str(self.urls), "8"])

    def start(self) -> measure.Cost:
        """A process that opens the database and asks nobody."""
        return measure.run([self.python, str(HERE / "peer_reader.py"), str(self.db), str(self.urls), "0"])

    def entries(self, cost: measure.Cost) -> int:
        """How many entries are stored."""
        facts = json.loads(cost.out)
        assert not facts["failed"], facts
        return int(facts["entries"])

    def database(self) -> int:
        """Bytes of the database with its search on, as ours has one."""
        measure.run([self.python, str(HERE / "peer_reader.py"), str(self.db), str(self.urls), "search"])
        return sum(p.stat().st_size for p in self.db.parent.glob("reader.db*"))


class Floor:
    """A bare HTTP client, lxml and executemany: how far down it could go."""

    name = "floor"

    def __init__(self, folder: Path, urls: list[str]) -> None:
        self.db = folder / "floor.db"
        self.urls = folder / "floor.txt"
        self.urls.write_text("\n".join(urls))

    def _run(self, *more: str) -> measure.Cost:
        return measure.run([sys.executable, str(HERE / "floor.py"), str(self.db), str(self.urls), *more])

    def sweep(self) -> measure.Cost:
        """One sweep over every feed."""
        return self._run()

    def start(self) -> measure.Cost:
        """A process that asks nobody."""
        return self._run("start")

    def entries(self, cost: measure.Cost) -> int:
        """How many entries are stored."""
        return int(json.loads(cost.out)["entries"])

    def database(self) -> int:
        """Bytes of the database."""
        return self.db.stat().st_size


def one_run(feeds: Feeds, folder: Path, peers: str) -> dict[str, dict[str, measure.Cost | int]]:
    """All cases, for us and then for the peer, from empty databases."""
    found: dict[str, dict[str, measure.Cost | int]] = {}
    systems: list[Ours | Floor | Reader] = [Ours(folder, feeds.urls), Floor(folder, feeds.urls)]
    if peers:
        systems.append(Reader(folder, feeds.urls, peers))
    for system in systems:
        costs: dict[str, measure.Cost | int] = {}
        for case, order, shown in CASES:
            feeds.tell(order)
            cost = system.sweep()
            hits = feeds.tell("count")
            wanted = {"304": len(feeds.urls)} if case == "304" else {"200": len(feeds.urls)}
            assert hits == wanted, (system.name, case, hits)
            assert system.entries(cost) == shown * len(feeds.urls), (system.name, case, system.entries(cost))
            costs[case] = cost
        costs[START] = system.start()
        costs["database"] = system.database()
        found[system.name] = costs
    return found


def best(runs: list[dict[str, dict[str, measure.Cost | int]]], name: str, case: str) -> dict[str, float]:
    """The smallest of each number over the runs."""
    costs = [c for r in runs if isinstance(c := r[name][case], measure.Cost)]
    return {
        "cpu_seconds": round(min(c.cpu for c in costs), 3),
        "peak_mb": round(min(c.peak_mb for c in costs), 1),
        "wall_seconds": round(min(c.wall for c in costs), 2),
    }


def main() -> None:
    """Measure and print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", default="", help="Python of the peers' environment; without it we run alone")
    parser.add_argument("--feeds", type=int, default=200)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    feeds = Feeds(args.feeds)
    runs = []
    try:
        for _ in range(args.runs):
            with tempfile.TemporaryDirectory(prefix="bench-poll-") as folder:
                runs.append(one_run(feeds, Path(folder), args.peers))
    finally:
        feeds.close()
    rows = []
    start = {name: best(runs, name, START)["cpu_seconds"] for name in runs[0]}
    for case, _, shown in [*CASES, (START, "", 33)]:
        row: dict[str, Any] = {"case": case, "entries": shown * args.feeds}
        row |= {name: best(runs, name, case) for name in runs[0]}
        if "reader" in runs[0] and case != START:
            ours, theirs = (row[name]["cpu_seconds"] - start[name] for name in ("aggregator", "reader"))
            row["ratio"] = round(ours / theirs, 3)
        rows.append(row)
    size = {n: runs[0][n]["database"] // (CASES[-1][2] * args.feeds) for n in runs[0]}  # type: ignore[operator]
    facts = {"feeds": args.feeds, "body_bytes": feeds.body, "gzip_bytes": feeds.gzip, "runs": args.runs}
    print(json.dumps({"promise": "a poll costs what is new", "facts": facts | {"bytes_an_entry": size}, "rows": rows}))


if __name__ == "__main__":
    main()
