"""Where the homes of the tests keep their data: in a file, or all of them in PostgreSQL with AGGREGATOR_TEST_STORE=postgres.

Then an empty database is one on the tests' server, and its home has a note that names it. The program is told where by what
stands in for `Home.at`, in processes that tests start too (tests/switch): it reads the note where `storage.url` is not set.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

POSTGRES = os.environ.get("AGGREGATOR_TEST_STORE", "") == "postgres"
NOTE = "database-of-the-test"
ON_PATH = Path(__file__).parent / "switch"
file_only = pytest.mark.skipif(POSTGRES, reason="about the file of the database, or SQLite's own ways")
_template: list[tuple[str, str]] = []
_open: dict[Path, contextlib.ExitStack] = {}


def begin(server: str, template: str) -> None:
    """From here on homes are made there."""
    _template.append((server, template))
    stand_in()


@cache
def stand_in() -> None:
    """Have the program read the notes."""
    from aggregator.settings import home

    real = home.Home.at.__func__  # type: ignore[attr-defined]

    def at(cls: type[home.Home], path: Path, database: str = home.DATABASE, mail: str = "var/mail") -> home.Home:
        note = path / "var" / NOTE
        with contextlib.suppress(OSError):
            database = note.read_text() if database == home.DATABASE else database
        return real(cls, path, database, mail)  # type: ignore[no-any-return]

    home.Home.at = classmethod(at)  # type: ignore[method-assign,assignment]


def put(home: Path) -> None:
    """An empty database for a home that has none."""
    from tests import postgres

    note = home / "var" / NOTE
    if note.exists():
        return
    note.parent.mkdir(parents=True, exist_ok=True)
    stack = _open[home] = contextlib.ExitStack()
    note.write_text(stack.enter_context(postgres.database(*_template[-1])))


def copied(home: Path) -> None:
    """A folder that was copied with its note gets a database of its own, which nobody may be using: a copy of the other."""
    from tests import postgres

    note = home / "var" / NOTE
    if note.exists():
        source = note.read_text().rpartition("/")[2].partition("?")[0]
        stack = _open[home] = contextlib.ExitStack()
        note.write_text(stack.enter_context(postgres.database(_template[-1][0], source)))


def drop(below: Path | None = None) -> None:
    """Let go of the databases of homes in this folder, or of all."""
    for home in [one for one in _open if below is None or one.is_relative_to(below)]:
        _open.pop(home).close()


def tables(conn: Any) -> list[str]:
    """What can be read of a connection of `opened`, by name."""
    sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name != 'entry_index' ORDER BY name"
    if not isinstance(conn, sqlite3.Connection):
        sql = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
    return [row[0] for row in conn.execute(sql)]


@contextlib.contextmanager
def opened(home: Path) -> Iterator[Any]:
    """A connection to the database of a home, as anybody could have one; what is written is committed."""
    note = home / "var" / NOTE
    if not note.exists():
        with contextlib.closing(sqlite3.connect(home / "var/aggregator.db")) as conn, conn:
            yield conn
        return
    import psycopg

    from aggregator.store.postgres.connection import Connection, prepare

    with psycopg.connect(note.read_text()) as raw:
        prepare(raw)
        yield Connection(raw)
