"""Batches of a sweep: as many feeds as asked for, fewer where they bring much, never a feed in two."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import pytest

from aggregator.model import Feed, FeedSpec, FetchFailure, FetchRequest, PollState, SameEntry
from aggregator.sweep import CHANGES, Decided, Sweep

NOW = datetime(2023, 2, 2, 12, tzinfo=UTC)


def decided(name: str, changes: int) -> Decided:
    feed = Feed(FeedSpec(name, f"https://{name}.example/"), PollState(NOW))
    answer: Any = FetchFailure(FetchRequest(feed.id, feed.url), "dns", "x", NOW, 0.0)
    return Decided(feed, feed.poll, answer, "new", tuple(SameEntry(n, ()) for n in range(changes)))


@pytest.mark.parametrize(
    ("changes", "feeds", "batches"),
    [
        ([0] * 7, 3, [3, 3, 1]),
        ([CHANGES // 2] * 5, 10, [2, 2, 1]),
        ([CHANGES * 3, 1, CHANGES], 10, [1, 2]),
        ([], 3, []),
    ],
)
def test_a_batch_ends_with_its_feeds_or_its_changes(changes: list[int], feeds: int, batches: list[int]) -> None:
    sweep = Sweep(NOW, threading.Event())
    sweep.keep([decided(f"f{n}", count) for n, count in enumerate(changes)])
    found = []
    while sweep.ready:
        full = len(sweep.ready) >= feeds or sweep.changes >= CHANGES
        assert sweep.is_full(feeds) is full
        found.append(sweep.batch(feeds))
    assert [len(batch) for batch in found] == batches
    assert [d.feed.id for batch in found for d in batch] == [f"f{n}" for n in range(len(changes))]
    assert sweep.changes == 0
    assert not sweep.is_full(feeds)
