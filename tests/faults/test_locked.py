"""Another program holds the database: fetching goes on, pages are read, the line tries again, nothing is lost."""

from __future__ import annotations

import contextlib
import functools
import smtplib
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aggregator.app import build
from aggregator.errors import StoreError
from aggregator.feeds import parse
from aggregator.fetch import Client
from aggregator.sample.sink import Sink
from aggregator.store.sqlite import database
from aggregator.stories import extract
from tests import counts
from tests.conformance.feedserver import Call, FeedServer
from tests.e2e.program import Wire, done, rows, smtp, write_home

HELD = counts.count(small=1, storm=10)
LONG = counts.count(small=2, storm=60)
BUSY = counts.count(small=1, storm=30)


class Holder:
    """A feed whose first answer comes once another program has taken the database for itself."""

    def __init__(self, home: Path, wire: Wire) -> None:
        self.wire = wire
        self.asked = threading.Event()
        self._file = home / "var/aggregator.db"
        self._conn: sqlite3.Connection | None = None
        self._lock = threading.Lock()

    def __call__(self, call: Call) -> None:
        with self._lock:
            if not self.asked.is_set():
                self._conn = sqlite3.connect(self._file, isolation_level=None, check_same_thread=False, timeout=10)
                self._conn.execute("BEGIN IMMEDIATE")
                self.asked.set()
        self.wire(call)

    def release(self) -> None:
        """Let go of it."""
        if self._conn is not None:
            self._conn.execute("ROLLBACK")
            self._conn.close()
            self._conn = None


@contextlib.contextmanager
def held_world(home: Path) -> Iterator[tuple[Holder, dict[str, Wire]]]:
    wires = {name: Wire(name, f"CSTO in {name}") for name in ("one", "two", "three")}
    with FeedServer() as server:
        holder = Holder(home, wires["one"])
        served: dict[str, Callable[[Call], None]] = {**wires, "one": holder}
        write_home(home, {name: server.add(f"/{name}", one) for name, one in served.items()})
        yield holder, wires
        holder.release()


def test_a_sweep_waits_for_the_other_program_and_pages_are_read_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", float(max(20, 3 * HELD)))
    with held_world(tmp_path) as (holder, wires), build(tmp_path) as app:
        app.sync()
        app.warm()
        found: list[str] = []
        sweep = threading.Thread(target=lambda: found.extend(r.outcome for r in app.poll.sweep()))
        sweep.start()
        assert holder.asked.wait(20)
        sweep.join(HELD)
        assert sweep.is_alive(), "it waits"
        assert app.stores.upkeep.stats(app.clock.now())["entries"] == 0, "it can be read"
        holder.release()
        sweep.join(30)
        assert sorted(found) == ["new"] * len(wires)
    assert rows(tmp_path) == len(wires)
    counts.report(f"a database held for {HELD} s", len(wires), 0, "all feeds were fetched meanwhile")


def test_one_that_holds_it_for_too_long_makes_the_line_try_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", float(BUSY))
    with held_world(tmp_path) as (holder, wires), build(tmp_path) as app:
        app.sync()
        app.warm()
        timer = threading.Timer(3 * LONG, holder.release)  # from the beginning of the sweep on, which may be slow
        timer.start()
        with pytest.raises(StoreError, match="another program holds it") as caught:
            list(app.poll.sweep())
        assert caught.value.state == "storage_locked"
        if Path("/proc/locks").exists():
            assert "held by process" in str(caught.value)
        assert holder.asked.is_set()
        timer.join()
        app.stores.feeds.release(f"{app.owner}/poll")
        again = [report.outcome for report in app.poll.sweep()]
        assert again.count("new") == len(wires)
        assert app.stores.upkeep.trouble() is None
    assert rows(tmp_path) == rows(tmp_path, "matches") == len(wires)
    counts.report(f"a database held for {3 * LONG} s at most, patience {BUSY} s", len(wires), 0)


def test_no_transaction_is_open_while_anything_is_fetched_parsed_or_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trace: within Database.write, the same thread calls nothing that waits for others or computes for long."""
    writing = threading.local()
    real = database.Database.write
    seen = {"writes": 0, "calls": 0}
    wrong: list[str] = []

    @contextlib.contextmanager
    def traced(self: database.Database) -> Iterator[sqlite3.Connection]:
        with real(self) as conn:
            writing.now = True
            seen["writes"] += 1
            try:
                yield conn
            finally:
                writing.now = False

    def watch(owner: Any, name: str) -> None:
        called = getattr(owner, name)

        @functools.wraps(called)
        def watched(*args: Any, **kwargs: Any) -> Any:
            seen["calls"] += 1
            if getattr(writing, "now", False):
                wrong.append(f"{owner.__name__}.{name}")
            return called(*args, **kwargs)

        monkeypatch.setattr(owner, name, watched)

    monkeypatch.setattr(database.Database, "write", traced)
    for owner, name in (
        (parse, "document"),
        (extract, "article"),
        (Client, "fetch_many"),
        (smtplib.SMTP, "send"),
        (smtplib.SMTP, "getreply"),
        (socket.socket, "connect"),
        (socket.socket, "send"),
        (socket.socket, "recv"),
        (socket, "getaddrinfo"),
    ):
        watch(owner, name)
    with FeedServer() as server, Sink() as sink:
        feeds = {name: server.add(f"/{name}", Wire(name, f"CSTO in {name}", "town")) for name in ("one", "two")}
        home = write_home(tmp_path, feeds, settings=smtp(sink.host, sink.port))
        done(home, "poll")
        done(home, "digest", "morning", "--send")
        done(home, "prune")
        done(home, "search", "CSTO")
        assert len(sink.messages) == 1
    assert wrong == []
    assert seen["writes"] > 10
    assert seen["calls"] > 10
    counts.report("transactions without a call that waits", seen["writes"], len(wrong), f"{seen['calls']} calls seen")
