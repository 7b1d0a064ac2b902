"""A newsroom that several workers share: feeds on hosts of their own that carry each other's news, one PostgreSQL database, one mailbox."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from aggregator.sample.sink import Sink
from aggregator.settings import secret
from aggregator.settings.home import Home
from aggregator.store.postgres import PostgresStores
from tests import postgres
from tests.conformance.feedserver import FeedServer
from tests.e2e.program import environment
from tests.faults.newsroom import GrowingFeed, World

SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in "aeiou"]
WIRES = 3
"""Of so many news of a feed one is of the wire, which every feed carries."""


def words(seed: str, count: int) -> str:
    """Words that no other seed has, so that what is alike is meant to be."""
    die = random.Random(seed)
    return " ".join("".join(die.choices(SYLLABLES, k=3)) for _ in range(count))


@dataclass
class Outlet(GrowingFeed):
    """A feed some of whose entries are copies of a wire's: the same headline and text, under a link and an id of its own."""

    def news(self, number: int) -> str:
        """The name of the story that an entry tells."""
        return f"wire {number}" if number % WIRES == 0 else f"{self.name} {number}"

    def grow(self, count: int) -> None:
        """New entries; every third story of the wire, and every third of one's own, is about the CSTO."""
        for _ in range(count):
            number = len(self.entries)
            name = self.news(number)
            self.entries.append(f"{'CSTO ' if number % 9 in (0, 4) else ''}{words(name, 7).capitalize()}")

    def document(self) -> bytes:
        """RSS 2.0 of everything so far."""
        at = (datetime.now(UTC) - timedelta(minutes=5)).strftime("%a, %d %b %Y %H:%M")  # noqa: TID251 - the feed's own clock
        items = "".join(
            f"<item><guid isPermaLink='false'>{self.name}-{i}</guid><title>{title}</title>"
            f"<link>https://{self.name}.example/{i}</link><description>{words(self.news(i) + ' text', 40)}</description>"
            f"<pubDate>{at}:00 GMT</pubDate></item>"
            for i, title in enumerate(self.entries)
        )
        return f"<rss version='2.0'><channel><title>{self.name}</title>{items}</channel></rss>".encode()

    @property
    def csto(self) -> set[tuple[str, str]]:
        return {(self.name, f"{self.name}-{i}") for i in range(len(self.entries)) if i % 9 in (0, 4)}

    @property
    def stories(self) -> dict[tuple[str, str], str]:
        """(feed, guid) -> the name of its story."""
        return {(self.name, f"{self.name}-{i}"): self.news(i) for i in range(len(self.entries))}


class Several(World):
    """Workers on one database; what must hold is what must hold of one daemon, and each story is one."""

    def __init__(self, home: Path, outlets: list[Outlet], servers: list[FeedServer], sink: Sink, url: str) -> None:
        super().__init__(home, list(outlets), servers[0], sink)
        self.outlets, self.url = outlets, url
        listed = [
            {"id": o.name, "url": server.add(f"/{o.name}", o), "interval": "1s", "articles": "never"}
            for o, server in zip(outlets, servers, strict=True)
        ]
        (home / "feeds.yaml").write_text(json.dumps({"feeds": listed}))
        file = home / "config/digests.yaml"
        digests = json.loads(file.read_text())
        digests["digests"][0]["most"] = 0  # more alerts than anybody wants, as long as it lasts
        file.write_text(json.dumps(digests))
        file = home / "config/aggregator.yaml"
        settings = json.loads(file.read_text())
        settings |= {"storage": {"url": url}, "polling": {"workers": 1, "floor": "1s"}, "web": {"enabled": False}}
        file.write_text(json.dumps(settings))
        self.started = 0
        self._log = home.with_name(f"{home.name}.log").open("wb")

    def worker(self) -> subprocess.Popen[bytes]:
        """One more process."""
        self.started += 1
        command = [sys.executable, "-m", "aggregator", "--home", str(self.home), "worker"]
        return subprocess.Popen(command, env=environment(), stderr=self._log, start_new_session=True)

    @property
    def said(self) -> str:
        """What all of them have told, for a test that fails."""
        return Path(self._log.name).read_text("utf-8", "replace")

    def command(self, *words: str) -> int:
        """A command of the program beside them."""
        command = [sys.executable, "-m", "aggregator", "--home", str(self.home), *words]
        return subprocess.run(
            command, env=environment(), stderr=self._log, stdout=subprocess.DEVNULL, check=False
        ).returncode

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as conn:
            return conn.execute(sql.encode()).fetchall()

    def note_doubtful(self) -> None:
        sql = "SELECT message_id FROM messages WHERE phase = 'data' AND state IN ('claimed', 'unknown')"
        with contextlib.suppress(psycopg.errors.UndefinedTable):
            self.doubtful |= {row[0] for row in self.rows(sql)}

    def unsound(self) -> list[str]:
        stores = PostgresStores(self.url, secret=secret(Home.at(self.home)))
        try:
            return stores.upkeep.check(deep=True)
        finally:
            stores.upkeep.close()

    def losses(self) -> list[str]:
        return super().losses() + list(self._wrong_stories())

    def _wrong_stories(self) -> Iterator[str]:
        """Where the stored stories are not those that the outlets tell."""
        meant = {key: name for outlet in self.outlets for key, name in outlet.stories.items()}
        stored: dict[int, set[str]] = defaultdict(set)
        numbers: dict[str, set[int]] = defaultdict(set)
        for feed_id, guid, story in self.rows("SELECT feed_id, guid, story_id FROM entries"):
            stored[story].add(meant[feed_id, guid])
            numbers[meant[feed_id, guid]].add(story)
        yield from (f"one story for several: {sorted(names)}" for names in stored.values() if len(names) > 1)
        yield from (f"several stories for one: {name} {sorted(ids)}" for name, ids in numbers.items() if len(ids) > 1)


def kill(worker: subprocess.Popen[bytes]) -> None:
    """kill -9 the worker and all that it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()


@contextlib.contextmanager
def private() -> Iterator[postgres.Cluster]:
    """A server that may be stopped: nobody else has it. What it has committed is there after SIGQUIT, too."""
    with tempfile.TemporaryDirectory(prefix="aggregator-pg-") as folder:
        Path(folder).chmod(0o755)
        cluster = postgres.Cluster.made(Path(folder) / "one", synchronous_commit="on")
        try:
            yield cluster
        finally:
            cluster.stop(signal.SIGQUIT)
