"""Documents to entries: golden pairs (tests/data/feeds: NAME.xml, NAME.json, perhaps NAME.type), limits, and what is no feed."""

from __future__ import annotations

import dataclasses
import json
import pickle
import socket
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.errors import Quarantine, Retry, WorkError
from aggregator.feeds import parse
from aggregator.model import Enclosure, Hints, ParsedEntry, ParsedFeed

FEEDS = Path(__file__).parent.parent / "data" / "feeds"
URL = "https://x.by/dir/feed.xml"
SECONDS = 10
"""Of processor time: what is quadratic would need minutes, what is linear needs one."""


def read(body: str | bytes, content_type: str = "") -> ParsedFeed:
    return parse.document(body.encode() if isinstance(body, str) else body, URL, content_type)


def rss(items: str, head: str = "") -> str:
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>T</title>{head}{items}</channel></rss>'


def told(value: Any) -> Any:
    """A dataclass as JSON tells it: empty fields left out, moments in ISO form."""
    pairs = ((f.name, getattr(value, f.name)) for f in dataclasses.fields(value))
    return {name: _told(v) for name, v in pairs if v not in ("", (), None, frozenset(), Hints())}


def _told(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_told(part) for part in value]
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, timedelta):
        return f"{value.total_seconds() / 60:g} min"
    if isinstance(value, ParsedEntry | Enclosure | Hints):
        return dataclasses.asdict(value) if isinstance(value, Enclosure) else told(value)
    return value.isoformat() if hasattr(value, "isoformat") else value


def golden(name: str) -> ParsedFeed:
    """The document NAME.xml as served with the content type in NAME.type; without one, text/xml."""
    kind = FEEDS / f"{name}.type"
    content_type = kind.read_text(encoding="utf-8").strip() if kind.exists() else "text/xml"
    return parse.document((FEEDS / f"{name}.xml").read_bytes(), f"https://{name}.example/dir/feed.xml", content_type)


@pytest.mark.parametrize("name", sorted(path.stem for path in FEEDS.glob("*.xml")))
def test_golden_pairs(name: str) -> None:
    wanted = json.loads((FEEDS / f"{name}.json").read_text(encoding="utf-8"))
    try:
        found = golden(name)
    except WorkError as e:
        assert (e.error_class, wanted.pop("says", "") in e.message) == (wanted.get("error"), True), e.message  # noqa: PT017
        return
    assert told(found) == wanted
    assert pickle.loads(pickle.dumps(found)) == found


# -- what is no feed ----------------------------------------------------------------------------------------------------


def refusal(body: str | bytes) -> WorkError:
    with pytest.raises(WorkError) as caught:
        read(body)
    assert caught.value.subject == URL
    return caught.value


@pytest.mark.parametrize("body", ["", "  \r\n\t ", "\ufeff", b"\0\0\0"])
def test_an_empty_body_may_be_fuller_next_time(body: str | bytes) -> None:
    error = refusal(body)
    assert isinstance(error, Retry)
    assert error.error_class == "empty"


def test_a_page_is_refused_naming_the_feeds_it_offers() -> None:
    error = refusal(
        '<!DOCTYPE html><html><head><link rel="alternate" type="application/rss+xml" title="N" href="/rss.xml">'
        "</head><body><p>Hello & goodbye</body></html>"
    )
    assert isinstance(error, Quarantine)
    assert error.error_class == "not_a_feed"
    assert "https://x.by/rss.xml" in error.message


@pytest.mark.parametrize(
    "body",
    [
        "hello",
        b"\x89PNG\r\n\x1a\n\0\0",
        "<opml version='2.0'><body/></opml>",
        '{"version": "https://jsonfeed.org/version/2", "items": []}',
        '{"a": 1}',
        "<a/>",
    ],
)
def test_other_documents_are_no_feeds(body: str | bytes) -> None:
    assert refusal(body).error_class == "not_a_feed"


@pytest.mark.parametrize("body", ['{"version": ', "{" * 5000, "<rss version='2.0'><channel><title>cut o"])
def test_what_is_cut_before_its_first_entry_is_tried_again(body: str) -> None:
    error = refusal(body)
    assert isinstance(error, Retry)
    assert error.error_class == "parse_error"


