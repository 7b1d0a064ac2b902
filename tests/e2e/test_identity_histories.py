"""What is shuffled, marked with trackers, cut off and shown again is never new: through HTTP, workers and the database."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model import ParsedEntry
from tests import counts
from tests.conformance.feedserver import FeedServer, status
from tests.e2e import truth
from tests.e2e.homes import staged, sweep, write_home
from tests.e2e.truth import Flavour, Told
from tests.unit.histories import History, histories

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def server() -> Iterator[FeedServer]:
    with FeedServer() as started:
        yield started


def told(version: Sequence[ParsedEntry]) -> list[Told]:
    return [Told(e.guid or None, e.link, e.title, e.body, e.published_at) for e in version]


def test_no_poll_of_a_feed_without_news_adds_an_entry(server: FeedServer) -> None:
    """Many feeds in one home, each with its own history and flavour; all are polled in every sweep."""
    tried = failed = 0

    @settings(max_examples=counts.count(small=4, storm=60))
    @given(st.lists(st.tuples(histories, st.sampled_from(["rss", "atom"])), min_size=10, max_size=20))
    def holds(feeds: list[tuple[History, Flavour]]) -> None:
        nonlocal tried, failed
        bodies = [_bodies(history, flavour) for history, flavour in feeds]
        urls = [server.add(f"/{n}", status(200, turn[0])) for n, turn in enumerate(bodies)]
        with tempfile.TemporaryDirectory() as folder:
            write_home(Path(folder), [{"id": f"feed-{n}", "url": url} for n, url in enumerate(urls)])
            with staged(Path(folder)) as (app, clock):
                sweep(app)
                before = [entry.id for entry in app.stores.entries.entries()]
                for turn in range(1, max(map(len, bodies))):
                    for n, own in enumerate(bodies):
                        server.add(f"/{n}", status(200, own[min(turn, len(own) - 1)]))
                    due = max(feed.poll.next_poll_at for feed in app.stores.feeds.list())
                    clock.advance(max(due - clock.now(), HOUR))
                    reports = sweep(app).values()
                    tried += sum(report.outcome == "new" for report in reports)
                    failed += sum(report.entries_new > 0 for report in reports)
                    assert [(r.feed_id, turn) for r in reports if r.entries_new] == []
                assert [entry.id for entry in app.stores.entries.entries()] == before

    try:
        holds()
    finally:
        counts.report("items shuffled, tracked, cut off and back, polled", tried, failed)


def _bodies(history: History, flavour: Flavour) -> list[bytes]:
    """The documents of a history; each differs from the one before, as with a new lastBuildDate."""
    versions = zip(itertools.count(), [history.document, *history.versions()], strict=False)
    return [truth.document(flavour, told(version), number) for number, version in versions]
