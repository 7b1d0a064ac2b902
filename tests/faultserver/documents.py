"""Documents that are broken, hostile, odd or no feeds at all (polling-and-identity §1c, reliability §1)."""

from __future__ import annotations

import json

from tests.conformance.feedserver import Behaviour, document, status
from tests.faultserver.manifest import TITLE, Fault, Place, Seen, answer, bodies, failing, item, news, well, xml

SECRET = "root:"
DTD = "<!DOCTYPE rss PUBLIC '-//Netscape Communications//DTD RSS 0.91//EN' '{}'>"
MANY = 10_000
CYRILLIC = "Собрание горсовета"


def read(name: str, does: str, spec: str, body: bytes, *titles: str, **more: object) -> Fault:
    """A document that gives these entries."""
    shown = titles or (TITLE,)
    return well(name, does, spec, answer(200, body), **{"titles": shown, "entries": len(shown)} | more)


def torn(name: str, does: str, body: bytes, *titles: str, spec: str = "F1") -> Fault:
    """The same, marked as malformed."""
    return read(name, does, spec, body, *titles, malformed=True)


def no_feed(name: str, does: str, body: bytes, error: str = "not_a_feed", spec: str = "F5", **more: object) -> Fault:
    """A document that gives nothing."""
    return failing(name, does, spec, error, answer(200, body), **more)


# -- documents that name addresses which must not be asked ------------------------------------------------------------------


def _dtd(place: Place) -> Behaviour:
    url = place.add("/rss-0.91.dtd", status(200, b"<!ENTITY eacute '&#233;'>"))
    body = (
        DTD.format(url)
        + f"<rss version='0.91'><channel><title>N</title><item><title>Caf&eacute; {TITLE}</title><link>https://n.example/1</link></item></channel></rss>"
    )
    return document(body.encode())


def _external(place: Place) -> Behaviour:
    url = place.add("/secret.txt", status(200, b"root:fetched"))
    head = f"<!DOCTYPE rss [<!ENTITY f SYSTEM 'file:///etc/passwd'><!ENTITY h SYSTEM '{url}'>]>"
    return document(head.encode() + xml(item(TITLE, "<description>&f;&h;</description>"), declaration=""))


def _parameter(place: Place) -> Behaviour:
    url = place.add("/evil.dtd", status(200, b"<!ENTITY stolen 'root:fetched'>"))
    head = f"<!DOCTYPE rss [<!ENTITY % p SYSTEM '{url}'> %p;]>"
    return document(head.encode() + xml(item(TITLE, "<description>&stolen;</description>"), declaration=""))


def _xinclude(place: Place) -> Behaviour:
    url = place.add("/included.xml", status(200, b"root:fetched"))
    parts = "".join(
        f"<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='{to}' parse='text'/>"
        for to in (url, "file:///etc/passwd")
    )
    return document(xml(item(TITLE, f"<description>{parts}</description>")))


def _stylesheet(place: Place) -> Behaviour:
    url = place.add("/style.xsl", status(200, b"<x/>"))
    return document(xml(item(), declaration=f"<?xml version='1.0'?><?xml-stylesheet type='text/xsl' href='{url}'?>"))


def _utf16_external(_: Place) -> Behaviour:
    """The same attack where a byte-wise look does not see it (CVE-2015-5161)."""
    body = "<?xml version='1.0' encoding='utf-16'?><!DOCTYPE rss [<!ENTITY f SYSTEM 'file:///etc/passwd'>]>"
    return document(
        (body + xml(item(TITLE, "<description>&f;</description>"), declaration="").decode()).encode("utf-16")
    )


def _no_secret(seen: Seen) -> None:
    entry = seen.one()
    assert SECRET not in f"{entry.title} {entry.summary} {entry.content} {entry.body}"
    assert seen.paths() <= {"/feed"}


# -- checks --------------------------------------------------------------------------------------------------------------------


def _offers(seen: Seen) -> None:
    assert seen.place.server.url("/rss.xml") in seen.feed.poll.error


def _links(seen: Seen) -> None:
    base = seen.place.server.url("")
    assert sorted(e.link for e in seen.entries) == sorted(
        [f"{base}/news/1", "https://base.example/sub/2", "https://abs.example/3"]
    )
    assert f'href="{base}/more"' in "".join(e.summary for e in seen.entries)


def _choice(seen: Seen) -> None:
    links = {e.title: e.link for e in seen.entries}
    assert links == {
        "alternate": "https://n.example/page", "permalink": "https://n.example/guid", "file": "https://n.example/a.mp3",
        "script": "", "data": "", "local": "",
    }  # fmt: skip


