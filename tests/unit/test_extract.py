"""Article pages: the article comes out, the page around it does not."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator.stories import extract
from tests import counts
from tests.unit.newspages import AROUND, END, INSIDE, MARK, PARAGRAPHS, SKELETONS, TITLES, URL, WORDS, page

LANGUAGES = sorted(PARAGRAPHS)


def read(html: bytes | str, paragraphs: Sequence[str], language: str = "en", summary: str | None = None) -> str:
    """The text of a page whose feed gave the beginning of the first paragraph, or another summary."""
    told = f"{paragraphs[0][:70]}…" if summary is None else summary
    return extract.article(html, URL, told, TITLES[language]).text


def check(html: str, paragraphs: Sequence[str], language: str = "en", summary: str | None = None) -> None:
    text = read(html, paragraphs, language, summary)
    assert MARK.casefold() not in text.casefold()
    assert [p for p in paragraphs if p not in text] == []


# -- one kind of surroundings at a time ------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", sorted(AROUND))
def test_what_stands_around_an_article_stays_behind(name: str, language: str) -> None:
    for skeleton in SKELETONS:
        for count in (1, 3):
            text = PARAGRAPHS[language][:count]
            check(page(language, text, skeleton=skeleton, before=[name]), text, language)
            check(page(language, text, skeleton=skeleton, after=[name]), text, language, summary="")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", sorted(END))
def test_what_stands_inside_an_article_stays_behind(name: str, language: str) -> None:
    for skeleton in SKELETONS:
        for count in (1, 4):
            text = PARAGRAPHS[language][:count]
            check(page(language, text, skeleton=skeleton, end=[name]), text, language)
            if name in INSIDE:
                check(page(language, text, skeleton=skeleton, between=[name]), text, language, summary="")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_page_of_menus_and_two_lists_of_ten_headlines_gives_its_few_paragraphs(count: int, language: str) -> None:
    around = ["a menu", "a labelled list", "news as divs", "breadcrumbs"]
    text = PARAGRAPHS[language][:count]
    html = page(language, text, before=around, after=[*around, "a tag cloud", "a footer"], end=["a subscribe line"])
    check(html, text, language)
    check(html, text, language, summary="")


# -- all of them -------------------------------------------------------------------------------------------------------


def test_no_word_of_random_surroundings_comes_along_and_the_article_does() -> None:
    dice = random.Random(counts.seed())
    rounds = counts.count(300, 20_000)
    leaks, wanted, came = 0, 0, 0
    for _ in range(rounds):
        language = dice.choice(LANGUAGES)
        text = dice.sample(PARAGRAPHS[language], dice.randint(1, 5))
        html = page(
            language,
            text,
            skeleton=dice.choice(sorted(SKELETONS)),
            before=dice.choices(sorted(AROUND), k=dice.randint(0, 5)),
            after=dice.choices(sorted(AROUND), k=dice.randint(0, 5)),
            between=dice.choices(sorted(INSIDE), k=dice.randint(0, 2)),
            end=dice.choices(sorted(END), k=dice.randint(0, 2)),
        )
        found = read(html, text, language, dice.choice(["", text[0], f"{text[0][:70]}…"]))
        leaks += MARK.casefold() in found.casefold()
        wanted += len(text)
        came += sum(p in found for p in text)
    counts.report("article pages", rounds, leaks, f"{came / wanted:.2%} of the paragraphs came out")
    assert leaks == 0
    assert came >= 0.97 * wanted


# -- what the publisher says of the page -----------------------------------------------------------------------------


def stated(body: str, **more: object) -> str:
    value = {"@context": "https://schema.org", "@type": "NewsArticle", "articleBody": body} | more
    return f'<script type="application/ld+json">{json.dumps(value, ensure_ascii=False)}</script>'


def test_the_publishers_own_article_body_is_the_text() -> None:
    text = PARAGRAPHS["en"]
    teasers = "".join(f"<p>{t}</p>" for t in WORDS["en"].teasers)
    html = f"<html><head>{stated(chr(10).join(text))}</head><body><h1>{TITLES['en']}</h1><div>{teasers}</div></body></html>"
    check(html, text)


@pytest.mark.parametrize("wrap", ["<p>{}</p>", "{}<br><br>", "&nbsp;{}\n"])
def test_markup_in_an_article_body_is_no_text(wrap: str) -> None:
    text = PARAGRAPHS["ru"]
    body = "".join(wrap.format(p) for p in text)
    found = read(page("ru", text[:1], head=stated(body)), text, "ru")
    assert [p for p in text if p not in found] == []
    assert not any(sign in found for sign in ("<", "&nbsp"))


def test_an_article_body_that_holds_the_headlines_of_the_page_is_not_taken() -> None:
    text = PARAGRAPHS["en"]
    body = " ".join([*text, *WORDS["en"].headlines])
    check(page("en", text, after=["a list"], head=stated(body)), text)


@pytest.mark.parametrize("script", ["{", '{"articleBody": 7}', '["x"]', "null", "[" * 10_000])
def test_json_that_says_nothing_changes_nothing(script: str) -> None:
    text = PARAGRAPHS["en"]
    check(page("en", text, head=f'<script type="application/ld+json">{script}</script>'), text)


@pytest.mark.parametrize(
    ("head", "word"),
    [
        ('<meta name="robots" content="noarchive">', "noarchive"),
        ('<META NAME="Robots" CONTENT="index, NOSNIPPET">', "nosnippet"),
        ('<meta name="aggregator" content="noarchive">', "noarchive"),
        ('<meta name="googlebot" content="noarchive">', ""),
        ('<meta name="robots" content="noindex">', ""),
        ('<meta name="robots">', ""),
    ],
)
def test_a_page_that_asks_not_to_be_kept_gives_no_text(head: str, word: str) -> None:
    text = PARAGRAPHS["en"]
    found = extract.article(page("en", text, head=head), URL, text[0], TITLES["en"])
    assert found.withheld == word
    assert bool(found.text) == (not word)


def test_a_lead_in_the_articles_own_header_is_text() -> None:
    text = PARAGRAPHS["en"]
    article = f"<header><h1>{TITLES['en']}</h1><p>{text[0]}</p></header>{''.join(f'<p>{p}</p>' for p in text[1:])}"
    check(f"<html><body><header><p>{MARK} is here.</p></header><article>{article}</article></body></html>", text)


def test_a_teaser_of_the_same_article_protects_nothing_around_it() -> None:
    text = PARAGRAPHS["en"]
    cards = "".join(
        f"<div><h4>{h}</h4><p>{t}</p></div>" for h, t in zip(WORDS["en"].headlines, WORDS["en"].teasers, strict=False)
    )
    box = f"<div class='related'><p>{text[0][:80]}</p>{cards}</div>"
    check(page("en", text).replace("<body>", f"<body>{box}"), text)
    check(page("en", text).replace("</body>", f"{box}</body>"), text)


# -- pages of all kinds ------------------------------------------------------------------------------------------------


def test_a_text_that_is_broken_by_line_ends_alone_comes_out() -> None:
    text = PARAGRAPHS["be"]
    html = f"<html><body><div><h1>{TITLES['be']}</h1>{'<br><br>'.join(text)}</div></body></html>"
    check(html, text, "be")


def test_links_inside_sentences_stay() -> None:
    text = PARAGRAPHS["en"][:2]
    html = page("en", text).replace("two days of talks", '<a href="/t">two days of talks</a>')
    check(html, text)


def test_cyrillic_pages_in_an_old_encoding() -> None:
    text = PARAGRAPHS["ru"]
    html = page("ru", text).replace("charset='utf-8'", "charset='windows-1251'")
    assert [p for p in text if p not in read(html.encode("cp1251"), text, "ru")] == []


def test_a_declaration_that_contradicts_decoded_text_is_not_heard() -> None:
    text = PARAGRAPHS["ru"]
    check(page("ru", text).replace("charset='utf-8'", "charset='windows-1251'"), text, "ru")


@pytest.mark.parametrize("html", ["", "   ", b"", b"\0\0", "<html></html>", "<p>", "<!-- -->", "no markup at all"])
def test_a_page_that_yields_nothing_gives_nothing(html: str | bytes) -> None:
    assert extract.article(html, URL, "The summary of the feed stands here.", "A title of some length").text == ""


@pytest.mark.parametrize(
    "words",
    [
        "We value your privacy. Choose which partners may see what you read on these pages, now or later.",
        "To go on reading, sign in with your name and your password. You can have both for free within a minute.",
    ],
)
def test_a_page_about_something_else_is_not_taken_for_the_article(words: str) -> None:
    html = f"<html><head><title>Wire</title></head><body><article><p>{words}</p><p>{words}</p></article></body></html>"
    assert read(html, PARAGRAPHS["en"], summary=" ".join(PARAGRAPHS["en"][:2])) == ""


def test_a_page_is_read_up_to_five_megabytes() -> None:
    text = PARAGRAPHS["en"]
    assert text[0] in read(page("en", text) + "<!--" + "x" * extract.MAX_PAGE, text)


@pytest.mark.parametrize(
    "piece", ["<div>", "<p><a href=/x>word word word</a>", "<table><tr><td>", "<h3>x", "<ul><li>", "<b>"]
)
def test_a_page_that_nests_without_end_is_read_in_seconds(piece: str) -> None:
    text = PARAGRAPHS["en"]
    assert isinstance(read(page("en", text) + piece * 20_000, text), str)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=300) | st.binary(max_size=300), st.text(max_size=50))
def test_nothing_raises(html: str | bytes, summary: str) -> None:
    assert isinstance(extract.article(html, URL, summary, summary).text, str)
