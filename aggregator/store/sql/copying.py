"""A database copied into one of another engine, table by table: what both sides say of a table, and sums by which they are compared.

The tables are the same on both sides, and so are their columns; what an engine keeps for itself (an index of words, the steps of its
schema) is made anew and not copied.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal, Self

Kind = Literal["text", "integer", "real", "bytes"]
Values = tuple[str | int | float | bytes | None, ...]
"""One row, in the order of its table's columns."""

MOVED_TO, MOVED_FROM = "moved_to", "moved_from"
"""Facts: in the database that was left, when and to where; in the one that took over, when, and the mark of what was copied."""
LEFT = ("backup", "backup_at", "backup_file", "backup_tried_at", "backup_error", "index_merged_at", "index_merging")
"""Facts about a file that do not hold of a server."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its name, and what each of its columns holds, in order."""

    name: str
    columns: Mapping[str, Kind]


@dataclass(slots=True)
class Sum:
    """How many rows there were, and a sum of all that stood in them, whatever their order."""

    rows: int = 0
    total: int = 0

    def add(self, row: Values) -> None:
        """Count a row."""
        self.rows += 1
        self.total += int.from_bytes(blake2b(repr(row).encode("utf-8", "surrogatepass"), digest_size=8).digest())

    @classmethod
    def of(cls, rows: Iterable[Values]) -> Self:
        """That of these rows."""
        made = cls()
        for row in rows:
            made.add(row)
        return made

    @property
    def digest(self) -> str:
        """The sum as sixteen hexadecimal digits."""
        return f"{self.total % (1 << 64):016x}"


def fingerprint(sums: Mapping[str, Sum]) -> str:
    """One mark for the contents of all tables but `facts`, which change when nothing has happened."""
    lines = [f"{name} {one.rows} {one.digest}\n" for name, one in sorted(sums.items()) if name != "facts"]
    return blake2b("".join(lines).encode(), digest_size=16).hexdigest()
