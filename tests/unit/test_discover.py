from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.feeds import discover
from aggregator.feeds.discover import Candidate

PAGE = """<!DOCTYPE html><html><head>
<!-- <link rel="alternate" type="application/rss+xml" href="/hidden"> -->
<LINK REL='alternate' TYPE='application/rss+xml; charset=utf-8' TITLE='News &amp; more' HREF='/rss.xml?a=1&amp;b=2'>
<link href=atom.xml rel="alternate home" type=application/atom+xml>
<link rel="alternate" type="application/feed+json" href="https://y.by/feed.json">
<link rel="alternate" type="application/rss+xml" href="/rss.xml?a=1&b=2" title="again">
<link rel="alternate stylesheet" type="text/xml" href="/style.xml">
<link rel="alternate" hreflang="ru" href="/ru/">
<link rel="stylesheet" type="text/css" href="/a.css">
<link rel="alternate" type="application/rss+xml" href="javascript:alert(1)">
<link rel="alternate" type="application/rss+xml">
</head></html>"""


def test_the_feeds_of_a_page_in_its_order() -> None:
    assert discover.candidates(PAGE, "https://x.by/news/") == [
        Candidate("https://x.by/rss.xml?a=1&b=2", "News & more", "application/rss+xml"),
        Candidate("https://x.by/news/atom.xml", "", "application/atom+xml"),
        Candidate("https://y.by/feed.json", "", "application/feed+json"),
    ]


def test_a_base_element_counts() -> None:
    page = '<base href="https://z.by/d/"><link rel=alternate type=text/xml href=f>'
    assert [c.url for c in discover.candidates(page, "https://x.by/")] == ["https://z.by/d/f"]


LINK = '<link rel="alternate" type="application/rss+xml" href="/feed">'
FEED = ["https://x.by/feed"]


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ("<link rel=alternate type='application/rss+xml' href=/feed>", FEED),
        ("<link/href='/feed'\n\ttype = application/rss+xml\nREL = Alternate />", FEED),
        ('<link title="a > b" href="/feed" type="application/rss+xml" rel="alternate">', FEED),
        ('<link rel="alternate" rel="stylesheet" type="application/rss+xml" href="/feed" href="/other">', FEED),
        (f"<script>if (a<b) document.write('{LINK}')</script>", []),
        (f"<style>{LINK}</style><textarea>{LINK}</textarea><title>{LINK}</title>", []),
        (f"<!-- {LINK}", []),
        (f"<!---->{LINK}<!-- x -->", FEED),
        (f"<SCRIPT></script\n>{LINK}", FEED),
        (f'<script src="x"/>{LINK}', FEED),
        (f"<scripted>{LINK}", FEED),
        ('<link rel="alternate" type="application/json" href="/wp-json/wp/v2/pages/2">', []),
        ('<link rel="alternate" type="application/json" href="/feed.json">', ["https://x.by/feed.json"]),
        (
            '<link rel="alternate" type="application/json+oembed" href="/o"><link rel=alternate type=text/html href=/m>',
            [],
        ),
        (LINK + '<base href="//z.by/a/"><base href="/b/">', ["https://z.by/feed"]),
        ('<base target="_blank"><base href="sub/">' + LINK.replace("/feed", "feed"), ["https://x.by/news/sub/feed"]),
        ('<base href="javascript:0">' + LINK, FEED),
        ('<link rel=alternate type="application/rss+xml" href="">', []),
        ('<link rel=alternate type="application/rss+xml" href="/поток?a=б в">', ["https://x.by/поток?a=б%20в"]),
    ],
)
def test_real_pages_are_written_in_many_ways(page: str, found: list[str]) -> None:
    assert [candidate.url for candidate in discover.candidates(page, "https://x.by/news/")] == found


def test_a_title_is_plain_text_and_one_line() -> None:
    page = LINK.replace(" href", ' title=" \x1b[31mNews\n&amp;\u2028 more&#27; " href')
    assert discover.candidates(page, "https://x.by/")[0].title == "[31mNews & more"


def test_a_page_that_names_thousands_is_cut() -> None:
    page = "".join(LINK.replace("/feed", f"/{n}") for n in range(1_000))
    assert len(discover.candidates(page, "https://x.by/")) == discover.MOST


@pytest.mark.parametrize(
    ("version", "media"),
    [("rss20", "rss+xml"), ("atom10", "atom+xml"), ("json11", "feed+json"), ("cdf", "rss+xml"), ("", "rss+xml")],
)
def test_a_feed_is_its_own_candidate(version: str, media: str) -> None:
    assert discover.itself("u", "t", version) == Candidate("u", "t", f"application/{media}")


@pytest.mark.parametrize("page", ["", "no tags", "<link", "<!--", "<link rel=alternate>"])
def test_a_page_without_feeds_has_none(page: str) -> None:
    assert discover.candidates(page, "https://x.by/") == []


@pytest.mark.parametrize(
    "bomb",
    [
        "<link " * 150_000,
        "<!--" * 250_000,
        "<link a=" + "a=" * 400_000 + ">",
        "<script " * 120_000,
        "<link " + " " * 900_000,
        "<link a=\"b='" * 80_000,
        "<script></script" * 60_000,
    ],
)
def test_hostile_pages_cost_little(bomb: str) -> None:
    started = time.process_time()
    discover.candidates(bomb, "https://x.by/")
    assert time.process_time() - started < 2


@given(st.text(), st.text())
def test_nothing_raises(page: str, base: str) -> None:
    discover.candidates(page, base)
    discover.candidates(f'<link rel="alternate" type="text/xml" href="{page}">', base)
