"""What partitions of `entries` by month of first sight would cost and save on PostgreSQL, beside the plain table, in one run.

The same rows in both: two years, of which one in fifty has a match and stays for ever. The partitioned table's primary key has to
hold the month's column, so whoever knows an entry by its id alone asks every partition; and what a month keeps is moved before the rest is
dropped. Milliseconds, the median of several rounds, but for what can be done once.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from bench_stores import DURABLE

START = datetime(2023, 1, 1, tzinfo=UTC)
MONTHS, KEPT, ROUNDS = 24, 50, 30
BODY = "the council met and spoke of many things " * 12
COLUMNS = "id BIGINT NOT NULL, feed_id TEXT NOT NULL, first_seen_at TIMESTAMPTZ NOT NULL, matched BOOLEAN NOT NULL, body TEXT NOT NULL"
PLAIN, PARTED = "plain", "parted"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    args, _ = parser.parse_known_args()
    with tempfile.TemporaryDirectory(prefix="bench-partitions-") as folder:
        Path(folder).chmod(0o755)
        with connected(Path(folder)) as conn:
            print(json.dumps(measured(conn, args.entries)))
    return 0


@contextmanager
def connected(folder: Path) -> Iterator[psycopg.Connection[Any]]:
    sys.path.append(str(Path(__file__).parents[1]))
    from tests.postgres import Cluster

    cluster = Cluster.made(folder / "cluster", **DURABLE)
    try:
        with psycopg.connect(cluster.url, autocommit=True) as conn:
            yield conn
    finally:
        cluster.stop()


def measured(conn: psycopg.Connection[Any], entries: int) -> dict[str, Any]:
    lay_down(conn)
    rows: list[tuple[str, ...]] = [("case", "one table", "by month", "ratio")]
    rows.append(told("ingest, s", [filled(conn, table, entries) for table in (PLAIN, PARTED)]))
    for table in (PLAIN, PARTED):
        conn.execute(f"VACUUM ANALYZE {table}")  # type: ignore[call-overload]
    die = random.Random(3)
    one = [die.randint(1, entries) for _ in range(ROUNDS)]
    page = [sorted(die.sample(range(1, entries + 1), 50)) for _ in range(ROUNDS)]
    rows.append(told("an entry by its id, ms", asked(conn, "SELECT body FROM {} WHERE id = %s", one)))
    rows.append(told("fifty by their ids, ms", asked(conn, "SELECT body FROM {} WHERE id = ANY(%s)", page)))
    rows.append(told("newest 50 of a feed, ms", asked(conn, NEWEST, [f"feed-{n % 1000}" for n in one])))
    month = START + timedelta(days=30)
    rows.append(told("retention of a month, ms", [pruned(conn, month), dropped(conn, month)]))
    return {
        "promise": "why entries stand in one table",
        "facts": {"entries": f"{entries:,}", "months": MONTHS, "kept_for_ever": f"1 in {KEPT}"},
        "table": rows,
    }


NEWEST = "SELECT id FROM {} WHERE feed_id = %s ORDER BY first_seen_at DESC LIMIT 50"


def lay_down(conn: psycopg.Connection[Any]) -> None:
    conn.execute(f"CREATE TABLE plain ({COLUMNS}, PRIMARY KEY (id))")  # type: ignore[call-overload]
    conn.execute(
        f"CREATE TABLE parted ({COLUMNS}, PRIMARY KEY (id, first_seen_at)) PARTITION BY RANGE (first_seen_at)"  # type: ignore[call-overload]
    )
    for number in range(MONTHS):
        low, high = (START + timedelta(days=30 * (number + n)) for n in range(2))
        conn.execute(
            f"CREATE TABLE parted_{number} PARTITION OF parted FOR VALUES FROM ('{low}') TO ('{high}')"  # type: ignore[call-overload]
        )
    conn.execute("CREATE TABLE parted_kept (LIKE parted INCLUDING ALL)")
    for table in (PLAIN, PARTED):
        conn.execute(f"CREATE INDEX ON {table} (feed_id, first_seen_at)")  # type: ignore[call-overload]
        conn.execute(f"CREATE INDEX ON {table} (first_seen_at)")  # type: ignore[call-overload]


def filled(conn: psycopg.Connection[Any], table: str, entries: int) -> float:
    """By COPY, a thousand in a transaction, as they come."""
    step = timedelta(days=30 * MONTHS) / entries
    began = time.perf_counter()
    for first in range(1, entries + 1, 1_000):
        with conn.transaction(), conn.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:  # type: ignore[call-overload]
            for number in range(first, first + 1_000):
                at = START + step * (number - 1)
                copy.write_row((number, f"feed-{number % 1000}", at, number % KEPT == 0, BODY))
    return time.perf_counter() - began


def asked(conn: psycopg.Connection[Any], sql: str, values: list[Any]) -> list[float]:
    """The median for each table, in turn."""
    times: dict[str, list[float]] = {PLAIN: [], PARTED: []}
    for value in values:
        for table in (PLAIN, PARTED):
            times[table].append(
                timed(lambda table=table, value=value: conn.execute(sql.format(table), (value,)).fetchall())
            )  # type: ignore[misc]
    return [statistics.median(taken) for taken in times.values()]


def pruned(conn: psycopg.Connection[Any], month: datetime) -> float:
    """As `prune` does, but in one go."""
    sql = "DELETE FROM plain WHERE first_seen_at < %s AND NOT matched"
    return timed(lambda: conn.execute(sql, (month,)))


def dropped(conn: psycopg.Connection[Any], month: datetime) -> float:
    """What is kept is moved to a table that is no partition, then the month goes."""

    def work() -> None:
        with conn.transaction():
            conn.execute("INSERT INTO parted_kept SELECT * FROM parted WHERE first_seen_at < %s AND matched", (month,))
            conn.execute("ALTER TABLE parted DETACH PARTITION parted_0")
            conn.execute("DROP TABLE parted_0")

    return timed(work)


def timed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1e3


def told(case: str, values: list[float]) -> tuple[str, ...]:
    first, second = values
    return case, f"{first:,.2f}", f"{second:,.2f}", f"{second / first:.2f}"


if __name__ == "__main__":
    sys.exit(main())