def _authors(seen: Seen) -> None:
    by_title = {e.title: (e.author, e.categories) for e in seen.entries}
    assert by_title == {"own": ("Anna", ("a", "b")), "inherited": ("Desk", ())}


def _texts(seen: Seen) -> None:
    entry = seen.one()
    assert (entry.summary, entry.content) == ("<p>Short.</p>", "<p>Long <b>story</b>.</p>")
    assert "Short." in entry.body
    assert "Long story." in entry.body


def _nested_html(seen: Seen) -> None:
    assert "the end" in seen.one().body


def _capped(seen: Seen) -> None:
    assert len(seen.one().title) <= 1_000
    assert len(seen.one().summary) <= 300_000


ATOM = "<feed xmlns='http://www.w3.org/2005/Atom'><title>News</title>{}</feed>"


def entry(title: str, more: str = "", number: int = 1) -> str:
    """A hand-written Atom entry."""
    return f"<entry><id>urn:x:{number}</id><title>{title}</title><updated>2023-02-02T10:00:00Z</updated>{more}</entry>"


def atom(*entries: str, head: str = "") -> bytes:
    """An Atom feed."""
    return ATOM.format(head + "".join(entries)).encode()


def json_feed(version: str = "1.1", **first: object) -> bytes:
    """A JSON Feed."""
    items = [{"id": 7, "content_text": "All of it.", "title": TITLE} | first]
    return json.dumps({"version": f"https://jsonfeed.org/version/{version}", "title": "News", "items": items}).encode()


