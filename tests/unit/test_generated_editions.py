"""Editions of anything that feeds can bring, each mail held against the rules of mail: RFC 5322, 2045, 2047, 2369, 2919, 8058."""

from __future__ import annotations

import email
import re
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from email import policy
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from aggregator.publication import (
    Checked,
    Edition,
    EditionStory,
    Excerpt,
    FailingFeed,
    LateStory,
    Missed,
    Outlet,
    UpdatedStory,
    Window,
)
from aggregator.render import HTML_LIMIT, Renderer, RenderOptions
from tests import counts
from tests.unit.test_render import ID, NOW, TOKEN, story

ROUNDS = counts.count(60, 10_000)
ADDRESS = "desk@example.org"
RENDERERS = (
    Renderer(RenderOptions("watch@news.example", "Newsroom", "news.example", "https://news.example")),
    Renderer(
        RenderOptions(
            "watch+x@news.example", "Мониторинг, «ОДКБ»", "news.example", owner="a@b.example", postal="ул. Мира, 1"
        )
    ),
    Renderer(RenderOptions("w@n.example", "", "n.example", "http://n.example:8080/pages/", feedback_id="a:b:c")),
)

ODD = (
    "=?utf-8?q?Bcc:_x?=", "=?UTF-8?B?CkJjYzogdkB4?=", "a\r\nBcc: victim@example.org\r\n\r\nbody", "\x00\x07\x1b[31mred\x00", "\u202edesrever\u2066",
    "\ud800 lone \udfff", "\U0001f468\u200d\U0001f469\u200d\U0001f467 family", "нуль\u200b\ufeffширины", "مرحبا بالعالم", "会议" * 30, "e\u0301" * 40, ".", "..",
    "From here", "--=_boundary", "", "   ", " ,;:", '"><script>alert(1)</script><img src=x onerror=y>', "{{ 7*7 }}{% raw %}", "<!-- ]]> &amp;nbsp; &#0;", "=", "=\n=\r",
    "x" * 10_000, "слово " * 2_000, "\u2028\u2029\x85", "“”" * 9, "\t" * 50, "a" * 990 + " b", "\U0010ffff\ufffe", "</style></title></table></bdi>",
)  # fmt: skip
TEXT = (
    st.sampled_from(ODD) | st.text(max_size=120) | st.builds("{} {}".format, st.sampled_from(ODD), st.text(max_size=40))
)
LINK = st.sampled_from(
    ("https://x.example/a?b=1&c=2", "http://x.example/a b\n", 'https://x.example/"><b>', "https://пример.бел/новости?q=х", "javascript:alert(1)",
     "jav\tascript:alert(1)", "data:text/html,x", "//x.example/", "https://", "https://[::1", "", "https://x.example/" + "a" * 1_900, "https://x.example/" + "a" * 3_000,
     "https://x.example/\u3000\u2003<\u202e>", "https://x.example/\ud800", "HTTPS://X.EXAMPLE/%0d%0aBcc:x", "https://user:pw@x.example/", "https://x.example/`'\\")
) | st.builds("https://x.example/{}".format, st.text(max_size=30))  # fmt: skip
MOMENT = st.builds(lambda minutes: NOW + timedelta(minutes=minutes), st.integers(-600_000, 600_000))
LANGUAGE = st.sampled_from(("en", "ru", "be", "ar", "", "zh-Hant", 'en" onload="x'))


@st.composite
def outlets(draw: st.DrawFn) -> tuple[Outlet, ...]:
    name, link, published = draw(TEXT), draw(LINK), draw(st.none() | MOMENT)
    one = Outlet("feed", name, 1, draw(TEXT), link, draw(LANGUAGE), published, draw(MOMENT))
    number = draw(st.sampled_from((0, 1, 1, 2, 5, 40, 300)))
    return tuple(replace(one, feed_id=f"feed{n}", entry_id=n, link=f"{link}{n}" if n else link) for n in range(number))


@st.composite
def excerpts(draw: st.DrawFn) -> Excerpt:
    text = draw(TEXT)
    a, b, c, d = sorted(draw(st.tuples(*[st.integers(0, len(text))] * 4)))
    return Excerpt(text, tuple((x, y) for x, y in ((a, b), (c, d)) if x < y), "body", draw(st.just("") | TEXT))


@st.composite
def stories(draw: st.DrawFn) -> EditionStory:
    watched = draw(st.sampled_from(((), ("csto",), ("energy",), ("csto", "energy"), ("gone",))))
    headline = draw(TEXT)
    return story(
        draw(st.integers(1, 9)), headline, link=draw(LINK), language=draw(LANGUAGE), outlets=draw(outlets()), excerpt=draw(excerpts()),
        headline_marks=((0, 1),) if headline else (), watchlist_ids=watched, watchlist_titles=tuple(draw(TEXT) for _ in watched),
        why=tuple(draw(st.lists(TEXT | st.builds("“{}” in the title".format, TEXT), max_size=4))), at=draw(MOMENT),
    )  # fmt: skip


