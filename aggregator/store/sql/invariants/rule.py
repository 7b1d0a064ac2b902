"""The shape of an invariant, and how the commonest ones ask."""

from __future__ import annotations

from typing import Literal, NamedTuple

RESTORE = "restore a backup: `aggregator restore FILE`"
REPORT = "and report it: this should not be possible"


class Invariant(NamedTuple):
    """What a breach is called, the query whose rows break it, and what to do."""

    what: str
    sql: str
    do: str
    level: Literal["error", "warning"] = "error"


def sums(*pairs: tuple[str, str]) -> str:
    """The keys (the first column) whose sums of the second are not the same on both sides of a pair."""
    each = [
        f"""SELECT key FROM (SELECT 1 AS side, '' AS key, 0 AS n UNION ALL SELECT 1, * FROM ({one}) a UNION ALL SELECT -1, * FROM ({other}) b) c
            GROUP BY key HAVING sum(side * n) != 0"""  # noqa: S608 - our own words
        for one, other in pairs
    ]
    return " UNION ".join(each)


def half_claimed(table: str, key: str) -> str:
    """Rows that somebody claims for ever, or nobody until a time."""
    return f"SELECT '{table}', CAST({key} AS TEXT) FROM {table} WHERE (claimed_by IS NULL) != (claimed_until IS NULL)"  # noqa: S608 - names are ours


def never_given(table: str, column: str, parent: str) -> str:
    """Rows that name an id of a table behind the last it has ever given; what was pruned has been given once."""
    last = f"(SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = '{parent}')"  # noqa: S608 - names are ours
    return f"SELECT '{table}', CAST({column} AS TEXT) FROM {table} WHERE {column} > {last}"  # noqa: S608 - names are ours
