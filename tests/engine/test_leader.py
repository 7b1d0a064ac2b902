"""Of all processes on a database one leads; when it falls or is cut off, another does, and never two."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

import psycopg
import pytest

from aggregator.engine.leader import LOCK, Leader
from tests.e2e.program import until
from tests.faults.several import private

LEAD = """
import sys, time
from aggregator.engine.leader import Leader
leader = Leader(sys.argv[1])
print(leader.ask(), flush=True)
time.sleep(60)
"""


def connections(url: str) -> int:
    with psycopg.connect(url) as conn:
        sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'aggregator leader' AND datname = current_database()"
        return int(conn.execute(sql).fetchall()[0][0])


def cut(url: str) -> None:
    """Have the server break the leader's connection off."""
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(
            """SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database d ON d.oid = database
               WHERE locktype = 'advisory' AND objid = %s AND d.datname = current_database()""",
            (LOCK,),
        )


@pytest.fixture
def two(postgres_database: str) -> Iterator[tuple[Leader, Leader]]:
    with closing(Leader(postgres_database)) as one, closing(Leader(postgres_database)) as other:
        yield one, other


def test_one_leads_until_it_ends_and_then_another_does(two: tuple[Leader, Leader]) -> None:
    one, other = two
    assert [one.ask(), other.ask(), one.ask(), other.ask()] == [True, False, True, False]
    one.close()
    one.close()
    until(other.ask, "the other leads", 5)
    assert not one.ask()


def test_when_the_leading_process_is_killed_another_leads_at_once(postgres_database: str) -> None:
    first = subprocess.Popen(
        [sys.executable, "-c", LEAD, postgres_database], stdout=subprocess.PIPE, start_new_session=True
    )
    assert first.stdout is not None
    with first, closing(Leader(postgres_database)) as other:
        assert first.stdout.readline() == b"True\n"
        assert not other.ask()
        first.kill()
        began = time.monotonic()
        until(other.ask, "the other leads", 10)
    assert time.monotonic() - began < 5


def test_whoever_was_cut_off_knows_it_at_the_next_tick(postgres_database: str, two: tuple[Leader, Leader]) -> None:
    one, other = two
    assert one.ask()
    cut(postgres_database)
    until(other.ask, "the other leads", 5)
    assert not one.ask()
    assert not one.ask()
    assert other.ask()


def test_many_threads_of_a_process_ask_over_one_connection(postgres_database: str) -> None:
    """The ticks ask, and so does each line that has more to do."""
    for _ in range(10):
        start = threading.Barrier(8)
        found: list[bool] = []
        with closing(Leader(postgres_database)) as leader:

            def ask(leader: Leader = leader, start: threading.Barrier = start, found: list[bool] = found) -> None:
                start.wait(10)
                found.append(leader.ask())

            threads = [threading.Thread(target=ask) for _ in range(8)]
            for one in threads:
                one.start()
            for one in threads:
                one.join(10)
            assert found == [True] * 8
            assert connections(postgres_database) == 1
        until(lambda: connections(postgres_database) == 0, "it has let go", 5)


def test_nobody_leads_without_a_server_and_one_does_when_it_is_back() -> None:
    with ExitStack() as stack:
        cluster = stack.enter_context(private())
        one, other = (stack.enter_context(closing(Leader(cluster.url))) for _ in range(2))
        assert one.ask()
        cluster.stop()
        assert not one.ask()
        assert not other.ask()
        cluster.start()
        assert [one.ask(), other.ask()] == [True, False]
