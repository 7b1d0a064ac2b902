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


@pytest.mark.parametrize("page", ["", "no tags", "<link", "<!--", "<link rel=alternate>"])
def test_a_page_without_feeds_has_none(page: str) -> None:
    assert discover.candidates(page, "https://x.by/") == []


@pytest.mark.parametrize("bomb", ["<link " * 150_000, "<!--" * 250_000, "<link a=" + "a=" * 400_000 + ">"])
def test_hostile_pages_cost_little(bomb: str) -> None:
    started = time.perf_counter()
    discover.candidates(bomb, "https://x.by/")
    assert time.perf_counter() - started < 2


@given(st.text(), st.text())
def test_nothing_raises(page: str, base: str) -> None:
    discover.candidates(page, base)
    discover.candidates(f'<link rel="alternate" type="text/xml" href="{page}">', base)
