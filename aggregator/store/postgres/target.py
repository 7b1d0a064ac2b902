"""An empty PostgreSQL database that takes over the contents of another one: all of it in one transaction, or nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from graphlib import TopologicalSorter
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from aggregator.errors import StoreError
from aggregator.model import Problem
from aggregator.store.postgres.connection import Connection
from aggregator.store.postgres.database import Database, shown
from aggregator.store.postgres.upkeep import INSTALLATION, Upkeep
from aggregator.store.sql import invariants, rows
from aggregator.store.sql.copying import LEFT, MOVED_FROM, Kind, Sum, Table, Values
from aggregator.store.sql.engine import FACT

NEW = ("tokenizer_version", INSTALLATION)
"""Facts that an empty database has."""
ROWS_AT_ONCE = 2_000
"""Of those that are read back."""
_KINDS: Mapping[str, Kind] = {"text": "text", "bigint": "integer", "double precision": "real", "bytea": "bytes"}
_OTHERS = """SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace
AND relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY relname"""
_COLUMNS = """SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attidentity != '' FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND c.relname = ANY(?) ORDER BY a.attnum"""
_POINTS = """SELECT DISTINCT a.relname, b.relname FROM pg_constraint k JOIN pg_class a ON a.oid = k.conrelid
JOIN pg_class b ON b.oid = k.confrelid WHERE k.contype = 'f' AND a.oid != b.oid AND a.relname = ANY(?)"""
_NEXT = "SELECT setval(pg_get_serial_sequence(?, 'id'), ?, ?::integer::boolean)"


class Target:
    """A PostgreSQL database that another one's contents move to."""

    def __init__(self, url: str, secret: bytes, kept_in: str) -> None:
        """Connect to the database of this URL; `secret` is the installation's, read in `kept_in`.

        Raises:
            StoreError: the URL is none, or the server does not let us in, or takes no writes.
        """
        self.db = _reached(url)
        self._upkeep = Upkeep(self.db, secret)
        self._kept_in = kept_in
        self.db.may_write(10)

    @property
    def name(self) -> str:
        """Where it is, without a password."""
        return self.db.name

    def close(self) -> None:
        """End every connection; safe to call twice."""
        self.db.close()

    def prepare(self, tables: Collection[str]) -> str:
        """Make our tables where there are none; the mark of what was moved there earlier, "" where nothing was.

        Raises StoreError, with nothing changed, where it holds anything else, or is another installation's.
        """
        ((encoding, ours),) = self.db.ask("SELECT current_setting('server_encoding'), to_regclass('migrations')")
        if encoding != "UTF8":
            raise StoreError(f"{self.name}: its texts are {encoding}; make it with `createdb -E UTF8 -T template0`")
        if ours is None and (others := self.db.ask(_OTHERS)):
            raise self._full("tables of another program", [row[0] for row in others])
        if ours is not None:
            self._upkeep.recognize(self._kept_in)
            known = self.db.ask("SELECT value FROM facts WHERE name = ?", (MOVED_FROM,))
            if known:
                return str(known[0][0]).rpartition(" ")[2]
            self._see_that_it_is_empty(tables)
        self._upkeep.migrate()
        self._upkeep.recognize(self._kept_in)
        return ""

    def tables(self, wanted: Collection[str]) -> list[Table]:
        """These tables as they are there."""
        with self.db.read() as conn:
            return _tables(conn, wanted)[0]

    def _see_that_it_is_empty(self, tables: Collection[str]) -> None:
        there = {row[0] for row in self.db.ask(_COLUMNS, (list(tables),))} - {"facts"}
        held = [name for name in sorted(there) if self.db.ask(f"SELECT 1 FROM {name} LIMIT 1")]  # noqa: S608 - our own names
        held += [row[0] for row in self.db.ask("SELECT name FROM facts ORDER BY name") if row[0] not in NEW]
        if held:
            raise self._full("data already", held)

    def _full(self, what: str, which: Sequence[str]) -> StoreError:
        more = ", ..." if len(which) > 3 else ""
        return StoreError(
            f"{self.name}: it holds {what} ({', '.join(which[:3])}{more}), and nothing of it is touched; "
            "make an empty database (`createdb`) and name that"
        )

    @contextlib.contextmanager
    def filling(self, tables: Collection[str]) -> Iterator[Filling]:
        """The one transaction in which it is filled, alone among all writers. Raises StoreError: nothing is stored."""
        try:
            with self.db.write() as conn:
                for limit in (b"statement_timeout", b"idle_in_transaction_session_timeout"):
                    conn.raw.execute(b"SET LOCAL " + limit + b" = 0")
                self._see_that_it_is_empty(tables)
                yield Filling(conn, self.name, tables)
        except StoreError as e:
            if e.fault == "away":
                said = str(e).partition("; ")[0]
                again = "see that the server runs, then run the same command again: it finds out how far it came"
                raise StoreError(f"{said}; {again}", "away") from e
            raise


