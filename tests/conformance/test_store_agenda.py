"""AgendaStore: never later than what the lines would find, and a number that moves when anybody writes."""

from __future__ import annotations

import random
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator.errors import StoreError
from aggregator.stores import Stores
from tests import counts
from tests.conformance.stores import HOUR, ME, MINUTE, NOW, OTHER, SQLITE, Scene, attempt


def test_an_empty_store_has_nothing_to_come(stores: Stores) -> None:
    assert dict(stores.agenda.next(NOW)) == {}


def test_each_line_has_its_next_moment(scene: Scene) -> None:
    scene.feeds("a", "b")
    scene.poll("a", next_poll_at=NOW + 2 * HOUR)
    scene.poll("b", next_poll_at=NOW + HOUR)
    message = scene.claimed(now=NOW)
    box = scene.stores.outbox
    found = scene.stores.agenda.next(NOW)
    assert found["poll"] == NOW + HOUR
    assert found["send"] == NOW + 15 * MINUTE  # where its process dies, the claim runs out
    box.settle([attempt(message, "waiting", next_at=NOW + 3 * MINUTE)], ME)
    found = scene.stores.agenda.next(NOW)
    assert found["send"] == NOW + 3 * MINUTE
    assert found["compose"] == min(d.next_at for d in scene.stores.editions.digests() if d.spec.schedule.every == "at")


def test_what_waits_for_a_pause_is_due_when_that_is_over(scene: Scene) -> None:
    scene.feeds("a")
    scene.poll("a", next_poll_at=NOW, held_until=NOW + HOUR, state="failing", failures=1)
    assert scene.stores.agenda.next(NOW + MINUTE)["poll"] == NOW + HOUR


def test_during_an_outage_the_poll_line_decides_by_itself(scene: Scene) -> None:
    scene.feeds("a")
    scene.poll("a", next_poll_at=NOW + HOUR)
    scene.stores.network.begin_outage(NOW)
    assert scene.stores.agenda.next(NOW + MINUTE)["poll"] <= NOW + MINUTE


def test_nothing_is_due_before_its_moment_says_so(scene: Scene) -> None:
    """Random days: whenever a line would find something, its moment has come."""
    dice, tried = random.Random(counts.seed()), counts.count(small=60, storm=2000)
    names = [f"f{n}" for n in range(6)]
    scene.feeds(*names)
    for n in range(tried):
        now = NOW + n * 3 * HOUR
        held = now + timedelta(minutes=dice.randrange(-60, 60)) if dice.random() < 0.3 else None
        next_at = now + timedelta(minutes=dice.randrange(-30, 60))
        scene.poll(dice.choice(names), now=now, next_poll_at=next_at, held_until=held)
        moment = now + timedelta(minutes=dice.randrange(60))
        coming = scene.stores.agenda.next(now).get("poll")
        due = scene.stores.feeds.claim_due(OTHER, 99, moment)
        scene.stores.feeds.release(OTHER)
        assert not due or (coming is not None and coming <= moment)
    counts.report("due feeds against the agenda", tried, 0)


def test_the_version_moves_with_anybody_elses_commit_and_with_nothing_else(open_stores: Callable[[], Stores]) -> None:
    stores, other = open_stores(), open_stores()
    Scene(other).furnished()
    before = stores.agenda.version()
    # A line that looks and finds nothing.
    assert stores.outbox.claim_due(ME, 9, NOW - HOUR) == []
    assert other.feeds.claim_due(ME, 9, NOW - HOUR) == []
    stores.entries.claim_articles(ME, 9, NOW)
    stores.readers.tidy(NOW)
    assert stores.agenda.version() == before
    other.feeds.claim_due(ME, 9, NOW)
    other.feeds.pause("a", NOW)
    after = stores.agenda.version()
    assert after != before
    # Another thread of this process, on its own connection.
    worker = threading.Thread(target=stores.feeds.release, args=[ME])
    worker.start()
    worker.join()
    assert stores.agenda.version() != after


@SQLITE
def test_whether_it_may_be_written_is_tried(open_stores: Callable[[], Stores], tmp_path: Path) -> None:
    stores = open_stores()
    stores.agenda.may_write(0.1)
    with closing(sqlite3.connect(tmp_path / "aggregator.db", isolation_level=None)) as conn:
        conn.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked"):
            stores.agenda.may_write(0.1)
        conn.execute("ROLLBACK")
        stores.agenda.may_write(0.1)
        conn.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('aggregator', '9999_later', '')"
        )
        with pytest.raises(StoreError, match="newer version"):
            stores.agenda.may_write(0.1)
