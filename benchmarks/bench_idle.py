"""What the daemon costs while there is nothing to do: processor time of its whole process tree, in percent of one core.

Two days: 200 feeds of which none is due, and 200 hourly feeds that answer 304 as they fall due, evenly over the hour, from a server on
loopback. The pages are served, a watchlist and two digests wait. Counted from a minute and a half after the start, when workers with nothing to do are let go; user and system time.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FEEDS = 200
SETTLING = 90.0
ITEM = "<item><guid>{0}</guid><title>Grain {0}</title><description>{1}</description></item>"


def document(first: int) -> bytes:
    """Forty items."""
    items = "".join(ITEM.format(n, "word " * 99) for n in range(first, first + 40))
    return f"<rss version='2.0'><channel><title>Wire {first}</title>{items}</channel></rss>".encode()


class Feed(BaseHTTPRequestHandler):
    """One document; whoever knows it gets a 304. /0 has news once `news` is set: the daemon then has workers, as it has in life."""

    protocol_version = "HTTP/1.1"
    news = False

    def do_GET(self) -> None:
        first = 100 if Feed.news and self.path == "/0" else 0
        known = self.headers.get("If-None-Match") == f'"{first}"'
        body = b"" if known else document(first)
        self.send_response(304 if known else 200)
        for name, value in (
            ("ETag", f'"{first}"'),
            ("Content-Type", "application/rss+xml"),
            ("Content-Length", str(len(body))),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def server() -> Iterator[int]:
    """The feeds' server; its port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Feed) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield int(found.server_address[1])
        found.shutdown()


def write_home(home: Path, port: int) -> None:
    """The files."""
    (home / "config").mkdir(parents=True)
    feeds = [{"id": f"f{n}", "url": f"http://127.0.0.1:{port}/{n}"} for n in range(FEEDS)]
    (home / "feeds.yaml").write_text(json.dumps({"feeds": feeds}))
    watch = {"watchlists": [{"id": "csto", "title": "CSTO", "query": "=CSTO"}]}
    (home / "config/watchlists.yaml").write_text(json.dumps(watch))
    about: dict[str, Any] = {"watchlists": ["csto"], "to": ["desk@example.org"]}
    digests = [{"id": "now", "title": "Now", "every": "instant"}, {"id": "morning", "title": "Morning", "at": "07:30"}]
    (home / "config/digests.yaml").write_text(json.dumps({"digests": [about | one for one in digests]}))
    settings = {
        "network": {"allow_private": ["127.0.0.0/8"], "host_spacing": "0s"},
        "web": {"port": 0},
        "log": {"level": "warning"},
    }
    (home / "config/aggregator.yaml").write_text(json.dumps(settings))


def plan(home: Path, *, due: bool) -> None:
    """When each feed is due: evenly over the hour to come, or not before tomorrow, but for one at once."""
    now = datetime.now(UTC)
    with closing(sqlite3.connect(home / "var/aggregator.db")) as conn, conn:
        for n, (row,) in enumerate(conn.execute("SELECT rowid FROM feeds ORDER BY id != 'f0'").fetchall()):
            at = now + (timedelta(seconds=18 * n) if due or n == 0 else timedelta(days=1))
            stamp = at.strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"
            conn.execute("UPDATE feeds SET next_poll_at = ? WHERE rowid = ?", (stamp, row))


def tree(pid: int) -> Iterator[int]:
    """A process and all below it."""
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from tree(int(child))


def spent(pid: int) -> dict[str, float]:
    """Processor seconds by thread, of the process and what it started (the kernel's own count, in nanoseconds)."""
    return {
        f"{process}/{task.name}": int((task / "schedstat").read_text().split()[0]) / 1e9
        for process in tree(pid)
        for task in Path(f"/proc/{process}/task").iterdir()
    }


def measured(home: Path, seconds: float, *, threads: bool) -> float:
    """Percent of a core that `aggregator run` takes."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("AGGREGATOR")}
    child = subprocess.Popen([sys.executable, "-m", "aggregator", "--home", str(home), "run"], env=env)
    try:
        time.sleep(SETTLING)
        before, began = spent(child.pid), time.monotonic()
        time.sleep(seconds)
        after, took = spent(child.pid), time.monotonic() - began
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(20)
    if threads:
        for name, cpu in sorted(after.items(), key=lambda one: -one[1]):
            print(f"{100 * (cpu - before.get(name, 0)) / took:7.3f} %  {name}", file=sys.stderr)
    return 100 * (sum(after.values()) - sum(before.get(name, 0.0) for name in after)) / took


def main() -> int:
    """Measure both days; print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0, help="how long each is measured")
    parser.add_argument("--threads", action="store_true", help="say on stderr what each thread took")
    parser.add_argument("--only", choices=["idle", "304"], help="one of the two")
    args, _ = parser.parse_known_args()
    found: dict[str, float] = {}
    for name, due in (("idle", False), ("304", True)):
        if args.only in (None, name):
            Feed.news = False
            with tempfile.TemporaryDirectory(prefix="bench-idle-") as folder, server() as port:
                home = Path(folder) / "home"
                write_home(home, port)
                command = [sys.executable, "-m", "aggregator", "--home", str(home), "poll"]
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                plan(home, due=due)
                Feed.news = True
                found[name] = measured(home, args.seconds, threads=args.threads)
    words = {"idle": f"{FEEDS} feeds, none due", "304": f"{FEEDS} hourly feeds, each answers 304"}
    table = [["case", "percent of a core"], *([words[name], f"{percent:.2f}"] for name, percent in found.items())]
    facts = {"seconds each": args.seconds, "feeds": FEEDS}
    promise = "idle, the daemon takes less than 0.5 % of a core"
    print(json.dumps({"promise": promise, "facts": facts, "table": table, "percent": found}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
