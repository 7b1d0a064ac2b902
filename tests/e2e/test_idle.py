"""What an idle daemon asks of the database, counted: no time is asserted (benchmarks/bench_idle.py measures that)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aggregator.app import App, build
from aggregator.daemon import Daemon
from aggregator.progress import Progress
from aggregator.store.sqlite import SqliteStores
from tests import stored
from tests.conformance.stores import spec
from tests.e2e.program import write_home

pytestmark = stored.file_only

START = datetime(2023, 2, 2, 12, 0, tzinfo=UTC)
FEEDS = 200


class Clock:
    """Both clocks together, moved by the test."""

    def __init__(self) -> None:
        self.passed = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.passed)

    def uptime(self) -> float:
        return self.monotonic()

    def monotonic(self) -> float:
        return self.passed

    def sleep(self, seconds: float, wake: threading.Event | None = None) -> None:  # noqa: ARG002 - the shape of a clock
        self.passed += seconds


class Idle:
    """A daemon that the test ticks, on 200 feeds of which none is due."""

    def __init__(self, app: App, clock: Clock) -> None:
        self.app, self.clock = app, clock
        self.daemon = Daemon(app, environ={})
        self.daemon._agenda = _agenda(app)
        self.daemon._dispatcher.begin(self.daemon._running)
        self.statements: list[str] = []
        self.ran: list[str] = []
        assert isinstance(app.stores, SqliteStores)
        self._db = app.stores.db

    def tick(self) -> None:
        """One tick, and wait for the lines it began, with every statement of theirs noted."""
        running = self.daemon._running
        self.daemon._look()
        with running._state:
            self.ran += sorted(running._working)
            assert running._state.wait_for(lambda: not running._working, 20)
        for conn in list(self._db._open.values()):
            conn.set_trace_callback(self.statements.append)

    def minutes(self, count: int) -> None:
        for _ in range(count * 30):
            self.clock.passed += 2.0
            self.tick()


def _agenda(app: App):  # type: ignore[no-untyped-def] # noqa: ANN202 - as the daemon makes it
    from aggregator.agenda import Agenda

    return Agenda(app.stores.agenda, app.clock)


@pytest.fixture
def idle(tmp_path: Path) -> Iterator[Idle]:
    clock = Clock()
    with build(write_home(tmp_path, {}), {}, clock) as app:
        app.sync()
        app.stores.feeds.sync([spec(f"f{n}") for n in range(FEEDS)], START + timedelta(days=1))
        made = Idle(app, clock)
        made.tick()
        made.tick()
        yield made
        made.daemon._dispatcher.stop()


def test_an_idle_minute_costs_few_statements_and_no_commit_of_anything(idle: Idle) -> None:
    """Each line that looked every two seconds asked 800 a minute."""
    idle.minutes(2)
    idle.statements.clear()
    idle.ran.clear()
    idle.minutes(1)
    questions = [s for s in idle.statements if not s.startswith(("BEGIN", "COMMIT", "ROLLBACK", "PRAGMA data_version"))]
    assert len(questions) <= 200, len(questions)
    assert sum(s.startswith("PRAGMA data_version") for s in idle.statements) == 30
    assert {name: idle.ran.count(name) for name in ("poll", "compose", "send", "enrich")} == dict.fromkeys(
        ("poll", "compose", "send", "enrich"), 6
    )


def test_what_somebody_writes_is_found_at_the_next_tick(idle: Idle) -> None:
    idle.minutes(1)
    idle.ran.clear()
    threading.Thread(target=idle.app.stores.feeds.sync, args=([spec("new")], idle.clock.now())).start()
    for thread in threading.enumerate():
        if thread.name.startswith("Thread-"):
            thread.join(5)
    idle.clock.passed += 2.0
    idle.tick()
    assert {"poll", "compose", "send"} <= set(idle.ran)


def test_making_an_edition_for_many_readers_gets_on_with_each(tmp_path: Path) -> None:
    """Ten thousand readers take long by right."""
    readers = [f"reader{n}@example.org" for n in range(150)]
    digests = {"digests": [{"id": "morning", "title": "M", "watchlists": ["csto"], "at": "07:30", "to": readers}]}
    clock = Clock()
    with build(write_home(tmp_path, {}, digests=digests), {}, clock) as app:
        app.sync()
        clock.passed += timedelta(days=2).total_seconds()
        progress = Progress(clock.monotonic, {})
        with progress.pulse("compose").work():
            made = app.compose.run(pulse=progress.pulse("compose"))
            assert sum(one.messages for one in made) == len(readers)
            assert progress.at_work()[0].beats >= len(readers)
