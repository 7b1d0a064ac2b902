"""Whatever bytes arrive: an error of ours or a feed that can hurt nobody, and what stands before a fault is kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.parsers import expat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import counts
from tests.harmless import look

FEEDS = Path(__file__).parent.parent / "data" / "feeds"
GOLDEN = [path.read_bytes() for path in sorted(FEEDS.glob("*.xml"))]
TYPES = [
    "",
    "text/xml",
    "text/xml; charset=windows-1251",
    "application/json",
    "text/html; charset=utf-16",
    "x; charset=hz",
]


# -- documents damaged on the way ----------------------------------------------------------------------------------------

Damage = Callable[[bytes], bytes]
DIRT = [b"<", b">", b"&", b"&#xD800;", b"&#0;", b"\x00", b"\x1b", b"\xff", b"\xed\xa0\x80", b"]]>", b"<![CDATA[", b"<!--", b"-->", b'"', b"'",
        b"</item>", b"<item>", b"<entry>", b"</title>", b"<title>", b"<source>", b"<image>", b"<author><name>", b"<content type='xhtml'>",
        b"<svg>", b"<script>", b"<a href='javascript:x'>", b"&lt;img src=x onerror=x&gt;", b"xml:base='javascript:'", b"xml:base='http://['",
        b"<link>javascript:x</link>", b"<link rel='enclosure' href='data:,x'/>", b"<media:group>", b"<category term='x'/>", b"&nbsp;",
        b"&lol;", b"<!DOCTYPE x [<!ENTITY a 'b'>]>", b"<?xml version='1.0' encoding='utf-16'?>", b"\xfe\xff", b"{", b"\\ud800",b"\\u0000",b"\\u009b",b"\x7f",b"\xc2\x9b",b"&#x81;", b"1e999"]  # fmt: skip


def _at(body: bytes, share: float) -> int:
    return int(share * len(body))


SHARE = st.floats(0, 1, exclude_max=True)
DAMAGE: st.SearchStrategy[Damage] = st.one_of(
    SHARE.map(lambda a: lambda body: body[: _at(body, a)]),
    SHARE.map(lambda a: lambda body: body[_at(body, a) :]),
    st.builds(lambda a, b: lambda body: body[: _at(body, a)] + b + body[_at(body, a) :], SHARE, st.sampled_from(DIRT)),
    st.builds(lambda a, b: lambda body: body[: _at(body, a)] + b + body[_at(body, a) + len(b) :], SHARE, st.binary(max_size=3)),
    st.builds(lambda a, n: lambda body: body[: _at(body, a)] + body[_at(body, a) + n :], SHARE, st.integers(1, 60)),
    st.builds(lambda a, n: lambda body: body[: _at(body, a) + n] + body[_at(body, a) :], SHARE, st.integers(1, 400)),
    st.sampled_from([b"'", b'"', b">", b"<", b"/", b";"]).map(lambda b: lambda body: body.replace(b, b"", 1)),
)  # fmt: skip


@settings(max_examples=counts.count(300, 5_000))
@given(st.sampled_from(GOLDEN), st.lists(DAMAGE, min_size=1, max_size=4), st.sampled_from(TYPES))
def test_a_damaged_document_hurts_nobody(body: bytes, damages: list[Damage], content_type: str) -> None:
    for damage in damages:
        body = damage(body)
    look(body, content_type)


@settings(max_examples=counts.count(200, 5_000))
@given(st.binary(max_size=400) | st.lists(st.sampled_from(DIRT), max_size=30).map(b"".join), st.sampled_from(TYPES))
def test_any_bytes_hurt_nobody(body: bytes, content_type: str) -> None:
    look(body, content_type)
    look(b"<rss version='2.0'><channel><item><title>" + body + b"</title><description>" + body, content_type)
    look(b"<feed xmlns='http://www.w3.org/2005/Atom'><entry><content type='html'>" + body, content_type)
    fields_of_json = b",".join(
        b'"%s": "%s"' % (name, body) for name in (b"id", b"url", b"title", b"content_html", b"language")
    )
    look(b'{"version": "https://jsonfeed.org/version/1.1", "items": [{' + fields_of_json + b"}]}", content_type)
    look(
        b"<rss version='2.0'><channel><item><guid>%s</guid><link>%s</link><author>%s" % (body, body, body), content_type
    )


@pytest.mark.parametrize("path", sorted(FEEDS.glob("*.xml")), ids=lambda path: path.stem)
def test_the_golden_documents_hurt_nobody_whatever_is_said_of_them(path: Path) -> None:
    for content_type in TYPES:
        look(path.read_bytes(), content_type)


# -- what stands before a fault --------------------------------------------------------------------------------------------

ITEMS = [
    "<item><guid>{n}</guid><title>Plain {n}</title><link>https://x.by/{n}?a=1&amp;b=2</link><description>Words of {n}</description></item>",
    "<item><guid>{n}</guid><title>AT&amp;T, 1 &lt; 2, {n} &gt; 0</title><pubDate>Thu, 02 Feb 2023 10:00:00 MSK</pubDate></item>",
    "<item><guid>{n}</guid><title><![CDATA[R&D <b>{n}</b>]]></title><description><![CDATA[<p>One &amp; {n}</p>]]></description></item>",
    '<item><guid>{n}</guid><title>{n}</title><description>&lt;p&gt;It&amp;#8217;s &lt;a href="/{n}"&gt;{n}&lt;/a&gt;&lt;/p&gt;</description></item>',
    "<item><guid>{n}</guid><category>A &amp; B</category><enclosure url='https://x.by/{n}.mp3?a=1&amp;b=2' length='{n}' type='audio/mpeg'/></item>",
]  # fmt: skip
FAULTS = ["<", "&", "&nbsp;", "&nosuch;", "\x00", "\x0c", "]]>", "<![CDATA[", "<!--", "<b", "<a b=>", "</title>", "</item>", "<x:y/>",
          "<title>", "<a b='1' b='1'/>", "</channel></rss>", "<?", "<!", "&#x110000;", "&#99999999999;"]  # fmt: skip


@settings(max_examples=counts.count(200, 5_000))
@given(st.lists(st.sampled_from(ITEMS), min_size=2, max_size=6), st.data())
def test_what_stands_before_a_fault_is_kept_as_it_is(items: list[str], data: st.DataObject) -> None:
    pieces = [item.replace("{n}", str(n)) for n, item in enumerate(items, 1)]
    whole = "<rss version='2.0'><channel><title>T</title>" + "".join(pieces) + "</channel></rss>"
    before = data.draw(st.integers(1, len(pieces) - 1))
    start = whole.index(pieces[before])
    at = data.draw(st.integers(start, len(whole)))
    fault = data.draw(st.sampled_from(FAULTS))
    body = (whole[:at] + fault + data.draw(st.sampled_from([whole[at:], ""]))).encode()
    found = look(body)
    clean = look(whole.encode())
    assert found is not None
    assert clean is not None
    assert found.entries[:before] == clean.entries[:before]
    assert found.malformed or is_well_formed(body)


def is_well_formed(body: bytes) -> bool:
    try:
        expat.ParserCreate("utf-8", namespace_separator=" ").Parse(body, True)
    except expat.ExpatError:
        return False
    return True