RDF = (
    "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='{}'><channel><title>N</title></channel>"
    f"<item rdf:about='https://n.example/1'><title>{TITLE}</title><link>https://n.example/1</link></item></rdf:RDF>"
)
LINKS = (
    "<item><guid isPermaLink='false'>1</guid><title>1</title><link>/news/1</link><description>&lt;a href='more'&gt;x&lt;/a&gt;</description></item>"
    "<item xml:base='https://base.example/sub/'><guid isPermaLink='false'>2</guid><title>2</title><link>2</link></item>"
    "<item><guid isPermaLink='false'>3</guid><title>3</title><link>https://abs.example/3</link></item>"
)
CHOICE = (
    "<item><title>permalink</title><guid>https://n.example/guid</guid></item>"
    "<item><title>file</title><guid isPermaLink='false'>f</guid><enclosure url='https://n.example/a.mp3' type='audio/mpeg' length='9'/></item>"
    "<item><title>alternate</title><guid isPermaLink='false'>a</guid><link>https://n.example/page</link></item>"
    "<item><title>script</title><guid isPermaLink='false'>s</guid><link>javascript:alert(1)</link></item>"
    "<item><title>data</title><guid isPermaLink='false'>d</guid><link>data:text/html,x</link></item>"
    "<item><title>local</title><guid isPermaLink='false'>l</guid><link>file:///etc/passwd</link></item>"
)
BOMB = (
    "<!DOCTYPE rss [<!ENTITY a 'ha'>"
    + "".join(f"<!ENTITY {b} '{f'&{a};' * 10}'>" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
)
PAGE = b"<!doctype html><html><head><title>News</title><link rel='alternate' type='application/rss+xml' href='/rss.xml'></head><body>Hi</body></html>"

FAULTS: tuple[Fault, ...] = (
    torn("xml-truncated", "Stops in the middle of its third entry.", xml(item("A") + item("B", guid="2") + "<item><title>C")[:-16], "A", "B"),
    torn("xml-cut-mid-item", "Stops in the middle of an entry's text: what there is of it is kept.",
         xml(item("A") + "<item><guid>2</guid><title>Half</title><description>It is")[:-16], "A", "Half", spec="F1"),
    torn("xml-prefix", "Uses a prefix that stands for nothing.", xml(item(TITLE, "<media:title>x</media:title>"))),
    torn("xml-nbsp", "Uses HTML's names for characters.", xml(item("Town&nbsp;council&nbsp;meets"))),
    torn("xml-control", "Has a control character inside.", xml(item("Town \x02council meets\x03"))),
    torn("xml-ampersand", "Writes & as it is.", xml(item("AT&T meets Q&A")), "AT&T meets Q&A", spec="F2"),
    torn("xml-junk-before", "Says something before it begins.", b"<br />\nWarning: mysql_connect()\n" + xml(item())),
    torn("xml-blank-before", "Begins with empty lines.", b"\n\n  " + xml(item())),
    torn("xml-junk-after", "Says something after it has ended.", xml(item()) + b"<!-- 0.3 s --><script>count()</script>"),
    torn("xml-mismatch", "Closes what it did not open.", xml(item(TITLE, "</description>"))),
    read("xml-control-reference", "Refers to a control character and to NUL.", "F1", xml(item("Town&#2; council&#0; meets")), "Town council\ufffd meets", malformed=True),
    read("cs-surrogate", "Refers to half of a character.", "F22, reliability §0.2", xml(item("Town &#xD800;council")), "Town \ufffdcouncil", malformed=True),
    read("xml-surrogate-pair", "Refers to both halves of a character, one by one.", "F22", xml(item("&#xD83D;&#xDE00; smiles")), "😀 smiles", malformed=True),
    well("rss091-dtd", "Is Netscape's RSS 0.91 and names its document type, which is not asked for.", "F4", _dtd,  titles=(f"Café {TITLE}",)),
    well("xml-external", "Wants a file of ours and an address inside as entities.", "reliability XXE", _external, check=_no_secret),
    well("xml-parameter", "Wants a document type from elsewhere.", "reliability XXE", _parameter, check=_no_secret),
    well("xml-xinclude", "Wants files included.", "reliability XXE, xml-xinclude", _xinclude, check=_no_secret),
    well("xml-stylesheet", "Names a style sheet.", "reliability XXE", _stylesheet, check=_no_secret),
    well("xml-external-utf16", "Wants a file of ours, in UTF-16.", "reliability XXE", _utf16_external, check=_no_secret),
    no_feed("xml-bomb", "Laughs a hundred million times.", BOMB.encode() + xml(item("&i;"), declaration=""), "bomb", "F3"),
    no_feed("xml-bomb-wide", "Repeats a long entity.", b"<!DOCTYPE r [<!ENTITY a '%s'>]>" % (b"x" * 50_000) + xml(item("&a;" * 1000), declaration=""), "bomb", "F3"),
    read("xml-entities", "Has two harmless entities of its own.", "F3", b"<!DOCTYPE r [<!ENTITY co 'Wire'>]>" + xml(item("&co; meets"), declaration=""), "Wire meets"),
    no_feed("xml-deep", "Nests two hundred thousand elements.", xml("<a>" * 200_000 + "</a>" * 200_000), "bomb", "reliability xml-deep"),
    no_feed("xml-wide", "Has fifty thousand attributes on one element.",
            ("<rss " + " ".join(f"a{n}=''" for n in range(50_000)) + "/>").encode(), "bomb", "reliability deep / wide"),
    well("html-deep", "Nests twenty thousand <div> in one description.", "reliability deep HTML",
         answer(200, xml(item(TITLE, f"<description>{'&lt;div&gt;' * 20_000}the end</description>"))), check=_nested_html),
    well("fields-huge", "Has a title of a megabyte and a text of two.", "F3",
         answer(200, xml(item("x" * 1_000_000, f"<description>{'word ' * 400_000}</description>"))), check=_capped),
    no_feed("html-page", "Is a page that names its feed.", PAGE, says="rss.xml", check=_offers),
    no_feed("html-bare", "Is a page that names none.", b"<html><body><h1>It works!</h1></body></html>"),
    no_feed("text", "Is plain text.", b"hello, world\n"),
    no_feed("image", "Is a picture.", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(200))),
    no_feed("opml", "Is a list of feeds.", b"<opml version='2.0'><body><outline xmlUrl='http://x.example/'/></body></opml>"),
    no_feed("sitemap", "Is a map of a site.", b"<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'><url><loc>https://n.example/</loc></url></urlset>"),
    no_feed("xml-other", "Is some XML.", b"<?xml version='1.0'?><note><to>you</to></note>"),
    no_feed("body-empty", "Sends nothing.", b"", "empty", "F6"),
    no_feed("body-blank", "Sends white space.", b" \r\n\t\n", "empty", "F6"),
    no_feed("body-mark", "Sends a byte order mark and nothing else.", b"\xef\xbb\xbf", "empty", "F6"),
    no_feed("body-nul", "Sends zeros.", b"\0" * 5_000, "empty", "F6"),
    no_feed("xml-cut-early", "Stops before its first entry.", b"<?xml version='1.0'?><rss version='2.0'><channel><title>Ne", "parse_error", "F1"),
    well("feed-empty", "Has no entries today.", "F6", answer(200, xml("")), entries=0),
    well("feed-10000", "Has ten thousand entries.", "F7", answer(200, xml("".join(item(f"Report {n}", guid=str(n)) for n in range(MANY)))),
         entries=MANY),
    read("json-1.1", "Is JSON Feed 1.1, with a number for an id.", "F23", json_feed()),
    read("json-1.0", "Is JSON Feed 1.0.", "F23", json_feed("1")),
    read("json-no-title", "Is JSON Feed with an entry that has no title.", "F23", json_feed(title=None), titles=("",)),
    read("json-odd-item", "Is JSON Feed with a number among its entries.", "F23", json_feed().replace(b'"items": [', b'"items": [17, '), malformed=True),
    no_feed("json-2", "Is JSON Feed of a version that nobody knows.", json_feed("2"), spec="F23"),
    no_feed("json-other", "Is some JSON.", b'{"error": "rate limit"}', spec="F23"),
    no_feed("json-cut", "Is JSON Feed that breaks off.", json_feed()[:-9], "parse_error", "F23"),
    no_feed("json-deep", "Nests ten thousand brackets.", b'{"a":' * 10_000, "parse_error", "F23"),
    read("rss-0.90", "Is RSS 0.90.", "F24", RDF.format("http://my.netscape.com/rdf/simple/0.9/").encode()),
    read("rss-1.0", "Is RSS 1.0.", "F24", RDF.format("http://purl.org/rss/1.0/").encode()),
    read("rss-0.92-bare", "Has entries without link, id or title.", "F24",
         b"<rss version='0.92'><channel><item><description>One thing.</description></item><item><description>Another.</description></item></channel></rss>",
         "", ""),
    read("atom-0.3", "Is Atom 0.3.", "F24", f"<feed version='0.3' xmlns='http://purl.org/atom/ns#'><title>N</title><entry><id>1</id><title>{TITLE}</title><modified>2023-02-02T10:00:00Z</modified></entry></feed>".encode()),
    read("atom-1.0", "Is Atom.", "F24", atom(entry(TITLE))),
    read("cdf", "Is CDF, of 1997.", "F24", f"<CHANNEL HREF='https://n.example/'><TITLE>N</TITLE><ITEM HREF='https://n.example/1'><TITLE>{TITLE}</TITLE></ITEM></CHANNEL>".encode()),
    well("links-relative", "Links relative to itself, to xml:base, and absolutely.", "F14", answer(200, xml(LINKS)), entries=3, check=_links),
    well("links-choice", "Has many kinds of links; the right one is taken.", "F15", answer(200, xml(CHOICE)), entries=6, check=_choice),
    well("atom-authors", "Names its author once for all.", "F17",
         answer(200, atom(entry("own", "<author><name>Anna</name></author><category term='a'/><category term='b'/>"), entry("inherited", "", 2),
                          head="<author><name>Desk</name></author>")), entries=2, check=_authors),
    well("summary-and-content", "Has both a summary and the whole text.", "F18",
         answer(200, atom(entry(TITLE, "<summary type='html'>&lt;p&gt;Short.&lt;/p&gt;</summary><content type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'><p>Long <b>story</b>.</p></div></content>"))), check=_texts),
    read("title-comparison", "Compares in its titles.", "F20", xml(item("1 &lt; 2 and 3 &gt; 2") + item("AT&amp;amp;T", guid="2")), "1 < 2 and 3 > 2", "AT&T"),
    read("title-html", "Marks up its titles.", "F20", xml(item("&lt;b&gt;Town&lt;/b&gt; council &amp;amp; &amp;eacute;lan")), "Town council & élan"),
    read("title-cdata", "Puts its titles into CDATA.", "F19", xml(item("<![CDATA[<i>Town</i> council & more]]>")), "Town council & more"),
    read("title-text", "Says in Atom that a title is no HTML.", "F20", atom(entry("&lt;b&gt; is a tag")), "<b> is a tag"),
    read("title-emoji", "Writes emoji, combining marks and Cyrillic.", "F22", xml(item(f"👩‍🚀 e\u0301lan {CYRILLIC}")), f"👩‍🚀 e\u0301lan {CYRILLIC}"),
    well("feed-shrinks", "Drops its older entries.", "F8", bodies(news("A", "B", "C"), news("C")), titles=("A", "B", "C"), entries=3),
    well("feed-grows", "Gains an entry each time.", "F8", bodies(news("A"), news("B", "A"), news("C", "B", "A")), titles=("A", "B", "C"), entries=3),
    well("feed-reorders", "Turns its order round.", "F8", bodies(news("A", "B", "C"), news("C", "B", "A")), titles=("A", "B", "C"), entries=3),
)  # fmt: skip
