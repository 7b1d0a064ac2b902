"""A growing newsroom and a mailbox for fault tests: feeds whose truth is known at every moment, and what arrived."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any

from aggregator.sample.sink import Sink
from aggregator.store.sqlite import SqliteStores
from tests.conformance.feedserver import Behaviour, Call, FeedServer

WORDS = ("budget", "harbour", "railway", "school", "theatre", "bridge", "forest", "museum", "river", "market")


@dataclass
class GrowingFeed:
    """A feed that keeps all its entries and gains some at every request; honest about validators."""

    name: str
    gain: int
    entries: list[str] = field(default_factory=list)
    pages: FeedServer | None = None  # whose site its entries link to, where they have pages to be read
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, call: Call) -> None:
        with self.lock:
            known = f'"{len(self.entries)}"'
            if self.gain and (not self.entries or call.request.headers.get("if-none-match") != "frozen"):
                self.grow(self.gain)
            tag = f'"{len(self.entries)}"'
            body = self.document()
        if call.request.headers.get("if-none-match") == tag and known == tag:
            call.respond(304, headers=[("ETag", tag)])
        else:
            call.respond(200, body, headers=[("ETag", tag), ("Content-Type", "application/rss+xml")])

    def grow(self, count: int) -> None:
        """New entries; every third one is about the CSTO."""
        for _ in range(count):
            number = len(self.entries)
            topic = "CSTO" if number % 3 == 0 else "town"
            words = " ".join(WORDS[(number * k + 3) % len(WORDS)] for k in range(1, 6))
            self.entries.append(f"{self.name} {number} {topic} {words}")
            if self.pages is not None:
                self.pages.add(f"/{self.name}/{number}", self._page(number))

    def _page(self, number: int) -> Behaviour:
        said = f"The {' and the '.join(self.entries[number].split()[3:])} were spoken of at length in the town. " * 4
        paragraphs = "".join(f"<p>{said}Part {n} of what was said.</p>" for n in range(4))
        html = f"<html><body><article><h1>{self.entries[number]}</h1>{paragraphs}</article></body></html>".encode()
        return lambda call: call.respond(200, html, headers=[("Content-Type", "text/html")])

    def _link(self, number: int) -> str:
        return self.pages.url(f"/{self.name}/{number}") if self.pages else f"https://{self.name}.example/{number}"

    def document(self) -> bytes:
        """RSS 2.0 of everything so far."""
        now = datetime.now(UTC)  # noqa: TID251 - the feed's own clock
        items = "".join(
            f"<item><guid isPermaLink='false'>{self.name}-{i}</guid><title>{title}</title>"
            f"<link>{self._link(i)}</link><description>{title}, reported at length.</description>"
            f"<pubDate>{(now - timedelta(minutes=5)).strftime('%a, %d %b %Y %H:%M')}:00 GMT</pubDate></item>"
            for i, title in enumerate(self.entries)
        )
        return f"<rss version='2.0'><channel><title>{self.name}</title>{items}</channel></rss>".encode()

    @property
    def truth(self) -> set[tuple[str, str]]:
        """(feed, guid) of everything shown so far."""
        return {(self.name, f"{self.name}-{i}") for i in range(len(self.entries))}

    @property
    def csto(self) -> set[tuple[str, str]]:
        """Those about the CSTO."""
        return {(self.name, f"{self.name}-{i}") for i in range(0, len(self.entries), 3)}


class World:
    """A home, its feeds and its mailbox; processes are forked by a zygote and killed by the test."""

    def __init__(self, home: Path, feeds: list[GrowingFeed], server: FeedServer, sink: Sink) -> None:
        self.home, self.feeds, self.sink = home, feeds, sink
        (home / "config").mkdir(parents=True)
        usual = {"interval": "5m", "articles": "all" if any(f.pages for f in feeds) else "never"}
        listed = [{"id": f.name, "url": server.add(f"/{f.name}", f), **usual} for f in feeds]
        (home / "feeds.yaml").write_text(json.dumps({"feeds": listed}))
        (home / "config/watchlists.yaml").write_text(
            json.dumps({"watchlists": [{"id": "csto", "title": "CSTO", "query": "=CSTO"}]})
        )
        digest = {"title": "CSTO", "watchlists": ["csto"]}
        digests = [
            digest | {"id": "now", "every": "instant", "wait": "0s", "to": ["a@example.org"]},
            digest | {"id": "daily", "at": "07:30", "timezone": "UTC", "to": ["b@example.org", "c@example.org"]},
        ]
        (home / "config/digests.yaml").write_text(json.dumps({"digests": digests}))
        settings = {
            "network": {"allow_private": ["127.0.0.0/8"], "host_spacing": "0s", "article_spacing": "0s"},
            "mail": {"host": sink.host, "port": sink.port, "security": "none"},
            "polling": {"workers": 1},
        }
        (home / "config/aggregator.yaml").write_text(json.dumps(settings))
        self.doubtful: set[str] = set()

    # -- what must hold ----------------------------------------------------------------------------------------------

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Read the database as anybody could."""
        with closing(sqlite3.connect(self.home / "var/aggregator.db")) as conn:
            return conn.execute(sql).fetchall()

    def note_doubtful(self) -> None:
        """Remember the messages that the killed process left in phase data: only they may come twice."""
        if (self.home / "var/aggregator.db").exists():
            sql = "SELECT message_id FROM messages WHERE phase = 'data' AND state IN ('claimed', 'unknown')"
            try:
                self.doubtful |= {r[0] for r in self.rows(sql)}
            except sqlite3.OperationalError:
                return  # killed before the first migration

    def losses(self) -> list[str]:
        """Everything that is not as promised; empty when all is well."""
        shown = set().union(*(f.truth for f in self.feeds))
        csto = set().union(*(f.csto for f in self.feeds))
        stored = self.rows("SELECT feed_id, guid FROM entries")
        matched = self.rows("SELECT e.feed_id, e.guid FROM matches m JOIN entries e ON e.id = m.entry_id")
        received = Counter(str(message_from_bytes(r.content)["Message-ID"]) for r in self.sink.messages)
        messages = dict(self.rows("SELECT message_id, state FROM messages"))
        told = self.rows(
            "SELECT em.digest_id, e.feed_id, e.guid FROM edition_matches em JOIN matches m ON m.id = em.match_id "
            "JOIN entries e ON e.id = m.entry_id"
        )
        daily = {(f, g) for d, f, g in told if d == "daily"}
        found = [f"entry lost: {k}" for k in shown - set(stored)]
        found += [f"entry twice: {k}" for k, n in Counter(stored).items() if n > 1]
        found += [f"match lost: {k}" for k in csto - set(matched)]
        found += [f"match wrong: {k}" for k in set(matched) - csto]
        found += [f"match not told: {k}" for k in csto - daily]
        found += [f"told twice: {k}" for k, n in Counter(told).items() if n > 1]
        found += [f"message {m} is {s}" for m, s in messages.items() if s != "sent"]
        found += [f"message never arrived: {m}" for m in messages if m not in received]
        found += [f"unknown message arrived: {m}" for m in received if m not in messages]
        found += [
            f"message twice, not in phase data: {m}" for m, n in received.items() if n > 1 and m not in self.doubtful
        ]
        if any(f.pages for f in self.feeds):
            unread = self.rows("SELECT entry_id, error FROM articles WHERE text = ''")
            found += [f"article page not read: {number} {why}" for number, why in unread]
            found += ["no article page was read"] if not self.rows("SELECT 1 FROM articles") else []
        found += [f"left over: {file}" for file in self.leftovers()]
        return found + self.unsound()

    def unsound(self) -> list[str]:
        """What `doctor --deep` would find."""
        return unsound(self.home)

    def leftovers(self) -> list[str]:
        """Files that no process works on any more: parts of copies and pages."""
        names = (file.relative_to(self.home) for file in (self.home / "var").rglob("*"))
        return [str(name) for name in names if name.name.startswith(".") or name.name.endswith((".part", "-journal"))]


