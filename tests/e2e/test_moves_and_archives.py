"""A publisher moves, or puts up an archive: nothing is told as news that is none, and all that is news is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator import settings
from aggregator.app import App
from aggregator.clock import SetClock
from aggregator.model import Reach
from tests.conformance.feedserver import FeedServer
from tests.e2e.homes import START, WATCHLISTS, Item, digests, rss, staged, sweep, write_home

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
TEXT = "Number {}. The council met in Minsk and named the priorities of the chairmanship for the coming year."


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as started:
        yield started


def items(count: int, first: int = 0, *, title: str = "CSTO report", at: timedelta = -DAY) -> list[Item]:
    return [
        Item(f"tag:x.by,2023:{n}", f"{title} {n}", TEXT.format(n), START + at - HOUR * n, f"http://x.by/a/{n}")
        for n in range(first, first + count)
    ]


@dataclass
class Site:
    """A feed, the App that polls it, and what comes of it."""

    app: App
    clock: SetClock
    server: FeedServer

    def shows(self, *shown: Item) -> tuple[int, int]:
        """Put the items up and poll; how many came new, and how many revised."""
        self.server.add("/rss", lambda call: call.respond(200, rss(*shown)))
        due = max(feed.poll.next_poll_at for feed in self.app.stores.feeds.list())
        self.clock.advance(max(due - self.clock.now(), timedelta(0)))
        report = sweep(self.app)["news"]
        assert report.outcome == "new", report
        return report.entries_new, report.entries_revised

    def alerts(self) -> list[int]:
        """The stories of each alert that is due now."""
        return [m.edition.stories for m in self.app.compose.run() if m.edition.digest_id == "now"]

    def reach(self) -> list[Reach]:
        return [match.reach for match in self.app.stores.watch.matches("csto")]


@pytest.fixture
def site(tmp_path: Path, server: FeedServer) -> Iterator[Site]:
    write_home(tmp_path, [{"id": "news", "url": server.url("/rss")}], watchlists=WATCHLISTS, digests=digests())
    with staged(tmp_path) as (app, clock):
        yield Site(app, clock, server)


MOVES: dict[str, Callable[[Item], Item]] = {
    "https": lambda i: replace(i, guid="https" + i.link[4:], link="https" + i.link[4:]),
    "another domain": lambda i: replace(i, guid=f"new-{i.guid}", link=i.link.replace("x.by", "x-news.by")),
    "another CMS": lambda i: replace(i, guid=f"https://x.by/?p={i.title[-2:]}", link=f"https://x.by/?p={i.title[-2:]}"),
    "another scheme of guids": lambda i: replace(i, guid=f"urn:uuid:{i.guid}"),
    "another CMS that dates anew": lambda i: replace(i, guid=f"n{i.guid}", link=i.link + ".html", at=START + HOUR),
    "another CMS that cuts its texts": lambda i: replace(i, guid=f"n{i.guid}", link=i.link + ".html", text=i.text[:30]),
}


@pytest.mark.parametrize("name", MOVES)
def test_a_feed_whose_ids_all_change_brings_nothing_new(site: Site, name: str) -> None:
    before = items(30)
    site.shows(*before)
    after = [MOVES[name](item) for item in before]
    assert site.shows(*after)[0] == 0
    assert site.alerts() == []
    assert site.shows(*after[::-1]) == (0, 0)
    news = replace(MOVES[name](items(1, first=40)[0]), at=site.clock.now())
    assert site.shows(news, *after[:29]) == (1, 0)
    assert site.alerts() == [1]


def test_news_that_comes_with_a_move_is_news(site: Site) -> None:
    before = items(30)
    site.shows(*before)
    moved = [MOVES["another domain"](item) for item in before[:25]]
    news = [MOVES["another domain"](item) for item in items(5, first=40, at=DAY)]
    assert site.shows(*news, *moved) == (5, 25)
    assert site.alerts() == [5]


def test_links_follow_the_move(site: Site) -> None:
    before = items(10)
    site.shows(*before)
    site.shows(*map(MOVES["another domain"], before))
    assert {entry.link for entry in site.app.stores.entries.entries()} == {f"http://x-news.by/a/{n}" for n in range(10)}


@pytest.mark.parametrize(("all_of", "moving"), [(2, 2), (10, 1), (10, 7)])
def test_some_items_under_new_ids_are_new(site: Site, all_of: int, moving: int) -> None:
    before = items(all_of)
    site.shows(*before)
    after = [MOVES["another domain"](item) for item in before[:moving]]
    assert site.shows(*after, *before[moving:]) == (moving, 0)


def test_a_text_that_returns_every_week_goes_to_its_own_entry(site: Site) -> None:
    weekly = [
        Item(
            f"tag:x.by,2023:{n}",
            "CSTO weekly calendar of events",
            TEXT.format(""),
            START - DAY * 7 * n,
            f"http://x.by/{n}",
        )
        for n in range(5)
    ]
    site.shows(*weekly)
    moved = [MOVES["another domain"](item) for item in weekly]
    assert site.shows(*moved) == (0, 5)
    entries = {entry.published_at: entry.guid for entry in site.app.stores.entries.entries()}
    assert entries == {item.at: item.guid for item in moved}


ARCHIVES = {
    "500 old items at once": items(500, first=100, at=-400 * DAY),
    "60 items of the last week": items(60, first=100, at=-3 * DAY),
    "30 items dated anew": [replace(item, at=START + HOUR) for item in items(30, first=100)],
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_alerts_nobody_and_stands_in_the_next_digest(site: Site, name: str) -> None:
    known = items(30, title="Weather report")
    site.shows(*known)
    archive = ARCHIVES[name]
    assert site.shows(*archive, *known) == (len(archive), 0)
    assert site.reach() == ["digest"] * len(archive)
    assert site.alerts() == []
    assert site.app.send.run().sent == 0
    site.clock.advance(DAY)
    daily = [m for m in site.app.compose.run() if m.edition.digest_id == "daily"]
    assert [m.edition.stories for m in daily] == [len(archive)]
    assert site.app.send.run().sent == 1


def test_news_among_an_archive_alerts_once(site: Site) -> None:
    known = items(30, title="Weather report")
    site.shows(*known)
    news = replace(items(1, first=900)[0], at=START + HOUR)
    site.shows(news, *ARCHIVES["500 old items at once"], *known)
    assert site.alerts() == [1]
    assert site.app.send.run().sent == 1


def test_the_news_of_a_gap_alerts(site: Site) -> None:
    site.shows(*items(30, title="Weather report"))
    site.clock.advance(DAY)
    missed = [replace(item, at=site.clock.now() - HOUR / 2 * n) for n, item in enumerate(items(30, first=100))]
    assert site.shows(*missed) == (30, 0)
    assert site.alerts() == [30]


def test_imported_feeds_are_a_baseline(tmp_path: Path, server: FeedServer) -> None:
    write_home(tmp_path, [{"id": "news", "url": server.url("/rss")}], watchlists=WATCHLISTS, digests=digests())
    server.add("/rss", lambda call: call.respond(200, rss(Item("quiet", "Nothing yet"))))
    with staged(tmp_path) as (app, _):
        sweep(app)
    shown = rss(*items(50, at=-HOUR))
    paths = [f"/imported/{n}" for n in range(5)]
    settings.add_feeds(tmp_path, [{"url": server.add(p, lambda call: call.respond(200, shown))} for p in paths])
    with staged(tmp_path) as (app, _):
        assert sum(report.entries_new for report in sweep(app).values()) == 5 * 50
        assert app.compose.run() == []
        reach = [match.reach for match in app.stores.watch.matches("csto")]
        assert set(reach) == {"digest", "none"}
        assert reach.count("digest") == 5 * 24
