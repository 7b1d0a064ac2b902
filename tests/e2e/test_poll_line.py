"""The poll line through real HTTP, real workers and a real database file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator.app import App
from aggregator.model import Feed
from tests.conformance.feedserver import FeedServer, document, in_turn, slow, status
from tests.e2e.homes import START, WATCHLISTS, Item, digests, rss, staged, sweep, write_home

HOUR = timedelta(hours=2)


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as started:
        yield started


def home_with(tmp_path: Path, url: str, **feed: str) -> Path:
    write_home(tmp_path, [{"id": "news", "url": url, **feed}], watchlists=WATCHLISTS, digests=digests())
    return tmp_path


def news(app: App) -> Feed:
    feed = app.stores.feeds.get("news")
    assert feed is not None
    return feed


def test_the_first_poll_raises_no_alert_and_only_the_last_day_may_enter_a_digest(
    tmp_path: Path, server: FeedServer
) -> None:
    old = Item("old", "CSTO meets", at=START - timedelta(days=3))
    fresh = Item("fresh", "CSTO decides", at=START - timedelta(hours=3))
    url = server.add("/rss", document(rss(old, fresh)))
    with staged(home_with(tmp_path, url)) as (app, _):
        sweep(app)
        reach = {m.entry_id: m.reach for m in app.stores.watch.matches("csto")}
        titles = {e.id: e.title for e in app.stores.entries.entries()}
        assert {titles[i]: r for i, r in reach.items()} == {"CSTO meets": "none", "CSTO decides": "digest"}
        assert app.compose.run() == []


def test_news_of_a_known_feed_alerts(tmp_path: Path, server: FeedServer) -> None:
    first = rss(Item("1", "Weather stays mild"))
    second = rss(Item("2", "ОДКБ готовит учения", at=START + timedelta(hours=1)), Item("1", "Weather stays mild"))
    url = server.add("/rss", in_turn(document(first, etag='"1"'), document(second, etag='"2"')))
    with staged(home_with(tmp_path, url)) as (app, clock):
        sweep(app)
        clock.advance(HOUR)
        assert sweep(app)["news"].matches == 1
        made = app.compose.run()
        assert [m.edition.digest_id for m in made] == ["now"]
        assert "ОДКБ готовит учения" in made[0].edition.subject
        assert app.send.run().sent == 1
        assert app.compose.run() == []
        mails = list((tmp_path / "var/mail").glob("*.eml"))
        assert len(mails) == 1


def test_validators_go_back_byte_for_byte_and_a_304_costs_no_parsing(tmp_path: Path, server: FeedServer) -> None:
    url = server.add("/rss", document(rss(Item("1", "A")), etag='W/"x-gzip"'))
    with staged(home_with(tmp_path, url)) as (app, clock):
        sweep(app)
        clock.advance(HOUR)
        assert sweep(app)["news"].outcome == "not_modified"
        sent = [r.headers.get("if-none-match") for r in server.log("/rss")]
        assert sent == [None, 'W/"x-gzip"']


def test_same_bytes_without_validators_are_not_parsed_again(tmp_path: Path, server: FeedServer) -> None:
    url = server.add("/rss", status(200, rss(Item("1", "A"))))
    with staged(home_with(tmp_path, url)) as (app, clock):
        assert sweep(app)["news"].outcome == "new"
        clock.advance(timedelta(days=2))
        assert sweep(app)["news"].outcome == "unchanged"


def test_an_edit_makes_a_revision_and_alerts_only_when_it_newly_matches(tmp_path: Path, server: FeedServer) -> None:
    versions = [
        rss(Item("1", "Ministers meet in Minsk", "A quiet day.")),
        rss(Item("1", "Ministers meet in Minsk", "A quiet day for the CSTO.")),
        rss(Item("1", "Ministers meet in Minsk", "A quiet day for the CSTO, all said.")),
    ]
    url = server.add("/rss", in_turn(*(document(v, etag=f'"{i}"') for i, v in enumerate(versions))))
    with staged(home_with(tmp_path, url)) as (app, clock):
        sweep(app)
        clock.advance(HOUR)
        assert sweep(app)["news"].entries_revised == 1
        assert len(app.compose.run()) == 1
        clock.advance(HOUR)
        assert sweep(app)["news"].entries_revised == 1
        assert app.compose.run() == []
        [entry] = app.stores.entries.entries()
        assert entry.revisions == 3
        assert [m.revision for m in app.stores.watch.matches("csto")] == [2, 3]


def test_a_failing_feed_keeps_its_entries_and_backs_off(tmp_path: Path, server: FeedServer) -> None:
    url = server.add("/rss", in_turn(document(rss(Item("1", "A")), etag='"1"'), status(500)))
    with staged(home_with(tmp_path, url)) as (app, clock):
        sweep(app)
        for failures in (1, 2, 3):
            feed = news(app)
            clock.advance(feed.poll.next_poll_at - clock.now())
            assert sweep(app)["news"].error_class == "http_5xx"
            feed = news(app)
            assert (feed.poll.failures, feed.poll.state, feed.entries) == (failures, "failing", 1)
            assert feed.poll.etag == '"1"'
        assert feed.poll.next_poll_at - clock.now() >= timedelta(hours=4)


@pytest.mark.parametrize(
    ("body", "error_class"),
    [(b"<!doctype html><html><body>Hello</body></html>", "not_a_feed"), (b"", "empty"), (b"   \n", "empty")],
)
def test_what_is_no_feed_says_so_and_loses_nothing(
    tmp_path: Path, server: FeedServer, body: bytes, error_class: str
) -> None:
    url = server.add("/rss", in_turn(document(rss(Item("1", "A")), etag='"1"'), status(200, body)))
    with staged(home_with(tmp_path, url)) as (app, clock):
        sweep(app)
        clock.advance(HOUR)
        assert sweep(app)["news"].error_class == error_class
        assert news(app).entries == 1


def test_a_slow_feed_does_not_keep_the_others_from_their_commit(tmp_path: Path, server: FeedServer) -> None:
    with FeedServer() as other:
        quick = server.add("/rss", document(rss(Item("1", "Quick"))))
        late = other.add("/rss", slow(document(rss(Item("2", "Late"))), 4.0))
        write_home(tmp_path, [{"id": "quick", "url": quick}, {"id": "late", "url": late}])
        with staged(tmp_path) as (app, _):
            reports = app.poll.sweep()
            assert next(reports).feed_id == "quick"
            assert [e.title for e in app.stores.entries.entries()] == ["Quick"]
            assert next(reports).feed_id == "late"


def test_wire_copies_in_one_sweep_are_one_story_and_one_alert(tmp_path: Path, server: FeedServer) -> None:
    text = (
        "The Collective Security Council of the CSTO agreed on the plan for the year, the secretariat said on Thursday."
    )
    quiet = document(rss(Item("0", "Nothing yet")), etag='"0"')
    feeds = []
    for i in range(4):
        title = ("UPDATE 1 - " if i == 2 else "") + "CSTO council agrees on the plan for the year"
        wire = document(rss(Item(f"w{i}", title, text, link=f"https://outlet{i}.example/a")), etag='"1"')
        feeds.append({"id": f"outlet{i}", "url": server.add(f"/{i}", in_turn(quiet, wire))})
    write_home(tmp_path, feeds, watchlists=WATCHLISTS, digests=digests())
    with staged(tmp_path) as (app, clock):
        sweep(app)
        clock.advance(HOUR)
        sweep(app)
        made = app.compose.run()
        assert [(m.edition.digest_id, m.edition.stories) for m in made] == [("now", 1)]
        story = next(s for s in app.stores.stories.list() if "CSTO" in s.title)
        assert {e.feed_id for e in story.entries} == {"outlet0", "outlet1", "outlet2", "outlet3"}


def test_a_copy_under_another_headline_joins_the_story_hours_later(tmp_path: Path, server: FeedServer) -> None:
    text = (
        "Ministers of six states agreed in Minsk on Thursday on a plan for joint exercises in the autumn, the secretariat of the "
        "CSTO said. The first of them begins in September near Brest and lasts for nine days."
    )
    quiet = document(rss(Item("0", "Nothing yet")), etag='"0"')
    first = document(rss(Item("1", "CSTO plans exercises for the autumn", text)), etag='"1"')
    copy = document(
        rss(Item("2", "Troops to train near Brest", f"MINSK. {text}", at=START + HOUR, link="https://b.example/2")),
        etag='"1"',
    )
    feeds = [
        {"id": "first", "url": server.add("/first", in_turn(quiet, first))},
        {"id": "copy", "url": server.add("/copy", in_turn(quiet, quiet, copy))},
    ]
    write_home(tmp_path, feeds, watchlists=WATCHLISTS, digests=digests())
    with staged(tmp_path) as (app, clock):
        for _ in range(3):
            sweep(app)
            clock.advance(HOUR)
        story = next(s for s in app.stores.stories.list() if "CSTO" in s.title)
        assert [(e.feed_id, e.story_reason, e.story_score > 0.8) for e in story.entries] == [
            ("first", "first", False),
            ("copy", "text", True),
        ]
        made = app.compose.run()
        assert [(m.edition.digest_id, m.edition.stories) for m in made] == [("now", 1)]
        clock.advance(timedelta(days=4))
        app.forget_texts()
        assert app.stores.upkeep.forget_texts(clock.now()) == 0


def test_a_crashed_process_leaves_claims_that_the_next_one_takes_over(tmp_path: Path, server: FeedServer) -> None:
    url = server.add("/rss", document(rss(Item("1", "A"))))
    home = home_with(tmp_path, url)
    with staged(home) as (app, clock):
        owner = app.owner.split(":")
        dead = ":".join([owner[0], "999999", "1", "dead"])
        assert app.stores.feeds.claim_due(dead, 10, clock.now())
        assert sweep(app) == {}
    with staged(home) as (app, _):
        assert sweep(app)["news"].outcome == "new"
