"""The log beside the database stays short: writers wait a little for a long reader, and once it is gone the log is emptied."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from aggregator import storage
from aggregator.app import build
from aggregator.store.sqlite import SqliteStores, wal
from aggregator.store.sqlite.database import Database
from tests import counts, emptydb
from tests.e2e.program import aggregator, write_home

SECONDS = counts.count(small=1, storm=60)
MOST = 64 << 20
READER = """
import sqlite3, sys
conn = sqlite3.connect(sys.argv[1], isolation_level=None)
conn.execute("BEGIN")
conn.execute("SELECT count(*) FROM facts").fetchone()
print("reads", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def reader(file: Path) -> Iterator[int]:
    """Another program that reads and does not end; its pid."""
    command = [sys.executable, "-c", READER, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "reads\n"
        yield process.pid
        process.communicate()


def write(db: Database, number: int) -> None:
    """What a batch of a sweep writes, about: half a megabyte."""
    with db.write() as conn:
        conn.execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (f"n{number % 8}", "x" * 500_000))


@pytest.fixture
def smaller(monkeypatch: pytest.MonkeyPatch) -> int:
    """Bounds of a sixtieth for a second of a minute; the most that the log may have then."""
    if counts.STORM:
        return MOST
    monkeypatch.setattr(wal, "BOUND", 2 << 20)
    monkeypatch.setattr(wal, "WAIT", 0.25)
    return 12 << 20


def test_the_log_stays_short_beside_a_long_reader_and_shrinks_after_it(tmp_path: Path, smaller: int) -> None:
    file = emptydb.put(tmp_path / "aggregator.db")
    db = Database(file)
    most = written = 0
    with reader(file):
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            write(db, written)
            written += 1
            most = max(most, wal.size(file))
    assert written > 3
    assert most < smaller
    for number in range(3):
        write(db, number)
    assert db.fold_log(5)
    assert wal.size(file) == 0
    db.close()
    remark = f"a reader of {SECONDS} s, at most {most / 1e6:.1f} MB, {written} writes of 0.5 MB meanwhile"
    counts.report("the log beside a long reader", written, 0, remark)


def test_without_a_reader_the_log_keeps_no_more_than_it_needs(tmp_path: Path) -> None:
    file = emptydb.put(tmp_path / "aggregator.db")
    db = Database(file)
    with db.write() as conn:
        conn.executemany(
            "INSERT INTO facts (name, value) VALUES (?, ?)", [(str(n), "x" * 1_000_000) for n in range(40)]
        )
    assert wal.size(file) > wal.BOUND
    for number in range(3):
        write(db, number)
    assert wal.size(file) <= wal.KEPT + (2 << 20)
    db.close()


def test_a_backup_and_a_listing_during_writing_leave_it_short(tmp_path: Path) -> None:
    stores = SqliteStores(emptydb.put(tmp_path / "aggregator.db"), secret=b"x" * 32)
    file, db = tmp_path / "aggregator.db", stores.upkeep._db
    for number in range(8):
        write(db, number)
    ended = threading.Event()
    most = [0]

    def busy() -> None:
        number = 0
        while not ended.is_set():
            write(db, number)
            most[0] = max(most[0], wal.size(file))
            number += 1

    thread = threading.Thread(target=busy)
    thread.start()
    try:
        for number in range(3):
            stores.upkeep.backup(tmp_path / f"copy{number}.db")
            assert list(stores.entries.entries()) == []
    finally:
        ended.set()
        thread.join()
    assert most[0] < MOST
    assert stores.upkeep.fold_log(5)
    assert wal.size(file) == 0
    stores.upkeep.close()


def test_doctor_names_who_keeps_the_log_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = write_home(tmp_path, {})
    monkeypatch.setattr(storage, "LONG_LOG", 1 << 20)
    with build(home) as app, reader(home / "var/aggregator.db") as pid:
        for number in range(4):
            write(app.stores.upkeep._db, number)  # type: ignore[attr-defined]
        assert not app.stores.upkeep.fold_log(0)
        said = aggregator(home, "doctor").out
        if not Path("/proc/locks").exists():
            pytest.skip("this system does not tell who holds a lock")
        assert f"process {pid} python" in said
        assert "reads an older state" in said
    with contextlib.closing(sqlite3.connect(home / "var/aggregator.db")) as conn:
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert "older state" not in aggregator(home, "doctor").out
