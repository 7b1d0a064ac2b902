"""Content that wants to be run: in pages, mails, databases, file names and terminals (reliability §1).

Every title holds the word HOSTILE, for which the runner's home watches: all of it goes through pages and mails too.
"""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

from tests.conformance.feedserver import Behaviour, status
from tests.faultserver.manifest import Fault, Place, Seen, Serve, answer, failing, item, well, xml

HOSTILE = "hostile"
LIVE = re.compile(
    r"(?i)<(script|svg|math|form|iframe|object|embed|style|meta|base|link)\b|\son\w+\s*=|javascript:|vbscript:|data:text"
)
"""What must not stand in anything we keep as HTML. Escaped text may name it all."""


def _harmless(seen: Seen) -> None:
    for e in seen.entries:
        for markup in (e.summary, e.content):
            assert not LIVE.search(re.sub(r">[^<]*<", "><", f">{markup}<")), markup
        assert "javascript" not in e.link.lower()
        assert not e.link or e.link.startswith(("http://", "https://", "mailto:"))


def markup(name: str, does: str, text: str) -> Fault:
    """Markup in a description."""
    body = xml(
        item(f"{HOSTILE} {name}", f"<description>{escape(text)}</description><link>https://n.example/{name}</link>")
    )
    return well(name, does, "reliability XSS", answer(200, body), check=_harmless)


def title(name: str, does: str, spec: str, text: str, shown: str, **more: object) -> Fault:
    """A title, and how it is stored."""
    return well(
        name,
        does,
        spec,
        answer(200, xml(item(f"{HOSTILE} {escape(text)}"))),
        titles=(f"{HOSTILE} {shown}".strip(),),
        check=_harmless,
        **more,
    )


def link(name: str, does: str, href: str) -> Fault:
    """A link that is dropped."""
    return well(
        name,
        does,
        "reliability javascript: links",
        answer(200, xml(item(f"{HOSTILE} {name}", f"<link>{escape(href)}</link>"))),
        check=_no_link,
    )


def _no_link(seen: Seen) -> None:
    assert seen.one().link == ""


def _head(title_: str, more: str = "") -> Serve:
    """A hostile head of a feed."""
    body = f"<rss version='2.0'><channel><title>{escape(title_)}</title>{more}{item(f'{HOSTILE} head')}</channel></rss>"
    return answer(200, body.encode())


def _plain_head(seen: Seen) -> None:
    assert not LIVE.search(re.sub(r"[^<]*", "", seen.feed.poll.title))
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", seen.feed.poll.title)


def _plain_names(seen: Seen) -> None:
    entry = seen.one()
    assert "<" not in entry.author + "".join(entry.categories)


def _untracked(seen: Seen) -> None:
    assert "pixel" not in seen.one().summary
    assert "photo.jpg" in seen.one().summary
    assert "url(" not in seen.one().summary


def _one_line(seen: Seen) -> None:
    assert seen.feed.poll.error.isprintable(), repr(seen.feed.poll.error)


def _offer(_: Place) -> Behaviour:
    page = "<html><head><link rel='alternate' type='application/rss+xml' href='/a&#10;b&#27;[2J&#x202e;.xml'></head></html>"
    return status(200, page.encode())


def _token(place: Place) -> str:
    place.add("/feed?token=s3cret-token", status(500))
    return place.server.url("/feed?token=s3cret-token")


def _masked(seen: Seen) -> None:
    assert "s3cret" not in seen.feed.poll.error


REDOS = "<" * 100_000 + " " * 100_000 + "&lt;" * 20_000 + "<!--" * 10_000 + "<a " * 10_000

