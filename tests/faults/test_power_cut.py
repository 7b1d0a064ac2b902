"""A power cut: each commit is synced, and of a log that was cut off anywhere every whole commit is there."""

from __future__ import annotations

import _sqlite3
import ctypes
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from aggregator.store.sqlite import SqliteStores, wal
from aggregator.store.sqlite.database import Database
from tests import counts, emptydb
from tests.e2e.program import aggregator, write_home

COMMITS = 12
STEP = 4096
EVERY = counts.count(small=5, storm=1)
FILE_POINTER, JOURNAL_POINTER = 7, 28
SYNC = 5
"""Of sqlite3_file_control(), and the place of xSync among the methods of a file (sqlite.org/c3ref/io_methods.html)."""
METHODS = 19

Sync = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)


class Syncs:
    """Counts how often SQLite syncs the log of a connection, by a method of our own in its table of the file's methods.

    Neither strace nor a preloaded library is needed for that; a CPython whose connection begins with its handle is.
    """

    def __init__(self, conn: sqlite3.Connection) -> None:
        library = ctypes.CDLL(_sqlite3.__file__)
        try:
            control = library.sqlite3_file_control
        except AttributeError:
            pytest.skip("SQLite is built into this Python and shows no functions")
        handle = ctypes.c_void_p.from_address(id(conn) + object.__basicsize__)
        file = ctypes.c_void_p()
        control.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p]
        assert control(handle, b"main", JOURNAL_POINTER, ctypes.byref(file)) == 0
        self.count = 0
        self._file = ctypes.c_void_p.from_address(file.value or 0)
        self._real = self._file.value
        self._table = (ctypes.c_void_p * METHODS).from_buffer_copy(
            (ctypes.c_void_p * METHODS).from_address(self._real or 0)
        )
        real = Sync(self._table[SYNC] or 0)

        def counted(which: int, flags: int) -> int:
            self.count += 1
            return int(real(which, flags))

        self._counted = Sync(counted)
        self._table[SYNC] = ctypes.cast(self._counted, ctypes.c_void_p).value
        self._file.value = ctypes.addressof(self._table)

    def stop(self) -> None:
        """Put the file's own methods back."""
        self._file.value = self._real


def commit(db: Database, number: int) -> None:
    with db.write() as conn:
        conn.execute("INSERT INTO facts (name, value) VALUES (?, ?)", (f"commit {number:03}", "x" * 3000))


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="looks into a connection of CPython")
@pytest.mark.parametrize(("durability", "syncs"), [("FULL", COMMITS), ("NORMAL", 0)])
def test_with_full_durability_each_commit_is_synced(tmp_path: Path, durability: str, syncs: int) -> None:
    db = Database(emptydb.put(tmp_path / "aggregator.db"), synchronous=durability)
    commit(db, 0)
    counter = Syncs(db.conn)
    try:
        for number in range(1, COMMITS + 1):
            commit(db, number)
        counted = counter.count
    finally:
        counter.stop()
        db.close()
    assert counted == syncs
    counts.report(f"syncs of {COMMITS} commits, durability {durability.lower()}", COMMITS, 0, f"{counted} syncs")


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
