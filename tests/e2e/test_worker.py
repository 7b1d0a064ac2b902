"""`aggregator worker`: real processes that share a PostgreSQL database; one falls, one ends, and nothing is lost or doubled."""

from __future__ import annotations

import shutil
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from aggregator.engine.queued import SCHEMA
from tests import stored
from tests.conformance.feedserver import FeedServer
from tests.e2e.program import Daemon, Wire, aggregator, until, write_home

SETTINGS: Mapping[str, Any] = {"polling": {"workers": 1, "floor": "1s"}, "web": {"enabled": False}}
LEADS = "this worker looks at the clock for all"
pytestmark = pytest.mark.skipif(stored.POSTGRES, reason="its homes name their databases themselves")


def worker(home: Path, *words: str, **environ: str) -> Daemon:
    return Daemon(home, command=("worker", *words), environ=environ)


def asked(url: str, sql: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as conn:
        return conn.execute(sql.encode()).fetchall()


def titles(url: str) -> list[str]:
    """Of every stored entry."""
    return sorted(row[0] for row in asked(url, "SELECT title FROM entries"))


def left(url: str) -> dict[str, int]:
    """What nobody may leave behind who ends in time."""
    tables = {"workers": "workers", "tasks": f"{SCHEMA}.procrastinate_jobs", "lanes": f"{SCHEMA}.procrastinate_workers"}
    counts = {name: asked(url, f"SELECT count(*) FROM {table}")[0][0] for name, table in tables.items()}
    claims = asked(url, "SELECT count(*) FROM feeds WHERE claimed_by IS NOT NULL")[0][0]
    return {name: count for name, count in {**counts, "claims": claims}.items() if count}


@pytest.fixture
def wires() -> Iterator[dict[str, tuple[Wire, str]]]:
    """Feeds on servers of their own, so that several workers ask at once."""
    with ExitStack() as stack:
        found = {}
        for name in ("one", "two", "three"):
            wire = Wire(name, f"{name} 0", f"{name} 1")
            found[name] = wire, stack.enter_context(FeedServer()).add(f"/{name}", wire)
        yield found


@pytest.fixture
def home(tmp_path: Path, wires: dict[str, tuple[Wire, str]], postgres_database: str) -> Path:
    feeds = {name: url for name, (_, url) in wires.items()}
    settings = {**SETTINGS, "storage": {"url": postgres_database}}
    return write_home(tmp_path / "home", feeds, settings=settings, interval="1s")


def second(home: Path) -> Path:
    """The home of another machine of the same installation: the same files and secret, and a `var` of its own."""
    other = home.with_name("other")
    shutil.copytree(home, other, ignore=shutil.ignore_patterns("aggregator.db*", "pages", "mail", "sent"))
    return other


def test_a_worker_that_leads_is_killed_and_the_other_goes_on(
    home: Path, wires: dict[str, tuple[Wire, str]], postgres_database: str
) -> None:
    expected = sorted(f"{name} {n}" for name in wires for n in range(2))
    with ExitStack() as stack:
        first = stack.enter_context(worker(home)).ready()
        first.wait_for(LEADS)
        other = stack.enter_context(worker(second(home))).ready()
        until(lambda: titles(postgres_database) == expected, "all is stored", 30)
        assert len(asked(postgres_database, "SELECT 1 FROM workers")) == 2
        facts = {line.get("fact"): line.get("value") for line in aggregator(home, "doctor", "--json").lines}
        assert "; 2 workers on the database; " in str(facts["daemon"])
        assert aggregator(home, "health").out == "healthy\n"
        began = time.monotonic()
        first.process.kill()
        other.wait_for(LEADS, 10)
        assert time.monotonic() - began < 10
        for name, (wire, _) in wires.items():
            wire.add(f"{name} 2")
        expected = sorted(f"{name} {n}" for name in wires for n in range(3))
        until(lambda: titles(postgres_database) == expected, "what came since is stored", 60)
        code, seconds = other.end()
        assert (code, seconds < 10) == (0, True), other.text
    assert titles(postgres_database) == expected
    assert "Traceback" not in first.text + other.text
    assert "claims" not in left(postgres_database)
    with worker(home) as third:
        third.ready().wait_for(LEADS)
        until(lambda: set(left(postgres_database)) <= {"workers", "lanes"}, "the fallen one is cleared away", 60)
        assert third.end()[0] == 0
    assert left(postgres_database).keys() <= {"tasks", "lanes"}, "those of the fallen one go when a worker next starts"


def test_the_end_is_in_time_although_a_server_does_not_answer(home: Path, postgres_database: str) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(FeedServer())
        url = server.add("/slow", lambda call: void(call.pause(30)))
        write_home(home, {"slow": url}, settings={**SETTINGS, "storage": {"url": postgres_database}}, interval="1s")
        one = stack.enter_context(worker(home)).ready()
        until(lambda: bool(server.log("/slow")), "it is asked", 20)
        code, seconds = one.end()
        assert (code, seconds < 10) == (0, True), one.text
        # On a busy machine a task or a lane may stay in the queue: others look after it, as after one that fell.
        assert left(postgres_database).keys() <= {"tasks", "lanes"}


def void(_: object) -> None:
    """Answer nothing."""


def test_it_tells_systemd_that_it_is_ready_and_takes_over_files_on_sighup(
    home: Path, tmp_path: Path, postgres_database: str
) -> None:
    with notified(tmp_path / "notify") as (said, environ), worker(home, **environ) as one:
        one.ready().wait_for(LEADS)
        until(lambda: any(text.startswith("READY=1") for text in said()), "it is ready", 10)
        feeds = home / "feeds.yaml"
        feeds.write_text(feeds.read_text().replace('"id": "three"', '"id": "four"'))
        one.process.send_signal(signal.SIGHUP)
        one.wait_for("configuration taken over")
        named = "SELECT id FROM feeds WHERE removed_at IS NULL ORDER BY id"
        assert asked(postgres_database, named) == [("four",), ("one",), ("two",)]
        assert one.end()[0] == 0
        assert any(text.startswith("STOPPING=1") for text in said())


@contextmanager
def notified(path: Path) -> Iterator[tuple[Any, dict[str, str]]]:
    """systemd's end of the socket: what was said so far, and the environment that names it."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as ear:
        ear.bind(str(path))
        ear.setblocking(False)
        told: list[str] = []

        def said() -> list[str]:
            while True:
                try:
                    told.append(ear.recv(4096).decode())
                except BlockingIOError:
                    return told

        yield said, {"NOTIFY_SOCKET": str(path)}


def test_lines_that_are_named_are_run_and_no_others(
    home: Path, wires: dict[str, tuple[Wire, str]], postgres_database: str
) -> None:
    with ExitStack() as stack:
        leading = stack.enter_context(worker(home, "--lines", "send, compose")).ready()
        leading.wait_for(LEADS)
        until(lambda: bool(asked(postgres_database, "SELECT 1 FROM workers WHERE leads = 1")), "it leads", 10)
        assert titles(postgres_database) == []
        stack.enter_context(worker(second(home), "--lines=poll")).ready()
        expected = sorted(f"{name} {n}" for name in wires for n in range(2))
        until(lambda: titles(postgres_database) == expected, "all is stored", 30)
        assert "feed one" not in leading.text


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--lines", "pol"], 2, "no line is called 'pol'; there are poll, compose, send"),
        ([], 2, "which has one daemon: `aggregator run`; several workers share a PostgreSQL database"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(tmp_path: Path, words: list[str], code: int, said: str) -> None:
    answer = aggregator(write_home(tmp_path, {}), "worker", *words)
    assert answer.code == code
    assert said in answer.err
