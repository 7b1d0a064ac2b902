"""A good guest through real HTTP on a staged clock: hints, moves, validators that lie, feeds that go and come back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator.app import App
from aggregator.clock import SetClock
from aggregator.model import Feed
from tests.conformance.feedserver import Behaviour, Call, FeedServer, document, in_turn, redirect, status
from tests.e2e.homes import START, Item, rss, staged, sweep, write_home
from tests.e2e.program import SETTINGS, Daemon, aggregator, done

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NEWS = rss(*(Item(str(i), f"Number {i}", at=START - i * 2 * HOUR) for i in range(1, 7)))
PAGE = b"<!doctype html><html><body>Please sign in</body></html>"


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as started:
        yield started


def home(folder: Path, **urls: str) -> Path:
    write_home(folder, [{"id": name, "url": url} for name, url in urls.items()])
    (folder / "config/aggregator.yaml").write_text(json.dumps(SETTINGS))
    return folder


def feed(app: App, feed_id: str = "a") -> Feed:
    found = app.stores.feeds.get(feed_id)
    assert found is not None
    return found


def poll_when_due(app: App, clock: SetClock, times: int = 1, feed_id: str = "a") -> list[str]:
    """The next polls of a feed, each when it is due; their outcomes."""
    outcomes: list[str] = []
    for _ in range(times):
        clock.advance(max(timedelta(0), feed(app, feed_id).poll.next_poll_at - clock.now()))
        outcomes.append(sweep(app)[feed_id].outcome)
    return outcomes


def kinds(app: App, feed_id: str = "a") -> list[str]:
    return [e.kind for e in reversed(app.stores.history.events(feed_id))]


def paths(server: FeedServer) -> list[str]:
    return [r.path for r in server.requests]


# -- hints -------------------------------------------------------------------------------------------------------------


def test_what_the_document_asks_for_is_kept_through_304s_and_told(tmp_path: Path, server: FeedServer) -> None:
    asks = NEWS.replace(b"<title>News</title>", b"<title>News</title><ttl>180</ttl>")
    url = server.add("/rss", document(asks, etag='"1"'))
    with staged(home(tmp_path, a=url)) as (app, clock):
        for _ in range(3):
            poll_when_due(app, clock)
            assert 3 * HOUR <= feed(app).poll.next_poll_at - clock.now() <= 3.3 * HOUR
        assert feed(app).poll.next_poll_reason == "the feed asks for 3 h (ttl)"


def test_the_rhythm_is_learnt_from_the_first_document(tmp_path: Path, server: FeedServer) -> None:
    url = server.add("/rss", document(NEWS, etag='"1"'))
    with staged(home(tmp_path, a=url)) as (app, _):
        sweep(app)
        assert (feed(app).poll.rhythm, feed(app).poll.window) == (2 * HOUR, 12 * HOUR)


# -- moves -------------------------------------------------------------------------------------------------------------


def test_a_feed_moves_after_three_agreeing_polls_and_feeds_yaml_stays(tmp_path: Path, server: FeedServer) -> None:
    new = server.add("/new", document(NEWS, etag='"1"'))
    old = server.add("/old", redirect(new, 301))
    with staged(home(tmp_path, a=old)) as (app, clock):
        before = (tmp_path / "feeds.yaml").read_bytes()
        assert poll_when_due(app, clock, 4) == ["new", "unchanged", "unchanged", "unchanged"]
        assert paths(server) == ["/old", "/new"] * 3 + ["/new"]
        assert [r.headers.get("if-none-match") for r in server.log("/new")] == [None] * 4, "validators belong to a URL"
        assert poll_when_due(app, clock) == ["not_modified"]
        assert kinds(app) == ["moved"]
        assert app.stores.history.events("a")[0].detail == f"from {old} to {new}"
        app.sync()
        assert (feed(app).url, feed(app).spec.url, feed(app).entries) == (new, old, 6)
        assert (tmp_path / "feeds.yaml").read_bytes() == before


def test_a_move_taken_back_by_hand_stays_taken_back(tmp_path: Path, server: FeedServer) -> None:
    new = server.add("/new", document(NEWS, etag='"1"'))
    old = server.add("/old", redirect(new, 308))
    with staged(home(tmp_path, a=old)) as (app, clock):
        poll_when_due(app, clock, 4)
        assert app.stores.history.undo_move("a", clock.now())
        server.requests.clear()
        poll_when_due(app, clock, 5)
        assert paths(server) == ["/old", "/new"] * 5
        assert kinds(app) == ["moved", "move_undone"]
        assert feed(app).entries == 6


def test_people_see_a_move_and_take_it_back(tmp_path: Path, server: FeedServer) -> None:
    new = server.add("/new?token=s3cret", document(NEWS, etag='"1"'))
    old = server.add("/old", redirect(new, 301))
    shown = new.replace("s3cret", "***")
    with staged(home(tmp_path, a=old)) as (app, clock):
        poll_when_due(app, clock, 2)
        assert f"{shown}, for 2 polls in a row" in done(tmp_path, "feeds", "show", "a").out
        poll_when_due(app, clock)
    text = done(tmp_path, "feeds", "show", "a").out
    assert f"moved: from {old} to {shown}" in text
    assert "every 1 h, the interval of feeds.yaml" in text
    [row] = done(tmp_path, "feeds", "list", "--json").lines
    assert (row["url"], row["moved_url"]) == (old, shown)
    assert row["next_poll_reason"] == "every 1 h, the interval of feeds.yaml"
    assert "moved; put the new address into feeds.yaml" in done(tmp_path, "feeds", "list").text
    doctor = aggregator(tmp_path, "doctor")
    assert f"feed a moved to {shown}" in doctor.out
    assert "aggregator feeds undo a" in doctor.out
    done(tmp_path, "feeds", "undo", "a")
    assert aggregator(tmp_path, "feeds", "undo", "a").code == 1
    assert aggregator(tmp_path, "feeds", "undo", "nobody").code == 2
    [row] = done(tmp_path, "feeds", "show", "a", "--json").lines
    assert [e["kind"] for e in row["events"]] == ["move_undone", "moved"]
    assert "feed a moved" not in aggregator(tmp_path, "doctor").out


def test_a_feed_that_leads_to_another_feed_stays_where_it_is(tmp_path: Path, server: FeedServer) -> None:
    new = server.add("/new", document(NEWS, etag='"1"'))
    old = server.add("/old", redirect(new, 301))
    with staged(home(tmp_path, a=old, b=new)) as (app, clock):
        poll_when_due(app, clock, 5)
        assert (kinds(app), feed(app).url) == (["moved_onto"], old)
        assert app.stores.history.events("a")[0].detail == f"redirects lead to {new}, which is the feed b"
    assert f"feed a leads to {new}, which is the feed b" in aggregator(tmp_path, "doctor").out


def test_two_feeds_that_move_to_one_address_in_one_sweep_do_not_both_live_there(
    tmp_path: Path, server: FeedServer
) -> None:
    new = server.add("/new", document(NEWS))
    urls = {name: server.add(f"/{name}", redirect(new, 301)) for name in ("a", "b")}
    with staged(home(tmp_path, **urls)) as (app, clock):
        for _ in range(4):
            clock.advance(2 * HOUR)
            sweep(app)
        assert sorted(f.url == new for f in app.stores.feeds.list()) == [False, True]
        assert sorted(kinds(app, "a") + kinds(app, "b")) == ["moved", "moved_onto"]


@pytest.mark.parametrize("code", [301, 302, 308])
def test_a_captive_portal_moves_nothing(tmp_path: Path, server: FeedServer, code: int) -> None:
    portal = server.add("/login", status(200, PAGE, [("Content-Type", "text/html")]))
    url = server.add(
        "/rss", in_turn(document(NEWS, etag='"1"'), *[redirect(portal, code)] * 5, document(NEWS, etag='"1"'))
    )
    with staged(home(tmp_path, a=url)) as (app, clock):
        assert poll_when_due(app, clock, 7) == ["new"] + ["failed"] * 5 + ["not_modified"]
        assert (kinds(app), feed(app).url, feed(app).poll.etag) == ([], url, '"1"')


def test_a_portal_that_serves_a_feed_of_its_own_for_a_while_moves_nothing(tmp_path: Path, server: FeedServer) -> None:
    other = server.add("/hotel", document(rss(Item("x", "Breakfast at seven"))))
    url = server.add("/rss", in_turn(*[redirect(other, 301)] * 2, *[redirect(other, 302)] * 4, document(NEWS)))
    with staged(home(tmp_path, a=url)) as (app, clock):
        poll_when_due(app, clock, 7)
        assert (kinds(app), feed(app).url) == ([], url)


# -- validators that lie -----------------------------------------------------------------------------------------------


def frozen(body: Callable[[], bytes], etag: Callable[[], str] = lambda: '"1"') -> Behaviour:
    """Says 304 to every condition, whatever has happened since."""

    def answer(call: Call) -> None:
        if "if-none-match" in call.request.headers:
            call.respond(304)
        else:
            call.respond(200, body(), [("ETag", etag())])

    return answer


@pytest.mark.parametrize("changing", [False, True])
def test_a_frozen_etag_is_caught_within_a_day(tmp_path: Path, server: FeedServer, *, changing: bool) -> None:
    now: list[Any] = [START]
    hourly = [Item(str(i), f"Number {i}", at=START + (i - 8) * HOUR) for i in range(200)]

    def body() -> bytes:
        return rss(*[i for i in hourly if i.at <= now[0]][-8:])

    url = server.add("/rss", frozen(body, (lambda: f'"{now[0]}"') if changing else (lambda: '"1"')))
    with staged(home(tmp_path, a=url)) as (app, clock):
        sweep(app)
        while clock.now() < START + 26 * HOUR:
            clock.advance(max(timedelta(minutes=1), feed(app).poll.next_poll_at - clock.now()))
            now[0] = clock.now()
            sweep(app)
        assert feed(app).entries > 8
        assert kinds(app) == ["frozen_validators"]
        looks = [r for r in server.requests if "if-none-match" not in r.headers]
        assert len(looks) == 2
        assert len(server.requests) > 20
        while clock.now() < START + 5 * DAY:
            clock.advance(max(timedelta(minutes=1), feed(app).poll.next_poll_at - clock.now()))
            now[0] = clock.now()
            sweep(app)
        looks = [r for r in server.requests if "if-none-match" not in r.headers]
        assert 4 <= len(looks) <= 6, "once a day"
        assert kinds(app) == ["frozen_validators"], "told once"
    assert "its server says that nothing changed although it has" in aggregator(tmp_path, "doctor").out


def test_a_look_at_a_feed_that_is_only_quiet_is_no_news_and_costs_no_parsing(
    tmp_path: Path, server: FeedServer
) -> None:
    url = server.add("/rss", document(NEWS, etag='"1"'))
    with staged(home(tmp_path, a=url)) as (app, clock):
        outcomes: list[str] = []
        while clock.now() < START + 3 * DAY:
            outcomes += poll_when_due(app, clock)
        assert outcomes[0] == "new"
        assert set(outcomes[1:]) == {"not_modified", "unchanged"}
        assert 1 <= outcomes.count("unchanged") <= 3
        assert feed(app).poll.news_at == START
        assert kinds(app) == []


def test_a_server_that_says_304_to_everything_loses_its_validators_not_the_feed(
    tmp_path: Path, server: FeedServer
) -> None:
    always: Behaviour = status(304)
    url = server.add("/rss", in_turn(document(NEWS, etag='"1"'), *[always] * 40, document(NEWS, etag='"2"')))
    with staged(home(tmp_path, a=url)) as (app, clock):
        while len(server.requests) < 42:
            outcomes = poll_when_due(app, clock)
        assert outcomes == ["unchanged"]
        assert (feed(app).poll.state, feed(app).poll.etag, feed(app).entries) == ("ok", '"2"', 6)


# -- gone and back -----------------------------------------------------------------------------------------------------


def test_a_feed_that_is_gone_is_looked_at_weekly_told_once_and_taken_back(tmp_path: Path, server: FeedServer) -> None:
    url = server.add("/rss", in_turn(document(NEWS, etag='"1"'), *[status(410)] * 3, document(NEWS, etag='"1"')))
    with staged(home(tmp_path, a=url)) as (app, clock):
        poll_when_due(app, clock, 2)
        for _ in range(2):
            before = clock.now()
            poll_when_due(app, clock)
            assert clock.now() - before >= 7 * DAY
        assert (feed(app).poll.state, kinds(app)) == ("gone", ["gone"])
        assert feed(app).poll.next_poll_reason == "gone (410): one look in 7 days"
        assert poll_when_due(app, clock) == ["not_modified"]
        assert (feed(app).poll.state, kinds(app)) == ("ok", ["gone", "back"])


def test_the_daemon_says_once_that_a_feed_is_gone_and_so_does_a_poll_by_hand(
    tmp_path: Path, server: FeedServer
) -> None:
    folder = home(tmp_path, a=server.add("/rss", status(410)), b=server.add("/other", status(410)))
    [line] = done(folder, "poll", "--feed", "b", "--json").lines
    assert line["events"] == [
        {
            "kind": "gone",
            "detail": "the server answered 410 Gone: this feed was taken away for good; it is looked at once a week",
        }
    ]
    with Daemon(folder) as daemon:
        daemon.ready().wait_for(
            "feed a: gone: the server answered 410 Gone: this feed was taken away for good; it is looked at once a week"
        )
        daemon.end()
        assert "feed b" not in daemon.text


def test_a_missed_interval_is_polled_once(tmp_path: Path, server: FeedServer) -> None:
    url = server.add("/rss", document(NEWS, etag='"1"'))
    with staged(home(tmp_path, a=url)) as (app, clock):
        sweep(app)
        clock.advance(9 * DAY)
        assert len(sweep(app)) == 1
        assert sweep(app) == {}
        assert feed(app).poll.next_poll_at >= clock.now() + HOUR, "from the end of the poll"


@pytest.mark.parametrize("code", [429, 503])
def test_retry_after_holds_even_against_a_person_in_a_hurry(tmp_path: Path, server: FeedServer, code: int) -> None:
    url = server.add("/rss", in_turn(status(code, headers=[("Retry-After", "18000")]), document(NEWS)))
    with staged(home(tmp_path, a=url)) as (app, clock):
        sweep(app)
        assert feed(app).poll.next_poll_reason == "the server asked to wait 5 h (Retry-After)"
        clock.advance(4.9 * HOUR)
        assert list(app.poll.sweep(everything=True)) == []
        clock.advance(0.7 * HOUR)
        assert [r.outcome for r in app.poll.sweep()] == ["new"]
