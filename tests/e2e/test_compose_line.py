"""Editions: exact windows, each story once, composing twice is a no-op."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aggregator.settings import load
from tests.conformance.feedserver import Call, FeedServer
from tests.e2e.homes import ENVIRON, START, WATCHLISTS, Item, digests, rss, staged, sweep, write_home


class Ticker:
    """A feed that serves whatever the test has put on it."""

    def __init__(self) -> None:
        self.items: list[Item] = [Item("0", "Nothing yet")]

    def __call__(self, call: Call) -> None:
        call.respond(200, rss(*self.items), [("Content-Type", "application/rss+xml")])

    def add(self, title: str, at: datetime) -> None:
        self.items.append(Item(str(len(self.items)), title, at=at))


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as started:
        yield started


def test_daily_windows_join_and_a_long_sleep_makes_one_edition(tmp_path: Path, server: FeedServer) -> None:
    ticker = Ticker()
    url = server.add("/rss", ticker)
    write_home(tmp_path, [{"id": "news", "url": url}], watchlists=WATCHLISTS, digests=digests())
    with staged(tmp_path) as (app, clock):
        sweep(app)
        windows = []
        for hours in (17, 24, 24, 96, 24):
            ticker.add(f"CSTO item after {hours} h, number {len(ticker.items)}", clock.now())
            clock.advance(timedelta(hours=hours))
            # Whatever is seen after 07:30 belongs to the next edition.
            sweep(app)
            made = [m for m in app.compose.run() if m.edition.digest_id == "daily"]
            windows += [m.edition.window for m in made]
            assert len(made) == 1
            assert made[0].edition.window.end.astimezone(UTC).strftime("%H:%M") == "04:30"
        for before, after in itertools.pairwise(windows):
            assert before.end == after.start
        assert windows[3].end - windows[2].end == timedelta(days=4)
        app.compose.run()
        clock.advance(timedelta(days=1))
        app.compose.run()
        told = [s["headline"] for e in app.stores.editions.editions("daily") for s in _stories(e.rendered.data)]
        assert sorted(told) == sorted(i.title for i in ticker.items if "CSTO" in i.title)


def _stories(data: str) -> list[dict[str, str]]:
    import json

    stories: list[dict[str, str]] = json.loads(data)["stories"]
    return stories


def test_a_match_at_the_very_end_of_a_window_belongs_to_the_next(tmp_path: Path, server: FeedServer) -> None:
    ticker = Ticker()
    url = server.add("/rss", ticker)
    due = datetime(2023, 2, 3, 4, 30, tzinfo=UTC)
    write_home(tmp_path, [{"id": "news", "url": url}], watchlists=WATCHLISTS, digests=digests())
    with staged(tmp_path) as (app, clock):
        sweep(app)
        ticker.add("CSTO on the minute", due - timedelta(minutes=5))
        clock.advance(due - clock.now())
        sweep(app)
        [first] = [m for m in app.compose.run() if m.edition.digest_id == "daily"]
        assert first.edition.stories == 0
        clock.advance(timedelta(days=1))
        [second] = [m for m in app.compose.run() if m.edition.digest_id == "daily"]
        assert second.edition.stories == 1


def test_an_empty_edition_is_sent_unless_told_to_skip(tmp_path: Path, server: FeedServer) -> None:
    url = server.add("/rss", Ticker())
    skipping = {"id": "quiet", "title": "Quiet", "watchlists": ["csto"], "at": "07:30", "empty": "skip"}
    write_home(tmp_path, [{"id": "news", "url": url}], watchlists=WATCHLISTS, digests=digests(skipping))
    with staged(tmp_path) as (app, clock):
        sweep(app)
        clock.advance(timedelta(days=1))
        assert [m.edition.digest_id for m in app.compose.run()] == ["daily"]
        assert app.send.run().sent == 1
        [mail] = (tmp_path / "var/mail").glob("*.eml")
        assert b"Nothing matched; 1 feed checked" in mail.read_bytes().replace(b"=\r\n", b"")


def test_the_page_lies_in_the_archive_and_a_lost_one_comes_back(tmp_path: Path, server: FeedServer) -> None:
    url = server.add("/rss", Ticker())
    write_home(tmp_path, [{"id": "news", "url": url}], watchlists=WATCHLISTS, digests=digests())
    with staged(tmp_path) as (app, clock):
        clock.advance(timedelta(days=1))
        app.compose.run()
        [page] = (tmp_path / "var/pages/daily").glob("*.html")
        before = page.read_text()
        page.unlink()
    with staged(tmp_path) as (app, _):
        app.compose.run()
        assert page.read_text() == before
        assert (tmp_path / "var/pages/index.html").is_file()


def test_a_broken_template_keeps_no_digest_and_names_its_line(tmp_path: Path, server: FeedServer) -> None:
    url = server.add("/rss", Ticker())
    write_home(tmp_path, [{"id": "news", "url": url}], watchlists=WATCHLISTS, digests=digests())
    (tmp_path / "own").mkdir()
    (tmp_path / "own/edition.html.j2").write_text("<p>\n{{ edition.no_such_thing }}")
    (tmp_path / "config/aggregator.yaml").write_text("mail: {templates: own}\n")
    with staged(tmp_path) as (app, clock):
        clock.advance(timedelta(days=1))
        [made] = app.compose.run()
        assert made.messages == 1
        (problem,) = app.renderer.problems()
        assert "edition.html.j2:2: " in problem


def test_an_address_that_unsubscribed_gets_no_more_mail_whatever_the_file_says(
    tmp_path: Path, server: FeedServer
) -> None:
    ticker = Ticker()
    url = server.add("/rss", ticker)
    write_home(tmp_path, [{"id": "news", "url": url}], watchlists=WATCHLISTS, digests=digests())
    with staged(tmp_path) as (app, clock):
        sweep(app)
        clock.advance(timedelta(days=1))
        [made] = app.compose.run()
        [message] = app.stores.outbox.list()
        found = app.stores.subscriptions.find_token(message.token)
        assert found is not None
        assert made.messages == 1
        app.stores.subscriptions.end(found.id, "unsubscribed by link", clock.now())
        app.sync()
        assert app.send.run().sent == 0
        assert app.stores.outbox.list()[0].state == "cancelled"
        clock.advance(timedelta(days=1))
        assert [m.messages for m in app.compose.run()] == [0]


def test_a_changed_time_does_not_cost_an_overdue_edition(tmp_path: Path, server: FeedServer) -> None:
    ticker = Ticker()
    url = server.add("/rss", ticker)
    write_home(tmp_path, [{"id": "news", "url": url}], watchlists=WATCHLISTS, digests=digests())
    with staged(tmp_path) as (app, clock):
        sweep(app)
        clock.advance(timedelta(hours=17))  # 08:00 in Minsk: the edition of 07:30 is half an hour late
        earlier = digests()
        earlier["digests"][1]["at"] = "07:25"
        write_home(tmp_path, [{"id": "news", "url": url}], watchlists=WATCHLISTS, digests=earlier)
        app.reconfigure(load(tmp_path, ENVIRON))
        [made] = app.compose.run()
        assert made.edition.window.end.strftime("%H:%M") == "04:25"
        assert app.compose.run() == []


def test_changed_watchlists_are_taken_over_without_a_new_index(tmp_path: Path, server: FeedServer) -> None:
    ticker = Ticker()
    url = server.add("/rss", ticker)
    lists = [
        {"id": name, "title": name, "query": text} for name, text in (("a", "csto"), ("b", "@cities"), ("c", "oil"))
    ]
    cities = {"cities": ["minsk"]}
    write_home(tmp_path, [{"id": "news", "url": url}], watchlists={"aliases": cities, "watchlists": lists})
    with staged(tmp_path) as (app, clock):
        index = app.watch_index()
        lists[0]["query"] = "odkb"
        lists[2] = {"id": "d", "title": "d", "query": "gas"}
        cities["cities"].append("moscow")
        write_home(tmp_path, [{"id": "news", "url": url}], watchlists={"aliases": cities, "watchlists": lists})
        app.reconfigure(load(tmp_path, ENVIRON))
        assert app.watch_index() is index
        assert len(index) == 3
        ticker.add("csto and oil", clock.now())
        ticker.add("odkb, gas and moscow", clock.now())
        sweep(app)
        found = app.stores.watch.matches()
        titles = {entry.id: entry.title for entry in app.stores.entries.entries()}
        assert [(m.watchlist_id, titles[m.entry_id]) for m in found] == [(w, "odkb, gas and moscow") for w in "abd"]


def test_a_changed_story_is_told_once_as_updated_and_a_corrected_comma_not_at_all(
    tmp_path: Path, server: FeedServer
) -> None:
    ticker = Ticker()
    url = server.add("/rss", ticker)
    skipping = {"id": "quiet", "title": "Quiet", "watchlists": ["csto"], "at": "07:30", "empty": "skip"}
    write_home(tmp_path, [{"id": "news", "url": url}], watchlists=WATCHLISTS, digests=digests(skipping))
    with staged(tmp_path) as (app, clock):
        sweep(app)
        ticker.add("CSTO to meet in Brest", clock.now())
        updated: list[list[tuple[str, str]]] = []
        spoke: list[bool] = []
        for title in (
            "CSTO to meet in Brest",
            "CSTO to meet in Minsk",
            "CSTO to meet, in Minsk",
            "CSTO to meet in Minsk",
        ):
            ticker.items[-1] = replace(ticker.items[-1], title=title)
            clock.advance(timedelta(hours=3))
            sweep(app)
            clock.advance(timedelta(hours=21))
            both = [m for m in app.compose.run() if m.edition.digest_id in ("daily", "quiet")]
            spoke.append(len(both) == 2)
            made = both[0]
            told = json.loads(made.edition.rendered.data)
            assert told["continued"] == []
            updated.append([(one["before"], one["story"]["headline"]) for one in told["updated"]])
        assert updated == [[], [("CSTO to meet in Brest", "CSTO to meet in Minsk")], [], []]
        assert spoke == [True, True, False, False], "updates alone are no empty edition"
        app.send.run()
        mails = b"".join(file.read_bytes() for file in (tmp_path / "var/mail").glob("*.eml"))
        assert mails.count(b"UPDATED SINCE YOUR LAST EDITION") == 1


def test_a_limited_text_leaves_the_house_in_no_form(tmp_path: Path, server: FeedServer) -> None:
    item = Item("1", "CSTO meets", "The council met in Minsk. A secret clause stands behind it.", START)
    url = server.add(
        "/rss", lambda call: call.respond(200, rss(Item("0", "Old"), item), [("Content-Type", "application/rss+xml")])
    )
    feed = {"id": "news", "url": url, "excerpt": 30}
    write_home(tmp_path, [feed], watchlists=WATCHLISTS, digests=digests())
    with staged(tmp_path) as (app, clock):
        sweep(app)
        clock.advance(timedelta(days=1))
        [made] = [m for m in app.compose.run() if m.edition.digest_id == "daily"]
        app.send.run()
        rendered = made.edition.rendered
        [mail] = (tmp_path / "var/mail").glob("*.eml")
        for form in (rendered.page, rendered.text, rendered.data, mail.read_text().replace("=\n", "")):
            assert "council" in form
            assert "secret" not in form
