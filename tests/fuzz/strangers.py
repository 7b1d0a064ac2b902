"""What else comes from outside: lists of feeds, addresses, mails that came back, pages, robots.txt, markup, dates."""

from __future__ import annotations

import re
from datetime import UTC
from pathlib import Path

from aggregator import urls
from aggregator.digests import bounces
from aggregator.errors import UsageError
from aggregator.feeds import charset, dates, discover, opml, robots, sanitize
from aggregator.model import FeedSpec
from aggregator.readers import rhythm
from aggregator.stories import extract
from aggregator.web.api import asking
from aggregator.web.api.problems import InvalidError
from tests.fuzz import documents
from tests.harmless import FORBIDDEN, Harmless

BOUNCES = Path(__file__).parents[1] / "data" / "bounces"
URL = "https://x.by/dir/page"
OPML = b"""<?xml version="1.0" encoding="utf-8"?><opml version="2.0"><head><title>Mine</title></head><body>
<outline text="A"><outline type="rss" text="B" title="B &amp; C" xmlUrl="https://b.example/rss?a=1&amp;b=2" category="/s,by" htmlUrl="https://b.example/" language="be"/></outline>
<outline xmlUrl="feed://c.example/"/><outline type="rss" text="None"/></body></opml>"""
OPML_WORDS = (
    b"<outline ", b"/>", b"</outline>", b" xmlUrl='https://x.by/'", b" xmlUrl='feed:'", b" xmlUrl='http://['", b" category='a,/b/c'", b" text=''", b" title='\xc2\x85'", b"<body>",
    b"<opml>", b"&amp;", b"&#0;", b"&nbsp;", b"<!DOCTYPE x [<!ENTITY a 'b'>]>", b"<![CDATA[", b"]]>", b" aggregator:id='x'", b"xmlns:aggregator='urn:x'", b"***", b"?token=",
)  # fmt: skip
URLS = (
    b"https://www.example.org/a/index.html?utm_source=x&b=2&a=1#top", b"http://m.example.org:8080/amp/?amp=1", b"//x.by/../../a/./b", b"https://user:pa%20ss@x.by/?token=abc&sid=1",
    b"https://xn--90ais.xn--90ais/\xd0\xb0?\xd0\xb1=%D0%B1", b"mailto:a@b.example", b"https://[::1]:80/", b"http://[fe80::1%25eth0]/", b"http://0x7f.1/", b"",
)  # fmt: skip
URL_WORDS = (
    b"http://", b"https://", b"//", b"/", b"..", b".", b"?", b"&", b"=", b"#", b"#!", b"@", b":", b":80", b":0", b":99999", b"[", b"]", b"%", b"%00", b"%2F", b"%zz", b"%D0", b"www.", b"m.", b"amp",
    b"utm_source=", b"ref=", b"token=", b"sid=", b"xn--", b"\xe3\x80\x82", b"\xef\xbc\x8e", b"\xc3\x9f", b"\\", b" ", b"\t", b"\n", b"javascript:", b"data:", b"\xef\xbf\xbd", b";", b"jsessionid=",
)  # fmt: skip
MAIL_WORDS = (
    b"\n", b"\r\n", b"\n\n", b"--a\n", b"--a--\n", b"Content-Type: multipart/report; boundary=a\n\n", b"Content-Type: message/delivery-status\n\n", b"Content-Type: message/feedback-report\n\n",
    b"Content-Type: text/rfc822-headers\n\n", b"Content-Type: message/rfc822\n\n", b"Action: failed\n", b"Status: 5.1.1\n", b"Status: 9.9.9\n", b"Diagnostic-Code: smtp; 550 5.1.1 no\n", b"Feedback-Type: abuse\n",
    b"Content-Transfer-Encoding: base64\n", b"Content-Transfer-Encoding: quoted-printable\n", b"Content-Transfer-Encoding: x-uuencode\n", b"=?utf-8?b?/w==?=", b"=?x?q?=?=", b"Subject: unsubscribe ",
    b"charset=utf-7", b'charset="\xff"', b"X-Failed-Recipients: a@b\n", b"From: MAILER-DAEMON\n", b"Return-Path: <", b"boundary=", b"boundary*0*=x''", b"Auto-Submitted: no\n", b"References: <a@b>\n",
)  # fmt: skip
PAGES = (
    b"<html><head><base href='/b/'><link rel='alternate' type='application/rss+xml' href='feed.xml' title='F'><title>T</title></head><body><article><h1>T</h1><p>"
    + b"The council met in Minsk on Thursday and named its priorities. " * 8
    + b'</p><ul><li><a href=\'/x\'>More</a></li></ul></article><script type=\'application/ld+json\'>{"@type": "NewsArticle", "articleBody": "Long text"}</script></body></html>',
    b"<!doctype html><meta name=robots content=noarchive><p>x<table><tr><td>y",
    b"User-agent: *\nDisallow: /a*b$\nAllow: /a\nCrawl-delay: 1e9\n",
)
PAGE_WORDS = (
    b"<link rel=alternate type=application/atom+xml href=", b"<base href=", b"<script type='application/ld+json'>", b"</script>", b'{"articleBody": ', b"[[[[", b'"@graph": [', b"<!--", b"-->", b"<style>",
    b"<textarea>", b"<p>", b"<div>", b"</div>", b"<article>", b"<table><tr><td>", b"<svg>", b"<math>", b"&nbsp;", b"&#0;", b"&#xD800;", b"<meta name=robots content=", b"noarchive", b"<a href='http://['>",
    b"Disallow: ", b"Allow: *", b"$", b"User-agent: ", b"Crawl-delay: ", b"<frameset>", b"<template>", b"<?xml version='1.0' encoding='x'?>", b"<html xmlns:x='", b"</html>", b"<br>", b"<h2>",
)  # fmt: skip
DATES = (
    b"Thu, 02 Feb 2023 10:00:00 GMT", b"2023-02-02T10:00:00.123+03:00", b"20230202T100000Z", b"2023-W05-4", b"2023-033", b"2 \xd1\x84\xd0\xb5\xd0\xb2\xd1\x80\xd0\xb0\xd0\xbb\xd1\x8f 2023 10:00", b"Feb 2, 2023 4:05 PM EST",
    b"02.02.23 10:00", b"9999-12-31T23:59:60-12:00", b"0001-01-01T00:00:00+14:00",
)  # fmt: skip
DATE_WORDS = (
    b":",
    b"-",
    b"+",
    b"T",
    b"Z",
    b"W",
    b"24:00",
    b"60",
    b"+9999",
    b"-00:00",
    b"PM",
    b"GMT+3",
    b"MSK",
    b"feb",
    b"31",
    b"1e9",
    b"\xd9\xa1",
    b",",
    b".",
    b"/",
    b"0000",
    b"99999",
    b"00",
    b" ",
)


