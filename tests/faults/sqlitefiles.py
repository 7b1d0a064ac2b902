"""Methods of our own in SQLite's table for the log of a connection: to count its syncs, and to let its writes fail.

Neither strace nor a preloaded library is needed for that; a CPython whose connection begins with its handle is, and an SQLite that
shows its functions (sqlite.org/c3ref/io_methods.html).
"""

from __future__ import annotations

import _sqlite3
import ctypes
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

JOURNAL_POINTER = 28
"""Of sqlite3_file_control()."""
METHODS = 19
WRITE, SYNC = 3, 5
"""Places in the table."""
SHAPES: dict[int, Any] = {
    WRITE: ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_longlong),
    SYNC: ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int),
}
alive: list[LogMethods] = []
"""SQLite calls what Python must not throw away."""


class LogMethods:
    """Stands between a connection and the file of its log. `meet` is asked before each call: 0 lets it pass, else it is SQLite's error."""

    def __init__(self, conn: sqlite3.Connection, meet: Callable[[int], int]) -> None:
        try:
            control = ctypes.CDLL(_sqlite3.__file__).sqlite3_file_control
        except AttributeError:
            pytest.skip("SQLite is built into this Python and shows no functions")
        conn.execute("SELECT 1 FROM sqlite_master").fetchone()  # opens the log
        handle = ctypes.c_void_p.from_address(id(conn) + object.__basicsize__)
        file = ctypes.c_void_p()
        control.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p]
        assert control(handle, b"main", JOURNAL_POINTER, ctypes.byref(file)) == 0
        methods = ctypes.c_void_p.from_address(file.value or 0)
        kind = ctypes.c_void_p * METHODS
        self._table = kind.from_buffer_copy(kind.from_address(methods.value or 0))
        self._kept = [self._replace(place, meet) for place in SHAPES]
        methods.value = ctypes.addressof(self._table)
        alive.append(self)

    def _replace(self, place: int, meet: Callable[[int], int]) -> Any:
        real = SHAPES[place](self._table[place] or 0)

        def between(*args: int) -> int:
            return meet(place) or int(real(*args))

        made = SHAPES[place](between)
        self._table[place] = ctypes.cast(made, ctypes.c_void_p).value
        return made
