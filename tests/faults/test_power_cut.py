"""A power cut: each commit is synced, and of a log that was cut off anywhere every whole commit is there."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from aggregator.store.sqlite import SqliteStores, wal
from aggregator.store.sqlite.database import Database
from tests import counts, emptydb
from tests.e2e.program import aggregator, write_home
from tests.faults.sqlitefiles import SYNC, WRITE, LogMethods

COMMITS = 12
STEP = 4096
EVERY = counts.count(small=5, storm=1)


def commit(db: Database, number: int) -> None:
    with db.write() as conn:
        conn.execute("INSERT INTO facts (name, value) VALUES (?, ?)", (f"commit {number:03}", "x" * 3000))


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="looks into a connection of CPython")
@pytest.mark.parametrize(("durability", "syncs"), [("FULL", COMMITS), ("NORMAL", 0)])
def test_with_full_durability_each_commit_is_synced(tmp_path: Path, durability: str, syncs: int) -> None:
    db = Database(emptydb.put(tmp_path / "aggregator.db"), synchronous=durability)
    commit(db, 0)
    called: list[int] = []

    def counted(place: int) -> int:
        called.append(place)
        return 0

    LogMethods(db.conn, counted)
    for number in range(1, COMMITS + 1):
        commit(db, number)
    found = called.count(SYNC)
    db.close()
    assert found == syncs
    assert called.count(WRITE) > COMMITS
    counts.report(f"syncs of {COMMITS} commits, durability {durability.lower()}", COMMITS, 0, f"{found} syncs")


def test_a_log_cut_off_anywhere_holds_every_whole_commit_before_the_cut(tmp_path: Path) -> None:
    file = emptydb.put(tmp_path / "aggregator.db")
    db = Database(file)
    ends = []
    for number in range(COMMITS):
        commit(db, number)
        ends.append(wal.size(file))
    base, log = file.read_bytes(), wal.file(file).read_bytes()[: ends[-1]]
    db.close()
    odd = (1, 31, 33, len(log) // 3 + 7, ends[4] - 1, ends[4], ends[4] + 1, len(log))
    cuts = [*range(0, len(log), STEP * EVERY), *odd]
    lost = 0
    for place, cut in enumerate(cuts):
        copy = tmp_path / str(place) / "aggregator.db"
        copy.parent.mkdir()
        copy.write_bytes(base)
        wal.file(copy).write_bytes(log[:cut])
        with closing(sqlite3.connect(copy)) as conn:
            assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            (there,) = conn.execute("SELECT count(*) FROM facts WHERE name LIKE 'commit %'").fetchone()
        lost += there != sum(end <= cut for end in ends)
    counts.report("a log cut off", len(cuts), lost, f"at every {STEP * EVERY:,} bytes and at odd places")
    assert lost == 0
    stores = SqliteStores(tmp_path / "1/aggregator.db", secret=b"x" * 32)
    assert stores.upkeep.check(deep=True) == []
    stores.upkeep.close()


def test_doctor_says_what_less_durability_may_lose(tmp_path: Path) -> None:
    home = write_home(tmp_path, {}, settings={"storage": {"durability": "normal"}})
    assert "a power cut may lose the last seconds" in aggregator(home, "doctor").out
    assert "a power cut" not in aggregator(write_home(tmp_path / "full", {}), "doctor").out
