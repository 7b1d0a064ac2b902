"""What the shared SQL asks of an engine: connections, transactions and an index of words. SQLite and PostgreSQL answer.

The statements are written once, in the SQL that SQLite speaks; store/postgres/dialect.py says how they are put to PostgreSQL.
Values are text, integers, floats, bytes and None; a moment is text that sorts (rows.stamp), a list is JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from aggregator.errors import StoreError
from aggregator.query import Need
from aggregator.store.sql.sentlog import SentLog

Row = Any
"""A row: a sequence whose values are also found by their columns' names."""
Values = Sequence[Any] | Mapping[str, Any]
Indexed = tuple[int, str, str, str]
"""Entry id and what the index is fed with: title, body, article, each as tokens with a blank between them."""


class Cursor(Protocol):
    """The answer to a statement."""

    @property
    def rowcount(self) -> int:
        """Rows that it changed."""
        ...

    def fetchone(self) -> Row:
        """The next row; None after the last."""
        ...

    def fetchall(self) -> list[Row]:
        """The rows that are left."""
        ...

    def __iter__(self) -> Iterator[Row]: ...


class Words(Protocol):
    """The search index of one connection. It only proposes: one entry too many costs time, one too few would be lost."""

    def put(self, found: Iterable[Indexed]) -> None:
        """Index entries that are not in the index."""
        ...

    def remove(self, ids: Sequence[int]) -> list[Indexed]:
        """Take entries out, while their rows still hold the texts that were indexed; what the index held of them."""
        ...

    def rebuild(self) -> None:
        """Index every entry from its stored texts, from nothing."""
        ...

    def newest(self, need: Need, low: int, high: int, size: int) -> list[int]:
        """Ids from `low` to `high` of entries that may answer a need, the highest first, so many at most."""
        ...

    def is_certain(self, need: Need) -> bool:
        """Whether what `newest` gives for it needs no second look."""
        ...

    def reindexed_to(self) -> int | None:
        """While a new index is made: up to which entry it reaches. None otherwise."""
        ...

    def begin(self, version: int) -> None:
        """Begin a new index for this version of the tokeniser, unless it is begun; the old one stays in use."""
        ...

    def go_on(self, limit: int) -> bool:
        """Index the next entries, so many at most; when all are, the new index takes the place of the old. Whether there are more."""
        ...

    def forget(self) -> None:
        """Give up a new index that is not ready."""
        ...

    def merge(self, now: str, unless_after: str) -> bool:
        """A step towards a tidy index, unless it was that after a moment; whether more are to come."""
        ...

    def problems(self) -> Iterator[str]:
        """Where the index differs from what the stored texts come to. Must stand in a transaction that is rolled back."""
        ...


class Connection(Protocol):
    """One connection, inside a transaction of `Database`."""

    lines: list[dict[str, Any]]
    """What is to be written to the log of what was sent, when the transaction is committed."""

    @property
    def words(self) -> Words:
        """The search index."""
        ...

    @property
    def for_update(self) -> str:
        """What a SELECT ends with whose rows nobody else may change before this transaction has ended."""
        ...

    @property
    def skip_locked(self) -> str:
        """The same for one that passes over rows that somebody else has locked, and waits for nobody."""
        ...

    def execute(self, sql: str, values: Any = ..., /) -> Cursor:
        """Run one statement."""
        ...

    def executemany(self, sql: str, each: Iterable[Any], /) -> Cursor:
        """Run it for each set of values."""
        ...

    def took(self, table: str, last: int) -> None:
        """Rows with ids of our own choice were inserted up to this one: it is not given again."""
        ...

    def stopped_by(self, stop: Callable[[], bool] | None) -> AbstractContextManager[None]:
        """Within it a statement is given up when `stop()` says so, and raises nothing."""
        ...


class Database(Protocol):
    """One database: transactions, and what is known of its state."""

    log: SentLog | None
    trouble: StoreError | None

    @property
    def reading(self) -> bool:
        """Whether nothing is written, for nothing can be."""
        ...

    def read(self) -> AbstractContextManager[Connection]:
        """Reads that must agree with each other: one snapshot. Raises StoreError."""
        ...

    def write(self) -> AbstractContextManager[Connection]:
        """One write transaction, alone among all writers; stored as a whole or not at all. Raises StoreError."""
        ...

    def claim(self) -> AbstractContextManager[Connection]:
        """A small write that stands in nobody's way and waits for nobody: what it changes are rows that it has locked one by one.

        Where only one may write at a time it is `write`. It does not count in `version`. Raises StoreError.
        """
        ...

    def turn(self, name: str, seconds: float) -> AbstractContextManager[bool]:
        """Whether this thread alone, of all processes, does what is so named; it waits so long at most for its turn.

        It lasts as long as the connection that this thread works with meanwhile: when that breaks, so does the work. Where
        a database has one daemon it is always True. Raises StoreError.
        """
        ...

    def ask(self, sql: str, values: Values = ..., /) -> list[Row]:
        """The rows of one statement. Raises StoreError."""
        ...

    def may_write(self, seconds: float) -> None:
        """Return once something could be written; raises StoreError when it cannot be within so many seconds."""
        ...

    def version(self) -> int:
        """A number that is another one after somebody else has committed; of this thread's connection."""
        ...

    def size(self) -> int:
        """Bytes on disk."""
        ...

    def close(self) -> None:
        """End every connection; safe to call twice."""
        ...


def log_line(conn: Connection, **line: Any) -> None:
    """Within a write: a line for the log of what was sent, written when the rows are; each has `at`."""
    conn.lines.append(line)


def tell(log: SentLog | None, conn: Connection) -> None:
    """Before the commit: what was sent was sent, whatever becomes of the row; only that need not wait for the disk each time."""
    if log is not None and conn.lines:
        log.append(conn.lines, durable=not all("sent" in line for line in conn.lines))
    conn.lines.clear()


FACT = "INSERT INTO facts (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
MARK = "backup"
"""The fact by which a copy and the log of what was sent know each other."""
