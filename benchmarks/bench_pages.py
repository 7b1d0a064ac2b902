"""What Today and every Watchlist page cost at 10,000 entries and at 1,000,000, with 100 watchlists.

The program itself serves them, in a process of its own; eight readers in another ask page after page over connections that
stay, as fast as they are answered, each in an order of its own. `kept`: pages as they mostly are, made before. `first`: one reader,
each page for the first time after a start, and after something new was found for every watchlist. `polling`: while `aggregator run`
sweeps 1,000 feeds on loopback that have three new entries each, again and again; asked of that process, and of an `aggregator web` beside it.
Milliseconds, and CPU milliseconds of the server for an answer, which do not depend on what else the machine does.

    --keep DIR      keep the two homes there, or use those that are there: building them takes minutes
    --seconds N     how long each is measured
    --sizes A,B     other numbers of entries
    --polled N      other numbers of feeds
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import readingroom

HERE = Path(__file__).parent
FOLDER = HERE.parent
CLIENTS = 8
SAME = "kept, told to be the same"
PATHS = ["/", *(f"/watchlists/w{n:03}" for n in range(readingroom.WATCHLISTS))]
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Times:
    """What answers took, and what the server spent on them."""

    ms: tuple[float, ...]
    cpu: float
    sizes: dict[str, int]
    statuses: dict[str, int]

    def part(self, percent: int) -> float:
        """So many of a hundred took no longer."""
        return statistics.quantiles(self.ms, n=100, method="inclusive")[percent - 1]

    def cells(self) -> tuple[str, ...]:
        """Median, 95th percentile, longest, and CPU milliseconds each."""
        return (*(f"{value:.2f}" for value in (self.part(50), self.part(95), max(self.ms), self.cpu)),)


class Server:
    """`aggregator web` or `run` on a home."""

    def __init__(self, home: Path, command: str, *more: str) -> None:
        env = {k: v for k, v in os.environ.items() if not k.startswith("AGGREGATOR")}
        env["PYTHONPATH"] = str(FOLDER)
        call = [sys.executable, str(HERE / "base.py"), "--home", str(home), command, *more]
        self._process = subprocess.Popen(call, stderr=subprocess.PIPE, text=True, env=env)
        assert self._process.stderr is not None
        for line in self._process.stderr:
            found = re.search(r"pages on http://[^:]+:(\d+)/", line)
            if found:
                break
        else:
            raise SystemExit(f"{call}: no pages")
        self.port = int(found[1])
        threading.Thread(target=self._process.stderr.read, daemon=True).start()

    def cpu(self) -> float:
        """Seconds of it and of what it started, so far."""
        return sum(_cpu(pid) for pid in _tree(self._process.pid))

    def ask(self, paths: Sequence[str] = PATHS, *, clients: int = CLIENTS, again: bool = False, **how: Any) -> Times:
        """Ask in a process of their own; `seconds` or `rounds`."""
        order = {"port": self.port, "paths": list(paths), "clients": clients, "again": again, **how}
        before = self.cpu()
        done = subprocess.run(
            [sys.executable, str(HERE / "pageclient.py")], input=json.dumps(order) + "\n", stdout=subprocess.PIPE, text=True, check=True
        )  # fmt: skip
        spent = self.cpu() - before
        got = json.loads(done.stdout)
        assert set(got["statuses"]) <= {"200", "304"}, got["statuses"]
        return Times(tuple(got["ms"]), spent / len(got["ms"]) * 1e3, got["bytes"], got["statuses"])

    def close(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait()


def _cpu(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            for child in (task / "children").read_text().split():
                yield from _tree(int(child))


class Feeds:
    """So many feeds in a process of their own."""

    def __init__(self, count: int) -> None:
        began = (datetime.now(UTC) - timedelta(days=1)).isoformat()
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "feedserver.py"), str(count), began], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )  # fmt: skip
        self.urls = [f"http://127.0.0.1:{port}/feed" for port in self._read()["ports"]]

    def grow(self) -> None:
        """Three new entries in each."""
        assert self._process.stdin is not None
        self._process.stdin.write("grow 3\n")
        self._process.stdin.flush()
        self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        facts: dict[str, Any] = json.loads(self._process.stdout.readline())
        return facts

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


class Polling:
    """Sweeps one after the other, in a thread that only makes feeds due and waits."""

    def __init__(self, home: Path, feeds: Feeds) -> None:
        self._conn = sqlite3.connect(
            home / "var/aggregator.db", timeout=60, isolation_level=None, check_same_thread=False
        )
        self._feeds = feeds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._go_on)
        self.seconds: list[float] = []

    def sweep(self) -> float:
        """One; the seconds it took."""
        self._feeds.grow()
        began = time.monotonic()
        self._conn.execute(
            "UPDATE feeds SET next_poll_at = '2000-01-01T00:00:00.000000Z', held_until = NULL WHERE removed_at IS NULL"
        )
        self.wait()
        return time.monotonic() - began

    def wait(self) -> None:
        """Until no feed is due."""
        due = "SELECT count(*) FROM feeds WHERE removed_at IS NULL AND (next_poll_at < ? OR last_poll_at IS NULL)"
        while not self._stop.is_set():
            time.sleep(0.1)
            ((left,),) = self._conn.execute(due, (datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"),)).fetchall()
            if not left:
                return

    def _go_on(self) -> None:
        while not self._stop.is_set():
            self.seconds.append(self.sweep())

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.seconds = self.seconds[:-1] or self.seconds  # the last was broken off


def quiet(home: Path, seconds: float) -> dict[str, Times]:
    """Without polling."""
    server = Server(home, "web", "--port", "0")
    try:
        found = {"first after a start": server.ask(clients=1, rounds=1)}
        with changed(home):
            found["first after a change"] = server.ask(clients=1, rounds=1)
        server.ask(rounds=1)
        found["kept"] = server.ask(seconds=seconds)
        found[SAME] = server.ask(again=True, seconds=seconds)
    finally:
        server.close()
    return found


@contextlib.contextmanager
def changed(home: Path) -> Iterator[None]:
    """Something more was found for every watchlist; afterwards it was not."""
    with contextlib.closing(sqlite3.connect(home / "var/aggregator.db", timeout=60, isolation_level=None)) as conn:
        ((last,),) = conn.execute("SELECT max(id) FROM matches").fetchall()
        conn.execute(
            "INSERT OR IGNORE INTO matches (watchlist_id, entry_id, revision, spans, reach, matched_at) "
            "SELECT w.id, m.entry_id, 1, m.spans, 'digest', m.matched_at FROM watchlists w, matches m WHERE m.id = ?",
            (last,),
        )
        yield
        conn.execute("DELETE FROM matches WHERE id > ?", (last,))


def polling(home: Path, seconds: float, polled: int) -> tuple[dict[str, dict[str, Times]], dict[str, float]]:
    """On a copy that polls, pages by `run` itself and by `web` beside it; and what sweeps take with and without readers."""
    with tempfile.TemporaryDirectory(prefix="bench-pages-", dir=home.parent) as folder, contextlib.ExitStack() as stack:
        copy = Path(folder) / "home"
        shutil.copytree(home, copy)
        feeds = Feeds(polled)
        stack.callback(feeds.close)
        readingroom.configure(copy, feeds.urls)
        servers = {"by run": Server(copy, "run"), "beside it": Server(copy, "web", "--port", "0")}
        for server in servers.values():
            stack.callback(server.close)
        Polling(copy, feeds).wait()  # the first look at each
        sweeps = {"alone": statistics.median([Polling(copy, feeds).sweep() for _ in range(3)])}
        found: dict[str, dict[str, Times]] = {}
        for name, server in servers.items():
            Polling(copy, feeds).wait()  # what was broken off goes on
            server.ask(rounds=1)
            kept = server.ask(seconds=seconds)
            with Polling(copy, feeds) as going_on:
                found[name] = {"kept": kept, "polling": server.ask(seconds=3 * seconds)}
            sweeps[name] = statistics.median(going_on.seconds)
        return found, sweeps


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--sizes", default="10000,1000000")
    parser.add_argument("--polled", type=int, default=1_000)
    args, _ = parser.parse_known_args()
    with tempfile.TemporaryDirectory(prefix="bench-pages-") as folder:
        keep = args.keep or Path(folder)
        keep.mkdir(parents=True, exist_ok=True)
        small, large = (readingroom.prepare(keep, int(size)) for size in args.sizes.split(","))
        found = [quiet(home, args.seconds) for home in (small, large)]
        busy, sweeps = polling(large, args.seconds, args.polled)
    names = args.sizes.split(",")
    head = ("case", *(f"{name} {what}" for name in names for what in ("p50", "p95", "max", "CPU ms")))
    table: list[tuple[str, ...]] = [(*head, "p95 ratio", "CPU ratio")]
    for case in found[0]:
        one, other = (times[case] for times in found)
        ratios = other.part(95) / one.part(95), other.cpu / one.cpu
        table.append((case, *one.cells(), *other.cells(), *(f"{ratio:.2f}" for ratio in ratios)))
    for where, times in busy.items():
        for case, taken in times.items():
            ratio = taken.part(95) / times["kept"].part(95)
            table.append((f"{case}, {where}", *[""] * 4, *taken.cells()[:3], "", f"{ratio:.2f}"))
    sizes = [times["first after a start"].sizes for times in found]
    facts = {
        "watchlists": readingroom.WATCHLISTS,
        "clients": CLIENTS,
        "bytes_of_today": " and ".join(f"{size['/']:,}" for size in sizes) + " (wanted 50,000)",
        "bytes_of_the_largest": " and ".join(f"{max(size.values()):,}" for size in sizes),
        "answers": " and ".join(f"{len(times['kept'].ms):,}" for times in found),
        "told_to_be_the_same": " and ".join(f"{times[SAME].statuses.get('304', 0):,}" for times in found),
        "seconds_of_a_sweep": ", ".join(f"{name} {took:.1f}" for name, took in sweeps.items()),
        "wanted": "kept 1.5 times, polling twice",
    }
    print(
        json.dumps({"promise": "pages take no longer for what is stored beside them", "facts": facts, "table": table})
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