def test_a_feed_without_items_is_a_feed() -> None:
    assert read(rss("")).entries == ()
    assert read(rss("")).malformed == ""


# -- limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        rss("<a>" * 300 + "</a>" * 300),
        rss("<a>" * 200_000 + "</a>" * 200_000),
        rss("<a>" * 200_000),
        rss(f"<item><description>{'<div>' * 20_000}</description></item>"),
        "<rss " + " ".join(f'a{n}=""' for n in range(50_000)) + "/>",
        "<!DOCTYPE r [" + "".join(f'<!ENTITY e{n} "x">' for n in range(21)) + "]>" + rss(""),
        '<!DOCTYPE r [<!ENTITY a "x"><!ENTITY b "&a;&a;">]>' + rss("<item><title>&b;</title></item>"),
        f'<!DOCTYPE r [<!ENTITY a "{"x" * 300}">]>' + rss(""),
        f'<!DOCTYPE r [<!ENTITY a "{"x" * 200}">]>' + rss(f"<item><title>{'&a;' * 6000}</title></item>"),
    ],
)
def test_bombs_are_refused_at_once(body: str) -> None:
    error = refusal(body.replace('<?xml version="1.0"?>', ""))
    assert error.error_class == "bomb"


def test_a_few_entities_of_ones_own_are_fine() -> None:
    found = read('<!DOCTYPE rss [<!ENTITY pub "Wire &#38;#38; Sons">]>' + rss("<item><title>&pub;</title></item>")[21:])
    assert found.entries[0].title == "Wire & Sons"
    assert found.malformed == ""


def test_entities_of_other_files_are_not_read() -> None:
    body = (
        '<!DOCTYPE rss [<!ENTITY f SYSTEM "file:///etc/hostname">]>' + rss("<item><title>a &f; b</title></item>")[21:]
    )
    assert read(body).entries[0].title == "a &f; b"


def test_netscape_rss_keeps_its_html_entities() -> None:
    body = (
        '<?xml version="1.0"?>\n<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" '
        '"http://my.netscape.com/publish/formats/rss-0.91.dtd"><rss version="0.91"><channel>'
        "<item><title>Caf&eacute; &amp; bar</title></item></channel></rss>"
    )
    found = read(body)
    assert (found.version, found.entries[0].title) == ("rss091n", "Café & bar")


def test_fields_are_capped() -> None:
    entry = read(
        rss(
            f"<item><title>{'t' * 5000}</title><link>https://x.by/{'l' * 5000}</link>"
            f"<description>{'d ' * 200_000}</description></item>"
        )
    ).entries[0]
    assert (len(entry.title), entry.link) == (1_000, "")
    assert len(entry.body) <= 256_000


def test_ten_thousand_entries_are_read() -> None:
    found = read(rss("".join(f"<item><guid>{n}</guid><title>T {n}</title></item>" for n in range(10_000))))
    assert [entry.guid for entry in found.entries] == [str(n) for n in range(10_000)]


def test_ten_thousand_entries_of_a_broken_document_are_read() -> None:
    whole = "".join(f"<item><guid>{n}</guid><title>T & {n}</title></item>" for n in range(10_000))
    found = read(rss(whole).removesuffix("</channel></rss>"))
    assert [entry.title for entry in found.entries] == [f"T & {n}" for n in range(10_000)]
    assert found.malformed


def test_a_cut_document_gives_what_it_holds() -> None:
    whole = rss("".join(f"<item><guid>{n}</guid><title>T {n}</title></item>" for n in range(50)))
    for at in range(whole.index("</item>") + 7, len(whole) - len("</rss>"), 11):
        found = read(whole[:at])
        assert [e.guid for e in found.entries][: whole.count("</item>", 0, at)] == [
            str(n) for n in range(whole.count("</item>", 0, at))
        ]
        assert found.malformed


