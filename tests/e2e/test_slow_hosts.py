"""Hosts that hang keep nobody waiting but their own feeds."""

from __future__ import annotations

import json
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator.app import build
from aggregator.clock import SetClock
from tests.conformance.feedserver import FeedServer, document, silent
from tests.e2e.homes import ENVIRON, START, Item, rss, staged, write_home

PROMISE = 2.0
SLACK = 2.0
"""What a busy machine may add; a host that hangs takes twenty seconds."""
HANGING = 8
GOOD = 40


def feeds(hanging: FeedServer, good: FeedServer) -> list[dict[str, str]]:
    """Feeds on hosts of their own, those that hang first in line."""
    hanging.add("/rss", silent())
    found = [{"id": f"a{i:02}", "url": hanging.url("/rss", host=f"127.0.0.{10 + i}")} for i in range(HANGING)]
    for i in range(GOOD):
        good.add(f"/{i}", document(rss(Item(f"{i}", f"News {i}"))))
        found.append({"id": f"b{i:02}", "url": good.url(f"/{i}", host=f"127.0.0.{100 + i}")})
    return found


@pytest.mark.parametrize("concurrency", [64, HANGING])
def test_with_eight_hanging_feeds_first_in_line_every_other_feed_starts_within_two_seconds(
    tmp_path: Path, concurrency: int
) -> None:
    with FeedServer("0.0.0.0") as hanging, FeedServer("0.0.0.0") as good:
        write_home(tmp_path, feeds(hanging, good))
        network = {"AGGREGATOR__NETWORK__CONCURRENCY": str(concurrency), "AGGREGATOR__NETWORK__TOTAL_TIMEOUT": "20s"}
        with build(tmp_path, ENVIRON | network, SetClock(START)) as app:
            app.sync()
            reports = app.poll.sweep()
            read = {next(reports).feed_id for _ in range(GOOD)}
            assert read == {f"b{i:02}" for i in range(GOOD)}, "and they are committed, whoever hangs"
        first = min(r.started for r in hanging.requests)
        assert len(hanging.requests) == HANGING
        assert max(r.started for r in good.requests) - first < PROMISE + SLACK


def test_a_feed_that_falls_due_while_others_hang_starts_within_two_seconds(tmp_path: Path) -> None:
    with FeedServer("0.0.0.0") as hanging, FeedServer("0.0.0.0") as good:
        listed = feeds(hanging, good)
        write_home(tmp_path, listed[HANGING:])
        with staged(tmp_path) as (app, clock):
            list(app.poll.sweep())
            good.requests.clear()
            (tmp_path / "feeds.yaml").write_text(json.dumps({"feeds": listed}))
        with build(tmp_path, ENVIRON, clock) as app:
            app.sync()
            stop = threading.Event()
            line = threading.Thread(target=lambda: list(app.poll.sweep(stop=stop, keep_looking=True)))
            line.start()
            deadline = time.monotonic() + 20
            while len(hanging.requests) < HANGING and time.monotonic() < deadline:
                stop.wait(0.01)
            clock.advance(timedelta(hours=2))
            due = time.monotonic()
            while len(good.requests) < GOOD and time.monotonic() < deadline:
                stop.wait(0.01)
            stop.set()
            line.join()
        assert len(good.requests) == GOOD
        assert max(r.started for r in good.requests) - due < PROMISE + SLACK
