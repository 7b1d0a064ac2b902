from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.errors import UsageError
from aggregator.feeds import opml, sanitize
from aggregator.feeds.opml import Outline
from aggregator.model import FeedSpec

FILE = """<?xml version="1.0" encoding="utf-8"?>
<opml version="1.1"><head><title>Mine</title></head><body>
<outline text="Agencies"><outline text="Belarus">
  <outline type="rss" text="BelTA" title="BelTA &amp; more" xmlUrl="https://belta.example/rss" category="/state,by"
           htmlUrl="https://belta.example/" language="be"/>
</outline></outline>
<outline text="Loose" xmlURL="https://loose.example/rss?a=1&b=2" htmlUrl="javascript:0"/>
<outline text="Again" xmlUrl="https://belta.example/rss"/>
<outline text="Bad" xmlUrl="javascript:alert(1)"/>
<outline text="File" xmlUrl="file:///etc/passwd"/>
<outline type="rss" text="None"/>
<outline text="Empty folder"/>
<outline text="Cut" xmlUrl="https://cut.example/rss?token=***&amp;a=1"/>
</body></opml>"""
WEB = "its address is not of the form http:// or https://"


def test_feeds_folders_and_categories() -> None:
    found = opml.parse(FILE.encode())
    assert found[:3] == [
        Outline(
            "https://belta.example/rss",
            "BelTA & more",
            ("Agencies", "Belarus", "state", "by"),
            "be",
            homepage="https://belta.example/",
            line=4,
        ),
        Outline("https://loose.example/rss?a=1&b=2", "Loose", line=7),
        Outline("https://belta.example/rss", "Again", line=8),
    ]
    assert [(o.title, o.line, o.problem) for o in found[3:]] == [
        ("Bad", 9, WEB),
        ("File", 10, WEB),
        ("None", 11, "it has no address (xmlUrl)"),
        ("Cut", 13, "a secret in its address was left out when the file was exported; put it back in place of ***"),
    ]


def test_a_folder_that_calls_itself_a_feed_is_a_folder() -> None:
    document = b"<opml><outline type='rss' text='F'><outline xmlUrl='https://x.by/'/></outline></opml>"
    assert [(o.url, o.tags, o.problem) for o in opml.parse(document)] == [("https://x.by/", ("F",), "")]


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("feed://x.by/rss", "http://x.by/rss"),
        ("feed:https://x.by/rss", "https://x.by/rss"),
        ("FEED://https://x.by/rss", "https://x.by/rss"),
        ("HTTP://x.by/rss", "HTTP://x.by/rss"),
        ("https://x.by/a?b=%2F&quot;", 'https://x.by/a?b=%2F"'),
    ],
)
def test_an_address_stays_as_it_is_but_for_the_scheme_feed(given: str, read: str) -> None:
    [outline] = opml.parse(f'<opml><outline xmlUrl="{given}"/></opml>'.encode())
    assert (outline.url, outline.problem) == (read, "")


def test_any_encoding_is_read() -> None:
    text = '<opml><body><outline text="Новости Беларуси и ОДКБ" xmlUrl="https://x.by/rss"/></body></opml>'
    for encoding in ("utf-8", "utf-16", "cp1251"):
        assert opml.parse(text.encode(encoding))[0].title == "Новости Беларуси и ОДКБ"