@st.composite
def editions(draw: st.DrawFn) -> Edition:
    told = draw(st.lists(stories(), max_size=4))
    told = told * draw(st.sampled_from((1, 1, 1, 12)))
    kind: Any = draw(st.sampled_from(("digest", "alert")))
    updated = draw(st.lists(st.builds(UpdatedStory, stories(), TEXT), max_size=2)) * draw(st.sampled_from((1, 1, 20)))
    late = draw(st.lists(st.builds(LateStory, TEXT, LINK, LANGUAGE, TEXT, MOMENT, MOMENT), max_size=2))
    gaps = draw(st.lists(st.builds(Missed, st.just("f"), TEXT, MOMENT, MOMENT), max_size=5))
    failing = draw(st.lists(st.builds(FailingFeed, st.just("f"), TEXT, st.none() | MOMENT, TEXT), max_size=6))
    return Edition(
        digest_id="morning", title=draw(TEXT), key="2023-02-02T16:00+03:00", kind=kind,
        window=Window(NOW, NOW) if kind == "alert" else Window(NOW - timedelta(days=1), NOW),
        timezone=draw(st.sampled_from(("UTC", "Europe/Minsk", "Australia/Lord_Howe", "America/New_York"))),
        stories=tuple(told), continued=tuple(replace(s, continued=True) for s in draw(st.lists(stories(), max_size=2))),
        entries=draw(st.integers(0, 99)), more=draw(st.sampled_from((0, 0, 7))), checked=Checked(42, 42 - len(failing), tuple(failing), tuple(gaps)),
        queries=tuple((draw(TEXT), draw(TEXT)) for _ in range(draw(st.sampled_from((1, 2, 40))))), composed_at=NOW, feeds=draw(st.integers(0, 9)),
        updated=tuple(updated), late=tuple(late), held=draw(st.sampled_from(("", "quiet", "storm"))), list_name=draw(st.sampled_from(("", "csto.watch"))),
        thread=draw(st.sampled_from(("", "<thread.abc@news.example>"))), prominence=draw(st.sampled_from(("any", "lead", "title"))),
    )  # fmt: skip