@pytest.mark.parametrize(
    "item",
    [
        f"<description>{'&lt;div&gt;' * 20_000}deep{'&lt;/div&gt;' * 20_000}</description>",
        f"<description><![CDATA[{'<div>' * 20_000}deep]]></description>",
        f"<description>{'&lt;b&gt;&lt;/i&gt;' * 20_000}deep</description>",
        f"<description>{'&amp;lt;p&amp;gt;' * 40_000}deep</description>",
        "".join(f"<category>{n}</category>" for n in range(40_000)),
        "".join(f'<category term="{n}"/>' for n in range(20_000)),
        f"<media:keywords>{','.join(map(str, range(60_000)))}</media:keywords>",
        "".join(f"<author>{n}</author>" for n in range(20_000)),
        "".join(f'<enclosure url="/{n}"/>' for n in range(20_000)),
        "".join(f"<x{n}>y</x{n}>" for n in range(20_000)),
        "<a " * 100_000,
        "&" * 300_000,
        "&#" * 150_000,
        "<!--" * 75_000,
        "<![CDATA[" * 30_000,
        "<description>" * 200,
    ],
    ids=lambda item: item[:24],
)
def test_no_text_costs_more_than_its_length(item: str) -> None:
    started = time.process_time()
    assert read(rss(f"<item><guid>1</guid>{item}</item>")).entries[0].guid == "1"
    assert time.process_time() - started < SECONDS


def test_a_document_type_of_many_beginnings_costs_little() -> None:
    started = time.process_time()
    read("<!DOCTYPE[" * 5_000 + rss("<item/>"))
    assert time.process_time() - started < SECONDS


def test_many_blank_lines_before_a_feed_cost_little() -> None:
    started = time.process_time()
    found = read(
        "<?xml version='1.0'?>" + "\n" * 100_000 + "<!DOCTYPE rss>" + rss("<item><title>T</title></item>")[21:]
    )
    assert [entry.title for entry in found.entries] == ["T"]
    assert time.process_time() - started < SECONDS


def test_nothing_outside_the_document_is_fetched(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("SECRET")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        there = f"http://127.0.0.1:{server.getsockname()[1]}/"
        body = (
            f'<!DOCTYPE rss SYSTEM "{there}x.dtd" [<!ENTITY f SYSTEM "{secret.as_uri()}"><!ENTITY h SYSTEM "{there}h">'
            f'<!ENTITY % p SYSTEM "{there}p.dtd"> %p;]>'
            f'<?xml-stylesheet href="{there}s.xsl"?>{rss("<item><title>a &f; &h; %p; b</title></item>")[21:]}'
        )
        found = read(body)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert found.entries[0].title == "a &f; &h; %p; b"


# -- details ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1251", "koi8-r"])
def test_the_same_document_in_any_encoding(encoding: str) -> None:
    text = rss("<item><title>Заседание Совета коллективной безопасности ОДКБ в Минске</title></item>")
    found = read(text.encode(encoding), "application/rss+xml; charset=utf-8")
    assert found.entries[0].title == "Заседание Совета коллективной безопасности ОДКБ в Минске"


def test_a_link_is_resolved_by_xml_base_and_an_id_is_not() -> None:
    body = rss('<item xml:base="https://y.by/a/"><link>b</link><guid>c</guid></item>')
    entry = read(body).entries[0]
    assert (entry.link, entry.guid) == ("https://y.by/a/b", "c")


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("ann@x.press (Ann Bell)", "Ann Bell"),
        ("Ann Bell &lt;ann@x.example&gt;", "Ann Bell"),
        ("Ann Bell (ann@x.by)", "Ann Bell"),
        ("mailto:ann@x.by", "mailto:ann@x.by"),
        ("ann@x.by", "ann@x.by"),
        ("(desk@x.by)", "(desk@x.by)"),
        ("@ann", "@ann"),
        ("Ann @ Minsk Wire", "Ann @ Minsk Wire"),
        ("a" * 70_000 + "@", "a" * 1000),
    ],
)
def test_an_author_is_a_name_before_it_is_an_address(told: str, name: str) -> None:
    assert read(rss(f"<item><author>{told}</author></item>")).entries[0].author == name


def test_a_delete_character_is_dropped_but_is_no_fault_of_xml() -> None:
    found = read(rss("<item><title>a\x7fb</title></item>"))
    assert (found.entries[0].title, found.malformed) == ("ab", "")


def test_a_guid_that_is_no_address_is_no_link() -> None:
    assert read(rss("<item><guid>17</guid></item>")).entries[0].link == ""


def test_an_entry_with_files_alone_links_to_the_first() -> None:
    body = rss('<item><enclosure url="/a.mp3" type="audio/mpeg" length="5"/></item>')
    assert read(body).entries[0].link == "https://x.by/a.mp3"