class Filling:
    """What is done in that transaction.

    Attributes:
        tables: as they are there, each behind those that its rows point to.
        intake: what rows become on their way.
    """

    def __init__(self, conn: Connection, name: str, tables: Collection[str]) -> None:
        self._conn = conn
        self._name = name
        self.intake = Intake()
        self._installation = conn.execute("DELETE FROM facts RETURNING name, value").fetchall()
        self.tables, self._numbered = _tables(conn, tables)

    def copy(self, table: Table, found: Iterable[Values]) -> Sum:
        """Store rows, and read back what is stored. Raises StoreError where that is not the same, or a row is not taken."""
        put = Sum()
        into = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), _names(table))
        try:
            with self._conn.raw.cursor() as cursor, cursor.copy(into) as stream:
                for row in self.intake.rows(table, found):
                    put.add(row)
                    stream.write_row(row)
        except (psycopg.DataError, psycopg.IntegrityError) as e:
            said = ": ".join(filter(None, (e.diag.message_primary, e.diag.message_detail or e.diag.context)))
            raise StoreError(f"{self._name} does not take a row of {table.name}: {said}; nothing was moved") from e
        if (read := Sum.of(self._stored(table))) != put:
            raise StoreError(
                f"{self._name}: {table.name} does not read as it was written ({read.rows:,} of {put.rows:,} rows); "
                "nothing was moved"
            )
        return put

    def _stored(self, table: Table) -> Iterator[Values]:
        select = sql.SQL("SELECT {} FROM {}").format(_names(table), sql.Identifier(table.name))
        with self._conn.raw.cursor("stored", row_factory=tuple_row) as cursor:
            cursor.itersize = ROWS_AT_ONCE
            yield from cursor.execute(select)

    def finish(self, given: Mapping[str, int], mark: str, now: datetime) -> list[Problem]:
        """Make what follows from the rows: the next ids, the index of words, the facts. What is wrong with the whole then.

        Args:
            given: by table the last id that was ever given.
            mark: of the contents that were copied.
            now: the moment of the move.
        """
        for table in self._numbered:
            ((highest,),) = self._conn.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchall()  # noqa: S608 - our own names
            last = max(highest, given.get(table, 0))
            self._conn.execute(_NEXT, (table, max(last, 1), last > 0))
        self._conn.words.rebuild()
        self._conn.words.forget()
        self._conn.executemany("DELETE FROM facts WHERE name = ?", [(name,) for name in LEFT])
        self._conn.executemany(FACT, [tuple(row) for row in self._installation])
        self._conn.execute(FACT, (MOVED_FROM, f"{rows.stamp(now)} {mark}"))
        self._conn.raw.execute("ANALYZE")
        return list(invariants.problems(self._conn))


class Intake:
    """Rows of SQLite as PostgreSQL holds them; `replaced` counts NUL characters, for which U+FFFD stands."""

    def __init__(self) -> None:
        self.replaced = 0

    def rows(self, table: Table, found: Iterable[Values]) -> Iterator[Values]:
        """Row by row."""
        kinds = tuple(table.columns.values())
        for row in found:
            yield tuple(map(self._held, row, kinds))

    def _held(self, value: Any, kind: Kind) -> Any:
        """SQLite lets a column hold what it is not for."""
        if type(value) is str:
            if kind == "bytes":
                return value.encode()
            if "\0" in value:
                self.replaced += value.count("\0")
                return value.replace("\0", "\N{REPLACEMENT CHARACTER}")
        elif type(value) is float and kind == "integer":
            return round(value)
        elif type(value) is int and kind == "real":
            return float(value)
        return value


def _tables(conn: Connection, wanted: Collection[str]) -> tuple[list[Table], list[str]]:
    """Tables, each behind those that its rows point to; and the names of those that number their rows themselves."""
    found: dict[str, dict[str, Kind]] = {table: {} for table in wanted}
    numbered = []
    for table, column, kind, counts in conn.execute(_COLUMNS, (list(wanted),)):
        found[table][column] = _KINDS[kind]
        if counts:
            numbered.append(table)
    order = TopologicalSorter({table: set[str]() for table in wanted})
    for table, other in conn.execute(_POINTS, (list(wanted),)):
        order.add(table, other)
    return [Table(table, found[table]) for table in order.static_order()], numbered


def _names(table: Table) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, table.columns))


def _reached(url: str) -> Database:
    """The database, once it let us in: the pool would try for half a minute, and not say why."""
    name = shown(url)
    try:
        psycopg.connect(url, connect_timeout=10).close()
    except psycopg.Error as e:
        said = next((line.strip() for line in str(e).splitlines() if line.strip()), type(e).__name__)
        raise StoreError(
            f"{name}: {said}; see that the server runs, has this database and lets this role in", "away"
        ) from e
    return Database(url, connections=2)
