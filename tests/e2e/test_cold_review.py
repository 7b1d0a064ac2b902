"""What a cold review of slicing, identity and moves found, each held by a test."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aggregator.app import App
from aggregator.clock import SetClock
from aggregator.feeds import slice  # noqa: A004 - the stage's name
from aggregator.model import FeedEvent, FeedSpec, PollOutcome, PollReport
from aggregator.store.sqlite import SqliteStores
from tests import emptydb, stored
from tests.conformance.feedserver import FeedServer, document, in_turn
from tests.conformance.stores import prune
from tests.e2e.homes import Item, rss, staged, sweep, write_home

NOW = datetime(2023, 2, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def test_a_head_full_of_open_comments_costs_no_more_than_its_length() -> None:
    """The line's own thread cuts documents; at a quadratic cost this one would take hours."""
    head = "<![CDATA[" + "<!-- " * 200_000 + "]]>"
    text = f"<rss version='2.0'><channel><description>{head}</description><item><title>x</title></item></channel></rss>"
    found = slice.cut(text, "https://x.by/")
    assert found is not None
    assert len(found.items) == 1


def test_a_page_used_again_after_its_entry_was_pruned_is_news(tmp_path: Path) -> None:
    texts = ("Heavy snow closed four mountain roads.", "Sunny all over the country.", "Storm warning: stay at home.")
    items = [Item(f"w{n}", f"Bulletin number {n}", text, link="https://met.by/today") for n, text in enumerate(texts)]
    with FeedServer() as server:
        url = server.add("/rss", in_turn(*(document(rss(item)) for item in items)))
        write_home(tmp_path, [{"id": "met", "url": url}])
        with staged(tmp_path) as (app, clock):
            sweep(app)
            clock.advance(60 * DAY)
            prune(app.stores, clock.now(), 10 * DAY)
            assert [report.entries_new for _ in range(2) for report in _next(app, clock)] == [1, 1]


def _next(app: App, clock: SetClock) -> Iterable[PollReport]:
    reports = sweep(app).values()
    clock.advance(2 * DAY)
    return reports


def test_a_damaged_row_of_a_document_costs_one_parse_and_stops_no_feed(tmp_path: Path) -> None:
    one, two = rss(Item("1", "x")), rss(Item("1", "x"), Item("2", "y"))
    with FeedServer() as server:
        urls = {name: server.add(f"/{name}", in_turn(document(one), document(two))) for name in "abc"}
        write_home(tmp_path, [{"id": name, "url": url} for name, url in urls.items()])
        with staged(tmp_path) as (app, clock):
            sweep(app)
            with stored.opened(tmp_path) as conn:
                conn.execute("UPDATE documents SET items = ? WHERE feed_id = 'a'", (b"\0",))
                conn.execute("UPDATE documents SET fresh = 'rubbish' WHERE feed_id = 'b'")
            clock.advance(DAY)
            assert {name: report.entries_new for name, report in sweep(app).items()} == {"a": 1, "b": 1, "c": 1}


def test_the_host_of_a_feed_is_that_of_where_it_lives(tmp_path: Path) -> None:
    stores = SqliteStores(emptydb.put(tmp_path / "a.db"), secret=b"s" * 32)
    spec = FeedSpec(id="a", url="https://old.by/rss", title="A")
    stores.feeds.sync([spec], NOW)

    def host() -> str:
        with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as conn:
            return str(conn.execute("SELECT host FROM feeds").fetchone()[0])

    def move(moved_url: str, day: int) -> None:
        [feed] = stores.feeds.claim_due("me", 9, NOW + day * DAY)
        poll = replace(feed.poll, moved_url=moved_url, state="ok")
        event = FeedEvent("moved", "from here to there")
        stores.polls.commit_polls([PollOutcome("a", poll, events=(event,))], "me", NOW + day * DAY)

    move("https://new.by/rss", 0)
    assert host() == "https://new.by:443"
    assert stores.feeds.sync([spec], NOW).changed == ()
    assert host() == "https://new.by:443"
    move("", 1)
    assert host() == "https://old.by:443"
    stores.upkeep.close()
