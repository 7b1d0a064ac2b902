"""What stands in a file and on a server after a move, each read by its own library, row by row."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg

from aggregator.store.sql.copying import LEFT, MOVED_FROM, MOVED_TO
from aggregator.store.sql.engine import MARK

OWN = (MOVED_TO, MOVED_FROM, MARK, "installation_mark", *LEFT)
"""Facts of one side alone."""
Contents = dict[str, list[tuple[Any, ...]]]


def of_file(file: Path) -> Contents:
    """Every table of ours with its rows in a fixed order."""
    with closing(sqlite3.connect(file)) as conn:
        listed = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table'"
        names = [row[0] for row in conn.execute(listed) if not row[0].startswith(("sqlite_", "_"))]
        return {name: _ordered(name, *_all(conn.execute(f'SELECT * FROM "{name}"'))) for name in names}


def of_server(url: str, names: list[str]) -> Contents:
    """The same of these tables."""
    with psycopg.connect(url) as conn:
        return {name: _ordered(name, *_all(conn.execute(f'SELECT * FROM "{name}"'))) for name in names}


def _all(cursor: Any) -> tuple[list[str], list[tuple[Any, ...]]]:
    return [column[0] for column in cursor.description], cursor.fetchall()


def _ordered(table: str, columns: list[str], rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    places = [columns.index(name) for name in sorted(columns)]
    kept = (tuple(row[place] for place in places) for row in rows if table != "facts" or row[0] not in OWN)
    return sorted(kept, key=repr)


def differences(file: Path, url: str) -> list[str]:
    """Tables that are not the same on both sides."""
    before = of_file(file)
    after = of_server(url, list(before))
    return [f"{name}: {before[name]} became {after[name]}"[:400] for name in before if before[name] != after[name]]


def is_empty(url: str) -> bool:
    """Whether no feed and no entry stands there, with or without our tables."""
    with psycopg.connect(url) as conn:
        ours = conn.execute("SELECT to_regclass('migrations')").fetchone()
        if ours == (None,):
            return True
        found = conn.execute("SELECT (SELECT count(*) FROM feeds) + (SELECT count(*) FROM entries)").fetchone()
        return found == (0,)
