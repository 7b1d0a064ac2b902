"""kill -9 at every named point of composing and sending, under every behaviour of the mail server."""

from __future__ import annotations

import itertools
import json
import random
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from aggregator.app import build
from aggregator.clock import SetClock
from aggregator.sample.sink import Mode, Sink
from tests import counts
from tests.conformance.feedserver import Call, FeedServer
from tests.e2e.homes import ENVIRON, WATCHLISTS, Item, rss, write_home
from tests.faults.newsroom import Zygote
from tests.faults.points import DELIVERY

MODES: tuple[Mode, ...] = ("ok", "450", "550", "drop", "hang")
START = datetime(2023, 2, 2, 4, 0, tzinfo=UTC)
DUE = START + timedelta(hours=1)
"""When the digest comes out; the alert waits for it, so that one process composes both."""
READERS = ["a@example.org", "b@example.org", "c@example.org"]
CASES = list(itertools.product(DELIVERY, MODES))
MOST = counts.count(small=1, storm=6)
"""At most so many kills at one point under one behaviour; fewer where the process does not come there so often."""


@dataclass
class Outcome:
    """What came of the runs under one behaviour."""

    runs: int = 0
    died: int = 0
    copies: int = 0
    refused: int = 0


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which three stories wait for an alert and for a digest."""
    home = tmp_path_factory.mktemp("seed")
    items = [Item("0", "Nothing yet")]

    def feed(call: Call) -> None:
        call.respond(200, rss(*items), [("Content-Type", "application/rss+xml")])

    about = {"watchlists": ["csto"], "to": READERS}
    now = about | {"id": "now", "title": "At once", "every": "instant", "wait": "5s"}
    daily = about | {"id": "daily", "title": "Daily", "at": "05:00"}
    with FeedServer() as server:
        write_home(
            home,
            [{"id": "wire", "url": server.add("/wire", feed)}],
            watchlists=WATCHLISTS,
            digests={"digests": [now, daily]},
        )
        clock = SetClock(START)
        with build(home, ENVIRON, clock) as app:
            app.sync()
            list(app.poll.sweep())
            items.extend(
                Item(str(n), f"CSTO speaks of {what}", f"Of {what}. " * 300, START)
                for n, what in enumerate(("grain", "roads", "rivers"), 1)
            )
            clock.advance(DUE - START - timedelta(seconds=10))
            list(app.poll.sweep(everything=True))
    return home


def test_a_kill_at_any_point_loses_nothing_and_doubles_only_what_was_in_phase_data(
    tmp_path: Path, zygote: Zygote, seed: Path
) -> None:
    cases = CASES if counts.STORM else random.Random(counts.seed()).sample(CASES, 10)
    results = {mode: Outcome() for mode in MODES}
    failed: list[str] = []
    for number, (point, mode) in enumerate(cases):
        for nth in range(1, MOST + 1):
            died = results[mode].died
            found = _run(tmp_path / f"{number}-{nth}", zygote, seed, (point, mode, nth), results[mode])
            failed += [f"{point}, {nth}, {mode}: {what}" for what in found]
            if results[mode].died == died:
                break
    for mode, result in results.items():
        remark = f"{result.copies} copies, all in phase data; {result.refused} refused for good"
        counts.report(f"kill -9 while delivering, server: {mode}", result.died, len(failed), remark)
    assert failed == []
    assert counts.STORM is False or sum(r.died for r in results.values()) >= 200


def _run(home: Path, zygote: Zygote, seed: Path, case: tuple[str, Mode, int], result: Outcome) -> list[str]:
    """One home, one kill, and then as much time and good weather as it takes; what is not as promised."""
    point, mode, nth = case
    shutil.copytree(seed, home)
    with Sink(mode) as sink:
        settings = {"mail": {"host": sink.host, "port": sink.port, "security": "none"}}
        (home / "config/aggregator.yaml").write_text(json.dumps(settings))
        zygote.deliver(home, DUE, point, nth)
        result.died += zygote.wait() == -9
        result.runs += 1
        doubtful = _doubtful(home)
        half = len(_rows(home, "SELECT id FROM messages WHERE state = 'claimed' AND phase = 'data'"))
        sink.mode = "ok"
        for minutes in (1, 20, 40, 80):
            zygote.deliver(home, DUE + timedelta(minutes=minutes))
            assert zygote.wait() == 0
            doubtful |= _doubtful(home)
        messages = _rows(home, "SELECT message_id, state, address, kind FROM messages")
        received = Counter(
            str(message_from_bytes(m.content, policy=policy.default)["Message-ID"]) for m in sink.messages
        )
    shutil.rmtree(home)
    result.copies += sum(n - 1 for n in received.values())
    result.refused += sum(state in ("dead", "cancelled") for _, state, _, _ in messages)
    expected = Counter((address, kind) for address in READERS for kind in ("alert", "digest"))
    # A mailbox that is not there (5.1.1) is not written to again: what waited for it is cancelled.
    over = ("dead", "cancelled")
    found = [f"{m} is {s}" for m, s, _, _ in messages if s != "sent" and not (s in over and mode == "550")]
    found += [f"{m} never arrived" for m, s, _, _ in messages if s == "sent" and m not in received]
    found += [f"{m} is nobody's" for m in received if m not in {row[0] for row in messages}]
    found += [f"{m} came {n} times" for m, n in received.items() if n > 1 and m not in doubtful]
    if half > 1:
        found.append(f"{half} messages were on their way at once")
    # Who is suspended meanwhile gets no message of what is composed after.
    made = Counter((address, kind) for _, _, address, kind in messages)
    if made != expected and not (mode == "550" and made <= expected):
        found.append(f"messages are {sorted(row[2:] for row in messages)}")
    return found


def _doubtful(home: Path) -> set[str]:
    """The messages of which nobody can know whether they arrived: in phase data when the process fell, or not answered."""
    sql = """SELECT message_id FROM messages m WHERE (phase = 'data' AND state IN ('claimed', 'unknown'))
             OR EXISTS (SELECT 1 FROM attempts a WHERE a.message_id = m.id AND a.outcome = 'unknown')"""
    return {row[0] for row in _rows(home, sql)}


def _rows(home: Path, sql: str) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(home / "var/aggregator.db")) as conn:
        return conn.execute(sql).fetchall()
