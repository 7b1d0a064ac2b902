"""Article pages: the article comes out, the page around it does not."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator.stories import extract

URL = "https://x.by/news/1"
PARAGRAPHS = [
    "Belarus named the priorities of its chairmanship on Thursday, the press service of the ministry reported.",
    "The secretary general said that the member states had agreed on the plan after two days of talks in Minsk.",
    "Experts expect the first meeting of the new council to take place in the spring, before the summer exercises.",
]
HEADLINES = [
    "CSTO peacekeepers hold exercises in the mountains of the south",
    "Prices of heating oil fall for the third week in a row",
    "Minsk hockey team wins the final match of the winter cup",
    "Museum of folk art opens a new exhibition of straw weaving",
    "Farmers prepare for the spring sowing campaign in six regions",
    "New railway timetable comes into force on the first of March",
]


def page(paragraphs: list[str]) -> str:
    links = "".join(f'<li><a href="/n/{n}">{h}</a></li>' for n, h in enumerate(HEADLINES))
    menu = "".join(f'<li><a href="/{w}">{w}</a></li>' for w in ("Politics", "Economy", "Society", "Sport"))
    text = "".join(f"<p>{p}</p>" for p in paragraphs)
    return (
        f"<html><head><title>News</title></head><body><nav><ul>{menu}</ul></nav><div class='last'><ul>{links}</ul></div>"
        f"<div class='article'><h1>Priorities named</h1>{text}</div>"
        f"<div class='popular'><h3>Most read</h3><ul>{links}</ul></div><footer>Copyright 2023</footer></body></html>"
    )


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_article_comes_out_without_its_surroundings(count: int) -> None:
    text = extract.article(page(PARAGRAPHS[:count]), URL, "Belarus named the priorities")
    for paragraph in PARAGRAPHS[:count]:
        assert paragraph in text
    for headline in HEADLINES:
        assert headline not in text


def test_cyrillic_pages_in_an_old_encoding() -> None:
    words = (
        "Белоруссия назвала приоритеты председательства в ОДКБ, сообщает пресс-служба министерства иностранных дел. "
        * 4
    )
    html = f'<html><head><meta charset="windows-1251"></head><body><article><p>{words}</p><p>{words}</p></article></body></html>'
    assert "приоритеты председательства в ОДКБ" in extract.article(html.encode("cp1251"), URL, "")


@pytest.mark.parametrize("html", ["", "   ", b"", b"\0\0", "<html></html>", "<p>", "no markup at all"])
def test_a_page_that_yields_nothing_leaves_the_summary(html: str | bytes) -> None:
    assert extract.article(html, URL, "The summary of the feed stands.") == "The summary of the feed stands."


def test_a_page_about_something_else_does_not_replace_a_longer_summary() -> None:
    consent = "<html><body><p>We value your privacy. Accept all cookies to go on.</p></body></html>"
    summary = " ".join(PARAGRAPHS)
    assert extract.article(consent, URL, summary) == summary


def test_a_page_is_read_up_to_five_megabytes() -> None:
    html = page(PARAGRAPHS) + "<!--" + "x" * extract.MAX_PAGE
    assert PARAGRAPHS[0] in extract.article(html, URL, "")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=300) | st.binary(max_size=300), st.text(max_size=50))
def test_nothing_raises(html: str | bytes, summary: str) -> None:
    assert isinstance(extract.article(html, URL, summary), str)
