"""What a feed's server shows of itself: until when its certificate is good, and in which form the feed comes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aggregator import diagnosis
from aggregator.app import App, build
from aggregator.clock import SetClock
from aggregator.jobs import Jobs
from aggregator.model import Problem
from tests import emptydb
from tests.conformance.feedserver import Call, FeedServer
from tests.conformance.test_fetch_access import TlsServer, secure
from tests.e2e.homes import ENVIRON, Item, rss, sweep, write_home

__all__ = ["secure"]  # a fixture
DAY = timedelta(days=1)
RUNS_OUT = datetime(2120, 1, 1, tzinfo=UTC)
"""What the certificate of the loopback server says: the calendar moves, TLS itself looks at the real clock."""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>News</title><id>urn:1</id><updated>2026-11-23T10:00:00Z</updated>
<entry><id>urn:{0}</id><title>Item {0}</title><link href="https://news.example/{0}"/><updated>2026-11-23T10:00:00Z</updated></entry></feed>"""
JSON = {"version": "https://jsonfeed.org/version/1.1", "title": "News", "items": [{"id": "1", "content_text": "Item"}]}


@contextmanager
def home(path: Path, url: str, now: datetime) -> Iterator[tuple[App, SetClock]]:
    emptydb.put(path / "var/aggregator.db")
    write_home(path, [{"id": "news", "url": url, "interval": "5m"}])
    clock = SetClock(now)
    with build(path, ENVIRON, clock) as app:
        app.sync()
        yield app, clock


def found(app: App, ending: str) -> list[Problem]:
    return [one for one in diagnosis.problems(app) if one.about.endswith(ending)]


# -- certificates ----------------------------------------------------------------------------------------------------


def test_a_certificate_is_told_from_fourteen_days_before_it_runs_out_and_when_it_has(
    tmp_path: Path, secure: TlsServer
) -> None:
    url = secure.add("/rss", lambda call: call.respond(200, rss(Item("1", "Fair"))))
    with home(tmp_path, url, RUNS_OUT - 40 * DAY) as (app, clock):
        said: dict[int, str] = {}
        for days in (40, 15, 14, 1, 0, -1):
            clock.advance(RUNS_OUT - days * DAY - clock.now())
            sweep(app)
            for one in found(app, ":certificate"):
                said[days] = one.what
        (feed,) = app.stores.feeds.list()
    assert feed.poll.certificate_until == RUNS_OUT
    assert sorted(said) == [-1, 0, 1, 14]
    assert "runs out on 2120-01-01" in said[14]
    assert "has run out on 2120-01-01" in said[-1]
    assert "127.0.0.1" in said[14]
    assert "such as news" in said[14]


def test_one_connection_tells_it_also_where_nothing_is_new(tmp_path: Path, secure: TlsServer) -> None:
    def frozen(call: Call) -> None:
        fresh = call.request.headers.get("if-none-match") != '"a"'
        call.respond(200 if fresh else 304, rss(Item("1", "Fair")) if fresh else b"", [("ETag", '"a"')])

    with home(tmp_path, secure.add("/rss", frozen), RUNS_OUT - 40 * DAY) as (app, clock):
        sweep(app)
        clock.advance(timedelta(hours=1))
        assert sweep(app)["news"].outcome == "not_modified"
        (feed,) = app.stores.feeds.list()
        assert feed.poll.certificate_until == RUNS_OUT
    assert len({call.connection for call in secure.requests}) <= 2
    assert len(secure.requests) == 2, "nobody is asked for the certificate alone"


def test_a_feed_without_tls_has_none_to_tell(tmp_path: Path) -> None:
    with FeedServer() as server:
        url = server.add("/rss", lambda call: call.respond(200, rss(Item("1", "Fair"))))
        with home(tmp_path, url, RUNS_OUT - DAY) as (app, _):
            sweep(app)
            assert found(app, ":certificate") == []


