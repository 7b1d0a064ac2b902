"""Faults that a review found, each with the smallest story that shows it."""

from __future__ import annotations

import itertools
import json
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator.delivery.smtp import SmtpTransport
from aggregator.send import SendLine
from aggregator.settings import load
from tests.conformance.feedserver import Call, FeedServer, document, in_turn, slow, status
from tests.e2e.homes import ENVIRON, WATCHLISTS, Item, digests, rss, staged, sweep, write_home

HOUR = timedelta(hours=2)
PAGE = (
    "<html><body><article><h1>Lions</h1>"
    + "<p>The lion council met in Minsk today and agreed on many long things indeed.</p>" * 6
    + "</article></body></html>"
)


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as started:
        yield started


def test_an_entry_revised_before_its_edition_is_explained_by_the_text_that_matched(
    tmp_path: Path, server: FeedServer
) -> None:
    versions = [
        rss(),
        rss(Item("q", "Leaders of CSTO states meet in Minsk", "A long day.")),
        rss(Item("q", "Foreign ministers meet in Minsk on Friday", "The meeting was moved.")),
    ]
    url = server.add("/rss", in_turn(*(document(v, etag=f'"{i}"') for i, v in enumerate(versions))))
    write_home(tmp_path, [{"id": "news", "url": url}], watchlists=WATCHLISTS, digests=digests())
    with staged(tmp_path) as (app, clock):
        for _ in versions:
            sweep(app)
            clock.advance(HOUR)
        clock.advance(timedelta(hours=14))
        made = {m.edition.digest_id: json.loads(m.edition.rendered.data) for m in app.compose.run()}
        [story] = made["daily"]["stories"]
        assert story["headline"] == "Leaders of CSTO states meet in Minsk"
        assert story["why"] == ["“CSTO” in the title (alias @csto)"]


def _articles(tmp_path: Path, server: FeedServer, *, robots: object, other: object, query: str = "lion") -> None:
    with_page = rss(Item("1", "Short", "…", link=server.url("/page")))
    server.add("/page", status(200, PAGE.encode(), [("Content-Type", "text/html")]))
    server.add("/robots.txt", robots)  # type: ignore[arg-type]
    url = server.add("/rss", in_turn(document(with_page, etag='"1"'), other))  # type: ignore[arg-type]
    watchlists = {"watchlists": [{"id": "csto", "title": "Lions", "query": query}]}
    write_home(tmp_path, [{"id": "news", "url": url, "articles": "short"}], watchlists=watchlists, digests=digests())


@pytest.mark.parametrize("line", ["Disallow: http://[x", "Crawl-delay: ²"])
def test_an_unreadable_line_of_robots_txt_stops_nothing(tmp_path: Path, server: FeedServer, line: str) -> None:
    robots = f"User-agent: *\n{line}\nDisallow: /private\n".encode()
    _articles(tmp_path, server, robots=status(200, robots), other=status(304))
    with staged(tmp_path) as (app, _):
        sweep(app)
        report = app.enrich.run()
        assert (report.fetched, report.matches) == (1, 1)


def test_a_robots_txt_that_fails_is_asked_again_later(tmp_path: Path, server: FeedServer) -> None:
    _articles(tmp_path, server, robots=in_turn(status(503), status(404)), other=status(304))
    with staged(tmp_path) as (app, clock):
        sweep(app)
        assert app.enrich.run().fetched == 0
        clock.advance(HOUR)
        assert app.enrich.run().matches == 1


def test_a_revision_is_matched_together_with_its_article_page(tmp_path: Path, server: FeedServer) -> None:
    revised = rss(Item("1", "Short", "Alpha …", link=server.url("/page")))
    _articles(tmp_path, server, robots=status(404), other=document(revised, etag='"2"'), query="alpha AND lion")
    with staged(tmp_path) as (app, clock):
        sweep(app)
        assert app.enrich.run().matches == 0
        clock.advance(HOUR)
        assert sweep(app)["news"].matches == 1


def test_another_address_alerts_of_nothing_unless_its_entries_are_known(tmp_path: Path, server: FeedServer) -> None:
    old = server.add("/old", document(rss(Item("1", "CSTO one"))))
    other = server.add("/other", document(rss(*(Item(f"x{n}", f"CSTO {n} elsewhere") for n in range(5)))))
    moved = server.add("/moved", document(rss(Item("1", "CSTO one"), Item("2", "CSTO two, after the move"))))
    for url, alerts in ((other, 0), (moved, 1)):
        home = tmp_path / str(alerts)
        write_home(home, [{"id": "news", "url": old}], watchlists=WATCHLISTS, digests=digests())
        with staged(home) as (app, clock):
            sweep(app)
            clock.advance(HOUR)
            write_home(home, [{"id": "news", "url": url}], watchlists=WATCHLISTS, digests=digests())
            app.reconfigure(load(home, ENVIRON))
            sweep(app)
            assert len(app.compose.run()) == alerts


