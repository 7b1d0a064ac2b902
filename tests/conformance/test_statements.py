"""PostgreSQL understands every statement that the shared SQL names, also one that no other test happens to run there."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from aggregator.store import sql
from aggregator.store.postgres.dialect import translated
from tests import postgres

VERB = re.compile(r"\s*(?:SELECT|INSERT|UPDATE|DELETE|WITH)\b")
MARK = re.compile(r"%\((\w+)\)s|%(s)|%%")
PIECES = re.compile(r"\{\w*\}|\bIN\s*$")
"""What a statement has that is made whole where it is used."""


def named() -> Iterator[tuple[str, str]]:
    """Every whole statement that stands in a module by a name: where, and its text."""
    for info in pkgutil.walk_packages(sql.__path__, f"{sql.__name__}."):
        for name, value in vars(importlib.import_module(info.name)).items():
            yield from ((f"{info.name}.{name}", text) for text in texts(value) if VERB.match(text))


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str) and not PIECES.search(value):
        yield value
    elif isinstance(value, dict | tuple | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from texts(each)


def numbered(text: str) -> str:
    """Psycopg's marks as PREPARE has them: `$1`, the same for the same name."""
    places: dict[str, int] = {}

    def place(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        return f"${places.setdefault(found[1] or str(len(places)), len(places) + 1)}"

    return MARK.sub(place, text)


@pytest.fixture
def conn(postgres_template: tuple[str, str]) -> Iterator[psycopg.Connection[Any]]:
    with postgres.database(*postgres_template) as url, psycopg.connect(url, autocommit=True) as made:
        yield made


def refused(conn: psycopg.Connection[Any], text: str) -> str:
    try:
        conn.execute(f"PREPARE it AS {numbered(translated(text))}".encode())
    except psycopg.Error as e:
        return f"{e.diag.message_primary}: {' '.join(text.split())}"
    conn.execute("DEALLOCATE it")
    return ""


def test_every_statement_is_understood(conn: psycopg.Connection[Any]) -> None:
    found = dict.fromkeys(text for _, text in named())
    wrong = [why for text in found if (why := refused(conn, text))]
    assert wrong == []
    assert len(found) > 150
    assert "does not exist" in refused(conn, "SELECT count(*) FROM feeds WHERE nothing = ?")
