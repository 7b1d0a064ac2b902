"""The quick reader says what feedparser and rss.py say, or hands the document over: golden files, generated feeds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aggregator.errors import Quarantine
from aggregator.feeds import charset, parse, quick, rss, xmltext
from aggregator.feeds.fields import RawItem, RawText
from tests.e2e.feedversions import Version, histories

FEEDS = sorted((Path(__file__).parent.parent / "data" / "feeds").glob("*.xml"))
SHARED = sorted((Path(__file__).parents[3] / "shared" / "feeds").glob("*.xml"))
URL = "https://x.by/dir/feed.xml"


def told(items: Iterable[RawItem]) -> list[RawItem]:
    """The items; of an empty text it does not matter what kind of text it would be."""
    nothing = RawText()
    return [
        replace(
            item,
            title=item.title if item.title.value else nothing,
            summary=item.summary if item.summary.value else nothing,
            content=item.content if item.content.value else nothing,
        )
        for item in items
    ]


def agrees(body: bytes) -> bool:
    """Whether both readers say the same; False when the quick one handed the document over."""
    text = xmltext.redeclared(xmltext.clean(charset.decide(body).text))
    easy = quick.read(text, URL)
    if easy is None:
        try:
            text = xmltext.prepare(text, URL).text
        except Quarantine:
            return False
        easy = quick.read(text, URL)
    if easy is None:
        return False
    found = parse._feedparser(text, URL)
    head, version = found["feed"], str(found["version"])
    assert told(easy.items) == told(rss.item(item, head, version) for item in found["entries"])
    assert easy[:4] == (rss.feed_title(head), rss.home(head), rss.feed_language(head), version)
    return True


def same_where_few(body: bytes) -> bool:
    """What is read without a worker is what a worker would read; False when it takes one."""
    few = parse.few(charset.decide(body).text, URL)
    if few is None:
        return False
    whole = parse.document(body, URL)
    assert (few, "") == (whole.entries, whole.malformed)
    return True


@pytest.mark.parametrize("path", [*FEEDS, *SHARED], ids=lambda path: path.stem)
def test_both_readers_agree_on_a_document(path: Path) -> None:
    agrees(path.read_bytes())


def test_most_golden_documents_are_read_quickly() -> None:
    """The golden files are oddities; what is usual must not fall to the slow reader unnoticed."""
    assert sum(agrees(path.read_bytes()) for path in FEEDS) >= len(FEEDS) // 3


def test_a_few_items_are_read_as_a_worker_reads_them() -> None:
    assert sum(same_where_few(path.read_bytes()) for path in FEEDS) >= len(FEEDS) // 4


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<rss version='2.0'><channel><item><title>cut off",
        "<rss version='2.0'><channel><item><unknown/></item></channel></rss>",
        "<!DOCTYPE rss><rss version='2.0'><channel><item/></channel></rss>",
        "<rss version='2.0'><channel><item><title>\x01</title></item></channel></rss>",
        f"<rss version='2.0'><channel><item><title>{'x' * parse.FEW}</title></item></channel></rss>",
        f"<rss version='2.0'><channel><item><title>{'&lt;b>' * parse.FEW_TAGS}</title></item></channel></rss>",
        "<rss version='2.0'><channel><item>" + "<a>" * 450 + "</a>" * 450 + "</item></channel></rss>",
    ],
)
def test_whatever_is_not_plain_takes_a_worker(text: str) -> None:
    assert parse.few(text, URL) is None


@pytest.mark.parametrize("kind", ["rss", "atom", "rdf"])
def test_a_usual_feed_is_read_quickly(kind: str) -> None:
    assert agrees(Version(kind, 0, ((0, 1, 0), (0, 2, 0)), 1, "").body(1))  # type: ignore[arg-type]


@given(histories)
def test_both_readers_agree_on_generated_feeds(versions: list[Version]) -> None:
    for number, version in enumerate(versions):
        agrees(version.body(number))
        same_where_few(version.body(number))


WORDS = st.sampled_from(
    [
        "<b>x</b>",
        "&lt;i&gt;",
        "&amp;amp;",
        "a & b",
        "Ünï",
        "Ã©",
        "\x85",
        "ОДКБ",
        "<![CDATA[<p>c</p>]]>",
        "<!-- c -->",
        " ",
        "]]",
        "&#233;",
        "&#x85;",
    ]
)
ELEMENTS = st.sampled_from(
    [
        "title", "link", "guid", "description", "author", "category", "pubDate", "comments", "dc:creator", "dc:date",
        "dc:subject", "content:encoded", "enclosure url='/a.mp3' type='Audio/MPEG' length='7'", "guid isPermaLink='false'",
        "category domain='d'", "media:content url='m.jpg' fileSize='3'", "itunes:author", "slash:comments", "source url='s'",
        "title type='html'", "x:unknown", "unknown", "link href='/l'", "atom:link href='http://a/' rel='alternate'", "media:title",
        "dc:language", "summary", "id", "updated", "published", "itunes:summary", "itunes:duration", "georss:point", "body", "image",
    ]
)  # fmt: skip
CHILDREN = st.lists(st.tuples(ELEMENTS, st.lists(WORDS, max_size=3).map("".join)), max_size=7)
SPACES = (
    "xmlns:dc='http://purl.org/dc/elements/1.1/' xmlns:content='http://purl.org/rss/1.0/modules/content/' "
    "xmlns:media='http://search.yahoo.com/mrss/' xmlns:itunes='http://www.itunes.com/dtds/podcast-1.0.dtd' "
    "xmlns:slash='http://purl.org/rss/1.0/modules/slash/' xmlns:x='urn:x' xmlns:atom='http://www.w3.org/2005/Atom' "
    "xmlns:georss='http://www.georss.org/georss'"
)


def _element(name: str, text: str) -> str:
    text = text if text.startswith(("<![", "<!--")) else text.replace("<", "&lt;").replace(" & ", " &amp; ")
    return f"<{name}>{text}</{name.split(maxsplit=1)[0]}>"


@example([[("category", "<b>x</b>"), ("category", "<b>x</b>")]], [], "")
@example([[]], [("dc:language", "")], " xml:lang='ru'")
@example([], [("link", "&amp;amp;<b>x</b>")], "")
@given(st.lists(CHILDREN, max_size=4), CHILDREN, st.sampled_from(["", " xml:lang='ru'", " xml:base='https://b.by/'"]))
def test_both_readers_agree_on_any_mix_of_elements(
    items: list[list[tuple[str, str]]], head: list[tuple[str, str]], root: str
) -> None:
    told = "".join("<item>" + "".join(_element(*child) for child in item) + "</item>" for item in items)
    channel = "".join(_element(*child) for child in head)
    agrees(f"<rss version='2.0' {SPACES}{root}><channel>{channel}{told}</channel></rss>".encode())


@given(st.lists(CHILDREN, max_size=4), CHILDREN, st.sampled_from(["", " xml:lang='ru'", " xml:base='https://b.by/'"]))
def test_both_readers_agree_on_any_mix_of_elements_in_atom(
    items: list[list[tuple[str, str]]], head: list[tuple[str, str]], root: str
) -> None:
    told = "".join("<entry>" + "".join(_element(*child) for child in item) + "</entry>" for item in items)
    channel = "".join(_element(*child) for child in head)
    agrees(f"<feed xmlns='http://www.w3.org/2005/Atom' {SPACES}{root}>{channel}{told}</feed>".encode())
