"""Both engines have the same tables: what moves from one to the other finds its place, and one description is true of both."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests import emptydb, postgres

Shape = dict[str, dict[str, Any]]
"""Table or view -> what is compared of it."""
ONLY_SQLITE = {"entry_index", "_sqlite_migrations"}
ONLY_POSTGRES = {"migrations", "word_chunks", "writes", "given_ids", "sqlite_master"}
KINDS = {"TEXT": "text", "INTEGER": "bigint", "REAL": "double precision", "BLOB": "bytea"}
RULES = {"a": "NO ACTION", "c": "CASCADE", "n": "SET NULL"}


def of_sqlite(file: Path) -> Shape:
    listed = """SELECT l.name, l.type, m.sql FROM pragma_table_list l JOIN sqlite_master m ON m.name = l.name
                WHERE l.schema = 'main' AND l.type != 'shadow' AND l.name NOT LIKE 'sqlite_%'"""
    with closing(sqlite3.connect(file)) as conn:
        return {
            name: _sqlite_table(conn, name, made) if kind == "table" else {"columns": _sqlite_columns(conn, name)}
            for name, kind, made in conn.execute(listed).fetchall()
        }


def _sqlite_columns(conn: sqlite3.Connection, name: str) -> list[str]:
    return [row[1] for row in conn.execute(f"PRAGMA table_info({name})")]


def _sqlite_table(conn: sqlite3.Connection, name: str, made: str) -> dict[str, Any]:
    columns = conn.execute(f"PRAGMA table_info({name})").fetchall()
    keys = [row[1] for row in sorted(columns, key=lambda row: row[5]) if row[5]]
    indexes, unique = {}, set()
    for _, index, alone, origin, partial in conn.execute(f"PRAGMA index_list({name})").fetchall():
        of = tuple(row[2] for row in conn.execute(f"PRAGMA index_info({index})"))
        if origin == "c":
            indexes[index] = (of, bool(alone), bool(partial))
        elif origin == "u":
            unique.add(of)
    return {
        "columns": {row[1]: (KINDS[row[2]], bool(row[3] or row[5])) for row in columns},
        "key": keys,
        "counts": "AUTOINCREMENT" in made,
        "checks": len(re.findall(r"\bCHECK\b", re.sub(r"--.*", "", made))),
        "points": {
            (row[3], row[2], row[4], row[6], row[5]) for row in conn.execute(f"PRAGMA foreign_key_list({name})")
        },
        "unique": unique,
        "indexes": indexes,
    }


def of_postgres(url: str) -> Shape:
    listed = "SELECT relname, relkind, oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')"
    with psycopg.connect(url) as conn:
        return {
            name: {"columns": [column for column, _, _, _ in _columns(conn, oid)]} if kind == "v" else _table(conn, oid)
            for name, kind, oid in conn.execute(listed).fetchall()
        }


def _columns(conn: psycopg.Connection[Any], oid: int) -> list[tuple[str, str, bool, bool]]:
    return conn.execute(
        """SELECT attname, format_type(atttypid, atttypmod), attnotnull, attidentity != '' FROM pg_attribute
           WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped ORDER BY attnum""",
        (oid,),
    ).fetchall()


def _table(conn: psycopg.Connection[Any], oid: int) -> dict[str, Any]:
    columns = _columns(conn, oid)
    held = conn.execute(
        """SELECT contype::text, (SELECT array_agg(a.attname::text ORDER BY n) FROM unnest(k.conkey) WITH ORDINALITY u (number, n)
             JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number),
           f.relname::text, (SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = k.confrelid AND a.attnum = k.confkey[1]),
           confdeltype::text, confupdtype::text FROM pg_constraint k LEFT JOIN pg_class f ON f.oid = k.confrelid WHERE conrelid = %s""",
        (oid,),
    ).fetchall()
    indexes = conn.execute(
        """SELECT c.relname::text, ARRAY(SELECT pg_get_indexdef(i.indexrelid, n, false) FROM generate_series(1, i.indnatts) n),
           i.indisunique, i.indpred IS NOT NULL FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
           WHERE i.indrelid = %s AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid)""",
        (oid,),
    ).fetchall()
    return {
        "columns": {name: (kind, filled) for name, kind, filled, _ in columns},
        "key": next((names for kind, names, *_ in held if kind == "p"), []),
        "counts": any(counts for *_, counts in columns),
        "checks": sum(kind == "c" for kind, *_ in held),
        "points": {
            (names[0], of, to, RULES[gone], RULES[changed])
            for kind, names, of, to, gone, changed in held
            if kind == "f"
        },
        "unique": {tuple(names) for kind, names, *_ in held if kind == "u"},
        "indexes": {name: (tuple(of), alone, partial) for name, of, alone, partial in indexes},
    }


@pytest.fixture(scope="module")
def shapes(postgres_template: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Shape, Shape]:
    with postgres.database(*postgres_template) as url:
        return of_sqlite(emptydb.put(tmp_path_factory.mktemp("schema") / "empty.db")), of_postgres(url)


def test_both_engines_have_the_same_tables_and_views(shapes: tuple[Shape, Shape]) -> None:
    sqlite, server = shapes
    assert len(sqlite) > 50
    assert sqlite.keys() - server.keys() == ONLY_SQLITE
    assert server.keys() - sqlite.keys() == ONLY_POSTGRES


@pytest.mark.parametrize("what", ["columns", "key", "counts", "checks", "points", "unique", "indexes"])
def test_what_is_declared_of_a_table_is_the_same(shapes: tuple[Shape, Shape], what: str) -> None:
    """Names, kinds and NOT NULL of columns; keys; who numbers its rows; how many checks; what points where; indexes by name."""
    sqlite, server = shapes
    shared = sqlite.keys() & server.keys()
    assert {n: sqlite[n][what] for n in shared if what in sqlite[n]} == {
        n: server[n][what] for n in shared if what in server[n]
    }
