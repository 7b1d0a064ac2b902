"""Pages as files: their names, their links, and what is taken out of them."""

from __future__ import annotations

import asyncio
import posixpath
from urllib.parse import unquote

import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aggregator.web.asfile import as_file
from aggregator.web.export import ask
from aggregator.web.filelinks import DROPPED, NOWHERE, FileLinks, file, relative

NAMES = ("today", "story", "watchlist", "listing", "edition", "sheet", "editions")


def links(public_url: str = "") -> FileLinks:
    return FileLinks(NAMES, lambda _name, _given: True, public_url)


def test_a_link_is_relative_to_the_page_it_stands_on() -> None:
    link = links()
    assert link("today") == "index.html"
    link.at = "stories/7/index.html"
    assert link("today") == "../../index.html"
    assert link("story", story=7) == "index.html"
    assert link("listing", watchlist="csto", form="atom") == "../../watchlists/csto.atom"
    assert link("watchlist", watchlist="csto", days=90, show="") == "../../watchlists/csto/days.90/index.html"
    assert (
        link("edition", digest="daily", key="2023-02-02T07:30+03:00")
        == "../../editions/daily/2023-02-02T07-30%2B03-00/index.html"
    )
    assert (
        link.asked["/editions/daily/2023-02-02T07%3A30%2B03%3A00"] == "editions/daily/2023-02-02T07-30+03-00/index.html"
    )
    assert link.asset("aggregator.css").startswith("../../static/aggregator.")


def test_what_is_no_file_is_on_the_server_or_nowhere() -> None:
    assert links("https://news.example")("search", q="a b") == "https://news.example/search?q=a+b"
    assert links()("search", q="a b") == NOWHERE
    assert links()("search") == links()("subscribe") == DROPPED
    link = links()
    link.gone.add("/stories/7")
    assert link("story", story=7) == NOWHERE
    assert not link.asked


def test_what_a_page_asks_for_besides_is_named_as_no_id_is() -> None:
    assert file("feeds", page=2) != file("feed", feed="page-2")
    assert file("editions", before=12).partition("/index")[0] != f"editions/{'before-12'}"


@settings(max_examples=60)
@given(st.text(max_size=12), st.text(max_size=12))
@example("a" * 120, "a" * 121)
@example("..", "a/../../b")
def test_every_text_has_a_name_of_its_own_that_stays_inside(one: str, other: str) -> None:
    names = [file("feed", feed=text) for text in (one, other)]
    assert (names[0] == names[1]) == (one == other)
    for name in names:
        parts = name.split("/")
        assert len(parts) == 3
        assert parts[1] not in ("", ".", "..")
        assert len(parts[1]) < 120
        assert posixpath.normpath(posixpath.join("a/b", unquote(relative(name, "a/b/index.html")))) == name


@pytest.mark.parametrize(
    ("page", "left"),
    [
        ('<p>a <form action="/x"><input name="q"><button>Go</button></form> b</p>', "<p>a  b</p>"),
        (f'<p>See <a class="x" href="{NOWHERE}">the <b>feed</b></a>.</p>', "<p>See the <b>feed</b>.</p>"),
        (f'<nav><a href="{NOWHERE}">Search</a><a href="x">X</a></nav>', '<nav><a href="x">X</a></nav>'),
        (f'<p><a href="{DROPPED}">Subscribe</a><a href="{NOWHERE}" rel="next">Older</a></p>', "<p></p>"),
        (f'<link rel="alternate" href="{NOWHERE}"><link rel="stylesheet" href="a.css">', '<link rel="stylesheet" href="a.css">'),
        ("<section><h2>Try it</h2><form><p>words</p></form></section><p>x</p>", "<p>x</p>"),
        ('<p><a href="#try">Try it</a> <a href="#it">It</a></p><form id="try"></form><p id="it">x</p>', '<p> <a href="#it">It</a></p><p id="it">x</p>'),
        ("<details><summary>Try</summary><form></form></details>", ""),
        ("<section><h2>Try it</h2><form></form><p>It says.</p></section>", "<section><h2>Try it</h2><p>It says.</p></section>"),
        ("<section><h2>a</h2><section><h2>b</h2><form></form></section><p>c</p></section>", "<section><h2>a</h2><p>c</p></section>"),
        ("<!doctype html>\n<p title='a &amp; b'>1 &lt; 2 &#34; é<br/><!-- c --></p>", "<!doctype html>\n<p title='a &amp; b'>1 &lt; 2 &#34; é<br/><!-- c --></p>"),
        ('<svg viewBox="0 0 1 1"><rect x="0"></rect></svg>', '<svg viewBox="0 0 1 1"><rect x="0"></rect></svg>'),
    ],
)  # fmt: skip
def test_only_what_needs_a_server_is_taken_out(page: str, left: str) -> None:
    assert as_file(page) == left


def test_what_is_streamed_is_asked_for_like_everything_else() -> None:
    web = FastAPI()
    web.get("/a b")(lambda q: StreamingResponse(iter([b"one ", q.encode()]), media_type="text/csv"))
    status, kind, body = asyncio.run(asyncio.wait_for(ask(web, "/a%20b?q=two"), 5))
    assert (status, body) == (200, b"one two")
    assert kind.startswith("text/csv")
