"""A connection to SQLite as the shared SQL asks for one (engine.Connection)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aggregator.store.sqlite.index import Fts

STEPS = 2_000
"""Steps of the database's machine between two looks at the time."""


class Connection(sqlite3.Connection):
    """sqlite3's own, with the index of words. Who writes is alone: no row needs a lock."""

    for_update = skip_locked = ""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.lines: list[dict[str, Any]] = []

    @property
    def words(self) -> Fts:
        """The search index."""
        return Fts(self)

    def took(self, table: str, last: int) -> None:
        """AUTOINCREMENT has seen it."""

    @contextmanager
    def stopped_by(self, stop: Callable[[], bool] | None) -> Iterator[None]:
        """See engine.Connection.stopped_by: a beginning of one letter takes seconds of a million entries."""
        if stop is None:
            yield
            return
        self.set_progress_handler(stop, STEPS)
        try:
            yield
        except sqlite3.OperationalError:
            if not stop():
                raise
        finally:
            self.set_progress_handler(None, 0)
