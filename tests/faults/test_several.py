"""Four workers on one PostgreSQL database do what one would, though they fall by kill -9 and the server is restarted under them."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aggregator.sample.sink import Sink
from tests import counts, postgres
from tests.conformance.feedserver import FeedServer
from tests.e2e.program import until
from tests.faults.several import Outlet, Several, kill, private

WORKERS, OUTLETS = 4, 8
REPLACED = counts.count(small=2, storm=20)
KILLS = counts.count(small=4, storm=60)
MOST_ENTRIES = counts.count(small=150, storm=600)

pytestmark = pytest.mark.skipif(bool(postgres.missing()) and not postgres.REQUIRED, reason=postgres.missing())


def test_four_workers_do_what_one_would_though_they_fall_and_the_server_restarts(tmp_path: Path) -> None:
    die = random.Random(counts.seed())
    outlets = [Outlet(f"outlet{n}", gain=2) for n in range(OUTLETS)]
    with ExitStack() as stack:
        servers = [stack.enter_context(FeedServer()) for _ in outlets]
        sink, cluster = stack.enter_context(Sink()), stack.enter_context(private())
        url = stack.enter_context(postgres.database(cluster.url))
        world = Several(tmp_path / "home", outlets, servers, sink, url)
        workers = [world.worker() for _ in range(WORKERS)]
        stack.callback(lambda: list(map(kill, workers)))
        until(lambda: bool(world.rows("SELECT to_regclass('workers')")[0][0]), "the first has made the tables", 30)
        until(lambda: shared(world) >= 2, "the work is shared", 60)
        for number in range(KILLS):
            time.sleep(die.uniform(0.5, 3.0))  # noqa: TID251 - kills fall at random moments
            victim = die.randrange(WORKERS)
            kill(workers[victim])
            world.note_doubtful()
            workers[victim] = world.worker()
            if number % 20 == KILLS % 20 // 2:
                cluster.stop(die.choice((signal.SIGINT, signal.SIGQUIT)))
                time.sleep(die.uniform(0.0, 1.0))  # noqa: TID251 - a server that is away for a while
                cluster.start()
                world.note_doubtful()
            if sum(len(one.entries) for one in outlets) > MOST_ENTRIES:
                for one in outlets:
                    one.gain = 0
        for one in outlets:
            one.gain = 0
        until(lambda: not missing(world), "everything is stored", 120)
        assert world.command("digest", "daily", "--send") == 0
        try:
            until(lambda: not waiting(world), "everything is sent", 120)
        except AssertionError as e:
            e.add_note(f"{waiting(world)}\n{world.said[-5000:]}")
            raise
        losses = world.losses()
        told = f"{WORKERS} workers, {len(world.doubtful)} in doubt, {sum(len(one.entries) for one in outlets)} entries, {len(sink.messages)} mails"
        counts.report("kill -9 of one of four workers, the server restarted", KILLS, len(losses), told)
        assert losses == [], world.said


def test_workers_that_are_replaced_one_by_one_miss_no_edition(tmp_path: Path) -> None:
    """Whoever leads is told to end just when an edition falls due."""
    outlet = Outlet("outlet", gain=2)
    with ExitStack() as stack:
        server, sink = stack.enter_context(FeedServer()), stack.enter_context(Sink())
        url = stack.enter_context(postgres.database(stack.enter_context(private()).url))
        world = Several(tmp_path / "home", [outlet], [server], sink, url)
        file = world.home / "config/digests.yaml"
        daily = {"title": "CSTO", "watchlists": ["csto"], "at": "07:30", "timezone": "UTC", "to": ["b@example.org"]}
        several = [daily | {"id": f"daily{number}"} for number in range(1, REPLACED + 1)]
        file.write_text(json.dumps({"digests": several}))
        workers = [world.worker() for _ in range(2)]
        stack.callback(lambda: list(map(kill, workers)))
        until(lambda: bool(world.rows("SELECT to_regclass('workers')")[0][0]), "the tables are made", 30)
        for number in range(1, REPLACED + 1):
            until(
                lambda: leader(world, workers) is not None and len(beating(world)) == 2, "both work, and one leads", 60
            )
            first = leader(world, workers)
            assert first is not None
            now = datetime.now(UTC)  # noqa: TID251 - the workers' own clock
            due, since = (f"{at:%Y-%m-%dT%H:%M:%S.%fZ}" for at in (now + timedelta(seconds=1), now - timedelta(days=2)))
            change = f"next_at = '{due}', covered_until = '{since}' WHERE id = 'daily{number}' RETURNING id"
            assert len(world.rows(f"UPDATE digests SET {change}")) == 1
            world.rows("UPDATE writes SET count = count + 1 RETURNING count")
            first.terminate()
            assert first.wait(15) == 0
            workers[workers.index(first)] = world.worker()
            until(lambda number=number: composed(world) >= number, "the edition is there", 60)  # type: ignore[misc]
        assert composed(world) == REPLACED
        outlet.gain = 0
        until(lambda: not unsent(world), "everything is sent", 60)
        counts.report("workers replaced as an edition fell due", REPLACED, 0)


def composed(world: Several) -> int:
    return int(world.rows("SELECT count(*) FROM editions WHERE digest_id LIKE 'daily%'")[0][0])


def beating(world: Several) -> list[tuple[str, ...]]:
    return world.rows("SELECT name FROM workers")


def leader(world: Several, workers: list[subprocess.Popen[bytes]]) -> subprocess.Popen[bytes] | None:
    """The one that looks at the clock."""
    pids = {row[0] for row in world.rows("SELECT pid FROM workers WHERE leads = 1")}
    return next((one for one in workers if one.pid in pids and one.poll() is None), None)


def missing(world: Several) -> list[tuple[str, str]]:
    shown = set().union(*(one.truth for one in world.outlets))
    stored = {(feed, guid) for feed, guid in world.rows("SELECT feed_id, guid FROM entries")}
    return sorted(shown - stored)


def waiting(world: Several) -> list[tuple[str, ...]]:
    """Messages that are not sent yet, and alerts that are not composed."""
    untold = """SELECT m.id::text FROM matches m LEFT JOIN edition_matches em ON em.match_id = m.id AND em.digest_id = 'now'
                WHERE em.match_id IS NULL AND m.reach = 'alert'"""
    return world.rows(untold) + unsent(world)


def unsent(world: Several) -> list[tuple[str, ...]]:
    columns = (
        "message_id, kind, state, phase, attempts::text, next_attempt_at, claimed_by, claimed_until, error, now()::text"
    )
    return world.rows(f"SELECT {columns} FROM messages WHERE state != 'sent'")


def shared(world: Several) -> int:
    """How many workers have polled."""
    return int(world.rows("SELECT count(*) FROM workers WHERE (counts::json->>'polls')::int > 0")[0][0])
