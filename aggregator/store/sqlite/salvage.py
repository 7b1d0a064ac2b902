"""What can still be read of a damaged database, copied row by row into a fresh one; the damaged file is only ever read.

Tables are read in the order of their keys. Where a row cannot be read, keys further on are tried at growing distances until one can, and
from there back down to the damage: what is lost is what stood on the damaged page. What is made of other rows, the search index, is made anew.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import struct
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from aggregator.errors import StoreError
from aggregator.store.sql import rows
from aggregator.store.sqlite import SqliteStores, opening, wal

MAGIC = b"SQLite format 3\0"
TOP = (1 << 63) - 1
_MADE_ANEW = ("entry_index", "entry_index_next")
_HEADER = struct.Struct(">16sHBBBBBBIIIIIIIIIIIII")
"""Of the file (fileformat2.html, 1.3), as far as its 72nd byte."""


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What came over of a table: rows; and how many did not, None where nobody can say."""

    table: str
    rows: int
    lost: int | None


def salvage(damaged: Path, target: Path, now: datetime) -> tuple[list[Salvaged], list[str]]:
    """Make `target`, which must not exist, of what `damaged` and its log hold, with its outbox held; room for both is needed beside it.

    Returns the tables, and what `doctor --deep` finds in the result.

    Raises:
        StoreError: nothing can be read, or the result cannot be written.
    """
    scratch = target.with_name(f".{target.name}.damaged")
    try:
        for path, to in ((damaged, scratch), (wal.file(damaged), wal.file(scratch))):
            if path.exists():
                shutil.copyfile(path, to)
        _mend_header(scratch)
        with contextlib.closing(_opened(scratch)) as source, contextlib.closing(_made(target)) as fresh:
            tables = _copy(source, fresh)
        return tables, _finish(target, tables, now)
    except (sqlite3.Error, OSError) as e:
        _remove(target)
        raise StoreError(f"{damaged}: it cannot be salvaged: {e}; restore a backup with `aggregator restore`") from e
    finally:
        _remove(scratch)


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _mend_header(file: Path) -> None:
    """Put right in a copy what SQLite looks at before anything else: its magic, and how many pages there are."""
    size = file.stat().st_size
    with file.open("r+b") as raw:
        head = raw.read(100)
        if len(head) < 100:
            return
        page = int.from_bytes(head[16:18], "big")
        if head[:16] != MAGIC or page < 512 or page & (page - 1):
            whole = (
                MAGIC,
                opening.PAGE_BYTES,
                2,
                2,
                0,
                64,
                32,
                32,
                1,
                size // opening.PAGE_BYTES,
                0,
                0,
                1,
                4,
                0,
                0,
                1,
                0,
                0,
                0,
                0,
            )
            head = _HEADER.pack(*whole)[:72].ljust(92, b"\0") + struct.pack(">II", 1, 3_040_001)
        else:
            counter = head[24:28]
            head = head[:28] + struct.pack(">I", size // page) + head[32:92] + counter + head[96:]
        raw.seek(0)
        raw.write(head)


def _opened(file: Path) -> sqlite3.Connection:
    conn = sqlite3.connect(file, isolation_level=None)
    conn.execute("PRAGMA writable_schema=ON")  # what cannot be read of the schema keeps nobody from the rest
    conn.text_factory = lambda raw: raw.decode("utf-8", "replace")
    return conn


def _made(file: Path) -> sqlite3.Connection:
    conn = sqlite3.connect(file, isolation_level=None)
    for pragma in (f"page_size={opening.PAGE_BYTES}", "journal_mode=OFF", "synchronous=OFF", "foreign_keys=OFF"):
        conn.execute(f"PRAGMA {pragma}")
    return conn


def _copy(source: sqlite3.Connection, fresh: sqlite3.Connection) -> list[Salvaged]:
    """Make the same tables, and fill them."""
    schema = source.execute("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    wanted = [s for s in schema if not _is_inner(s[2]) and s[1] != "entry_index_next"]
    order = {"table": 0, "index": 1, "view": 2, "trigger": 3}
    for _, _, _, sql in sorted(wanted, key=lambda s: order[s[0]]):
        fresh.execute(sql)
    tables = [(name, sql) for kind, name, _, sql in wanted if kind == "table" and name not in _MADE_ANEW]
    found = [_copy_table(source, fresh, name, keyed="WITHOUT ROWID" not in sql.upper()) for name, sql in tables]
    _copy_sequence(source, fresh)
    return found


def _is_inner(name: str) -> bool:
    """Whether a table belongs to SQLite or to the search index."""
    return name.startswith("sqlite_") or any(
        name.startswith(f"{index}_") and name not in _MADE_ANEW for index in _MADE_ANEW
    )


def _copy_table(source: sqlite3.Connection, fresh: sqlite3.Connection, table: str, *, keyed: bool) -> Salvaged:
    columns = [r[1] for r in fresh.execute(f"PRAGMA table_info({table})")]
    keys = [r[1] for r in sorted(fresh.execute(f"PRAGMA table_info({table})"), key=lambda r: r[5]) if r[5]]
    if keyed:
        columns = ["rowid", *columns]
        found = _by_number(source, f"SELECT {', '.join(columns)} FROM {table}")  # noqa: S608 - our own names
    else:
        found = _from_both_ends(source, f"SELECT {', '.join(columns)} FROM {table}", keys)  # noqa: S608 - our own names
    sql = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({rows.marks(len(columns))})"  # noqa: S608 - our own names
    fresh.execute("BEGIN")
    fresh.executemany(sql, found)
    fresh.execute("COMMIT")
    (came,) = fresh.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - our own names
    expected = _count(source, table)
    return Salvaged(table, came, None if expected is None else max(0, expected - came))


def _until_damage(conn: sqlite3.Connection, sql: str, *values: int) -> Generator[tuple[object, ...], None, bool]:
    """The rows as far as they can be read; returns whether that was all."""
    try:
        yield from conn.execute(sql, values)
    except sqlite3.Error:
        return False
    return True


def _by_number(conn: sqlite3.Connection, select: str) -> Iterator[tuple[object, ...]]:
    """Rows by their number, which comes first in them; over every damaged page to what can be read behind it."""
    low = -1
    up = f"{select} WHERE rowid > ? ORDER BY rowid"
    down = f"{select} WHERE rowid > ? AND rowid < ? ORDER BY rowid DESC"
    while True:
        reading = _until_damage(conn, up, low)
        while (row := next(reading, None)) is not None:
            yield row
            low = int(str(row[0]))
        if _next_after(conn, select, low, 0) == TOP:
            return
        further = _further(conn, select, low)
        yield from _until_damage(conn, down, low, further)
        if further == TOP:
            return
        low = further - 1


def _further(conn: sqlite3.Connection, select: str, low: int) -> int:
    """The number of a row behind the damage that follows `low`; TOP where there is none."""
    for power in range(62):
        found = _next_after(conn, select, low, 1 << power)
        if found is not None:
            return found
    return TOP


def _next_after(conn: sqlite3.Connection, select: str, low: int, step: int) -> int | None:
    """The number of the first row behind `low + step`, TOP where there is none, None where it cannot be read."""
    try:
        row = conn.execute(f"{select} WHERE rowid > ? ORDER BY rowid LIMIT 1", (min(TOP, low + step),)).fetchone()
    except sqlite3.Error:
        return None
    return TOP if row is None else int(row[0])


def _from_both_ends(conn: sqlite3.Connection, select: str, keys: Sequence[str]) -> Iterator[tuple[object, ...]]:
    """Rows by keys between which nothing can be tried: up to the damage, and from the other end down to it."""
    whole = yield from _until_damage(conn, f"{select} ORDER BY {', '.join(keys)}")
    if not whole:
        yield from _until_damage(conn, f"{select} ORDER BY {', '.join(f'{k} DESC' for k in keys)}")


def _count(conn: sqlite3.Connection, table: str) -> int | None:
    """How many rows there were, by the table or by an index of it that can still be read."""
    ways = [""]
    with contextlib.suppress(sqlite3.Error):
        ways += [f"INDEXED BY {r[1]}" for r in conn.execute(f"PRAGMA index_list({table})") if not r[4]]
    for way in ways:
        with contextlib.suppress(sqlite3.Error):
            return int(conn.execute(f"SELECT count(*) FROM {table} {way}").fetchone()[0])  # noqa: S608 - our own names
    return None


def _copy_sequence(source: sqlite3.Connection, fresh: sqlite3.Connection) -> None:
    """A number that was given once is never given again, even where its row is lost."""
    for name, last in _until_damage(source, "SELECT name, seq FROM sqlite_sequence"):
        changed = fresh.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", (last, name)).rowcount
        if not changed:
            fresh.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (name, last))


# -- what holds the rows together ------------------------------------------------------------------------------------------


def _finish(target: Path, tables: list[Salvaged], now: datetime) -> list[str]:
    """Let what is left stand by itself, make the search index anew, hold the outbox; what a deep check finds."""
    with contextlib.closing(sqlite3.connect(target, isolation_level=None)) as conn:
        conn.execute("BEGIN")
        conn.execute("DELETE FROM facts WHERE name IN ('tokenizer_version', 'reindexed_to', 'reindexed_by')")
        _stand_in(conn, now)
        dropped = _drop_orphans(conn)
        conn.execute("COMMIT")
    for place, one in enumerate(tables):
        gone = dropped.get(one.table, 0)
        lost = one.lost if not gone else gone + (one.lost or 0)
        tables[place] = Salvaged(one.table, one.rows - gone, lost)
    stores = SqliteStores(target, secret=b"", moving=True)
    try:
        stores.upkeep.hold_outbox(now)
        return stores.upkeep.check(deep=True)
    finally:
        stores.upkeep.close()


def _stand_in(conn: sqlite3.Connection, now: datetime) -> None:
    """Rows for lost feeds and stories whose entries are still there; feeds.yaml puts the feeds right at the next sync."""
    conn.execute(
        """INSERT INTO stories (id, title, first_seen_at) SELECT story_id, title, min(first_seen_at) FROM entries
           WHERE story_id NOT IN (SELECT id FROM stories) GROUP BY story_id"""
    )
    conn.execute(
        """INSERT INTO feeds (id, url, next_poll_at, added_at, removed_at) SELECT DISTINCT feed_id, 'lost:' || feed_id, :now, :now, :now
           FROM entries WHERE feed_id NOT IN (SELECT id FROM feeds)""",
        {"now": rows.stamp(now)},
    )


def _drop_orphans(conn: sqlite3.Connection) -> dict[str, int]:
    """Remove what belongs to rows that are lost, by table: how many; a mere mention of them is forgotten."""
    dropped: dict[str, int] = {}
    tables = [r[0] for r in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    links = [(table, *r[2:7:1]) for table in tables for r in conn.execute(f"PRAGMA foreign_key_list({table})")]
    more = True
    while more:
        more = False
        for child, parent, column, key, _, on_delete in links:
            where = f"WHERE {column} IS NOT NULL AND {column} NOT IN (SELECT {key} FROM {parent})"  # noqa: S608 - our own names
            if on_delete == "SET NULL":
                conn.execute(f"UPDATE {child} SET {column} = NULL {where}")  # noqa: S608 - our own names
                continue
            gone = conn.execute(f"DELETE FROM {child} {where}").rowcount  # noqa: S608 - our own names
            dropped[child] = dropped.get(child, 0) + gone
            more = more or gone > 0
    stories = conn.execute("DELETE FROM stories WHERE id NOT IN (SELECT story_id FROM entries)").rowcount
    dropped["stories"] = dropped.get("stories", 0) + stories
    return dropped
