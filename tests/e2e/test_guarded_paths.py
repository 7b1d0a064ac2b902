"""Every way on which the program fetches stops at the guard: feeds, article pages, robots.txt, pages to discover feeds on."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregator.app import build
from aggregator.clock import SetClock
from tests.conformance.feedserver import FeedServer, document, status
from tests.e2e.homes import ENVIRON, START, WATCHLISTS, Item, digests, rss, sweep, write_home
from tests.e2e.program import aggregator

CLOSED = {**ENVIRON, "AGGREGATOR__NETWORK__ALLOW_PRIVATE": "[]"}
ONE_HOST = {**ENVIRON, "AGGREGATOR__NETWORK__ALLOW_PRIVATE": '["127.0.0.1/32"]'}


def test_a_feed_inside_is_refused_by_default(tmp_path: Path) -> None:
    with FeedServer() as inside:
        write_home(tmp_path, [{"id": "news", "url": inside.add("/rss", document())}])
        with build(tmp_path, CLOSED, SetClock(START)) as app:
            app.sync()
            report = sweep(app)["news"]
        assert report.error_class == "blocked_address"
        assert "network.allow_private" in report.error
        assert inside.connections == 0


def test_an_article_inside_is_not_read_nor_its_robots_txt(tmp_path: Path) -> None:
    with FeedServer() as press, FeedServer("127.0.0.2") as inside:
        inside.add("/robots.txt", status(200, b"User-agent: *\nAllow: /\n"))
        secret = inside.add("/secret", document(b"<html><body><p>CSTO secret plans</p></body></html>"))
        url = press.add("/rss", document(rss(Item("1", "CSTO meets", "More…", link=secret))))
        write_home(tmp_path, [{"id": "news", "url": url, "articles": "all"}], watchlists=WATCHLISTS, digests=digests())
        clock = SetClock(START)
        with build(tmp_path, ONE_HOST, clock) as app:
            app.sync()
            sweep(app)
            assert [e.link for e in app.stores.entries.entries()] == [secret]
            app.enrich.run()
            assert [e.article for e in app.stores.entries.entries()] == [""]
        assert inside.connections == 0


@pytest.mark.parametrize("command", [["feeds", "discover"], ["feeds", "add"]])
def test_a_page_inside_is_not_looked_at_by_hand_either(tmp_path: Path, command: list[str]) -> None:
    write_home(tmp_path, [])
    with FeedServer() as inside:
        url = inside.add(
            "/", document(b"<html><head><link rel='alternate' type='application/rss+xml' href='/x'></head></html>")
        )
        done = aggregator(tmp_path, *command, url)
        assert inside.connections == 0
    assert command == ["feeds", "add"] or (done.code == 1 and "network.allow_private" in done.err), done
