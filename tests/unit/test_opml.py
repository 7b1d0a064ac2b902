from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.errors import UsageError
from aggregator.feeds import opml
from aggregator.feeds.opml import Outline
from aggregator.model import FeedSpec

FILE = """<?xml version="1.0" encoding="utf-8"?>
<opml version="1.1"><head><title>Mine</title></head><body>
<outline text="Agencies"><outline text="Belarus">
  <outline type="rss" text="BelTA" title="BelTA &amp; more" xmlUrl="https://belta.example/rss" category="/state,by"/>
</outline></outline>
<outline text="Loose" xmlURL="https://loose.example/rss?a=1&b=2"/>
<outline text="Again" xmlUrl="https://belta.example/rss"/>
<outline text="Bad" xmlUrl="javascript:alert(1)"/>
<outline text="File" xmlUrl="file:///etc/passwd"/>
</body></opml>"""


def test_feeds_folders_and_categories() -> None:
    assert opml.parse(FILE.encode()) == [
        Outline("https://belta.example/rss", "BelTA & more", ("Agencies", "Belarus", "state", "by")),
        Outline("https://loose.example/rss?a=1&b=2", "Loose"),
    ]


def test_any_encoding_is_read() -> None:
    text = '<opml><body><outline text="Новости Беларуси и ОДКБ" xmlUrl="https://x.by/rss"/></body></opml>'
    for encoding in ("utf-8", "utf-16", "cp1251"):
        assert opml.parse(text.encode(encoding))[0].title == "Новости Беларуси и ОДКБ"


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("", "not XML"),
        ("<opml><body>", "not XML"),
        ("<html><body/></html>", "no OPML"),
        ("<opml>" + "<outline text='x'>" * 21 + "</outline>" * 21 + "</opml>", "deeper than 20"),
        ("<opml>" + "<outline text='x'/>" * 5001 + "</opml>", "more than 5000"),
        ("<opml>" + " " * 2_000_001 + "</opml>", "larger than 2 MB"),
        ('<!DOCTYPE o [<!ENTITY a "b">]><opml><outline text="&a;"/></opml>', "entities"),
        ('<!DOCTYPE o [<!ENTITY x SYSTEM "file:///etc/passwd">]><opml><outline text="&x;"/></opml>', "entities"),
    ],
)
def test_what_is_refused_is_refused_in_one_line(document: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        opml.parse(document.encode())
    assert "\n" not in str(caught.value)


def test_what_is_written_is_read_back() -> None:
    feeds = [
        FeedSpec("a", 'https://x.by/rss?a="1"&b=<2>', 'A "quoted" <title> & more', "be", tags=("agency", "state")),
        FeedSpec("b", "https://y.by/rss"),
    ]
    text = opml.render(feeds, "Feeds & more")
    found = opml.parse(text.encode())
    assert [(o.title, o.tags) for o in found] == [('A "quoted" <title> & more', ("agency", "state")), ("b", ())]
    assert found[1].url == "https://y.by/rss"
    assert 'version="2.0"' in text


def test_secrets_are_not_exported() -> None:
    text = opml.render([FeedSpec("a", "https://user:hunter2@x.by/rss?token=s3cret")])
    assert "hunter2" not in text
    assert "s3cret" not in text


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
