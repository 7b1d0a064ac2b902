"""Simulated days: the daemon in a process of its own, feeds and mailbox here, everything real but the clock.

Each day has its trouble in turn: our network is down for six hours, the mail server for ten, the machine sleeps for nine. A
reader comes every third day and another goes; the configuration is read again every week. At the end of each day everything is
measured, and what was shown on it is held against what was stored.
"""

from __future__ import annotations

import json
import os
import random
import re
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from http.client import HTTPConnection  # noqa: TID251 - this is a browser
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from aggregator.sample.sink import Sink
from tests.conformance.feedserver import FeedServer
from tests.e2e.homes import write_home
from tests.faults import gauges, press
from tests.faults.press import DAY, HOUR, TOPICS, Shown, Source

START = datetime(2025, 1, 1, tzinfo=UTC)
HOSTS = 40
RETENTION = timedelta(days=60)
DESK = ("daily@desk.example", "hourly@desk.example", "alerts@desk.example")
"""Who reads each digest from the first day to the last."""
PAGES = ("/", "/feeds", "/search?q=zarvent", "/watchlists", "/editions")
OUTAGE, DUMB, ASLEEP = 3, 5, 7
"""On which days of ten our network is down, the mail server, and the machine asleep."""
_CODE = re.compile(r"\b(?:f\d+|wire)x\d+\b")
ROOT = Path(__file__).parents[2]


