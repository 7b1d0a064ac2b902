"""The search page over real HTTP: the answers of `aggregator search`, by the same language, within a second."""

from __future__ import annotations

import html
import itertools
import json
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import quote

import pytest

from aggregator.app import build
from aggregator.clock import SetClock
from aggregator.web.turns import AT_ONCE
from tests.e2e.homes import ENVIRON, START
from tests.e2e.program import done
from tests.e2e.storyroom import Room, room, served, text_of
from tests.e2e.storyroom import ask as asking

LONG = "Soldiers of six countries began a drill near Minsk on Thursday. " * 6
QUERIES = [
    "Minsk",
    "@csto",
    "talks -gas",
    '"near Minsk"',
    "=CSTO",
    "minist*",
    "title:gas",
    "lang:en gas",
    "source:Echo",
    "nowhere",
]


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with room(tmp_path_factory.mktemp("search")) as made:
        feeds = [made.feed("wire", title="The <i>Wire</i>", language="en"), made.feed("echo", title="Echo")]
        feeds += [made.feed("tight", title="Tight", excerpt="none")]
        made.configure(feeds)
        for number in range(45):
            made.publish("wire", f"w{number}", f"Ministers in Minsk, day {number}", f"Talks on gas, round {number}.")
        made.pass_time(compose=False)
        made.clock.advance(timedelta(days=10))
        made.publish("echo", "e1", "ОДКБ: 5 < 6 & CSTO", f"{LONG} Then CSTO & partners met.")
        made.publish("tight", "t1", "CSTO drill", LONG)
        made.pass_time(compose=False)
        yield made


def ask(searched: Room, q: str, **more: str) -> str:
    return searched.page(address(q, **more))


def address(q: str, **more: str) -> str:
    return "/search?" + "&".join(f"{k}={quote(v, safe='')}" for k, v in {"q": q, **more}.items())


def stories(page: str) -> list[int]:
    hits = page.partition('<ol class="hits">')[2].partition("</ol>")[0]
    return [int(found) for found in re.findall(r'href="/stories/(\d+)"', hits)]


def link(page: str, text: str) -> str:
    [found] = re.findall(rf'href="(/search[^"]*)"[^>]*>(?:<bdi>)?{text}', page)
    return html.unescape(found)


@pytest.mark.parametrize("query", QUERIES)
def test_the_page_finds_what_the_command_finds(searched: Room, query: str) -> None:
    said = [json.loads(line)["story_id"] for line in done(searched.home, "search", query, "--json").out.splitlines()]
    page, found = ask(searched, query), []
    while True:
        found += stories(page)
        if 'rel="next"' not in page:
            break
        page = searched.page(link(page, "Older results"))
    assert found == said
    assert ("Nothing stored satisfies this" in page) == (not said)


def test_what_was_found_is_marked_and_never_markup(searched: Room) -> None:
    page = ask(searched, "@csto")
    assert "<mark>ОДКБ</mark>: 5 &lt; 6 &amp; <mark>CSTO</mark>" in page
    assert "Then <mark>CSTO</mark> &amp; partners met." in page
    assert "The &lt;i&gt;Wire" in ask(searched, "Minsk")
    assert not re.search(r"<script>|<i>|<style| style=", page)


def test_of_a_feed_whose_licence_says_none_the_headline_is_shown_alone(searched: Room) -> None:
    page = ask(searched, "drill", feed="tight")
    assert "CSTO <mark>drill</mark>" in page
    assert "Soldiers" not in page


def test_facets_narrow_and_can_be_taken_back(searched: Room) -> None:
    page = ask(searched, "Minsk")
    assert "47 results" in text_of(page)
    narrowed = searched.page(link(page, "Echo"))
    assert "1 result " in text_of(narrowed)
    assert "from Echo" in text_of(narrowed)
    assert text_of(searched.page(link(narrowed, "not only"))) == text_of(page)
    assert "2 results" in text_of(searched.page(link(page, "the last day")))
    assert len(stories(ask(searched, "Minsk", since="5d"))) == 2
    assert "since 2023-02-11" in text_of(ask(searched, "Minsk", since="2023-02-11"))
    assert stories(ask(searched, "Minsk", language="en", feed="wire")) == stories(ask(searched, "Minsk", feed="wire"))
    assert len(stories(ask(searched, "Minsk", watchlist="csto"))) == 2
    assert len(stories(ask(searched, "", watchlist="csto"))) == 2


@pytest.mark.parametrize(
    ("query", "caret"),
    [("gas AND", 7), ("(gas", 0), ("gas <b>nosuch:x</b> OR", 0), ("@nosuch", 0), ("NOT gas", 0), ("a" * 4001, 0)],
)
def test_a_query_that_does_not_parse_is_shown_with_a_caret(searched: Room, query: str, caret: int) -> None:
    response, page = searched.ask(address(query))
    assert response.status == 400
    assert 'role="alert"' in page
    [shown] = re.findall(r'<pre class="caret" tabindex="0">(.*?)</pre>', page, re.DOTALL)
    first, second = html.unescape(shown).split("\n")
    assert first == query
    assert re.fullmatch(r" *\^", second)
    assert not caret or second.index("^") == caret
    assert f'value="{html.escape(query)}"' in page, "what was typed is still there to be mended"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"since": "yesterday"}, "neither a date"),
        ({"since": "9" * 400}, "neither a date"),
        ({"watchlist": "x"}, "There is no watchlist"),
    ],
)
def test_a_part_that_means_nothing_is_named(searched: Room, more: dict[str, str], says: str) -> None:
    response, page = searched.ask(address("Minsk", **more))
    assert response.status == 400
    assert says in text_of(page)