RHYTHMS = (
    b"daily 07:30\nEurope/Minsk\n",
    b"weekly mon at 23:59\nUTC\n",
    b"instant\nAsia/Tokyo\n22:00-07:00",
    b"hourly\n\n",
)
RHYTHM_WORDS = (
    b"\n",
    b"/",
    b"..",
    b"/Minsk",
    b"weekdays ",
    b"24:00",
    b"\xd9\xa1\xd9\xa2",
    b"-",
    b":",
    b"sun ",
    b"07:00-07:00",
    b"Etc/GMT+14",
    b".",
    b"posixrules",
)


def opml_any(data: bytes) -> None:
    """A list of feeds or a refusal on one line; what was read can be written, and reads back."""
    try:
        found = opml.parse(data)
    except UsageError as error:
        assert "\n" not in str(error)  # noqa: PT017 - a refusal is no fault
        return
    good = [one for one in found if not one.problem]
    for one in found:
        assert not FORBIDDEN.search(one.url + one.title + "".join(one.tags) + one.language + one.id + one.homepage)
    specs = [FeedSpec(f"f{n}", one.url, one.title, language=one.language, tags=one.tags) for n, one in enumerate(good)]
    again = opml.parse(opml.render(specs).encode())
    assert [(one.id, one.title, one.tags) for one in again] == [(one.id, one.title, one.tags) for one in specs]


