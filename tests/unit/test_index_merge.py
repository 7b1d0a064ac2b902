"""The search index gives back what it keeps of entries that are gone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from aggregator.store.sqlite import SqliteStores, index
from tests import emptydb
from tests.conformance.stores import NOW, Scene, new, prune

DAY = timedelta(days=1)
TEXT = " ".join(f"word{n}" for n in range(300))


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[SqliteStores]:
    opened = SqliteStores(emptydb.put(tmp_path / "aggregator.db"), secret=b"s" * 32)
    yield opened
    opened.upkeep.close()


def generation(scene: Scene, week: int, size: int = 40) -> datetime:
    """So many entries, while those of the week before go; the moment."""
    now = NOW + 7 * week * DAY
    scene.poll("a", *(new(f"Talks {week} {n}", f"{TEXT} {week} {n}") for n in range(size)), now=now)
    prune(scene.stores, now, DAY)
    return now


def steps(stores: SqliteStores, now: datetime) -> int:
    """Steps of a merge that brought something."""
    return next(n for n in itertools.count() if not stores.upkeep.merge_index(now))


def weight(stores: SqliteStores) -> int:
    """Bytes of the index."""
    [row] = stores.db.ask("SELECT sum(length(block)) FROM entry_index_data")
    return int(row[0])


def test_an_index_whose_entries_come_and_go_does_not_grow(stores: SqliteStores) -> None:
    scene = Scene(stores).furnished()
    weights = []
    for week in range(8):
        now = generation(scene, week)
        assert (steps(stores, now) > 0) == (week > 0), "the first is of one piece"
        weights.append(weight(stores))
    assert max(weights) <= weights[0] * 1.2
    assert stores.upkeep.check(deep=True) == []


def test_an_index_is_merged_once_a_week(stores: SqliteStores) -> None:
    scene = Scene(stores).furnished()
    now = generation(scene, 0)
    assert steps(stores, now) == 0
    generation(scene, 1, size=9)
    assert steps(stores, now + 6 * DAY) == 0
    assert steps(stores, now + 8 * DAY) > 0


def test_a_merge_goes_on_where_it_was_left_and_entries_are_found_meanwhile(
    stores: SqliteStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "STEP", 1)
    scene = Scene(stores).furnished()
    for week in range(4):
        now = generation(scene, week)
    done = 0
    while stores.upkeep.merge_index(now):
        done += 1
        assert stores.upkeep.check(deep=True) == []
        scene.poll("a", new(f"Meanwhile {done}", TEXT), now=now)
    assert done > 2
    assert stores.upkeep.check(deep=True) == []
