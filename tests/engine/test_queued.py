"""Tasks in Procrastinate's queue: asked for by whoever leads, run by whoever is free, and let go of when a worker falls."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from aggregator.engine import queued
from aggregator.engine.queued import SCHEMA, QueuedDispatcher
from tests.e2e.program import environment, until
from tests.faults.several import private

LINES = ("poll", "compose", "send", "enrich", "signals", "notices", "upkeep")
FALL = """
import sys, time
from aggregator.engine import queued

queued.HEARTBEAT, queued.STALLED = 0.2, 1.0

class Busy:
    def begin(self, name):
        return True
    def run(self, name):
        print(name, flush=True)
        time.sleep(float(sys.argv[2]))
    def rests(self, name):
        pass

dispatcher = queued.QueuedDispatcher(sys.argv[1], ["poll"])
dispatcher.begin(Busy())
time.sleep(60)
"""


class Lines:
    """A process's lines: what was run, and gates before which a run stands until it is let through."""

    def __init__(self) -> None:
        self.runs: Counter[str] = Counter()
        self.working: set[str] = set()
        self.gates: dict[str, threading.Event] = {}

    def begin(self, name: str) -> bool:
        if name in self.working:
            return False
        self.working.add(name)
        return True

    def run(self, name: str) -> None:
        self.runs[name] += 1
        if name in self.gates:
            self.gates[name].wait(120)
        self.rests(name)

    def rests(self, name: str) -> None:
        self.working.discard(name)

    def shut(self, name: str) -> threading.Event:
        """Let no run of a line come to its end until the gate is set."""
        self.gates[name] = threading.Event()
        return self.gates[name]


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes seconds in years takes less in a test."""
    for name, seconds in {"HEARTBEAT": 0.2, "STALLED": 1.0, "LOOK": 1.0, "RETRY": 0.2, "PATIENCE": 2.0}.items():
        monkeypatch.setattr(queued, name, seconds)


@contextmanager
def process(
    url: str, lines: Collection[str] = LINES, workers: Callable[[str], int] = lambda _: 1
) -> Iterator[tuple[QueuedDispatcher, Lines]]:
    """What a worker is to the queue."""
    runner, dispatcher = Lines(), QueuedDispatcher(url, lines, workers)
    dispatcher.begin(runner)
    try:
        yield dispatcher, runner
    finally:
        for gate in runner.gates.values():
            gate.set()
        dispatcher.stop()
        dispatcher.wait(10)


def asked(url: str, sql: str) -> list[Any]:
    with psycopg.connect(url, options=f"-c search_path={SCHEMA}") as conn:
        return [row[0] for row in conn.execute(sql.encode())]


def jobs(url: str) -> list[str]:
    """The states of all tasks in the queue."""
    return asked(url, "SELECT status::text FROM procrastinate_jobs ORDER BY 1")


def cut(url: str) -> None:
    """Have the server break off every connection of the queue."""
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(
            """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE application_name = 'aggregator engine' AND datname = current_database()"""
        )


def runs(dispatcher: QueuedDispatcher, runner: Lines, *lines: str) -> None:
    """See that each is run when it is asked for; a task that is refused is asked for again, as at the next tick."""
    before = Counter(runner.runs)

    def all_ran() -> bool:
        missing = [line for line in lines if runner.runs[line] == before[line]]
        return not [line for line in missing if dispatcher.ask(line) or True]

    until(all_ran, f"{', '.join(lines)} are run", 20)


def test_every_line_is_run_by_whoever_is_free_and_leaves_nothing_in_the_queue(postgres_database: str) -> None:
    with process(postgres_database) as (dispatcher, runner):
        runs(dispatcher, runner, *LINES)
        until(lambda: not jobs(postgres_database), "the queue is empty", 10)


def test_the_queue_does_not_grow_while_nobody_works_and_what_was_asked_often_is_run_once(
    postgres_database: str,
) -> None:
    with process(postgres_database, lines=["poll"], workers=lambda _: 3) as (leading, _):
        until(lambda: leading.ask("send"), "the queue is open", 10)
        for _ in range(20):
            assert leading.ask("send")
            assert leading.ask("upkeep")
        assert jobs(postgres_database) == ["todo"] * 4  # one for each worker that could send, and one upkeep
        with process(postgres_database, lines=["send", "upkeep"]) as (_, runner):
            until(lambda: not jobs(postgres_database), "the queue is empty", 10)
        assert runner.runs == {"send": 3, "upkeep": 1}


def test_a_worker_runs_its_own_lines_alone(postgres_database: str) -> None:
    with (
        process(postgres_database, lines=["poll"]) as (leading, polls),
        process(postgres_database, lines=["send"]) as (_, sends),
    ):
        runs(leading, polls, "poll")
        runs(leading, sends, "send")
        assert (set(polls.runs), set(sends.runs)) == ({"poll"}, {"send"})


def test_two_workers_poll_at_the_same_time(postgres_database: str) -> None:
    with (
        process(postgres_database, workers=lambda _: 2) as (leading, one),
        process(postgres_database) as (_, other),
    ):
        gates = one.shut("poll"), other.shut("poll")
        until(lambda: leading.ask("poll"), "the queue is open", 10)
        until(lambda: "poll" in one.working and "poll" in other.working, "both poll", 10)
        for gate in gates:
            gate.set()
        until(lambda: not one.working and not other.working, "both have polled", 10)


def test_a_long_sweep_keeps_no_alert_waiting(postgres_database: str) -> None:
    with process(postgres_database) as (dispatcher, runner):
        gate = runner.shut("poll")
        runs(dispatcher, runner, "poll")
        runs(dispatcher, runner, "compose", "send")
        assert "poll" in runner.working
        gate.set()


def test_the_task_of_a_killed_worker_is_asked_for_again(postgres_database: str) -> None:
    with process(postgres_database, lines=["send"]) as (leading, _):
        assert leading.leads()
        fallen = subprocess.Popen(
            [sys.executable, "-c", FALL, postgres_database, "60"],
            stdout=subprocess.PIPE,
            env=environment(),
            cwd=Path(__file__).parents[2],
            start_new_session=True,
        )
        with fallen:
            assert fallen.stdout is not None
            until(lambda: leading.ask("poll"), "the queue is open", 10)
            assert fallen.stdout.readline() == b"poll\n"
            fallen.kill()
        assert jobs(postgres_database) == ["doing"]
        until(lambda: jobs(postgres_database) == ["todo"], "it is asked for again", 20)
        with process(postgres_database, lines=["poll"]) as (_, runner):
            until(lambda: runner.runs["poll"] == 1, "it is run", 10)
            until(lambda: not jobs(postgres_database), "the queue is empty", 10)
        until(
            lambda: asked(postgres_database, "SELECT count(*) FROM procrastinate_workers") == [1],
            "the fallen one is forgotten",
            20,
        )


def test_a_worker_that_slept_too_long_works_on_when_it_wakes(postgres_database: str) -> None:
    with process(postgres_database, lines=["send"]) as (leading, _):
        assert leading.leads()
        sleeper = subprocess.Popen(
            [sys.executable, "-c", FALL, postgres_database, "0.5"],
            stdout=subprocess.PIPE,
            env=environment(),
            cwd=Path(__file__).parents[2],
            start_new_session=True,
        )
        with sleeper:
            assert sleeper.stdout is not None
            for _ in range(2):
                until(lambda: leading.ask("poll"), "the queue is open", 10)
                assert sleeper.stdout.readline() == b"poll\n"
                sleeper.send_signal(signal.SIGSTOP)
                until(lambda: jobs(postgres_database) == ["todo"], "its task is given to others", 20)
                sleeper.send_signal(signal.SIGCONT)
                assert sleeper.stdout.readline() == b"poll\n"
                until(lambda: not jobs(postgres_database), "the queue is empty", 10)
            sleeper.kill()


def test_connections_that_break_stop_no_line(postgres_database: str) -> None:
    with process(postgres_database) as (dispatcher, runner):
        runs(dispatcher, runner, *LINES)
        for _ in range(3):
            cut(postgres_database)
            runs(dispatcher, runner, *LINES)


def test_every_line_goes_on_when_the_server_is_back() -> None:
    with ExitStack() as stack:
        cluster = stack.enter_context(private())
        dispatcher, runner = stack.enter_context(process(cluster.url))
        runs(dispatcher, runner, *LINES)
        for away in (False, False, True):
            cluster.stop()
            if away:  # for long enough that everybody meets it
                assert not dispatcher.ask("send")
            cluster.start()
            runs(dispatcher, runner, *LINES)


def test_a_server_that_restarts_under_a_long_sweep_keeps_no_alert_waiting() -> None:
    with ExitStack() as stack:
        cluster = stack.enter_context(private())
        dispatcher, runner = stack.enter_context(process(cluster.url))
        gate = runner.shut("poll")
        runs(dispatcher, runner, "poll")
        cluster.stop()
        assert not dispatcher.ask("send")
        cluster.start()
        runs(dispatcher, runner, "compose", "send")
        assert "poll" in runner.working
        gate.set()


def test_at_the_end_what_is_under_way_is_finished_and_nothing_new_begun(postgres_database: str) -> None:
    with process(postgres_database) as (dispatcher, runner):
        gate = runner.shut("poll")
        runs(dispatcher, runner, "poll")
        dispatcher.stop()
        assert not dispatcher.wait(0.2)
        assert not dispatcher.ask("send")
        gate.set()
        assert dispatcher.wait(10)
        assert runner.runs == {"poll": 1}
        assert jobs(postgres_database) == []
        assert asked(postgres_database, "SELECT count(*) FROM procrastinate_workers") == [0]


def test_workers_that_start_at_the_same_time_make_the_tables_once(postgres_database: str) -> None:
    start = threading.Barrier(4)
    failed: list[BaseException] = []

    def lay_down() -> None:
        start.wait(10)
        try:
            queued.lay_down(postgres_database)
        except BaseException as e:  # noqa: BLE001 - told by the test's own thread
            failed.append(e)

    threads = [threading.Thread(target=lay_down) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(30)
    assert failed == []
    with psycopg.connect(postgres_database) as conn:
        found = conn.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert found[0][0] == 0, "our own tables stand alone"