def urls_any(data: bytes) -> None:
    """Two addresses, one on each line: nothing raises, forms stay what they are, and no secret is shown."""
    one, _, other = data.decode("utf-8", "replace").partition("\n")
    link = urls.absolute(one, other)
    assert link == "" or link.startswith(("http://", "https://", "mailto:"))
    assert bool(urls.absolute("https://base.example/", link)) == bool(link), link
    for url in (one, other, link):
        assert urls.identity(url) == urls._identity(url)
        key = urls.host_key(url)
        assert key == "" or re.fullmatch(r"https?://.+:\d+", key)
        urls.canonical(url).encode()
        urls.mask(url).encode()
        urls.named(url, "x").encode()


def mail_any(data: bytes) -> None:
    """A mail says something of an address, or nothing."""
    found = bounces.read(data)
    assert found.verdict in ("hard", "soft", "complaint", "unsubscribe", "ignored")
    assert "\n" not in found.detail
    assert "RecursionError" not in found.detail
    assert found.token == "" or re.fullmatch("[a-z2-7]{26}", found.token)
    assert found.status == "" or re.fullmatch(r"[245]\.\d{1,3}\.\d{1,3}", found.status)


def page_any(data: bytes) -> None:
    """A page names feeds, gives a text or none; any text can be a robots.txt."""
    text = charset.decide(data).text
    for one in discover.candidates(text, URL):
        assert one.url.startswith(("http://", "https://"))
        assert not FORBIDDEN.search(one.url + one.title + one.type)
    assert isinstance(robots.read(text).allows(URL), bool)
    page = extract.article(data, URL, "The council met")
    for part in page:
        assert not FORBIDDEN.search(str(part))


def markup_any(data: bytes) -> None:
    """Markup from a feed comes out harmless, and a second time unchanged."""
    fragment = data.decode("utf-8", "replace")
    clean = sanitize.html(fragment, URL)
    Harmless(convert_charrefs=True).feed(clean)
    for text in (
        clean,
        sanitize.text(fragment),
        sanitize.title(fragment),
        sanitize.plain(fragment),
        sanitize.safe_text(clean),
    ):
        assert not FORBIDDEN.search(text)


def dates_any(data: bytes) -> None:
    """A text is a moment in UTC or none; a parameter of the interface too."""
    text = data.decode("utf-8", "replace")
    found = dates.parse(text)
    assert found is None or found.tzinfo is UTC
    try:
        asked = asking.moment("since", text)
    except InvalidError:
        return
    assert asked is not None
    assert asked.tzinfo is UTC


def rhythm_any(data: bytes) -> None:
    """What a visitor writes into the fields of a form (rhythm, zone, quiet hours) is a rhythm that reads back, or is refused in words."""
    text, zone, quiet = (data.decode("utf-8", "replace") + "\n\n").split("\n")[:3]
    try:
        found = rhythm.parse(text, zone, quiet, "any")
    except UsageError as error:
        assert len(str(error)) < 800  # noqa: PT017 - a refusal is no fault
        return
    assert rhythm.parse(rhythm.show(found), found.timezone, rhythm.show_quiet(found), "any") == found


def markup_samples() -> list[bytes]:
    """The insides of real documents."""
    return [re.sub(rb"&lt;", b"<", body)[:4_000] for body in documents._samples()]


def bounce_samples() -> list[bytes]:
    """Real reports."""
    return [path.read_bytes() for path in sorted(BOUNCES.glob("*.eml"))]
