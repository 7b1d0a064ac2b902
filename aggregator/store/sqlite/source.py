"""A database file whose contents move to another database: its rows by table, and the mark by which nobody writes to it any more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime

from aggregator.store.sql import recall, rows
from aggregator.store.sql.copying import MOVED_TO, Values
from aggregator.store.sql.engine import FACT, MARK
from aggregator.store.sqlite.connection import Connection
from aggregator.store.sqlite.database import Database

_TABLES = """SELECT name FROM pragma_table_list
WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_%' ESCAPE '\\'"""
"""Ours: neither SQLite's own, nor the index of words, nor the book of migrations."""
_COLUMNS = "SELECT name FROM pragma_table_info(?) ORDER BY cid"


class Source:
    """The contents of a SQLite file."""

    def __init__(self, db: Database) -> None:
        self._db = db

    @property
    def name(self) -> str:
        """Where it is, for people."""
        return str(self._db.path)

    def held(self) -> AbstractContextManager[Connection]:
        """While it lasts nobody else writes; what `leave` writes in it is stored when it ends well. Raises StoreError."""
        return self._db.write()

    def tables(self) -> dict[str, tuple[str, ...]]:
        """The tables with their columns in order, by name."""
        names = sorted(row[0] for row in self._db.ask(_TABLES))
        return {name: tuple(row[0] for row in self._db.ask(_COLUMNS, (name,))) for name in names}

    def rows(self, table: str, columns: Sequence[str]) -> Iterator[Values]:
        """The rows of a table, few in memory at a time. Within `held`."""
        cursor = self._db.conn.cursor()
        cursor.row_factory = None
        names = ", ".join(f'"{name}"' for name in columns)
        return iter(cursor.execute(f'SELECT {names} FROM "{table}"'))  # noqa: S608 - names of the schema

    def given(self) -> dict[str, int]:
        """By table the last id that was ever given, also where its row is gone."""
        return {row[0]: row[1] for row in self._db.ask("SELECT name, seq FROM sqlite_sequence")}

    def leave(self, to: str, now: datetime) -> None:
        """Within `held`: from its end on nobody writes here; `to` is where everything is, fit for people.

        The log of what is sent and this file get a mark in common: who comes back knows what was sent from there (`come_back`).
        """
        mark = self._db.mark_backup(now)
        self._db.conn.executemany(FACT, [(MOVED_TO, f"{rows.stamp(now)} {to}"), (MARK, mark)])

    def is_left(self) -> bool:
        """Whether its contents are elsewhere."""
        return bool(self._db.ask("SELECT 1 FROM facts WHERE name = ?", (MOVED_TO,)))

    def come_back(self, now: datetime) -> None:
        """Let it be written again. What was composed elsewhere is not known here: every edition waits for a person."""
        with self._db.write() as conn:
            conn.execute(FACT, (recall.HELD, rows.stamp(now)))
            conn.execute("DELETE FROM facts WHERE name = ?", (MOVED_TO,))
