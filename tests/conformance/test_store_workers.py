"""WorkerStore: each worker has one row, which says what it last said of itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from aggregator.fellows import Worker
from tests.conformance.stores import HOUR, NOW, Scene

ONE = Worker("vm:12:345:ab", "vm", 12, "0.1.0", ("poll", "send"), leads=False, started_at=NOW, beat_at=NOW)


def test_a_worker_is_as_it_last_said_until_it_takes_its_leave(scene: Scene) -> None:
    store = scene.stores.workers
    other = replace(ONE, name="vm:13:346:cd", pid=13, leads=True)
    store.beat(ONE)
    store.beat(other)
    assert store.list() == [ONE, other]
    later = replace(ONE, beat_at=NOW + HOUR, leads=True, counts={"polls": 7}, health={"poll": {"failures": 1}})
    store.beat(later)
    assert store.list() == [later, other]
    store.forget(ONE.name)
    store.forget(ONE.name)
    assert store.list() == [other]


def test_when_it_began_is_said_once(scene: Scene) -> None:
    scene.stores.workers.beat(ONE)
    scene.stores.workers.beat(replace(ONE, started_at=NOW + timedelta(days=1), lines=("poll",)))
    assert scene.stores.workers.list() == [ONE]