@pytest.mark.parametrize("path", ["/search?q=%00%01", "/search?q=Minsk&before=-1", "/search?q=Minsk&before=%D9%A3", "/search?q=%FF%FE",
                                  "/search?q=Minsk&before=" + "9" * 400, "/search?q=Minsk&q=gas&feed=%22%3E", "/search?since=1d", "/search?q=" + "%22" * 50])  # fmt: skip
def test_whatever_is_asked_there_is_a_page(searched: Room, path: str) -> None:
    response, page = searched.ask(path)
    assert response.status in (200, 400)
    assert "<h1>Search</h1>" in page


def test_without_a_query_there_is_the_form_and_how_to_ask(searched: Room) -> None:
    page = searched.page("/search")
    assert "<details open><summary>How to ask" in page
    assert "results" not in page.partition("<main")[2].partition("How to ask")[0]


def test_what_is_doubtful_is_said(searched: Room) -> None:
    assert "nosuchword stands in no stored entry" in text_of(ask(searched, "Minsk OR nosuchword"))
    assert "is a word here; the operator is written AND" in text_of(ask(searched, "Minsk and gas"))


def test_a_search_can_be_followed_and_kept(searched: Room) -> None:
    page = ask(searched, "it's @csto", language="en")
    [atom] = re.findall(r'<a href="(/search\.atom[^"]+)"', page)
    assert searched.ask(html.unescape(atom))[0].status == 200
    [lines] = re.findall(r"<pre>(.*?)</pre>", page, re.DOTALL)
    kept = html.unescape(lines)
    assert kept == "  - id: it-s-csto\n    title: 'it''s @csto'\n    query: '(it''s @csto) lang:en'"
    file = searched.home / "config/watchlists.yaml"
    before = file.read_text()
    try:
        file.write_text(
            f"aliases: {{csto: ['=CSTO']}}\nwatchlists:\n  - {{id: csto, title: CSTO, query: '@csto'}}\n{kept}\n"
        )
        assert '"query": "(it\'s @csto) lang:en"' in done(searched.home, "watch", "list", "--json").out
    finally:
        file.write_text(before)
        searched.app.sync()


class Late(SetClock):
    """A clock on which a tenth of a second passes with each look at it."""

    def __init__(self) -> None:
        super().__init__(START)
        self._looks = itertools.count()

    def monotonic(self) -> float:
        return next(self._looks) / 10


BRIEF = {**ENVIRON, "AGGREGATOR__WEB__SEARCH_TIME": "1s"}


class Held(SetClock):
    """A clock that keeps whoever looks at it waiting."""

    def __init__(self) -> None:
        super().__init__(START)
        self.looking = threading.Semaphore(0)
        self.go_on = threading.Event()

    def monotonic(self) -> float:
        self.looking.release()
        self.go_on.wait(10)
        return super().monotonic()


def test_a_search_that_takes_too_long_says_so_and_goes_on_from_there(searched: Room) -> None:
    """Whether every entry satisfies it is decided by the evaluator, a tenth of a second each."""
    with build(searched.home, BRIEF, Late()) as app, served(app) as url:
        _, page = asking(url, address("=Ministers =gas"))
        assert "The search was ended, for it took long" in text_of(page)
        assert re.search(r"[1-9] results so far", text_of(page))
        _, older = asking(url, link(page, "Go on from here"))
    assert stories(older), "behind the last one that was looked at"
    assert min(stories(page)) > max(stories(older))


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/search?q=%3DMinsk", "Send it once more"),
        ("/search.atom?q=%3DMinsk", "Try again later"),
        ("/watchlists/csto?query=%3DMinsk", "Try again later"),
    ],
)
def test_more_than_a_few_searches_at_once_are_asked_to_come_again(searched: Room, path: str, says: str) -> None:
    clock = Held()
    with build(searched.home, ENVIRON, clock) as app, served(app) as url, ThreadPoolExecutor(AT_ONCE) as pool:
        under_way = [pool.submit(asking, url, address("=Minsk")) for _ in range(AT_ONCE)]
        for _ in under_way:
            assert clock.looking.acquire(timeout=10)
        try:
            response, page = asking(url, path)
        finally:
            clock.go_on.set()
        assert [one.result()[0].status for one in under_way] == [200] * AT_ONCE
    assert (response.status, response.headers["Retry-After"]) == (503, "2")
    assert says in page


def test_a_listing_of_a_search_that_takes_too_long_ends_too(searched: Room) -> None:
    with build(searched.home, BRIEF, Late()) as app, served(app) as url:
        response, text = asking(url, f"/search.json?q={quote('=Ministers =gas')}")
    assert response.status == 200
    assert 0 < len(json.loads(text)["items"]) < 12