def test_a_clock_that_was_ahead_silences_nothing(tmp_path: Path, server: FeedServer) -> None:
    counter = itertools.count()

    def growing(call: Call) -> None:
        call.respond(200, rss(*(Item(str(n), f"CSTO item {n}") for n in range(next(counter) + 1))))

    url = server.add("/rss", growing)
    write_home(tmp_path, [{"id": "news", "url": url}], watchlists=WATCHLISTS, digests=digests())
    with staged(tmp_path) as (app, clock):
        sweep(app)
        clock.advance(timedelta(days=365))
        sweep(app)
        app.compose.run()
        clock.advance(timedelta(days=-365))
        app.compose.run()
        told = 0
        for _ in range(3):
            clock.advance(timedelta(days=1))
            assert sweep(app)["news"].entries_new == 1
            told += sum(m.edition.stories for m in app.compose.run() if m.edition.digest_id == "daily")
        assert told >= 2


def test_a_feed_that_falls_due_does_not_wait_for_a_slow_host(tmp_path: Path, server: FeedServer) -> None:
    with FeedServer() as other:
        quick = server.add("/rss", document(rss(Item("1", "Quick")), etag='"1"'))
        late = other.add("/rss", slow(document(rss(Item("2", "Late"))), 9.0))
        write_home(tmp_path, [{"id": "late", "url": late}, {"id": "quick", "url": quick}])
        with staged(tmp_path) as (app, clock):
            seen = []
            for report in app.poll.sweep(keep_looking=True):
                seen.append(report.feed_id)
                if seen == ["quick"]:
                    clock.advance(HOUR)  # it falls due again while the other host is still thinking
            assert seen[:2] == ["quick", "quick"]
            assert seen[-1] == "late"


def test_a_relay_that_falls_silent_is_asked_once_for_the_batch(tmp_path: Path, server: FeedServer) -> None:
    url = server.add("/rss", document(rss(Item("1", "CSTO"))))
    to = [f"reader{n}@example.org" for n in range(12)]
    daily = {"digests": [{"id": "d", "title": "D", "watchlists": ["csto"], "at": "07:30", "to": to}]}
    write_home(tmp_path, [{"id": "news", "url": url}], watchlists=WATCHLISTS, digests=daily)
    connections = 0
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            nonlocal connections
            while True:
                try:
                    wire, _ = listener.accept()
                except OSError:
                    return
                connections += 1
                with wire:
                    if connections == 1:  # greets, and is gone at the first message
                        wire.sendall(b"220 here\r\n")
                        wire.recv(100)
                        wire.sendall(b"250 here\r\n")
                        wire.recv(100)

        threading.Thread(target=hang_up, daemon=True).start()
        with staged(tmp_path) as (app, clock):
            sweep(app)
            clock.advance(timedelta(days=1))
            app.compose.run()
            port = listener.getsockname()[1]
            transport = SmtpTransport("127.0.0.1", port, from_address="a@example.org", security="none", timeout=2)
            line = SendLine(
                stores=app.stores,
                route=lambda _: transport,
                renderer=app.renderer,
                clock=clock,
                owner="test/send",
            )
            report = line.run()
            assert report.retry == len(to)
            assert connections <= 2
        listener.shutdown(socket.SHUT_RDWR)


def test_a_page_of_a_forgotten_edition_is_written_over(tmp_path: Path, server: FeedServer) -> None:
    url = server.add("/rss", document(rss(Item("1", "CSTO"))))
    write_home(tmp_path, [{"id": "news", "url": url}], watchlists=WATCHLISTS, digests=digests())
    with staged(tmp_path) as (app, clock):
        sweep(app)
        clock.advance(timedelta(days=1))
        stale = tmp_path / "var/pages/daily/2023-02-03T0730+0300.html"
        stale.parent.mkdir(parents=True)
        stale.write_text("of before the restore")
        app.compose.run()
        assert "CSTO" in stale.read_text()


def test_a_watchlist_added_while_a_poll_is_under_way_misses_nothing(tmp_path: Path, server: FeedServer) -> None:
    url = server.add("/rss", in_turn(document(rss()), document(rss(Item("1", "A zebra escaped")))))
    feeds = [{"id": "news", "url": url}]
    write_home(tmp_path, feeds, watchlists=WATCHLISTS, digests=digests())
    wider = {**WATCHLISTS, "watchlists": [*WATCHLISTS["watchlists"], {"id": "z", "title": "Z", "query": "zebra"}]}
    with staged(tmp_path) as (polling, clock):
        sweep(polling)
        clock.advance(HOUR)
        write_home(tmp_path, feeds, watchlists=wider, digests=digests())
        with staged(tmp_path):  # `watch add` in another process
            pass
        sweep(polling)
        assert polling.stores.watch.matches("z") == []
        assert polling.catch_up() == 1
        assert polling.catch_up() == 0
        assert len(polling.stores.watch.matches("z")) == 1
