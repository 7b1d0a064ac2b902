"""A daemon whose PostgreSQL server is stopped and started: it says so at once, whoever asks, and goes on without loss."""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from aggregator.sample.sink import Sink
from aggregator.store.postgres.database import WAIT_SECONDS
from tests import counts, postgres, stored
from tests.conformance.feedserver import FeedServer
from tests.e2e.program import Daemon, Wire, aggregator, until, write_home
from tests.e2e.test_ready import ask
from tests.faults.several import private

pytestmark = [
    pytest.mark.skipif(stored.POSTGRES, reason="its home names its database itself"),
    pytest.mark.skipif(bool(postgres.missing()) and not postgres.REQUIRED, reason=postgres.missing()),
]
TIMES = counts.count(small=1, storm=12)
SOON = 15.0
"""Seconds in which a monitor has its answer: an answer is given again for one, and five are waited for the database."""
INSTANT = {"digests": [{"id": "now", "title": "CSTO", "watchlists": ["csto"], "every": "instant", "wait": "0s", "to": ["a@example.org"]}]}  # fmt: skip


def test_a_server_that_is_away_is_told_at_once_and_waited_for(tmp_path: Path) -> None:
    wire = Wire("wire", "CSTO 0")
    with ExitStack() as stack:
        feeds, sink = stack.enter_context(FeedServer()), stack.enter_context(Sink())
        cluster = stack.enter_context(private())
        url = cluster.url
        settings = {
            "storage": {"url": url},
            "polling": {"floor": "1s"},
            "mail": {"host": sink.host, "port": sink.port, "security": "none", "from_address": "news@example.org"},
        }
        home = write_home(
            tmp_path / "home",
            {"wire": feeds.add("/wire", wire)},
            settings=settings,
            digests=INSTANT,
            interval="1s",
        )
        daemon = stack.enter_context(Daemon(home)).ready()
        port = int(daemon.wait_for(r"web pages on").rstrip("/").rpartition(":")[2])
        until(lambda: titles(url) == ["CSTO 0"], "the first is stored")
        for turn in range(1, TIMES + 1):
            cluster.stop((signal.SIGINT, signal.SIGQUIT)[turn % 2])
            wire.add(f"CSTO {turn}")
            until(lambda: ask(port)[0] == 503, "a monitor is told", SOON)
            assert ask(port)[1]["state"] == "storage_away"
            told = aggregator(home, "doctor")
            assert (told.code, "storage_away: the database server does not answer" in told.out) == (5, True)
            daemon.wait_for("line poll stopped: postgresql://.*it goes on by itself")
            # Now that it is known, nobody waits any more: not a monitor, not a reader.
            began = time.monotonic()
            assert [ask(port)[0], ask(port, "/feeds")[0], ask(port, "/healthz")[0]] == [503, 503, 200]
            assert time.monotonic() - began < WAIT_SECONDS, "as each of them would have waited"
            cluster.start()
            daemon.wait_for("line poll works again", 30)
            until(lambda turn=turn: len(sink.messages) == turn, "it is sent", 30)  # type: ignore[misc]
            until(lambda: ask(port)[0] == 200, "it is ready")
        assert titles(url) == sorted(f"CSTO {n}" for n in range(TIMES + 1))
        code, _ = daemon.end()
        assert code == 0
        assert "Traceback" not in daemon.text
        assert aggregator(home, "doctor", "--deep").code in (0, 1)


def titles(url: str) -> list[str]:
    with psycopg.connect(url) as conn:
        return [row[0] for row in conn.execute("SELECT title FROM entries ORDER BY title")]