FAULTS: tuple[Fault, ...] = (
    markup("xss-script", "Writes a script.", "<p>x</p><script>alert(1)</script>"),
    markup("xss-svg", "Hides a script in a picture.", "<svg/onload=alert(1)><p>x</p>"),
    markup("xss-handler", "Hides a script in an image that fails.", "<img src=x onerror=alert(1)>text"),
    markup("xss-entity", "Hides a scheme behind entities.", "<a href='jav&#x09;ascript:alert(1)'>x</a>"),
    markup("xss-mathml", "Hides a link in a formula.", "<math><mi xlink:href='javascript:alert(1)'>x</mi></math>y"),
    markup("xss-form", "Asks for a password.", "<form action='javascript:alert(1)'><input name=p type=password></form>y"),
    markup("xss-iframe", "Brings a page in a page.", "<iframe srcdoc='<script>alert(1)</script>'></iframe>y"),
    markup("xss-mutation", "Changes its meaning when parsed twice.", "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>y</noscript>"),
    markup("xss-comment", "Never ends its comment.", "<p>x<!-- <script>alert(1)</script>"),
    markup("xss-meta", "Sends readers elsewhere.", "<meta http-equiv=refresh content='0;url=javascript:alert(1)'><base href=//evil.example>y"),
    markup("xss-style", "Brings its own style.", "<style>@import 'https://evil.example/x.css';</style><p style='x:expression(alert(1))'>y</p>"),
    markup("xss-data", "Links to a page inside the link.", "<a href='data:text/html,<script>alert(1)</script>'>x</a>"),
    title("xss-title", "Writes a script into a title.", "reliability XSS", "<script>alert(1)</script>", ""),
    title("xss-title-quote", "Breaks out of an attribute in a title.", "reliability XSS", '"><img src=x onerror=alert(1)>', '">'),
    title("xss-title-escaped", "Escapes a script once more.", "reliability XSS", "&lt;script&gt;alert(1)&lt;/script&gt;", ""),
    well("xss-author", "Writes scripts as author and category.", "reliability XSS", check=_plain_names,
         serve=answer(200, xml(item(f"{HOSTILE} author", "<author>&lt;b onmouseover=alert(1)&gt;Ann&lt;/b&gt;</author><category>&lt;script&gt;x&lt;/script&gt;news</category>")))),
    well("xss-feed-title", "Writes a script as the name of the feed.", "reliability XSS", _head("News <script>alert(1)</script>"), check=_plain_head),
    well("terminal-feed-title", "Clears the screen with the name of the feed.", "reliability XSS", _head("News &#x1b;[2J\u202eswen"), check=_plain_head),
    link("link-javascript", "Links to a script.", "javascript:alert(document.cookie)"),
    link("link-javascript-tab", "The same with a tab inside.", "java\tscript:alert(1)"),
    link("link-vbscript", "Links to a script of another kind.", "VBScript:MsgBox(1)"),
    link("link-data", "Links to a page inside the link.", "data:text/html;base64,PHNjcmlwdD4="),
    link("link-file", "Links to a file.", "file:///etc/passwd"),
    link("link-blob", "Links to what only a browser has.", "blob:https://n.example/1"),
    title("title-encoded-word", "Writes a mail header as an encoded word.", "reliability mail header injection",
          "Talks =?UTF-8?Q?=0ABcc:_victim@evil.example?=", "Talks =?UTF-8?Q?=0ABcc:_victim@evil.example?="),
    title("title-line-break", "Writes a mail header on a line of its own.", "reliability mail header injection",
          "Talks\r\nBcc: victim@evil.example\r\n\r\nbody", "Talks Bcc: victim@evil.example body"),
    title("ssti-title", "Writes a template.", "reliability template injection", "{{ 7*191 }} {% for x in y %} ${7*191} #{7*191}",
          "{{ 7*191 }} {% for x in y %} ${7*191} #{7*191}"),
    well("ssti-feed-title", "Writes a template as the name of the feed.", "reliability template injection",
         _head("{{ config.__class__.__init__.__globals__ }}{{ 7*191 }}")),
    title("sql-title", "Writes SQL.", "reliability SQL", "'); DROP TABLE entries; --", "'); DROP TABLE entries; --"),
    title("fts-title", "Writes a query of the full-text index.", "reliability FTS", '" OR NEAR(a b, 5) AND NOT title:* ^x {title}: "', '" OR NEAR(a b, 5) AND NOT title:* ^x {title}: "'),
    well("sql-guid", "Writes SQL as an id.", "reliability SQL", answer(200, xml(item(f"{HOSTILE} guid", guid="1'; DELETE FROM feeds; --")))),
    title("path-title", "Names a file above ours.", "reliability path traversal", "../../../../tmp/evil\\..\\x", "../../../../tmp/evil\\..\\x"),
    well("path-guid", "Names a file above ours as an id.", "reliability path traversal", answer(200, xml(item(f"{HOSTILE} path", guid="../../etc/cron.d/evil&#0;"))), malformed=True),
    title("terminal-title", "Clears the screen.", "reliability XSS", "\u009b2J done", "›2J done"),
    title("bidi-title", "Turns its words round.", "F22", "\u202egnp.exe\u202c file", "\u202egnp.exe\u202c file"),
    title("nul-title", "Has half characters and noncharacters.", "F22", "a\ufffeb\uffffc", "abc", malformed=True),
    title("formula-title", "Writes a formula for spreadsheets.", "reliability", '=HYPERLINK("http://evil.example")', '=HYPERLINK("http://evil.example")'),
    well("redos-text", "Writes what regular expressions choke on.", "reliability ReDoS by feed text",
         answer(200, xml(item(f"{HOSTILE} redos", f"<description>{escape(REDOS)}</description>")))),
    well("redos-title", "The same in a title.", "reliability ReDoS by feed text",
         answer(200, xml(item(f"{HOSTILE} {escape('<' * 50_000 + 'a&' * 50_000)}")))),
    well("pixel", "Counts its readers with an image, and asks for style from elsewhere.", "F21", check=_untracked,
         serve=answer(200, xml(item(f"{HOSTILE} pixel", "<description>" + escape(
             "<img src='https://t.example/pixel.gif' width=1 height=1><img src='https://n.example/photo.jpg'>"
             "<p style='background:url(https://t.example/pixel2.gif)'>x</p>") + "</description>")))),
    failing("error-escape", "Offers a feed whose address breaks lines and terminals.", "reliability", "not_a_feed", _offer, check=_one_line),
    failing("error-secret", "Fails under an address with a token in it.", "P32, reliability secrets", "http_5xx", _token, asked="000000", most=10, check=_masked),
)  # fmt: skip