class Page(HTMLParser):
    """A page's structure: whether its tags are balanced, what it links to and loads."""

    VOID = frozenset({"meta", "br", "hr", "wbr"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.links: list[str] = []
        self.odd: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        self.odd += [f"never closed: {tag}" for tag in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        if tag not in self.VOID:
            self._open.append(tag)
        for name, value in attrs:
            if name == "href":
                self.links.append(value or "")
            if (
                name in {"src", "srcset", "background", "action"}
                or name.startswith("on")
                or "url(" in (value or "").lower()
            ):
                self.odd.append(f"{tag} {name}")

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.odd.append(f"not in order: {tag}")


def faults(edition: Edition, renderer: Renderer) -> list[str]:
    """What is wrong with an edition's mail; nothing, if all is well."""
    made = renderer.render(edition)
    raw = renderer.message(made.mail, ADDRESS, TOKEN, ID)
    head, _, body = raw.partition(b"\r\n\r\n")
    message = email.message_from_bytes(raw, policy=policy.default)
    text, html = (part.get_content().replace("\r\n", "\n") for part in message.iter_parts())
    page = Page(html)
    checks = {
        # One in eight: rendering is what this costs.
        "the same edition, other bytes": len(made.data) % 8 > 0 or made == renderer.render(edition),
        "RFC 5322: a bare CR or LF": not re.search(rb"(?<!\r)\n|\r(?!\n)", raw),
        "RFC 5322: a line longer than 998": max(map(len, raw.split(b"\r\n"))) <= 998,
        "7 bit": raw.isascii() and b"\0" not in raw,
        "RFC 5322: a header twice, or missing": _singles(message),
        "RFC 5322: headers that are not ours": {name.lower() for name in message.keys()} <= OURS,  # noqa: SIM118 - a message is no mapping
        "defects": not message.defects and not any(part.defects for part in message.walk()),
        "the recipient": message["To"] == ADDRESS and len(message["To"].addresses) == 1,
        "RFC 2045: a line of a part longer than 76": max(map(len, body.split(b"\r\n"))) <= 76,
        "RFC 2045: white space at the end of a line": not re.search(rb"[ \t]\r\n", body),
        "the encoding of a part": all(
            p["Content-Transfer-Encoding"] == "quoted-printable" for p in message.iter_parts()
        ),
        "HTML too large": len(html.encode()) <= HTML_LIMIT,
        "links of text and HTML differ": set(re.findall(r"(?im)^ *<((?:https?|mailto):\S+)>$", text))
        == set(page.links),
        "a link that is none": all(
            re.match(r"(?i:https?://[^\s<>\"]+|mailto:[^\s<>\"]+)$", link) for link in page.links
        ),
        "the way out": any(TOKEN in link for link in page.links),
        "one h1": page.tags["h1"] == 1,
        "tags out of balance": not page.odd,
        "what mail must not load": not page.tags.keys()
        & {"img", "script", "link", "iframe", "form", "svg", "object", "video", "base"},
        "controls in the text": not re.search(
            r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text + made.subject
        ),
        "the page of the archive": not Page(made.page).odd and "unsubscribe" not in "".join(Page(made.page).links),
        "what SQLite cannot keep": all(value.encode() for value in (made.page, made.text, made.data, made.subject)),
    }
    return [what for what, well in checks.items() if not well] + _of_headers(head.decode("ascii"))


SINGLE = ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "List-Id", "List-Unsubscribe")
OURS = {name.lower() for name in SINGLE} | {
    "references", "list-unsubscribe-post", "list-help", "list-owner", "list-archive", "auto-submitted", "x-auto-response-suppress", "precedence", "feedback-id",
}  # fmt: skip


def _singles(message: EmailMessage) -> bool:
    names = Counter(name.lower() for name in message.keys())  # noqa: SIM118 - a message is no mapping
    return max(names.values()) == 1 and all(names[name.lower()] == 1 for name in SINGLE)


def _of_headers(head: str) -> list[str]:
    """RFC 2047, 2369, 2919 and 8058, on the raw lines."""
    unfolded = dict(line.split(": ", 1) for line in re.sub(r"\r\n(?=[ \t])", "", head).split("\r\n"))
    lists = {name: value for name, value in unfolded.items() if name.startswith("List-")}
    stop = lists["List-Unsubscribe"]
    web = stop.startswith("<http")
    folded = re.search(r"(?m)^List-Unsubscribe: (<[^>\s]+>)(,\r\n <[^>\s]+>)?\r$", head + "\r\n")
    checks = {
        "RFC 2047: an encoded word longer than 75": all(len(word) <= 75 for word in re.findall(r"=\?\S*", head)),
        "RFC 2047: a line with one longer than 76": all(len(line) <= 76 for line in head.split("\r\n") if "=?" in line),
        "RFC 2047: an encoded word in a list header": not any("=?" in v for n, v in lists.items() if n != "List-Id"),
        "RFC 2919: List-Id": bool(re.fullmatch(r"(.+ )?<[a-z0-9.-]+>", lists["List-Id"])),
        "RFC 2369: List-Unsubscribe folded elsewhere than after its comma": folded is not None,
        "RFC 2369: a list header that is no link": all(
            re.fullmatch(r"<[^<>\s]+>(, ?<[^<>\s]+>)*", v) for n, v in lists.items() if n not in {"List-Id", "List-Unsubscribe-Post"}
        ),
        "RFC 8058: one click without https, or none with it": ("List-Unsubscribe-Post" in lists) == stop.startswith("<https:"),
        "no way out by mail": "mailto:" in stop and stop.count(TOKEN) == 1 + web,
        "an empty line or a control": not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]|\r\n[ \t]*(\r\n|$)", head),
    }  # fmt: skip
    return [what for what, well in checks.items() if not well]


done: Counter[str] = Counter()


@seed(counts.seed())
@settings(
    max_examples=ROUNDS,
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
@given(editions(), st.sampled_from(RENDERERS))
def check(edition: Edition, renderer: Renderer) -> None:
    found = faults(edition, renderer)
    done.update(["tried", *found])
    assert not found, found


def test_any_edition_makes_a_mail_that_keeps_every_rule() -> None:
    done.clear()
    try:
        check()
    finally:
        failed = sum(number for what, number in done.items() if what != "tried")
        counts.report("generated editions, each against 30 rules of mail", done["tried"], failed)


def test_the_rules_bite() -> None:
    """Each rule on a mail that breaks it."""
    sound = RENDERERS[0].render(story_edition()).mail
    assert faults(story_edition(), RENDERERS[0]) == []
    broken = {
        "List-Unsubscribe folded": (b">,\r\n <mailto", b">, <mail\r\n to"),
        "encoded word longer": (b"Subject: ", b"Subject: =?utf-8?q?" + b"a" * 80 + b"?= "),
        "headers that are not ours": (b"Subject: ", b"Bcc: x@y.example\r\nSubject: "),
        "longer than 76": (b"</body>", b"</body>" + b"a" * 90),
        "bare CR": (b"</body>", b"</body>\n"),
        "one h1": (b"</body>", b"<h1></h1></body>"),
        "out of balance": (b"</body>", b"</p></body>"),
        "must not load": (b"</body>", b"<img src=3D'x'></body>"),
        "links of text": (b"</body>", b"<a href=3D'https://b.example/'></a></body>"),
    }
    for rule, (old, new) in broken.items():
        assert old in sound
        assert any(rule in fault for fault in faults(story_edition(), _Broken(RENDERERS[0], old, new))), rule


def story_edition() -> Edition:
    queries = (("CSTO", "@csto"),)
    window = Window(NOW - timedelta(days=1), NOW)
    return Edition(
        "morning", "Morning", "k", "digest", window, "UTC", (story(),), (), 1, 0, Checked(1, 1), queries, NOW
    )


class _Broken(Renderer):
    """A renderer whose mail is spoilt on its way."""

    def __init__(self, sound: Renderer, old: bytes, new: bytes) -> None:
        self.__dict__.update(sound.__dict__)
        self._old, self._new = old, new

    def message(self, mail: bytes, address: str, token: str, message_id: str) -> bytes:
        return super().message(mail, address, token, message_id).replace(self._old, self._new, 1)