def unsound(home: Path) -> list[str]:
    """What `doctor --deep` would find in the database of a home."""
    stores = SqliteStores(home / "var/aggregator.db", secret=b"x" * 32)
    try:
        return stores.upkeep.check(deep=True)
    finally:
        stores.upkeep.close()


class Zygote:
    """The forking process, started once for a test."""

    def __init__(self) -> None:
        environ = {k: v for k, v in os.environ.items() if not k.startswith("AGGREGATOR")}
        # What a killed process leaves is cleaned up by its resource tracker, which says so at length.
        environ["PYTHONWARNINGS"] = "ignore::UserWarning:multiprocessing.resource_tracker"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.zygote"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environ,
            cwd=Path(__file__).parents[2],
        )

    def fork(
        self,
        home: Path,
        cycles: int = 1,
        die_after_commits: int = 0,
        die_at: str = "",
        nth: int = 1,
        *,
        busy: bool = False,
    ) -> int:
        """Start a process on the home; its pid."""
        order = {"home": str(home), "cycles": cycles, "die_after_commits": die_after_commits, "busy": busy}
        return self._order(order | {"die_at": die_at, "nth": nth})

    def deliver(self, home: Path, clock: datetime, die_at: str = "", nth: int = 1) -> int:
        """Start a process that composes and sends once, at a moment; its pid."""
        return self._order({"home": str(home), "clock": clock.isoformat(), "die_at": die_at, "nth": nth})

    def command(self, home: Path, command: list[str], die_at: str = "", nth: int = 1) -> int:
        """Run a command of the program; its exit, or minus the signal."""
        self._order({"home": str(home), "command": command, "die_at": die_at, "nth": nth})
        return self.wait()

    def migrate(self, database: Path, die_at: str = "", nth: int = 1) -> int:
        """Start a process that brings a database up to date; how it ended."""
        self.begin_migration(database, die_at, nth)
        return self.wait()

    def begin_migration(self, database: Path, die_at: str = "", nth: int = 1) -> None:
        """The same, without waiting for its end."""
        self._order({"database": str(database), "die_at": die_at, "nth": nth})

    def _order(self, order: dict[str, Any]) -> int:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._answer()["pid"])

    def wait(self) -> int:
        """How the process ended: 0, or minus the signal."""
        return int(self._answer()["status"])

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the zygote died"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


def kill(pid: int) -> None:
    """kill -9 the process alone: its own workers must notice by themselves."""
    os.kill(pid, signal.SIGKILL)


def kill_group(pid: int) -> None:
    """kill -9 the process and all that it has started, as a supervisor does."""
    os.killpg(pid, signal.SIGKILL)


def kill_workers(pid: int) -> int:
    """kill -9 what the process has started, and leave it alone itself; how many those were."""
    killed = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # ended meanwhile
            group = int(stat.read_text().rpartition(")")[2].split()[2])
            if group == pid and int(stat.parent.name) != pid:
                os.kill(int(stat.parent.name), signal.SIGKILL)
                killed += 1
    return killed
