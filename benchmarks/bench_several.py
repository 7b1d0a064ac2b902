"""Sweeps by one, two and four workers on PostgreSQL and by the daemon on SQLite, and claims a second, in one run.

Each feed has a port, and so a host, of its own. A sweep lasts from the moment at which every feed falls due to the commit of the last; the
processes run already. `news` brings one entry in each feed. All of it shares the machine's processors with the feed server and PostgreSQL, so that two
cores cannot show what more machines would bring; what they show is what the sharing costs.
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
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from bench_poll import Feeds
from bench_stores import DURABLE

from aggregator.model import FeedSpec, PollOutcome, PollState
from aggregator.store.postgres import PostgresStores
from aggregator.store.sqlite import SqliteStores

ROOT = Path(__file__).parents[1]
WORKERS = (1, 2, 4)
PATIENCE = 300.0
CLAIMED, AT_ONCE, SECONDS = 20_000, 50, 5.0
"""Feeds to be claimed, those of one claim, and how long each measurement of claims lasts at most."""
SECRET = b"x" * 32


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--feeds", type=int, default=400)
    args, _ = parser.parse_known_args()
    sys.path.append(str(ROOT))
    from tests.postgres import Cluster

    feeds = Feeds(args.feeds)
    with tempfile.TemporaryDirectory(prefix="bench-several-") as folder:
        Path(folder).chmod(0o755)
        cluster = Cluster.made(Path(folder) / "cluster", **DURABLE)
        try:
            print(json.dumps(measured(Path(folder), cluster.url, feeds, args.feeds)))
        finally:
            feeds.close()
            cluster.stop()
    return 0


def measured(folder: Path, server: str, feeds: Feeds, count: int) -> dict[str, Any]:
    rows: list[tuple[str, ...]] = [("case", "first sweep", "304", "news", "CPU ms a 304", "shares")]
    found = {"SQLite, the daemon": swept(folder / "sqlite", None, 1, feeds, count)}
    for workers in WORKERS:
        with database(server) as url:
            found[f"PostgreSQL, {workers} workers"] = swept(folder / f"w{workers}", url, workers, feeds, count)
    rows += [(name, *cells) for name, cells in found.items()]
    rows.append(("", "", "", "", "", ""))
    rows.append(("claims of 50, feeds/s", *claims(folder, server)))
    return {
        "promise": "what several workers bring and cost; sweeps in feeds a second",
        "facts": {"feeds": count, "body_kb": feeds.body // 1000, "cpus": os.cpu_count()},
        "table": rows,
    }


# -- sweeps ---------------------------------------------------------------------------------------------------------------


def swept(home: Path, url: str | None, workers: int, feeds: Feeds, count: int) -> tuple[str, ...]:
    """Feeds a second of the first sweep, of one that brings nothing and of one with news; CPU; which part each process took."""
    feeds.tell("reset")
    write(home, feeds.urls)
    store = Store(home, url)
    env = {k: v for k, v in os.environ.items() if not k.startswith("AGGREGATOR")}
    env |= {"AGGREGATOR__NETWORK__ALLOW_PRIVATE": '["127.0.0.0/8"]', "AGGREGATOR__POLLING__TICK": "1s"}
    env |= {"AGGREGATOR__WEB__ENABLED": "false", "AGGREGATOR__BACKUP__EVERY": "0s"}
    env |= {"AGGREGATOR__STORAGE__URL": url} if url else {}
    command = [sys.executable, "-m", "aggregator", "--home", str(home), "run" if url is None else "worker"]
    # Nothing is due before all are up: the first sweep shall not begin with whoever starts first.
    prepare(home, env, store)
    processes = [subprocess.Popen(command, env=env, cwd=ROOT, stderr=subprocess.DEVNULL) for _ in range(workers)]
    try:
        store.wait(lambda: store.up() == workers)
        first = store.sweep(count)
        before = cpu(processes)
        idle = store.sweep(count)
        spent = cpu(processes) - before
        feeds.tell("grow 1")
        news = store.sweep(count)
        return (*(f"{count / s:,.0f}" for s in (first, idle, news)), f"{1e3 * spent / count:.1f}", store.shares())
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(30)


def write(home: Path, urls: Sequence[str]) -> None:
    (home / "config").mkdir(parents=True)
    listed = "".join(f"  - {{id: feed-{i:05}, url: '{url}', interval: 1d}}\n" for i, url in enumerate(urls))
    (home / "feeds.yaml").write_text("feeds:\n" + listed)
    for name in ("watchlists.yaml",):
        (home / "config" / name).write_text((ROOT / "config" / name).read_text("utf-8"), "utf-8")


def prepare(home: Path, env: dict[str, str], store: Store) -> None:
    """Feeds are known, and due tomorrow."""
    command = [sys.executable, "-m", "aggregator", "--home", str(home), "feeds", "list"]
    subprocess.run(command, env=env, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    store.run("UPDATE feeds SET next_poll_at = ?", stamp(datetime.now(UTC) + timedelta(days=1)))


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Store:
    """The database as a bystander sees it."""

    def __init__(self, home: Path, url: str | None) -> None:
        self._home, self._url = home, url

    def run(self, sql: str, *values: str) -> list[tuple[Any, ...]]:
        if self._url is None:
            with closing(sqlite3.connect(self._home / "var/aggregator.db", timeout=30)) as conn, conn:
                return conn.execute(sql, values).fetchall()
        with psycopg.connect(self._url) as conn:
            cursor = conn.execute(sql.replace("?", "%s").encode(), values)
            return cursor.fetchall() if cursor.description else []

    def up(self) -> int:
        """Processes that run."""
        if self._url is None:
            return int((self._home / "var/daemon.json").exists())
        return int(self.run("SELECT count(*) FROM workers")[0][0])

    def sweep(self, count: int) -> float:
        """Make everything due; the seconds until the last was polled."""
        began = datetime.now(UTC)
        self.run("UPDATE feeds SET next_poll_at = ?", stamp(began))
        if self._url is not None:
            self.run("UPDATE writes SET count = count + 1")  # as whoever writes by the program would
        self.wait(lambda: self.run("SELECT count(*) FROM feeds WHERE last_poll_at >= ?", stamp(began))[0][0] == count)
        last = str(self.run("SELECT max(last_poll_at) FROM feeds")[0][0])
        first = str(self.run("SELECT min(last_poll_at) FROM feeds")[0][0])
        moments = [datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z") for text in (first, last)]
        return max(0.001, (moments[1] - max(began, moments[0] - timedelta(seconds=1))).total_seconds())

    def shares(self) -> str:
        """What part of the polls each process took, in percent."""
        if self._url is None:
            return "100"
        time.sleep(6)  # each tells every five seconds
        found = [r[0] for r in self.run("SELECT (counts::json->>'polls')::int FROM workers ORDER BY 1")]
        return " ".join(f"{100 * (n or 0) / sum(filter(None, found)):.0f}" for n in found)

    def wait(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, "not in time"
            time.sleep(0.1)


def cpu(processes: Sequence[subprocess.Popen[bytes]]) -> float:
    """Seconds of the processes and what they have started."""
    ticks = 0
    for process in processes:
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(stat.parent.name) == process.pid or int(fields[1]) == process.pid:
                ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


# -- claims ---------------------------------------------------------------------------------------------------------------


def claims(folder: Path, server: str) -> tuple[str, ...]:
    """Claims and commits that bring nothing, by one claimant on SQLite, one and four on PostgreSQL."""
    said = []
    stores = SqliteStores(folder / "claims.db", secret=SECRET)
    said.append(f"SQLite {claimed([stores]):,.0f}")
    stores.upkeep.close()
    for claimants in (1, 4):
        with database(server) as url:
            opened = [PostgresStores(url, secret=SECRET) for _ in range(claimants)]
            said.append(f"PostgreSQL {claimants}: {claimed(opened, lambda url=url: analyzed(url)):,.0f}")
            for one in opened:
                one.upkeep.close()
    return (*said, "", "")


def analyzed(url: str) -> None:
    """As autovacuum does within a minute."""
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("ANALYZE")


def claimed(stores: Sequence[Any], prepared: Callable[[], None] = lambda: None) -> float:
    """Feeds a second, each on a host of its own."""
    now = datetime.now(UTC)
    stores[0].feeds.sync([FeedSpec(f"f{n}", f"https://h{n}.example/rss") for n in range(CLAIMED)], now)
    prepared()
    done = [0] * len(stores)
    deadline = time.monotonic() + SECONDS

    def work(number: int) -> None:
        owner = f"bench:{number}:1:1/poll"
        while time.monotonic() < deadline:
            feeds = stores[number].feeds.claim_due(owner, AT_ONCE, now)
            if not feeds:
                return
            state = PollState(now + timedelta(days=1), "ok", last_poll_at=now, last_ok_at=now)
            stores[number].polls.commit_polls([PollOutcome(feed.id, state) for feed in feeds], owner, now)
            done[number] += len(feeds)

    began = time.monotonic()
    threads = [threading.Thread(target=work, args=[n]) for n in range(len(stores))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / (time.monotonic() - began)


@contextmanager
def database(server: str) -> Iterator[str]:
    from tests.postgres import database as made

    with made(server) as url:
        yield url


if __name__ == "__main__":
    sys.exit(main())
