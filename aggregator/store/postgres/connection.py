"""A connection to PostgreSQL as the shared SQL asks for one (engine.Connection). The only door to psycopg, with database.py."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, ClassVar

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Loader

from aggregator.store.postgres.dialect import translated
from aggregator.store.postgres.words import Words

LOOK = 0.05
"""Seconds between two looks at whether a statement is still wanted."""


class _Row(tuple[Any, ...]):
    """Values by place and by name, as sqlite3.Row has them."""

    __slots__ = ()
    places: ClassVar[Mapping[str, int]] = {}

    def __getitem__(self, key: Any) -> Any:
        return tuple.__getitem__(self, self.places[key] if isinstance(key, str) else key)

    def keys(self) -> list[str]:
        """The columns' names."""
        return list(self.places)


@lru_cache(maxsize=1024)
def _shape(names: tuple[str, ...]) -> type[_Row]:
    places: dict[str, int] = {}
    for place, name in enumerate(names):
        places.setdefault(name, place)
    return type("Row", (_Row,), {"__slots__": (), "places": places})


def named(cursor: psycopg.Cursor[Any]) -> Callable[[Sequence[Any]], Any]:
    """Psycopg's row factory for such rows."""
    if cursor.description is None:
        return tuple
    return _shape(tuple(column.name for column in cursor.description))


class _Number(Loader):
    """Sums of integers are numeric to PostgreSQL; they come as int, others as float."""

    def load(self, data: Buffer) -> int | float:
        text = bytes(data)
        return float(text) if b"." in text or b"N" in text else int(text)


def prepare(conn: psycopg.Connection[Any]) -> None:
    """Make rows and values of a new connection what SQLite's are."""
    conn.row_factory = named
    conn.adapters.register_loader("numeric", _Number)
    conn.prepared_max = 512


class Connection:
    """One psycopg connection, for as long as somebody works with it."""

    for_update, skip_locked = "FOR UPDATE", "FOR UPDATE SKIP LOCKED"

    def __init__(self, conn: psycopg.Connection[Any]) -> None:
        self.raw = conn
        self.lines: list[dict[str, Any]] = []

    @property
    def words(self) -> Words:
        """The search index."""
        return Words(self)

    def execute(self, sql: str, values: Any = (), /) -> psycopg.Cursor[Any]:
        """Run one of the shared statements."""
        return self.raw.execute(translated(sql), _values(sql, values))

    def executemany(self, sql: str, each: Iterable[Any], /) -> psycopg.Cursor[Any]:
        """The same for many sets of values, in one go."""
        cursor = self.raw.cursor()
        many = [_values(sql, values) for values in each]
        if many:
            cursor.executemany(translated(sql), many)
        return cursor

    def took(self, table: str, last: int) -> None:
        """See engine.Connection.took."""
        self.raw.execute(f"SELECT setval('{table}_id_seq', %s)", (last,))

    @contextmanager
    def stopped_by(self, stop: Callable[[], bool] | None) -> Iterator[None]:
        """See engine.Connection.stopped_by: another thread cancels the statement."""
        if stop is None:
            yield
            return
        over = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(stop, over), name="stop search", daemon=True)
        watcher.start()
        try:
            yield
        except psycopg.errors.QueryCanceled:
            if not stop():
                raise
        finally:
            over.set()
            watcher.join()

    def _watch(self, stop: Callable[[], bool], over: threading.Event) -> None:
        while not over.wait(LOOK):
            if stop():
                self.raw.cancel_safe(timeout=5)
                return


def _values(sql: str, values: Any) -> Any:
    """Truths as the integers they are stored as; values of `?1` by name."""
    if isinstance(values, Mapping):
        return {name: _value(value) for name, value in values.items()}
    if "?1" in sql:
        return {f"p{place}": _value(value) for place, value in enumerate(values, 1)}
    return tuple(map(_value, values))


def _value(value: Any) -> Any:
    """PostgreSQL's text holds no NUL."""
    if value is True or value is False:
        return int(value)
    if isinstance(value, str) and "\0" in value:
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return value
