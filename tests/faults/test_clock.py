"""The wall clock is wrong for a while, by an hour or by ten years: nothing waits for as long, nothing is told twice."""

from __future__ import annotations

import signal
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path

import pytest

from aggregator import diagnosis
from aggregator.app import App, build
from aggregator.clock import SetClock, Steps
from aggregator.jobs import Jobs
from aggregator.readership import Asker
from aggregator.sample.sink import Sink
from tests import counts
from tests.conformance.feedserver import Call, FeedServer, status
from tests.e2e import program
from tests.e2e.homes import ENVIRON, START, WATCHLISTS, Item, digests, rss, write_home
from tests.e2e.program import Daemon, Wire
from tests.faults.nursery import Nursery

HOUR = timedelta(hours=1)
YEARS = timedelta(days=3650)
JUMPS = (HOUR, -HOUR, YEARS, -YEARS)
SECOND = timedelta(seconds=1)


@dataclass
class Bureau:
    """A home with feeds and a mail server, on which processes with clocks of their own work one after the other."""

    home: Path
    server: FeedServer
    sink: Sink
    items: list[Item] = field(default_factory=lambda: [Item("0", "Nothing yet")])

    @contextmanager
    def at(self, moment: datetime) -> Iterator[tuple[App, SetClock]]:
        """A process whose clock says so."""
        mail = {"HOST": self.sink.host, "PORT": str(self.sink.port), "SECURITY": "none"}
        environ = ENVIRON | {f"AGGREGATOR__MAIL__{name}": value for name, value in mail.items()}
        clock = SetClock(moment)
        with build(self.home, environ, clock) as app:
            app.sync()
            yield app, clock

    def publish(self, title: str, at: datetime) -> None:
        self.items.append(Item(str(len(self.items)), title, "", at - timedelta(minutes=1)))

    def feed(self, call: Call) -> None:
        call.respond(200, rss(*self.items), [("Content-Type", "application/rss+xml")])

    def arrived(self) -> Counter[str]:
        """What arrived, by Message-ID."""
        return Counter(str(message_from_bytes(m.content)["Message-ID"]) for m in self.sink.messages)


@pytest.fixture
def bureau(tmp_path: Path) -> Iterator[Bureau]:
    with FeedServer() as server, Sink() as sink:
        it = Bureau(tmp_path, server, sink)
        feeds = [{"id": "news", "url": server.add("/news", it.feed)}]
        feeds += [{"id": f"held{n}", "url": server.add(f"/held{n}", it.feed)} for n in range(2)]
        write_home(tmp_path, feeds, watchlists=WATCHLISTS, digests=digests())
        with it.at(START) as (app, _):
            assert len(list(app.poll.sweep())) == 3
        yield it


def tick(app: App) -> list[str]:
    """What the daemon does in a few seconds; the feeds that were polled."""
    polled = [report.feed_id for report in app.poll.sweep()]
    app.compose.run()
    app.send.run()
    return polled


@pytest.mark.parametrize("jump", JUMPS)
def test_a_process_by_a_wrong_clock_leaves_nothing_that_waits_longer_than_it_would(
    bureau: Bureau, jump: timedelta
) -> None:
    """Feeds, a host that asked for a pause, claims, a message, its relay, the alert and the digest; between two runs."""
    now = START + 2 * HOUR
    with bureau.at(now + jump) as (app, clock):
        for n in range(2):
            bureau.server.add(f"/held{n}", status(429, b"", [("Retry-After", "7200")]))
        bureau.publish("CSTO meets", clock.now())
        for _ in app.poll.sweep(everything=True):
            pass
        bureau.sink.mode = "421"
        app.compose.run()
        app.send.run()
        app.stores.feeds.claim_due("elsewhere:1:2:3", 9, clock.now(), everything=True)
    bureau.sink.mode = "ok"
    for n in range(2):
        bureau.server.add(f"/held{n}", bureau.feed)
    bureau.publish("CSTO votes", now)
    with bureau.at(now) as (app, clock):
        polled = Counter(tick(app))
        for _ in range(16):
            clock.advance(HOUR / 3)
            polled.update(tick(app))
        assert polled["news"] >= 2
        assert min(polled["held0"], polled["held1"]) >= 1
        assert program.rows(bureau.home, "entries WHERE title LIKE 'CSTO %' AND feed_id = 'news'") == 2
        clock.advance(timedelta(days=1))
        tick(app)
        assert {m.state for m in app.stores.outbox.list() if m.state != "dead"} == {"sent"}
        told = [match for e in app.stores.editions.editions() for match in told_in(bureau.home, e.id)]
        assert set(Counter(told).values()) == {1}
        assert {digest for digest, _ in told} == {"now", "daily"}
        assert not [p for p in diagnosis.problems(app) if p.about == "clock"]
    assert set(bureau.arrived().values()) == {1}


def told_in(home: Path, edition: int) -> list[tuple[str, int]]:
    """Which matches an edition told."""
    with closing(sqlite3.connect(home / "var/aggregator.db")) as conn:
        sql = "SELECT digest_id, match_id FROM edition_matches WHERE edition_id = ?"
        return [(str(row[0]), int(row[1])) for row in conn.execute(sql, (edition,))]


