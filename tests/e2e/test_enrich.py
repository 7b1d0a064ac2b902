"""The enrich line: real pages of a real server, read by real workers, matched, stored, and told with the place."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from aggregator.app import App, build
from aggregator.clock import SetClock
from aggregator.enrich import EnrichReport
from aggregator.sample import pages
from aggregator.sample.business import HIDDEN
from aggregator.sample.newsroom import EXPECTED, OUTLETS
from aggregator.settings import load
from tests import stored
from tests.conformance.feedserver import Behaviour, Call, FeedServer, document, in_turn, redirect, status
from tests.e2e.homes import ENVIRON, START, Item, digests, rss, staged, sweep, write_home
from tests.e2e.program import aggregator, done
from tests.unit.newspages import AROUND, END, PARAGRAPHS, TITLES, page

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
LATER = timedelta(hours=2)
"""After which the feed is due again."""
WATCHLISTS = {
    "watchlists": [
        {"id": "inside", "title": "Inside", "query": '"summer exercises"'},
        {"id": "around", "title": "Around", "query": "Zvezdara"},
        {"id": "title", "title": "Title", "query": "chairmanship"},
    ]
}
IDS = ("inside", "around", "title")
TEXT = PARAGRAPHS["en"]
PAGE = page("en", TEXT, before=sorted(AROUND), after=sorted(AROUND), end=sorted(END)).encode()
HTML = [("Content-Type", "text/html; charset=utf-8")]


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as started:
        yield started


def html(body: bytes = PAGE, **headers: str) -> Behaviour:
    """A page with honest validators where it has any."""
    more = [(name.replace("_", "-"), value) for name, value in headers.items() if name != "etag"]
    return document(body, etag=headers.get("etag", ""), headers=[*HTML, *more])


def entry(server: FeedServer, number: int = 1, **more: Any) -> Item:
    usual = {"title": TITLES["en"], "text": f"{TEXT[0][:60]}…", "link": server.url(f"/page/{number}")}
    return Item(str(number), **(usual | more))


def home(folder: Path, server: FeedServer, items: Sequence[Item], *later: Sequence[Item], **feed: Any) -> None:
    """One feed that brings the items, and others at later polls."""
    versions = [document(rss(*each), etag=f'"{n}"') for n, each in enumerate([items, *later])]
    url = server.add("/rss", in_turn(*versions))
    write_home(
        folder,
        [{"id": "news", "url": url, "articles": "short"} | feed],
        watchlists=WATCHLISTS,
        digests={"digests": [{"id": w, "title": w, "watchlists": [w], "at": "18:00"} for w in IDS]},
    )


@contextmanager
def polled(folder: Path, more: Mapping[str, str] | None = None) -> Iterator[tuple[App, SetClock]]:
    """An App whose feeds have been polled once."""
    clock = SetClock(START)
    with build(folder, {**ENVIRON, **(more or {})}, clock) as app:
        app.sync()
        sweep(app)
        yield app, clock


def matches(app: App) -> set[tuple[str, str]]:
    """Watchlist and field of every span of every match."""
    return {(m.watchlist_id, s.field) for m in app.stores.watch.matches() for s in m.spans}


def why_not(folder: Path, entry_id: int = 1) -> tuple[str, str]:
    """State and error of an article page, as anybody finds them in the database."""
    with stored.opened(folder) as conn:
        row = conn.execute("SELECT state, error FROM articles WHERE entry_id = ?", (entry_id,)).fetchone()
    return row[0], row[1]


# -- what is found ---------------------------------------------------------------------------------------------------


def test_a_word_in_the_article_matches_and_one_around_it_does_not(tmp_path: Path, server: FeedServer) -> None:
    server.add("/page/1", html())
    home(tmp_path, server, [entry(server)])
    with polled(tmp_path) as (app, clock):
        assert matches(app) == {("title", "title"), ("title", "body")}
        assert app.enrich.run() == EnrichReport(fetched=1, matches=2)
        [match] = app.stores.watch.matches("inside")
        [span] = match.spans
        article = app.stores.entries.get(match.entry_id).article  # type: ignore[union-attr]
        assert (span.field, article[span.start : span.end]) == ("article", "summer exercises")
        assert app.stores.watch.matches("around") == []
        clock.advance(timedelta(days=1))
        made = {m.edition.digest_id: json.loads(m.edition.rendered.data) for m in app.compose.run()}
        assert [s["why"] for s in made["inside"]["stories"]] == [["“summer exercises” in the article page"]]
        assert made["around"]["stories"] == []


def test_search_and_why_say_that_it_stood_in_the_article(tmp_path: Path, server: FeedServer) -> None:
    server.add("/page/1", html())
    home(tmp_path, server, [entry(server)])
    with polled(tmp_path) as (app, _):
        app.enrich.run()
    [result] = done(tmp_path, "search", '"summer exercises"', "--json").lines
    assert {span["field"] for span in result["spans"]} == {"article"}
    assert "before the summer exercises" in done(tmp_path, "search", '"summer exercises"').out
    assert done(tmp_path, "search", "Zvezdara", "--json").lines == []
    assert "article" in done(tmp_path, "why", "1", "inside").out
    assert aggregator(tmp_path, "why", "1", "around").code == 1


def test_an_alert_goes_out_before_the_page_is_read_and_is_not_repeated(tmp_path: Path, server: FeedServer) -> None:
    server.add("/page/2", html())
    home(tmp_path, server, [], [entry(server, 2)])
    with polled(tmp_path) as (app, clock):
        clock.advance(LATER)
        sweep(app)
        [reach] = {m.reach for m in app.stores.watch.matches("title")}
        assert reach == "alert"
        app.enrich.run()
        assert {m.reach for m in app.stores.watch.matches("inside")} == {"alert"}
        assert len(app.stores.watch.matches("title")) == 1


def test_the_demos_page_matches_by_its_article_alone(tmp_path: Path, server: FeedServer) -> None:
    outlet = next(o for o in OUTLETS if o.id == "summit-review")
    for item in outlet.items:
        server.add(f"/{item.slug}", html(pages.article(outlet, item)))
    items = [Item(i.slug, i.title, "Cut off …", link=server.url(f"/{i.slug}")) for i in outlet.items]
    url = server.add("/rss", document(rss(*items)))
    watch = {"watchlists": [{"id": "csto", "title": "CSTO", "query": "=CSTO"}]}
    write_home(tmp_path, [{"id": "review", "url": url, "articles": "all"}], watchlists=watch, digests=digests())
    with polled(tmp_path) as (app, _):
        assert app.enrich.finish() == EnrichReport(fetched=len(items), matches=1)
        [match] = app.stores.watch.matches("csto")
        assert app.stores.entries.get(match.entry_id).guid == HIDDEN  # type: ignore[union-attr]
        assert ("summit-review", f"summit-review.example:{HIDDEN}") in EXPECTED.csto_in_article


# -- whose pages are asked for -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("articles", "asked"), [("never", []), ("matched", [1]), ("short", [1, 2]), ("all", [1, 2, 3])]
)
def test_only_the_pages_that_are_wanted_are_asked_for_each_once(
    tmp_path: Path, server: FeedServer, articles: str, asked: list[int]
) -> None:
    for number in (1, 2, 3):
        server.add(f"/page/{number}", html())
    items = [
        entry(server),
        entry(server, 2, title="Other news", text="Cut off …"),
        entry(server, 3, title="Long", text="Words of it. " * 40),
    ]
    revised = [entry(server, text=f"{TEXT[0][:70]}… again …"), *items[1:]]
    home(tmp_path, server, items, revised, articles=articles)
    with polled(tmp_path) as (app, clock):
        for _ in range(3):
            app.enrich.finish()
            clock.advance(LATER)
            sweep(app)
    assert sorted(r.path for r in server.requests if "page" in r.path) == [f"/page/{n}" for n in asked]
    assert len(server.log("/robots.txt")) == (1 if asked else 0)


def test_no_archive_is_read_page_by_page(tmp_path: Path, server: FeedServer) -> None:
    old = [entry(server, n, at=START - timedelta(days=30 + n)) for n in range(2, 60)]
    home(tmp_path, server, [entry(server)], [entry(server), *old], articles="all")
    server.add("/page/1", html())
    with polled(tmp_path) as (app, clock):
        clock.advance(LATER)
        assert sweep(app)["news"].entries_new == len(old)
        assert app.enrich.finish().fetched == 1
    assert len([r for r in server.requests if "page" in r.path]) == 1


def test_a_revision_made_while_its_page_was_read_is_matched_without_asking_again(
    tmp_path: Path, server: FeedServer
) -> None:
    home(tmp_path, server, [entry(server)], [entry(server, text="Cut off otherwise …")])
    with polled(tmp_path, {"AGGREGATOR__NETWORK__HOST_CONNECTIONS": "2"}) as (app, clock):

        def answer(call: Call) -> None:
            clock.advance(LATER)
            sweep(app)
            call.respond(200, PAGE, HTML)

        server.add("/page/1", answer)
        app.enrich.finish()
        assert {m.revision for m in app.stores.watch.matches("inside")} == {2}
    assert len(server.log("/page/1")) == 1


# -- robots.txt --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("robots", "read"),
    [
        (status(200, b"User-agent: *\nDisallow: /page/\n"), False),
        (status(200, b"User-agent: *\nDisallow: /\n\nUser-agent: aggregator\nAllow: /page/\n"), True),
        (status(200, b"User-agent: aggregator\nDisallow: /page\nAllow: /page/1$\n"), True),
        (status(404), True),
        (status(403), True),
        (status(500), False),
        (status(503), False),
    ],
)
def test_robots_txt_decides(tmp_path: Path, server: FeedServer, robots: Behaviour, read: bool) -> None:
    server.add("/robots.txt", robots)
    server.add("/page/1", html())
    home(tmp_path, server, [entry(server)])
    with polled(tmp_path) as (app, _):
        assert app.enrich.run().fetched == read
    assert len(server.log("/page/1")) == read
    assert read or "robots.txt" in why_not(tmp_path)[1]


def test_robots_txt_is_asked_once_a_day_also_when_the_configuration_is_read_again(
    tmp_path: Path, server: FeedServer
) -> None:
    rounds = range(1, 10)
    for number in rounds:
        server.add(f"/page/{number}", html())
    home(tmp_path, server, *([entry(server, n, at=START) for n in range(1, last + 1)] for last in rounds))
    with polled(tmp_path) as (app, clock):
        for number in rounds:
            app.enrich.finish()
            assert len(server.log(f"/page/{number}")) == 1
            assert len(server.log("/robots.txt")) == (1 if 4 * (number - 1) < 24 else 2)
            clock.advance(START + 4 * HOUR * number - clock.now())
            app.reconfigure(load(tmp_path, ENVIRON))
            sweep(app)


def test_a_robots_txt_that_fails_is_not_asked_for_each_page(tmp_path: Path, server: FeedServer) -> None:
    server.add("/robots.txt", status(503))
    home(tmp_path, server, [entry(server, n) for n in range(1, 45)], articles="all")
    with polled(tmp_path) as (app, clock):
        assert app.enrich.finish().failed == 44
        assert len(server.log("/robots.txt")) == 1
        clock.advance(HOUR)
        assert app.enrich.finish().failed == 44
        assert len(server.log("/robots.txt")) == 2
        clock.advance(10 * HOUR)
        assert app.enrich.finish() == EnrichReport()
    assert why_not(tmp_path) == ("given_up", "robots.txt could not be read")


def test_the_page_that_a_link_leads_to_has_an_owner_with_rules_too(tmp_path: Path, server: FeedServer) -> None:
    with FeedServer() as press:
        press.add("/robots.txt", status(200, b"User-agent: *\nDisallow: /closed/\n"))
        for place in ("open", "closed"):
            press.add(f"/{place}/1", html())
        server.add("/page/1", redirect(press.url("/open/1")))
        server.add("/page/2", redirect(press.url("/closed/1")))
        home(tmp_path, server, [entry(server), entry(server, 2)])
        with polled(tmp_path) as (app, _):
            assert app.enrich.finish().fetched == 1
            assert [bool(e.article) for e in app.stores.entries.entries()] == [True, False]
    assert why_not(tmp_path, 2) == ("given_up", "robots.txt of the page it leads to asks not to")


# -- one at a time -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("robots", "pause"),
    [
        (b"", 5),
        (b"User-agent: *\nCrawl-delay: 12", 12),
        (b"User-agent: *\nCrawl-delay: 2", 5),
        (b"User-agent: *\nCrawl-delay: 9999", 60),
    ],
)
def test_pages_of_a_host_are_asked_for_apart(tmp_path: Path, server: FeedServer, robots: bytes, pause: int) -> None:
    server.add("/robots.txt", status(200, robots))
    for number in (1, 2, 3):
        server.add(f"/page/{number}", html())
    home(tmp_path, server, [entry(server, n) for n in (1, 2, 3)])
    with polled(tmp_path) as (app, clock):
        assert app.enrich.run().fetched == 1
        clock.advance((pause - 1) * SECOND)
        assert app.enrich.run().fetched == 0
        clock.advance(SECOND)
        assert app.enrich.run().fetched == 1
        before = clock.now()
        assert app.enrich.finish().fetched == 1
        assert clock.now() - before == pause * SECOND


def test_nobody_waits_for_all_pages_of_a_slow_host(tmp_path: Path, server: FeedServer) -> None:
    server.add("/robots.txt", status(200, b"User-agent: *\nCrawl-delay: 25"))
    for number in range(1, 9):
        server.add(f"/page/{number}", html())
    home(tmp_path, server, [entry(server, n) for n in range(1, 9)])
    with polled(tmp_path) as (app, clock):
        before = clock.now()
        assert app.enrich.finish().fetched == 3
        assert clock.now() - before == 50 * SECOND
        assert app.stores.entries.article_hosts(clock.now()), "the others stay due"


def test_the_pause_is_a_real_one_and_other_hosts_do_not_wait_for_it(tmp_path: Path, server: FeedServer) -> None:
    with FeedServer() as other:
        for number in (1, 2, 3):
            server.add(f"/page/{number}", html())
        other.add("/page/9", html())
        today = datetime.now(UTC)  # noqa: TID251 - the publisher's own clock
        home(tmp_path, server, [*(entry(server, n, at=today) for n in (1, 2, 3)), entry(other, 9, at=today)])
        _real_clock(tmp_path, "1s")
        assert "article pages: 4 read" in done(tmp_path, "poll").err
        asked = [r for r in server.requests if "page" in r.path]
        pauses = [b.started - a.ended for a, b in pairwise(asked)]
        assert len(pauses) == 2
        assert min(pauses) >= 1.0
        [alone] = other.log("/page/9")
        assert alone.started < asked[1].started


def _real_clock(folder: Path, spacing: str) -> None:
    network = {"allow_private": ["127.0.0.0/8"], "host_spacing": "0s", "article_spacing": spacing}
    (folder / "config/aggregator.yaml").write_text(json.dumps({"network": network}))


def test_pages_that_wait_for_their_turn_hold_up_no_poll(tmp_path: Path, server: FeedServer) -> None:
    for number in range(1, 9):
        server.add(f"/page/{number}", html())
    home(tmp_path, server, [entry(server, n) for n in range(1, 9)])
    with staged(tmp_path) as (app, clock):
        sweep(app)
        began = time.monotonic()
        app.enrich.run()
        clock.advance(LATER)
        sweep(app)
        assert time.monotonic() - began < 5  # a page and a poll; seven pages are still due
        assert len(app.stores.entries.article_hosts(clock.now())) == 1


# -- servers that say no -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [401, 402, 403, 404, 410, 451])
def test_a_page_that_is_refused_is_not_asked_for_again(tmp_path: Path, server: FeedServer, code: int) -> None:
    server.add("/page/1", status(code))
    home(tmp_path, server, [entry(server)])
    with polled(tmp_path) as (app, clock):
        for _ in range(3):
            app.enrich.finish()
            clock.advance(10 * HOUR)
    assert len(server.log("/page/1")) == 1
    state, error = why_not(tmp_path)
    assert state == "given_up"
    assert str(code) in error


@pytest.mark.parametrize("code", [429, 503])
def test_a_host_that_asks_for_a_pause_gets_it_for_all_its_pages(tmp_path: Path, server: FeedServer, code: int) -> None:
    refusal = status(code, headers=[("Retry-After", "7200")])
    for number in (1, 2, 3):
        server.add(f"/page/{number}", in_turn(refusal, html()) if number == 3 else html())
    home(tmp_path, server, [entry(server, n) for n in (1, 2, 3)])
    with polled(tmp_path) as (app, clock):
        assert app.enrich.finish() == EnrichReport(failed=1)
        clock.advance(2 * HOUR - SECOND)
        assert app.enrich.finish() == EnrichReport()
        clock.advance(SECOND)
        assert app.enrich.finish().fetched == 3
    assert [len(server.log(f"/page/{n}")) for n in (1, 2, 3)] == [1, 1, 2]


def test_a_host_that_asked_the_poll_line_for_a_pause_is_not_asked_for_pages(tmp_path: Path, server: FeedServer) -> None:
    refusal = status(429, headers=[("Retry-After", "7200")])
    server.add("/page/1", html())
    feed = document(rss(entry(server)), etag='"1"')
    urls = [server.add("/rss", in_turn(feed, refusal)), server.add("/two", in_turn(document(rss()), refusal))]
    feeds = [{"id": f"f{n}", "url": url, "articles": "short"} for n, url in enumerate(urls)]
    write_home(tmp_path, feeds, watchlists=WATCHLISTS, digests={"digests": []})
    with polled(tmp_path) as (app, clock):
        clock.advance(LATER)
        sweep(app)
        assert app.enrich.finish() == EnrichReport()
        clock.advance(2 * HOUR + 2 * HOUR)
        assert app.enrich.finish().fetched == 1


def test_a_page_that_fails_is_tried_once_more(tmp_path: Path, server: FeedServer) -> None:
    server.add("/page/1", status(500))
    home(tmp_path, server, [entry(server)])
    with polled(tmp_path) as (app, clock):
        for _ in range(5):
            app.enrich.finish()
            clock.advance(HOUR)
    assert len(server.log("/page/1")) == 2
    assert why_not(tmp_path)[0] == "given_up"


def test_a_page_without_a_text_is_looked_at_once_more_and_conditionally(tmp_path: Path, server: FeedServer) -> None:
    empty = b"<html><head><title>Wire</title></head><body><p>Sign in to go on.</p></body></html>"
    server.add("/page/1", html(empty, etag='"v1"'))
    server.add("/page/2", in_turn(html(empty, etag='"v1"'), html(etag='"v2"')))
    home(tmp_path, server, [entry(server), entry(server, 2)])
    with polled(tmp_path) as (app, clock):
        assert app.enrich.finish() == EnrichReport(failed=2)
        clock.advance(HOUR)
        report = app.enrich.finish()
        assert (report.fetched, report.failed) == (1, 1)
        clock.advance(10 * HOUR)
        assert app.enrich.finish() == EnrichReport()
    for path in ("/page/1", "/page/2"):
        assert [r.headers.get("if-none-match") for r in server.log(path)] == [None, '"v1"']
    assert "not changed" in why_not(tmp_path)[1]


# -- pages that may not be kept ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "head", "kept"),
    [
        ({"X_Robots_Tag": "noarchive"}, "", False),
        ({"X_Robots_Tag": "googlebot: noarchive"}, "", True),
        ({}, '<meta name="robots" content="nosnippet">', False),
        ({}, '<meta name="robots" content="noindex">', True),
    ],
)
def test_a_page_that_asks_not_to_be_kept_is_not_kept(
    tmp_path: Path, server: FeedServer, headers: dict[str, str], head: str, kept: bool
) -> None:
    server.add("/page/1", html(page("en", TEXT, head=head).encode(), **headers))
    home(tmp_path, server, [entry(server)])
    with polled(tmp_path) as (app, clock):
        assert app.enrich.run().fetched == kept
        assert [bool(e.article) for e in app.stores.entries.entries()] == [kept]
        assert bool(app.stores.watch.matches("inside")) == kept
        clock.advance(10 * HOUR)
        app.enrich.run()
    assert len(server.log("/page/1")) == 1
    assert kept or "asks not to be kept" in why_not(tmp_path)[1]


def test_a_link_to_a_file_is_not_read(tmp_path: Path, server: FeedServer) -> None:
    server.add("/page/1", status(200, b"%PDF-1.7", [("Content-Type", "application/pdf")]))
    home(tmp_path, server, [entry(server)])
    with polled(tmp_path) as (app, _):
        app.enrich.run()
    assert why_not(tmp_path) == ("given_up", "its link leads to no page (application/pdf)")
    told = aggregator(tmp_path, "why", "1", "inside").out.splitlines()[-1]
    assert told == "the article page has not been read: its link leads to no page (application/pdf)"


def test_a_page_whose_header_alone_names_its_old_encoding_is_read(tmp_path: Path, server: FeedServer) -> None:
    body = page("ru", PARAGRAPHS["ru"]).replace("<meta charset='utf-8'>", "").encode("cp1251", "ignore")
    server.add("/page/1", status(200, body, [("Content-Type", "text/html; charset=windows-1251")]))
    home(tmp_path, server, [entry(server, title=TITLES["ru"], text=f"{PARAGRAPHS['ru'][0][:60]}…")])
    with polled(tmp_path) as (app, _):
        app.enrich.run()
        [stored] = app.stores.entries.entries()
        assert PARAGRAPHS["ru"][1] in stored.article