def test_a_certificate_that_nobody_vouches_for_is_told_as_what_it_is(tmp_path: Path) -> None:
    """A name that it is not for: 127.0.0.2 is not 127.0.0.1."""
    with TlsServer("127.0.0.2") as server:
        url = server.add("/rss", lambda call: call.respond(200, rss(Item("1", "Fair"))))
        with home(tmp_path, url, RUNS_OUT - 400 * DAY) as (app, _):
            assert sweep(app)["news"].error_class == "tls"
            (problem,) = found(app, "feed:news:failing")
    assert "certificate" in problem.what
    assert "only its publisher can mend a certificate" in problem.do


# -- formats ---------------------------------------------------------------------------------------------------------


def test_a_change_of_format_is_an_event_and_a_notice_for_three_days(tmp_path: Path) -> None:
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    documents = iter([
        rss(Item("1", "Fair")),
        rss(Item("1", "Fair"), Item("2", "Fair again")),
        ATOM.format(3).encode(),
        ATOM.format(4).encode(),
        json.dumps(JSON).encode(),
    ])  # fmt: skip
    with FeedServer() as server, ExitStack() as stack:
        url = server.add("/x", lambda call: call.respond(200, next(documents)))
        app, clock = stack.enter_context(home(tmp_path, url, now))
        for _ in range(5):
            sweep(app)
            clock.advance(timedelta(days=1))
            app.stores.feeds.hasten("news", clock.now())
        told = [one.detail for one in app.stores.history.events("news") if one.kind == "format_changed"]
        assert told == ["from Atom to JSON Feed", "from RSS to Atom"]
        (problem,) = found(app, ":format")
        assert problem.about == "feed:news:format"
        assert "from Atom to JSON Feed" in problem.what
        clock.advance(3 * DAY)
        assert found(app, ":format") == []


def test_a_page_in_the_place_of_a_feed_is_no_format_but_a_failure(tmp_path: Path) -> None:
    documents = iter([rss(Item("1", "Fair")), b"<!doctype html><html><body>Welcome</body></html>"])
    with FeedServer() as server:
        url = server.add("/x", lambda call: call.respond(200, next(documents)))
        with home(tmp_path, url, datetime(2026, 11, 23, 12, tzinfo=UTC)) as (app, clock):
            sweep(app)
            clock.advance(DAY)
            assert sweep(app)["news"].error_class == "not_a_feed"
            assert found(app, ":format") == []
            assert len(found(app, "feed:news:failing")) == 1


def test_a_feed_that_holds_nothing_any_more_for_days_is_named(tmp_path: Path) -> None:
    documents = iter([rss(Item("1", "Fair")), *[rss()] * 5])
    with FeedServer() as server:
        url = server.add("/x", lambda call: call.respond(200, next(documents)))
        with home(tmp_path, url, datetime(2026, 11, 23, 12, tzinfo=UTC)) as (app, clock):
            seen = []
            for _ in range(5):
                sweep(app)
                seen.append(len(found(app, "feed:news:empty")))
                clock.advance(DAY)
            assert seen == [0, 0, 0, 1, 1]


@pytest.mark.parametrize("many", [300])
def test_hundreds_of_feeds_are_looked_through_in_no_time(tmp_path: Path, many: int) -> None:
    """The notices line asks every five minutes: it must not be what an idle machine does."""
    emptydb.put(tmp_path / "var/aggregator.db")
    write_home(tmp_path, [{"id": f"f{n}", "url": f"https://f{n}.example/rss"} for n in range(many)])
    clock = SetClock(datetime(2026, 11, 23, 12, tzinfo=UTC))
    with build(tmp_path, ENVIRON, clock) as app:
        app.sync()
        jobs = Jobs(app, threading.Event())
        jobs.notices()
        began = clock.monotonic()
        jobs.notices()
        assert clock.monotonic() - began < 1.5, "0.5 % of the time between two looks"