def test_summary_and_content_stand_once_in_the_body() -> None:
    content = '<content:encoded xmlns:content="http://purl.org/rss/1.0/modules/content/">{}</content:encoded>'
    same = rss(f"<item><description>Lead of it […]</description>{content.format('Lead of it and more')}</item>")
    other = rss(f"<item><description>Lead</description>{content.format('Something else')}</item>")
    assert read(same).entries[0].body == "Lead of it and more"
    assert read(other).entries[0].body == "Lead\nSomething else"


def test_a_text_of_dots_costs_little() -> None:
    content = '<content:encoded xmlns:content="http://purl.org/rss/1.0/modules/content/">y</content:encoded>'
    read(rss(f"<item><description>{'… ' * 100_000}x</description>{content}</item>"))


def test_line_ends_are_the_same_in_a_broken_document() -> None:
    item = "<item><guid>a\r\nb\rc</guid><description>one\r\ntwo</description></item>"
    assert read(rss(item)).entries == read(rss(item).replace("</rss>", "")).entries
    assert read(rss(item)).entries[0].guid == "a\nb\nc"


def test_a_namespace_nobody_declared_is_noted_and_read() -> None:
    found = read(rss("<item><title>A</title><dc:creator>Ann</dc:creator></item>"))
    assert found.entries[0].author == "Ann"
    assert found.malformed


def test_what_breaks_one_item_does_not_break_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = parse._parsed

    def fussy(text: str, url: str) -> Any:
        if "poison" in text:
            raise UnicodeEncodeError("utf-8", "x", 0, 1, "planted")
        return whole(text, url)

    monkeypatch.setattr(parse, "_parsed", fussy)
    items = "".join(f"<item><title>{t}</title></item>" for t in ("one", "poison", "three"))
    found = read(rss(items, head="<textInput/>"))  # which the quick reader leaves to feedparser
    assert [entry.title for entry in found.entries] == ["one", "three"]
    assert found.malformed


def test_a_fault_of_ours_is_told_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Any:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(parse, "_document", broken)
    error = refusal(rss(""))
    assert isinstance(error, Quarantine)
    assert error.error_class == "internal"


PIECES = st.sampled_from(
    [
        "<rss",
        "version='2.0'>",
        "<channel>",
        "<item>",
        "</item>",
        "<title>",
        "</title>",
        "<entry>",
        "</entry>",
        "<link>",
        "<guid>1</guid>",
        "&amp;",
        "&",
        "&nbsp;",
        "<![CDATA[",
        "]]>",
        "<!--",
        "-->",
        "<?xml",
        "<feed>",
        "xmlns='http://www.w3.org/2005/Atom'>",
        "&#xD800;",
        "&#0;",
        "ОДКБ",
        '{"',
        "\x00",
        "<!DOCTYPE",
        "[",
        "<!ENTITY",
        "<content",
        "type='xhtml'>",
        "<div>",
        "</rss>",
        "<dc:date>2023",
        "</dc:date>",
        "<pubDate>",
        "xml:base='http://['",
        "<media:group>",
        "<image>",
        "<textinput>",
        "<source>",
        "<author>",
        "<name>",
        "<svg>",
        "<category>",
        "<enclosure",
        "url='x'/>",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=40).map("".join) | st.binary(max_size=200))
def test_any_bytes_end_in_a_feed_or_in_an_error_of_ours(body: str | bytes) -> None:
    try:
        found = read(body)
    except WorkError as e:
        assert e.error_class in {"empty", "parse_error", "not_a_feed", "bomb"}, e.message  # noqa: PT017
    else:
        json.dumps(told(found)).encode()


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(FEEDS.glob("*.xml"))), st.integers(0, 4000), st.binary(max_size=6), st.booleans())
def test_a_damaged_document_never_falls_through(path: Path, at: int, dirt: bytes, cut: bool) -> None:
    body = path.read_bytes()
    at %= len(body)
    try:
        read(body[:at] + dirt + (b"" if cut else body[at:]))
    except WorkError as e:
        assert e.error_class in {"empty", "parse_error", "not_a_feed", "bomb"}, e.message  # noqa: PT017