XXE = '<!DOCTYPE o [<!ENTITY x SYSTEM "file:///etc/passwd">]><opml><outline text="&x;" xmlUrl="https://x.by/"/></opml>'
LAUGHS = (
    '<!DOCTYPE o [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
    '<opml><outline text="&c;" xmlUrl="https://x.by/"/></opml>'
)
HOSTILE: dict[str, tuple[bytes, str]] = {
    "external entity": (XXE.encode(), "entities"),
    "external entity in UTF-16": (XXE.encode("utf-16"), "entities"),
    "external entity in UTF-16 without a mark": (
        ('<?xml version="1.0" encoding="utf-16"?>' + XXE).encode("utf-16-be"),
        "entities",
    ),
    "external entity in UTF-7": (('<?xml version="1.0" encoding="utf-7"?>' + XXE).encode(), "entities"),
    "billion laughs": (LAUGHS.encode(), "entities"),
    "parameter entity": (b'<!DOCTYPE o [<!ENTITY % x SYSTEM "http://a/x.dtd"> %x;]><opml/>', "entities"),
    "depth": (b"<opml>" + b"<outline text='x'>" * 21 + b"</outline>" * 21 + b"</opml>", "deeper than 20"),
    "depth of other elements": (b"<opml>" + b"<a>" * 100_000, "nested deeper"),
    "count": (b"<opml>" + b"<outline text='x'/>" * 5_001 + b"</opml>", "more than 5000"),
    "size": (b"<opml>" + b" " * 2_000_001 + b"</opml>", "larger than 2 MB"),
    "attributes": (b"<opml><outline " + b" ".join(b"a%d='x'" % n for n in range(5_000)) + b"/></opml>", "attributes"),
    "a page": (b"<html><body/></html>", "no OPML"),
    "a feed": (b"<rss version='2.0'><channel/></rss>", "no OPML"),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not XML"),
    "nothing": (b"", "not XML"),
    "half a file": (b"<opml><body><outline xmlUrl='https://x.by/'/>", "not XML"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_refused_is_refused_in_one_line(name: str) -> None:
    document, words = HOSTILE[name]
    with pytest.raises(UsageError, match=words) as caught:
        opml.parse(document)
    assert "\n" not in str(caught.value)
    assert "root:" not in str(caught.value)


def test_a_document_type_elsewhere_is_not_read() -> None:
    document = b'<!DOCTYPE opml SYSTEM "http://127.0.0.1:9/x.dtd"><opml><outline xmlUrl="https://x.by/"/></opml>'
    assert [o.url for o in opml.parse(document)] == ["https://x.by/"]


def test_secrets_are_not_exported() -> None:
    feed = FeedSpec("a", "https://user:hunter2@x.by/rss?token=s3cret")
    text = opml.render([feed], homepages={"a": "https://user:hunter2@x.by/"})
    assert "hunter2" not in text
    assert "s3cret" not in text
    assert opml.parse(text.encode())[0].problem.startswith("a secret in its address was left out")


# -- there and back ----------------------------------------------------------------------------------------------------

WORDS = st.text("аБелТА ОДКБ ў'\"&<>;:#%=/,-_.[]{}()!?@*|\\ az019é你🙂\u0301\u200b", max_size=30).map(sanitize.plain)
HOSTS = st.from_regex(r"[a-z]{1,8}\.(example|by|бел)", fullmatch=True)
PATHS = st.from_regex(r"(/[a-zа-я0-9&;'\"<>~%-]{1,8}){0,3}(\?[a-z]=[a-zё0-9&'-]{1,6})?", fullmatch=True)
ADDRESSES = st.builds(lambda host, path: f"https://{host}{path}", HOSTS, PATHS)
FEEDS = st.builds(
    FeedSpec,
    id=st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}", fullmatch=True),
    url=ADDRESSES,
    title=WORDS,
    language=st.sampled_from(["", "be", "ru", "en-GB"]),
    tags=st.lists(WORDS.filter(bool), max_size=6, unique=True).map(tuple),
)


@given(st.lists(st.tuples(FEEDS, st.one_of(st.just(""), ADDRESSES)), max_size=8, unique_by=lambda pair: pair[0].id))
def test_what_is_written_is_read_back(pairs: list[tuple[FeedSpec, str]]) -> None:
    text = opml.render([feed for feed, _ in pairs], "Feeds & <more>", {feed.id: homepage for feed, homepage in pairs})
    assert [(o.id, o.url, o.title, o.tags, o.language, o.homepage, o.problem) for o in opml.parse(text.encode())] == [
        (feed.id, feed.url, feed.title, feed.tags, feed.language, homepage, "") for feed, homepage in pairs
    ]


def test_other_programs_find_a_name_in_every_outline() -> None:
    text = opml.render([FeedSpec("a", "https://a.by/"), FeedSpec("b", "https://b.by/", "Б", tags=("x", "y, z"))])
    assert '<opml version="2.0"' in text
    assert 'type="rss" text="a" xmlUrl="https://a.by/"' in text
    assert '<outline text="x"><outline text="y, z"><outline type="rss" text="Б" title="Б"' in text


@given(st.text(), st.text(), st.lists(st.text()))
def test_any_words_can_be_written(title: str, url: str, tags: list[str]) -> None:
    opml.parse(opml.render([FeedSpec("a", url, title, tags=tuple(tags))], title).encode("utf-8", "replace"))


@given(st.binary())
def test_any_bytes_end_in_outlines_or_in_a_usage_error(document: bytes) -> None:
    try:
        opml.parse(document)
        opml.parse(b"<opml><outline xmlUrl='" + document + b"'/></opml>")
    except UsageError:
        pass


def test_many_beginnings_of_a_document_type_cost_little() -> None:
    started = time.process_time()
    with pytest.raises(UsageError):
        opml.parse(b"<opml>" + b"<!DOCTYPE " * 60_000)
    assert time.process_time() - started < 3