def test_what_was_issued_in_the_future_holds_for_its_own_time_and_no_longer(bureau: Bureau) -> None:
    day = timedelta(days=1)
    with bureau.at(START + YEARS) as (app, clock):
        app.stores.credentials.issue("session", "s" * 22, "here", clock.now(), expires_at=clock.now() + day)
        [reader] = [s for s in app.stores.subscriptions.list() if s.digest_id == "daily"]
        assert app.subscribe.pause(reader.id, Asker("command line"), 30 * day)
    with bureau.at(START) as (app, clock):
        assert app.stores.credentials.find("session", "s" * 22, clock.now()) is not None
        clock.advance(day + SECOND)
        assert app.stores.credentials.find("session", "s" * 22, clock.now()) is None
        [reader] = [s for s in app.stores.subscriptions.list() if s.digest_id == "daily"]
        assert reader.paused_until == START + 30 * day


@pytest.mark.parametrize("jump", JUMPS)
def test_when_the_clock_is_set_what_waits_goes_on_waiting_for_as_long(bureau: Bureau, jump: timedelta) -> None:
    """Within a run, when it is known by how much."""
    with bureau.at(START) as (app, clock):
        steps = Steps(clock)
        clock.set_by(jump)
        app.stores.moments.set_right(clock.now(), steps.step())
        assert steps.step() == timedelta(0)
        clock.advance(59 * timedelta(minutes=1))
        assert tick(app) == []
        clock.advance(timedelta(minutes=8))
        assert sorted(tick(app)) == ["held0", "held1", "news"]


def test_a_clock_that_is_ahead_makes_nothing_old_but_little_by_little(bureau: Bureau) -> None:
    before = program.rows(bureau.home)
    with bureau.at(START) as (app, _):
        Jobs(app, threading.Event()).upkeep()
    with bureau.at(START + YEARS) as (app, clock):
        for _ in range(24):
            Jobs(app, threading.Event()).upkeep()
            clock.advance(HOUR)
    assert program.rows(bureau.home) == before
    with bureau.at(START + YEARS) as (app, _):
        for _ in range(400):
            Jobs(app, threading.Event()).upkeep()
    assert program.rows(bureau.home) == 0, "after weeks it is believed"


def test_a_clock_that_cannot_be_right_is_named(bureau: Bureau) -> None:
    moments: Sequence[tuple[datetime, str]] = [
        (START - HOUR, "the clock was set back: the last poll was 1 h later than now"),
        (datetime(1970, 1, 1, 3, tzinfo=UTC), "the clock says 1970-01-01"),
        (START + YEARS, "no feed was polled for 3650 days"),
        (START + HOUR, ""),
    ]
    for moment, words in moments:
        with bureau.at(moment) as (app, _):
            found = [p.what for p in diagnosis.problems(app) if p.about == "clock"]
            assert [words in what for what in found] == ([True] if words else []), found


# -- a daemon that runs meanwhile ------------------------------------------------------------------------------------------


def test_the_daemon_goes_on_at_its_pace_while_the_clock_jumps_to_and_fro(tmp_path: Path) -> None:
    wire = Wire("wire", "One")
    wall = tmp_path / "wall"
    wall.write_text("0")
    jumps = (
        [-HOUR, YEARS, timedelta(0)]
        if not counts.STORM
        else [-HOUR, HOUR, YEARS, timedelta(0), -YEARS, timedelta(0)] * 5
    )
    with FeedServer() as server:
        home = program.write_home(tmp_path, {"wire": server.add("/wire", wire), "hour": server.add("/hour", wire)})
        text = (home / "feeds.yaml").read_text()
        (home / "feeds.yaml").write_text(text.replace('"5m"', '"1s"', 1).replace('"5m"', '"1h"'))
        with Daemon(
            home, {"AGGREGATOR__POLLING__FLOOR": "1s"}, program=("-m", "tests.faults.shifted", str(wall))
        ) as daemon:
            daemon.ready().wait_for("feed wire: 1 new")
            for number, jump in enumerate(jumps):
                (tmp_path / "next").write_text(str(jump.total_seconds()))
                (tmp_path / "next").replace(wall)
                daemon.wait_for("the clock was set .* (back|forward)")
                wire.add(f"After {number}")
                daemon.wait_for("feed wire: 1 new")
            assert daemon.end()[0] == 0
        assert program.rows(home) == 2 + len(jumps), "nothing became old meanwhile"
        assert "Traceback" not in daemon.text
        assert not [line for line in daemon.lines if " line " in line]
        assert len(server.log("/hour")) == 1, "an hour is an hour whatever the clock says"
    counts.report("jumps of the clock under a running daemon", len(jumps), 0, "it polls on, and nothing twice")


def test_a_daemon_that_was_stopped_goes_on_where_it_stood(tmp_path: Path) -> None:
    """SIGSTOP and SIGCONT: what fell due meanwhile is polled once, and nothing is taken for a clock that was set."""
    wire = Wire("wire", "One")
    with FeedServer() as server, Nursery(tmp_path) as nursery:
        home = program.write_home(tmp_path / "home", {"wire": server.add("/wire", wire)}, interval="2s")
        daemon = nursery.start(home, "run", environ={"AGGREGATOR__POLLING__FLOOR": "2s"})
        daemon.wait_for("feed wire: 1 new")
        daemon.signal(signal.SIGSTOP)
        seen = len(server.log("/wire"))
        wire.add("While it slept")
        threading.Event().wait(counts.count(small=3, storm=90))
        assert len(server.log("/wire")) == seen
        daemon.signal(signal.SIGCONT)
        daemon.wait_for("feed wire: 1 new", since=daemon.wait_for("feed wire: 1 new"))
        assert len(server.log("/wire")) <= seen + 2
        daemon.signal(signal.SIGTERM)
        assert daemon.wait(10) == 0
        assert "the clock was set" not in daemon.text
        assert "Traceback" not in daemon.text
    counts.report("seconds that a daemon was stopped", counts.count(small=3, storm=90), 0, "polled once on waking")