class Process:
    """The clockwork as a process; what it says of its work goes to a file."""

    def __init__(self, home: Path, start: datetime) -> None:
        environ = {k: v for k, v in os.environ.items() if not k.startswith("AGGREGATOR")}
        environ["PYTHONPATH"] = str(ROOT)
        self.log = home / "log"
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.clockwork", str(home), start.isoformat()],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=environ, cwd=ROOT,
            )  # fmt: skip
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(30)
        finally:
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()

    def ask(self, **order: Any) -> dict[str, Any]:
        """Give an order and wait for what comes of it; raises AssertionError for what goes wrong."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the daemon died: {self.log.read_text()[-2000:]}"
        said: dict[str, Any] = json.loads(line)
        assert "error" not in said, f"{order}: {said['error']}"
        return said


@dataclass
class Mailbox:
    """What readers got: how often each was told each code."""

    sink: Sink
    told: Counter[tuple[str, str]] = field(default_factory=Counter)
    mails: int = 0
    ids: Counter[str] = field(default_factory=Counter)

    def empty(self) -> None:
        """Read what has come."""
        with self.sink._arrived:
            came = list(self.sink._messages)
            self.sink._messages.clear()
        for one in came:
            mail = message_from_bytes(one.content, policy=policy.default)
            part = mail.get_body(("plain",))
            assert part is not None
            self.mails += 1
            self.ids[str(mail["Message-ID"])] += 1
            # What stands further down had been told, and has come from another outlet since.
            news = part.get_content().partition("TOLD BEFORE")[0]
            for code in set(_CODE.findall(news)):
                self.told[one.recipients[0], code] += 1


@dataclass
class Truth:
    """What was shown, and what is not as promised; `lately` is of the last two days."""

    wanted: dict[str, datetime] = field(default_factory=dict)
    shown: int = 0
    wrong: list[str] = field(default_factory=list)


class Year:
    """Days one after the other, as many as are asked for."""

    def __init__(
        self, home: Path, feeds: int, stack: ExitStack, *, seed: int, step: timedelta, retention: timedelta
    ) -> None:
        self.home, self.step, self.now, self.start = home, step, START, START
        self.down = False
        self.die = random.Random(seed)
        self.servers = [stack.enter_context(FeedServer(f"127.0.0.{10 + n}")) for n in range(min(HOSTS, feeds))]
        self.sources = [self._source(n) for n in range(feeds)]
        sink = stack.enter_context(Sink())
        self.mailbox = Mailbox(sink)
        self._write(sink, retention)
        self.truth = Truth()
        self.readers: list[int] = []
        self.days = 0
        self.process = stack.enter_context(Process(home, START))
        self.url = self.process.ask(do="where")["url"]

    def _source(self, number: int) -> Source:
        name, rhythm = f"f{number}", press.RHYTHMS[number % len(press.RHYTHMS)]
        return Source(
            name, rhythm, START, lambda: self.now, lambda: self.down, random.Random(f"{name} {self.die.random()}")
        )

    def _write(self, sink: Sink, retention: timedelta) -> None:
        feeds = []
        for number, source in enumerate(self.sources):
            server = self.servers[number % len(self.servers)]
            url = server.add(f"/{source.name}", source)
            if source.rhythm.name == "moving":
                source.moves_to = server.add(f"/{source.name}/new", source)
            feeds.append({"id": source.name, "url": url, "interval": source.rhythm.interval})
        lists = [{"id": topic.lower(), "title": topic, "query": topic} for topic in TOPICS]
        names = [one["id"] for one in lists]
        digests = [
            {"id": "daily", "title": "Daily", "at": "07:30", "timezone": "Europe/Minsk", "to": [DESK[0]]},
            {"id": "hours", "title": "Hourly", "every": "hourly", "empty": "skip", "to": [DESK[1]]},
            {"id": "now", "title": "At once", "every": "instant", "to": [DESK[2]]},
        ]
        write_home(
            self.home,
            feeds,
            watchlists={"watchlists": lists},
            digests={"digests": [one | {"watchlists": names} for one in digests]},
        )
        configured = {
            "network": {"allow_private": ["127.0.0.0/8"], "host_spacing": "0s", "total_timeout": "10s"},
            "mail": {"host": sink.host, "port": sink.port, "security": "none"},
            "polling": {"workers": 1},
            "web": {"port": 0},
            "retention": {"entries": f"{retention // DAY}d"},
        }
        (self.home / "config/aggregator.yaml").write_text(json.dumps(configured))

    # -- a day ---------------------------------------------------------------------------------------------------------

    def day(self) -> dict[str, Any]:
        """Let a day pass; what everything takes up at its end."""
        began = time.monotonic()
        turn = self.days % 10
        self._people()
        for _ in range(DAY // self.step):
            hour = self.now.hour
            self.down = turn == OUTAGE and 9 <= hour < 15
            self.mailbox.sink.mode = "450" if turn == DUMB and 6 <= hour < 16 else "ok"
            if not (turn == ASLEEP and hour < 9):
                self.tick()
            self.now += self.step
        self.days += 1
        self.mailbox.empty()
        self._compare()
        return self._measure(time.monotonic() - began)

    def tick(self) -> None:
        """The daemon does what is due."""
        stumbled = self.process.ask(at=self.now.isoformat())["stumbled"]
        self.truth.wrong += [f"{self.now}: line {one}" for one in stumbled]

    def _people(self) -> None:
        """Readers come and go, somebody looks at the pages and saves the configuration."""
        if self.days % 3 == 0:
            topic, rhythm = (
                self.die.choice(TOPICS).lower(),
                self.die.choice(("instant", "hourly", "daily 08:00", "weekly mon 09:00")),
            )
            self.readers.append(
                self.process.ask(do="subscribe", address=f"r{self.days}@home.example", watchlist=topic, rhythm=rhythm)[
                    "id"
                ]
            )
        if len(self.readers) > 8:
            self.process.ask(do="leave", subscription=self.readers.pop(self.die.randrange(len(self.readers))))
        if self.days % 7 == 6:
            self.process.ask(do="reload")
        for path in PAGES:
            self._look(path)

    def _look(self, path: str) -> None:
        with closing(HTTPConnection(urlsplit(self.url).netloc, timeout=30)) as browser:
            browser.request("GET", path)
            answer = browser.getresponse()
            answer.read()
            if answer.status != 200:
                self.truth.wrong.append(f"{self.now}: {path} answers {answer.status}")

    # -- what must hold --------------------------------------------------------------------------------------------------

    @contextmanager
    def rows(self) -> Iterator[sqlite3.Connection]:
        """The database, as anybody may read it."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as conn:
            yield conn

    @property
    def database(self) -> Path:
        """Its file."""
        return self.home / "var/aggregator.db"

    def _compare(self) -> None:
        """Whether everything that was shown today is stored, each once, and matched where it should be."""
        shown = [one for source in self.sources for one in source.took()]
        self.truth.shown += len(shown)
        since = (self.now - DAY).isoformat()
        with self.rows() as conn:
            stored = Counter(
                tuple(r) for r in conn.execute("SELECT feed_id, guid FROM entries WHERE first_seen_at >= ?", (since,))
            )
            (ever,) = conn.execute("SELECT seq FROM sqlite_sequence WHERE name = 'entries'").fetchone()
            sql = (
                "SELECT e.feed_id, e.guid FROM matches m JOIN entries e ON e.id = m.entry_id WHERE e.first_seen_at >= ?"
            )
            matched = {tuple(r) for r in conn.execute(sql, (since,))}
        wrong = [f"{self.now}: lost {one.feed} {one.guid}" for one in shown if (one.feed, one.guid) not in stored]
        wrong += [f"{self.now}: twice {key}" for key, n in stored.items() if n > 1]
        wrong += [f"{self.now}: {ever} entries ever, {self.truth.shown} shown"] if ever != self.truth.shown else []
        planted = {(one.feed, one.guid) for one in shown if one.topic}
        wrong += [f"{self.now}: match lost {key}" for key in planted - matched]
        wrong += [f"{self.now}: match wrong {key}" for key in matched - planted]
        self.truth.wrong += wrong
        self._want(shown)

    def _want(self, shown: Sequence[Shown]) -> None:
        """What the daily digest has to tell: all of it but the silent baseline of a feed's first document."""
        self.truth.wanted |= {one.code: one.at for one in shown if one.topic and not one.first}

    def verdict(self) -> list[str]:
        """Everything that is not as promised; the daily digest of tomorrow may still tell what is younger than two days."""
        told = self.mailbox.told
        wrong = self.truth.wrong + [f"told twice: {key}" for key, n in told.items() if n > 1 and key[0] in DESK]
        wrong += [f"mail twice: {key}" for key, n in self.mailbox.ids.items() if n > 1]
        old = (code for code, at in self.truth.wanted.items() if at < self.now - 2 * DAY)
        wrong += [f"not told: {code}" for code in old if not told[DESK[0], code]]
        return wrong + list(self.process.ask(do="check")["problems"])

    # -- measures ----------------------------------------------------------------------------------------------------------

    def _measure(self, seconds: float) -> dict[str, Any]:
        own = self.process.ask(do="gauge")
        for server in self.servers:
            server.requests.clear()
        var = self.home / "var"
        return {
            "day": self.days,
            "seconds": round(seconds, 2),
            "cpu": round(own["cpu"], 1),
            "polls": sum(source.polls for source in self.sources),
            "mails": self.mailbox.mails,
            **gauges.process(self.process.pid),
            "objects": own["objects"],
            "modules": own["modules"],
            "sqlite_kb": own["sqlite_kb"],
            "pages": gauges.size_of(var / "pages"),
            "backups": gauges.size_of(var / "backups"),
            "log": gauges.size_of(self.process.log),
            **gauges.database(self.database),
            **own["spent"],
        }


@contextmanager
def year(
    home: Path, feeds: int, *, seed: int, step: timedelta = HOUR / 2, retention: timedelta = RETENTION
) -> Iterator[Year]:
    """A home, its feeds, its mailbox and its daemon."""
    home.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        yield Year(home, feeds, stack, seed=seed, step=step, retention=retention)


def simulate(of: Year, days: int) -> Iterator[dict[str, Any]]:
    """So many days, the measures of each."""
    for _ in range(days):
        yield of.day()
