"""What a sweep says of a feed beyond its news: gaps, hosts that ask for a pause, and no bursts after a long stop."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator.app import App, build
from aggregator.clock import SetClock
from aggregator.model import Feed, Gap
from tests.conformance.feedserver import FeedServer, document, in_turn, redirect, status
from tests.e2e.homes import ENVIRON, START, WATCHLISTS, Item, digests, rss, staged, sweep, write_home
from tests.e2e.program import aggregator, done

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as started:
        yield started


def feed(app: App, feed_id: str = "news") -> Feed:
    found = app.stores.feeds.get(feed_id)
    assert found is not None
    return found


# -- gaps ------------------------------------------------------------------------------------------------------------


def items(*hours: float, title: str = "CSTO item") -> bytes:
    """Items published so many hours after START."""
    return rss(*(Item(f"g{h}", f"{title} {h}", at=START + h * HOUR) for h in hours))


def polled(tmp_path: Path, server: FeedServer, *versions: bytes, every: timedelta = 6 * HOUR) -> list[Gap | None]:
    url = server.add("/rss", in_turn(*(document(v, etag=f'"{i}"') for i, v in enumerate(versions))))
    write_home(tmp_path, [{"id": "news", "url": url}], watchlists=WATCHLISTS, digests=digests())
    found = []
    with staged(tmp_path) as (app, clock):
        for _ in versions:
            found.append(sweep(app)["news"].gap)
            clock.advance(every)
        assert feed(app).gaps == sum(g is not None for g in found)
        assert app.stores.polls.gaps("news") == [g for g in reversed(found) if g is not None]
    return found


def test_a_document_with_nothing_known_is_a_gap_and_its_news_alert_all_the_same(
    tmp_path: Path, server: FeedServer
) -> None:
    found = polled(tmp_path, server, items(-2, -1), items(3, 4, 5))
    assert found == [None, Gap("news", START, START + 3 * HOUR, START + 6 * HOUR)]
    with staged(tmp_path) as (app, _):
        assert {m.reach for m in app.stores.watch.matches("csto") if m.matched_at > START} == {"alert"}


@pytest.mark.parametrize(
    "versions",
    [
        [items(-2, -1), items(-1, 3)],
        [items(-2, -1), items(3)],
        [items(-2, -1), rss(), items(3, 4)],
        [items(-2, -1), items(-500, 3, title="CSTO archive")],
        [items(-2, -1), items(-2, -1), items(-1, 8)],
    ],
    ids=["overlaps", "a single entry", "after an empty document", "an archive", "same bytes between"],
)
def test_what_is_no_gap(tmp_path: Path, server: FeedServer, versions: list[bytes]) -> None:
    assert set(polled(tmp_path, server, *versions)) == {None}


def test_the_last_look_that_was_good_begins_the_gap_whatever_it_brought(tmp_path: Path, server: FeedServer) -> None:
    found = polled(tmp_path, server, items(-2, -1), items(-2, -1), items(9, 10))
    assert found[2] == Gap("news", START + 6 * HOUR, START + 9 * HOUR, START + 12 * HOUR)


def test_a_gap_is_told_by_poll_show_list_and_doctor(tmp_path: Path, server: FeedServer) -> None:
    versions = (items(-2, -1), items(500_000, 500_001))
    url = server.add("/rss", in_turn(*(document(v, etag=f'"{i}"') for i, v in enumerate(versions))))
    write_home(tmp_path, [{"id": "news", "url": url}], watchlists=WATCHLISTS, digests=digests())
    (tmp_path / "config/aggregator.yaml").write_text("network: {allow_private: [127.0.0.0/8], host_spacing: 0s}")
    assert "missed" not in done(tmp_path, "poll").out
    assert "2 new, 2 matches, possibly missed between 20" in done(tmp_path, "poll", "--all").out
    assert "possibly missed between 20" in done(tmp_path, "feeds", "show", "news").out
    (shown,) = done(tmp_path, "feeds", "show", "news", "--json").lines
    assert sorted(shown["missed"][0]) == ["after", "before", "found_at"]
    assert [f["gaps"] for f in done(tmp_path, "feeds", "list", "--json").lines] == [1]
    assert "feed news: possibly missed between 20" in done(tmp_path, "doctor").out


# -- hosts -----------------------------------------------------------------------------------------------------------


def test_a_host_whose_two_urls_say_wait_is_left_alone_and_a_person_may_ask_earlier(
    tmp_path: Path, server: FeedServer
) -> None:
    busy = status(429, headers=[("Retry-After", "86400")])
    feeds = []
    for name in ("one", "two", "three"):
        later = busy if name != "three" else document(rss(Item("x", "News")))
        url = server.add(f"/{name}", in_turn(document(rss(Item(name, "First"))), later))
        feeds.append({"id": name, "url": url})
    write_home(tmp_path, feeds)
    (tmp_path / "config/aggregator.yaml").write_text("network: {allow_private: [127.0.0.0/8], host_spacing: 0s}")
    assert "3 read" in done(tmp_path, "poll").err
    done(tmp_path, "poll", "--feed", "one")
    assert "its host" not in done(tmp_path, "feeds", "list").out, "the word of one URL is that URL's"
    done(tmp_path, "poll", "--feed", "two")
    asked = len(server.requests)
    said = done(tmp_path, "poll", "--all").err
    said += done(tmp_path, "poll", "--feed", "three").err
    assert len(server.requests) == asked
    host = f"http://127.0.0.1:{server.port}"
    assert f"three was not polled (ok: its host {host} asked for a pause until 20" in said
    shown = done(tmp_path, "feeds", "show", "three").out
    assert f"its host {host} asked for a pause until" in shown
    assert "told to two and others" in shown
    assert done(tmp_path, "feeds", "list").out.count(f"its host {host}") == 3
    assert f"host {host} asked for a pause" in done(tmp_path, "doctor").out
    done(tmp_path, "feeds", "resume", "three")
    assert "three: 1 new" in done(tmp_path, "poll").out
    assert "its host" not in done(tmp_path, "feeds", "list").out
    assert aggregator(tmp_path, "poll", "--all").out.count("\n") == 1, "the others keep their own word"


def test_the_word_of_a_host_that_feeds_are_sent_on_to_holds_that_host(tmp_path: Path, server: FeedServer) -> None:
    with FeedServer("127.0.0.2") as other:
        other.add("/busy", status(503, headers=[("Retry-After", "3600")]))
        feeds = [{"id": i, "url": server.add(f"/{i}", redirect(other.url("/busy")))} for i in ("a", "b")]
        feeds += [{"id": "home", "url": server.add("/home", document())}]
        feeds += [{"id": "there", "url": other.add("/there", document())}]
        write_home(tmp_path, feeds)
        with staged(tmp_path) as (app, clock):
            list(app.poll.sweep(ids=["a", "b"]))
            (hold,) = app.stores.network.holds(clock.now())
            assert hold.host == f"http://127.0.0.2:{other.port}"
            assert set(sweep(app)) == {"home"}
            clock.advance(HOUR)
            assert "there" in sweep(app)


def test_a_host_that_asks_for_a_pause_in_the_middle_of_a_sweep_is_asked_no_further(
    tmp_path: Path, server: FeedServer
) -> None:
    """All its feeds were due, and wait in line for their turn."""
    busy = status(429, headers=[("Retry-After", "3600")])
    feeds = [{"id": f"f{i:02}", "url": server.add(f"/{i}", busy)} for i in range(30)]
    write_home(tmp_path, feeds)
    with build(tmp_path, ENVIRON | {"AGGREGATOR__NETWORK__HOST_SPACING": "1s"}, SetClock(START)) as app:
        app.sync()
        reports = list(app.poll.sweep())
        assert {r.error_class for r in reports} == {"rate_limited"}
        assert len(reports) == len(server.requests)
        assert 2 <= len(reports) <= 4
        left = [f for f in app.stores.feeds.list() if f.poll.last_poll_at is None]
        assert len(left) == 30 - len(reports)
        assert {(f.poll.state, f.poll.failures) for f in left} == {("new", 0)}
        assert app.stores.feeds.owners() == [], "nobody keeps them claimed"
        assert sweep(app) == {}
        app.stores.feeds.resume("f29", app.clock.now())
        server.add("/29", document(rss(Item("x", "News"))))
        assert [r.outcome for r in app.poll.sweep(ids=["f29"])] == ["new"]


# -- long stops ------------------------------------------------------------------------------------------------------


def test_after_a_long_stop_each_feed_is_polled_once_and_the_next_polls_are_spread(
    tmp_path: Path, server: FeedServer
) -> None:
    """Nine hours asleep; the interval is an hour (polling-and-identity.md P20, P22)."""
    paths = [f"/{i}" for i in range(60)]
    feeds = [{"id": f"f{i:02}", "url": server.add(p, document(etag='"1"'))} for i, p in enumerate(paths)]
    write_home(tmp_path, feeds)
    with staged(tmp_path) as (app, clock):
        line = replace(app.poll, chance=random.Random(1).random)
        assert len(list(line.sweep())) == 60
        clock.advance(9 * HOUR)
        assert len(list(line.sweep())) == 60, "nine missed intervals are one poll"
        assert Counter(r.path for r in server.requests) == Counter(paths * 2)
        assert min(f.poll.next_poll_at for f in app.stores.feeds.list()) >= clock.now() + HOUR, (
            "jitter is never earlier"
        )
        assert most_at_once(app) <= 20
        for _ in range(130):
            clock.advance(MINUTE)
            list(line.sweep())
        assert most_at_once(app) <= 20, "they drift apart, never together"


def most_at_once(app: App) -> int:
    """How many of the next polls fall into the same minute."""
    minutes = Counter(f.poll.next_poll_at.replace(second=0, microsecond=0) for f in app.stores.feeds.list())
    return max(minutes.values())


@pytest.mark.parametrize("jump", [timedelta(days=3650), timedelta(days=-3650), HOUR, -HOUR])
def test_a_jump_of_the_clock_polls_each_feed_at_most_once(tmp_path: Path, server: FeedServer, jump: timedelta) -> None:
    feeds = [{"id": f"f{i}", "url": server.add(f"/{i}", document(etag='"1"'))} for i in range(5)]
    write_home(tmp_path, feeds)
    with staged(tmp_path) as (app, clock):
        sweep(app)
        clock.advance(30 * MINUTE)
        assert sweep(app) == {}
        before = len(server.requests)
        clock.advance(jump)
        for _ in range(3):
            sweep(app)
        assert len(server.requests) - before <= 5
        clock.advance(2 * HOUR)
        assert len(sweep(app)) == 5, "and nobody sleeps for as long as the clock was wrong"
