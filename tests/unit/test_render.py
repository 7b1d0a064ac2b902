from __future__ import annotations

import email
import json
import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import getaddresses, parseaddr
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import aggregator
from aggregator.digests.messages import message_id, new_token
from aggregator.errors import ConfigError, GiveUp
from aggregator.levels import Prominence
from aggregator.publication import (
    Checked,
    Edition,
    EditionStory,
    Excerpt,
    FailingFeed,
    Outlet,
    RenderedEdition,
    StoredEdition,
    Window,
)
from aggregator.render import HTML_LIMIT, MAIL_STORIES, Renderer, RenderOptions
from aggregator.render.columns import plain, width, wrap
from aggregator.render.environment import BUILT_IN, NAMES
from aggregator.render.index import index_page
from aggregator.render.view import web_link
from aggregator.render.when import Calendar, zone_name

NOW = datetime(2023, 2, 2, 13, 0, tzinfo=UTC)
OPTIONS = RenderOptions("watch@news.example", "Newsroom", "news.example", "https://news.example", version="0.1.0")
RENDERER = Renderer(OPTIONS)
TOKEN = "abcdefghijklmnopqrstuvwxyz"
ID = "<digest.abcdefgh@news.example>"


def outlet(name: str, n: int, link: str | None = None) -> Outlet:
    where = link if link is not None else f"https://{name.lower()}.example/{n}"
    return Outlet(name.lower(), name, n, "A title", where, "en", NOW, NOW)


def story(n: int = 1, headline: str = "CSTO meets in Minsk", **more: Any) -> EditionStory:
    values: dict[str, Any] = {
        "story_id": n,
        "headline": headline,
        "headline_marks": ((0, 4),) if headline.startswith("CSTO") else (),
        "link": f"https://belta.example/{n}",
        "language": "en",
        "outlets": (outlet("BelTA", n), outlet("Wire", n), outlet("Sentinel", n)),
        "watchlist_ids": ("csto",),
        "watchlist_titles": ("CSTO",),
        "excerpt": Excerpt("The CSTO met on Thursday.", ((4, 8),)),
        "why": ("“CSTO” in the title and the text (alias @csto)",),
        "at": NOW - timedelta(hours=2),
        "prominence": Prominence("title", 0.9),
        **more,
    }
    return EditionStory(**values)


def edition(*stories: EditionStory, **more: Any) -> Edition:
    values: dict[str, Any] = {
        "digest_id": "morning",
        "title": "Morning briefing",
        "key": "2023-02-02T16:00",
        "kind": "digest",
        "window": Window(NOW - timedelta(days=1), NOW),
        "timezone": "Europe/Minsk",
        "stories": stories,
        "continued": (),
        "entries": 3 * len(stories),
        "more": 0,
        "checked": Checked(10, 9, (FailingFeed("p", "Polesie Today", datetime(2023, 2, 2, 0, 10, tzinfo=UTC), "503"),)),
        "queries": (("CSTO", "@csto"),),
        "composed_at": NOW,
        **more,
    }
    return Edition(**values)


def read(rendered: RenderedEdition, renderer: Renderer = RENDERER) -> tuple[EmailMessage, str, str]:
    """One recipient's message as a mail program reads it, with its text and its HTML."""
    raw = renderer.message(rendered.mail, "desk@example.org", TOKEN, ID)
    message = email.message_from_bytes(raw, policy=policy.default)
    text, html = (str(part.get_content()).replace("\r\n", "\n") for part in message.iter_parts())
    return message, text, html


class Links(HTMLParser):
    """The links and the tags of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend(attrs)
        self.links.extend(value or "" for name, value in attrs if name in {"href", "src"})


def text_links(text: str) -> set[str]:
    return set(re.findall(r"(?m)^ *<(\S+)>$", text))


@pytest.mark.parametrize(
    ("threshold", "told", "nothing"),
    [
        ("any", "1 story from 3 entries; 9 of 10", "Nothing matched; 9 of 10"),
        (
            "lead",
            "from 3 entries, with a watched word in the title or the lead; 9",
            "Nothing matched in the title or the lead;",
        ),
        ("title", "from 3 entries, with a watched word in the title; 9", "Nothing matched in the title;"),
    ],
)
def test_an_edition_says_what_its_threshold_left_out(threshold: str, told: str, nothing: str) -> None:
    def said(*stories: EditionStory) -> str:
        return " ".join(RENDERER.render(edition(*stories, prominence=threshold)).text.split())

    assert told in said(story())
    assert nothing in said()


# -- the same facts in both parts ------------------------------------------------------------------------------------


FULL = edition(
    story(1),
    story(2, "Саммит ОДКБ", link="javascript:alert(1)", language="ru"),
    story(3, outlets=(outlet("Solo", 3, "ftp://x.example/"),)),
    continued=(story(9, "Told", continued=True),),
    more=2,
)


def test_text_and_html_hold_the_same_links() -> None:
    _, text, html = read(RENDERER.render(FULL))
    assert text_links(text) == set(Links(html).links)
    assert f"https://news.example/unsubscribe/{TOKEN}" in text_links(text)
    assert "https://news.example/editions/morning/2023-02-02T16:00" in text_links(text)
    assert not any("javascript:" in link or "ftp:" in link for link in Links(html).links)


def test_text_and_html_hold_the_same_facts() -> None:
    _, text, html = read(RENDERER.render(FULL))
    facts = (
        "5 stories from 9 entries",
        "9 of 10 feeds checked, Polesie Today failing since 03:10.",
        "Thu 2 Feb, 14:00 Minsk time",
        "2 more stories",
        "@csto",
        "Саммит ОДКБ",
    )
    words = " ".join(re.sub(r"<[^>]+>", "", html).split())
    assert all(fact in words and fact in " ".join(text.split()) for fact in facts)


def test_the_text_part_is_72_columns_wide_but_for_links() -> None:
    wide = story(1, "会议" * 80, excerpt=Excerpt("слово " * 60))
    _, text, _ = read(RENDERER.render(edition(wide, continued=(wide,))))
    assert all(width(line) <= 72 for line in text.splitlines() if "<http" not in line)


def test_page_and_terminal_text_belong_to_nobody() -> None:
    made = RENDERER.render(FULL)
    for shown in (made.page, made.text):
        assert "unsubscribe" not in shown
        assert "mailto" not in shown
    assert "<main>" in made.page


def test_the_data_are_the_edition() -> None:
    data = json.loads(RENDERER.render(FULL).data)
    assert data["stories"][0]["headline"] == "CSTO meets in Minsk"
    assert data["window"]["end"] == "2023-02-02T13:00:00+00:00"
    assert data["subject"] == RENDERER.render(FULL).subject


def test_an_empty_edition_says_what_was_checked() -> None:
    failing = FailingFeed("p", "Polesie Today", datetime(2023, 1, 30, 9, 0, tzinfo=UTC), "503")
    made = RENDERER.render(edition(checked=Checked(42, 41, (failing,))))
    assert made.subject == "Morning briefing, Thu 2 Feb: nothing matched"
    words = " ".join(made.text.split())
    assert "Nothing matched; 41 of 42 feeds checked, Polesie Today failing since Mon 30 Jan, 12:00." in words
    assert "Nothing matched; all 42 feeds checked." in RENDERER.render(edition(checked=Checked(42, 42))).text
    told = RENDERER.render(edition(continued=(story(),)))
    assert "Nothing new; more outlets have 1 story told before" in " ".join(told.text.split())


# -- nothing from a feed is markup, a header or a link ---------------------------------------------------------------

EVIL = '"><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}{% raw %}'


def test_feed_text_is_never_markup() -> None:
    bad = story(
        1, EVIL, outlets=(outlet(EVIL, 1, "https://x.example/"),), why=(EVIL,), excerpt=Excerpt(EVIL, ((0, 9),))
    )
    bad = replace(bad, language='en" onload="x', watchlist_titles=(EVIL,))
    made = RENDERER.render(edition(bad, continued=(bad,), title=EVIL, queries=((EVIL, EVIL), ("b", EVIL))))
    _, text, html = read(made)
    for page in (html, made.page):
        seen = Links(page)
        assert not {"script", "img", "svg", "iframe", "form", "link"} & set(seen.tags)
        assert not [name for name, _ in seen.attributes if name.startswith("on") or name == "src"]
        assert "url(" not in page
        assert "{{ 7*7 }}" in page
    assert "{{ 7*7 }}" in text


@pytest.mark.parametrize(
    "title",
    [
        "Talks\r\nBcc: victim@example.org",
        "Talks =?UTF-8?Q?=0ABcc:_victim@example.org?=",
        "Переговоры =?UTF-8?B?CkJjYzogdkB4?= ==??=",
        "\x00\x07\x1b[31mred\u202etxt\u2028Bcc: x",
        "x" * 5000,
        "会" * 5000,
        "\ud800 lone",
        "",
        " ,;:",
    ],
)
def test_no_title_writes_a_header(title: str) -> None:
    made = RENDERER.render(edition(story(1, title), title=title, kind="alert"))
    message, _, _ = read(made)
    assert message.keys() == [
        "From", "To", "Subject", "Date", "Message-ID", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post",
        "List-Help", "List-Owner", "List-Archive", "Auto-Submitted", "X-Auto-Response-Suppress", "Precedence", "MIME-Version", "Content-Type",
    ]  # fmt: skip
    again = email.message_from_bytes(message.as_bytes(policy=policy.SMTP), policy=policy.default)
    assert again.keys() == message.keys()
    assert not re.search(r"[\x00-\x1f\u202a-\u202e\u2066-\u2069]", made.text.replace("\n", ""))


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        ("https://x.example/a?b=1&c=2", "https://x.example/a?b=1&c=2"),
        (" http://x.example/a b\n", "http://x.example/ab"),
        ('https://x.example/"><b>', "https://x.example/%22%3E%3Cb%3E"),
        ("https://пример.бел/новости", "https://пример.бел/новости"),
        ("javascript:alert(1)", ""),
        ("jav\tascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("//x.example/", ""),
        ("https://", ""),
        ("https://[::1", ""),
        ("mailto:a@b", ""),
        ("https://x.example/" + "a" * 3000, ""),
    ],
)
def test_only_web_addresses_are_links(link: str, shown: str) -> None:
    assert web_link(link) == shown


FEED_TEXT = st.text(max_size=200) | st.sampled_from(
    [EVIL, "=?utf-8?q?x?=", "a\r\nTo: b", ".", "From x", "--=_", "会议 ОДКБ"]
)


@settings(deadline=None, max_examples=60)
@given(FEED_TEXT, FEED_TEXT, FEED_TEXT)
def test_any_feed_text_makes_a_sound_mail(title: str, body: str, name: str) -> None:
    told = story(1, title, excerpt=Excerpt(body), outlets=(outlet("A", 1), replace(outlet("B", 2), feed_title=name)))
    made = RENDERER.render(edition(told, kind="alert"))
    assert made == RENDERER.render(edition(told, kind="alert"))
    message, text, html = read(made)
    assert not message.defects
    assert text_links(text) == set(Links(html).links)
    assert message["Subject"] == " ".join(made.subject.replace("=?", "= ?").split())
    lines = RENDERER.message(made.mail, "desk@example.org", TOKEN, ID).split(b"\r\n")
    assert max(map(len, lines)) <= 80
    assert not any(b"\n" in line or b"\r" in line for line in lines)


# -- bytes -----------------------------------------------------------------------------------------------------------


def test_the_same_edition_gives_the_same_bytes_and_another_gives_others() -> None:
    made = RENDERER.render(FULL)
    assert made == Renderer(OPTIONS).render(FULL)
    other = RENDERER.render(replace(FULL, key="2023-02-03T16:00"))
    boundary = re.compile(rb'boundary="([^"]+)"')
    assert boundary.findall(made.mail) != boundary.findall(other.mail)


def test_a_message_differs_from_the_edition_in_address_token_and_id_alone() -> None:
    mail = RENDERER.render(FULL).mail
    one = RENDERER.message(mail, "desk@example.org", TOKEN, ID)
    two = RENDERER.message(mail, "somebody.else@a-longer.example.org", new_token(), "<digest.x@news.example>")
    different = [(a, b) for a, b in zip(one.split(b"\r\n"), two.split(b"\r\n"), strict=True) if a != b]
    assert len(different) == 8  # To, Message-ID, List-Unsubscribe by web and by mail, and twice the link in each part
    assert one == RENDERER.message(mail, "desk@example.org", TOKEN, ID)


@pytest.mark.parametrize(
    "url", ["https://n.example", "https://" + "long-name." * 8 + "example/a/rather/long/path/to/it"]
)
def test_one_click_unsubscribing_survives_as_raw_bytes(url: str) -> None:
    renderer = Renderer(replace(OPTIONS, public_url=url))
    raw = renderer.message(renderer.render(FULL).mail, "desk@example.org", TOKEN, ID)
    by_mail = f"<mailto:watch@news.example?subject=unsubscribe%20{TOKEN}>"
    assert f"\r\nList-Unsubscribe: <{url}/unsubscribe/{TOKEN}>,\r\n {by_mail}\r\n".encode() in raw
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw
    body = raw.partition(b"\r\n\r\n")[2]
    assert body.count(TOKEN.encode()) == 4
    assert max(map(len, body.split(b"\r\n"))) <= 76


def test_headers_say_what_kind_of_mail_it_is() -> None:
    message, _, _ = read(RENDERER.render(FULL))
    assert message["From"] == "Newsroom <watch@news.example>"
    assert (message["To"], message["Message-ID"]) == ("desk@example.org", ID)
    assert message["Date"] == "Thu, 02 Feb 2023 16:00:00 +0300"
    assert message["List-Id"] == "Morning briefing <morning.news.example>"
    assert message["List-Help"] == "<https://news.example/help>"
    assert message["List-Owner"] == "<mailto:watch@news.example>"
    assert message["List-Archive"] == "<https://news.example/editions/morning/2023-02-02T16:00>"
    assert message["References"] is message["Feedback-ID"] is None
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "All"
    assert message["Precedence"] == "list"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


@pytest.mark.parametrize(
    "name", ["Newsroom", "Watch, Inc.", 'The "Watch"', "Мониторинг новостей ОДКБ, Минск и область", ""]
)
def test_any_sender_name_reads_back(name: str) -> None:
    raw = email.message_from_bytes(Renderer(replace(OPTIONS, from_name=name)).render(FULL).mail)["From"]
    shown, address = parseaddr(str(make_header(decode_header(raw))) if "=?" in raw else raw)
    # The name of two encoded words reads back without quotes; its comma ends no mailbox on the wire.
    assert (shown, address) == (name, "watch@news.example") or str(make_header(decode_header(raw))).startswith(name)
    assert len(getaddresses([raw])) == 1


def test_without_a_public_address_mail_stops_by_mail() -> None:
    renderer = Renderer(replace(OPTIONS, public_url="", from_address="watch+news@news.example"))
    message, text, html = read(renderer.render(FULL))
    stop = f"mailto:watch+news@news.example?subject=unsubscribe%20{TOKEN}"
    assert message["List-Unsubscribe"] == f"<{stop}>"
    assert message["List-Unsubscribe-Post"] is None
    assert text_links(text) == set(Links(html).links)
    assert stop in text_links(text)
    assert f"with the subject “unsubscribe {TOKEN}”" in " ".join(text.split())
    assert "/editions/" not in html


@pytest.mark.parametrize(
    ("address", "token", "made_id"),
    [
        ("a@b\r\nBcc: c@d", TOKEN, ID),
        ("a@b, c@d", TOKEN, ID),
        ("меня@example.org", TOKEN, ID),
        ("a@b.example", "short", ID),
        ("a@b.example", TOKEN, "<a b@c>"),
    ],
)
def test_a_row_that_could_write_headers_is_given_up(address: str, token: str, made_id: str) -> None:
    with pytest.raises(GiveUp):
        RENDERER.message(RENDERER.render(FULL).mail, address, token, made_id)


def test_a_mail_that_is_not_ours_is_given_up() -> None:
    with pytest.raises(GiveUp):
        RENDERER.message(b"From: x\r\n\r\nbody", "a@b.example", TOKEN, ID)


def test_a_message_id_of_ours_fits(tmp_path: Path) -> None:  # noqa: ARG001 - keeps the signature of its neighbours
    made_id = message_id(b"secret", FULL, 1, "desk@example.org", "news.example")
    assert made_id.encode() in RENDERER.message(RENDERER.render(FULL).mail, "desk@example.org", new_token(), made_id)


# -- limits ----------------------------------------------------------------------------------------------------------


def test_a_mail_too_long_for_gmail_drops_stories_from_its_end_in_both_parts() -> None:
    many = tuple(outlet(f"Outlet{n}", n, f"https://o{n}.example/" + "a" * 300) for n in range(9))
    big = edition(*(story(n, f"CSTO story {n}", outlets=many) for n in range(1, 31)))
    made = RENDERER.render(big)
    _, text, html = read(made)
    shown = html.count("<h2")
    assert 5 < shown < 30
    assert HTML_LIMIT * 0.9 < len(html.encode()) <= HTML_LIMIT
    assert text_links(text) == set(Links(html).links)
    assert f"{30 - shown} more stories on the page of this edition" in html
    assert made.page.count("<h2") == 30
    assert "30 stories from 90 entries" in html


def test_a_mail_shows_thirty_stories_and_the_page_all() -> None:
    made = RENDERER.render(edition(*(story(n, f"CSTO story {n}") for n in range(1, 38))))
    _, text, html = read(made)
    assert html.count("<h2") == MAIL_STORIES == 30
    assert "7 more stories on the page of this edition" in html
    assert "7 more stories on the page of this edition" in text
    assert made.page.count("<h2") == 37


def test_thirty_ordinary_stories_fit() -> None:
    long = Excerpt("слово " * 46, ((0, 5),))
    _, _, html = read(RENDERER.render(edition(*(story(n, "Заголовок " * 8, excerpt=long) for n in range(30)))))
    assert html.count("<h2") == 30


# -- subjects and times ----------------------------------------------------------------------------------------------


def test_subjects_lead_with_content() -> None:
    assert RENDERER.render(edition(story())).subject == "Morning briefing, Thu 2 Feb: 1 story - CSTO meets in Minsk"
    alert = edition(story(1, "ОДКБ собирается в Минске"), kind="alert", window=Window(NOW, NOW))
    assert RENDERER.render(alert).subject == "CSTO: ОДКБ собирается в Минске"
    two = edition(story(1), story(2), kind="alert", window=Window(NOW, NOW))
    assert RENDERER.render(two).subject == "CSTO: 2 stories - CSTO meets in Minsk"
    hour = edition(story(), window=Window(NOW - timedelta(hours=1), NOW), more=4)
    assert RENDERER.render(hour).subject == "Morning briefing, Thu 2 Feb 16:00: 5 stories - CSTO meets in Minsk"
    assert len(RENDERER.render(edition(story(1, "A very long headline " * 20))).subject) <= 110


def test_times_are_told_in_the_digests_zone() -> None:
    calendar = Calendar("Australia/Lord_Howe", NOW)
    assert calendar.heading(NOW) == "Friday 3 February 2023, 00:00 Lord Howe time (UTC+11)"
    assert calendar.offset(datetime(2023, 7, 1, tzinfo=UTC)) == "UTC+10:30"
    assert Calendar("America/New_York", NOW).day(datetime(2022, 12, 31, tzinfo=UTC)) == "Fri 30 Dec 2022"
    assert [zone_name(z) for z in ("UTC", "Etc/UTC", "Europe/Minsk", "EST")] == ["UTC", "UTC", "Minsk time", "EST"]
    assert Calendar("UTC", NOW).heading(NOW) == "Thursday 2 February 2023, 13:00 UTC"


@settings(deadline=None)
@given(st.text(), st.integers(0, 20))
def test_wrapping_keeps_every_character(text: str, indent: int) -> None:
    wrapped = wrap(plain(text), indent, 40)
    assert "".join(wrapped.split()) == "".join(plain(text).split())
    assert all(width(line) <= 40 for line in wrapped.splitlines())


# -- templates -------------------------------------------------------------------------------------------------------


def test_an_own_template_replaces_the_built_in_one(tmp_path: Path) -> None:
    (tmp_path / "edition.txt.j2").write_text("OURS {{ edition.opening }}\n<{{ edition.stop }}>\n")
    made = Renderer(replace(OPTIONS, templates_dir=tmp_path)).render(FULL)
    assert made.text.startswith("OURS 5 stories")
    assert "<h1" in made.page


def own(folder: Path, name: str, text: str) -> Renderer:
    (folder / name).write_text(text)
    return Renderer(replace(OPTIONS, templates_dir=folder))


BROKEN = {
    "{% if edition.title %}": "Unexpected end of template",
    "{{ edition.titel }}": "has no attribute 'titel'",
    "{{ 1 / 0 }}": "division by zero",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}": "is unsafe",
    "{% include 'frame.html.j2' %}": "no such template",
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}": "runs without end",
    "{% for a in range(99999) %}{{ edition.opening * 99 }}{% endfor %}": "makes more than",
    "{% macro m() %}{% for a in range(99999) %}{{ edition.opening * 99 }}{% endfor %}{% endmacro %}{{ m() }}": "makes more than",
    "{{ 'x' * 999999999 }}": "makes more than",
    "{{ [1] * 999999999 }}": "makes more than",
    "{{ 9 ** 999999999 }}": "too large",
    "{% set n = namespace(x='ab') %}{% for a in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}": "makes more than",
    "{% set n = namespace(x='ab') %}{% for a in range(60) %}{% set n.x = n.x + n.x %}{% endfor %}": "makes more than",
    "{% set n = namespace(x=9) %}{% for a in range(60) %}{% set n.x = n.x * n.x %}{% endfor %}": "too large",
    "{% set x = 'a' * 99999 %}{{ x | replace('a', x) }}": "makes more than",
    "{{ (['a' * 99999] * 99) | join(',') }}": "makes more than",
    "{{ 'x'.ljust(999999999) }}": "is unsafe",
    "{{ '{:999999999}'.format(1) }}": "is unsafe",
    "{{ 'x' | center(999999999) }}": "wider than",
    "{{ '%999999999d' % 1 }}": "wider than",
    "{{ lipsum(9999) }}": "undefined",
}


@pytest.mark.parametrize("line", BROKEN)
@pytest.mark.parametrize("name", ["edition.html.j2", "edition.txt.j2", "page.html.j2"])
def test_a_broken_template_costs_its_look_alone_and_names_its_line(tmp_path: Path, name: str, line: str) -> None:
    renderer = own(tmp_path, name, f"<html>\n<p>\n{line}\n")
    made = renderer.render(FULL)
    assert made == RENDERER.render(FULL)
    (problem,) = renderer.problems()
    assert BROKEN[line] in problem
    place = tmp_path / "frame.html.j2" if "include" in line else f"{tmp_path / name}:"
    assert problem.startswith(str(place)), problem
    assert "\n" not in problem


def test_a_broken_part_leaves_the_own_templates_of_the_others(tmp_path: Path) -> None:
    (tmp_path / "edition.html.j2").write_text("{{ 1 / 0 }}")
    made = own(tmp_path, "edition.txt.j2", "OURS\n<{{ edition.stop }}>").render(FULL)
    _, text, html = read(made)
    assert text.startswith("OURS\n")
    assert "<h1" in html
    assert made.page == RENDERER.render(FULL).page, "the page extends the mail's template"


@pytest.mark.parametrize(
    "text", ["{{ 'x' * 90000 }}", "{{ edition.stop | upper }}{{ edition.stop | replace('a', 'b') }}"]
)
def test_own_templates_that_make_no_mail_that_can_be_sent_are_passed_over(tmp_path: Path, text: str) -> None:
    renderer = own(tmp_path, "edition.html.j2", text)
    assert renderer.render(FULL).mail == RENDERER.render(FULL).mail or "upper" in text
    read(renderer.render(FULL))


def test_a_template_that_is_no_text_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "edition.txt.j2").write_bytes(b"\xff\xfe")
    renderer = Renderer(replace(OPTIONS, templates_dir=tmp_path))
    assert renderer.render(FULL) == RENDERER.render(FULL)
    assert len(renderer.problems()) == 1


def test_an_own_template_may_extend_the_one_that_it_replaces(tmp_path: Path) -> None:
    source = '{% extends "built-in/edition.html.j2" %}{% block footer %}{{ super() }}<p>Ask the desk.</p>{% endblock %}'
    renderer = own(tmp_path, "edition.html.j2", source)
    html = read(renderer.render(FULL), renderer)[2]
    assert not renderer.problems()
    assert "Ask the desk." in html
    assert "Covers what was first seen" in html


def test_an_own_template_that_extends_itself_is_told_how_to_name_the_built_in_one(tmp_path: Path) -> None:
    renderer = own(tmp_path, "edition.html.j2", '{% extends "edition.html.j2" %}')
    renderer.render(FULL)
    assert any('write {% extends "built-in/edition.html.j2" %}' in problem for problem in renderer.problems())


def test_an_alert_says_its_word_once() -> None:
    def subject(headline: str, *more: EditionStory) -> str:
        return RENDERER.render(edition(story(1, headline), *more, kind="alert", window=Window(NOW, NOW))).subject

    assert subject("CSTO leaders meet in Minsk") == "CSTO leaders meet in Minsk"
    assert subject("CSTO-led drills end") == "CSTO-led drills end"
    assert subject("CSTOs of nowhere meet") == "CSTO: CSTOs of nowhere meet"
    assert subject("Leaders of the CSTO meet") == "CSTO: Leaders of the CSTO meet"
    assert subject("CSTO leaders meet", story(2)) == "CSTO: 2 stories - CSTO leaders meet"


def test_a_fault_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    renderer = own(tmp_path, "page.html.j2", "{{ edition.titel }}")
    renderer.render(FULL)
    renderer.render(FULL)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert f"{tmp_path}/page.html.j2:1: " in caplog.text


def test_the_built_in_templates_pass_as_own_ones_with_a_thousand_stories(tmp_path: Path) -> None:
    for name in NAMES:
        shutil.copy(BUILT_IN / name, tmp_path)
    renderer = Renderer(replace(OPTIONS, templates_dir=tmp_path))
    many = edition(*(story(n, outlets=tuple(outlet(f"O{m}", m) for m in range(12))) for n in range(1000)))
    assert renderer.render(many) == RENDERER.render(many)
    assert renderer.problems() == ()


def test_a_missing_folder_of_templates_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such folder"):
        Renderer(replace(OPTIONS, templates_dir=tmp_path / "nowhere"))


@pytest.mark.parametrize(
    "change",
    [
        {"from_address": "a@b\r\nBcc: c"},
        {"domain": "a b"},
        {"public_url": "ftp://x"},
        {"owner": "a b"},
        {"feedback_id": "a b"},
    ],
)
def test_options_that_cannot_stand_in_a_header_are_refused(change: dict[str, str]) -> None:
    with pytest.raises(ConfigError):
        replace(OPTIONS, **change)  # type: ignore[arg-type]


def test_letters_and_pages_wear_the_colours_of_the_mail() -> None:
    def colours(*files: str) -> set[str]:
        return set(re.findall(r"#[0-9a-f]{6}\b", "".join((root / file).read_text("utf-8") for file in files)))

    root = Path(aggregator.__file__).parent
    mail = colours("render/templates/edition.html.j2", "render/templates/page.html.j2")
    assert colours("render/templates/confirm.html.j2", "render/templates/index.html.j2") <= mail
    fields = {"#7d7a72", "#77818b"}  # the edges of what can be filled in stand out 3:1, as WCAG 1.4.11 asks
    assert colours("web/static/aggregator.css") <= mail | fields


def test_the_name_of_an_excerpts_source_is_apart_from_its_colon() -> None:
    told = story(excerpt=Excerpt("بدأت القمة اليوم.", (), source="Звязда"))
    html = read(RENDERER.render(edition(told)))[2]
    assert "<bdi>Звязда</bdi>: " in html  # inside, the colon would stand on the far side of the name


def test_the_index_says_the_digest_once() -> None:
    rendered = RENDERER.render(FULL)
    values = (FULL.window, "Morning briefing, Thu 2 Feb: 1 story", 1, 1, FULL.composed_at, rendered)
    named = StoredEdition(1, "morning", "Morning briefing", "k", "digest", *values)
    page = index_page([(named, "a.html"), (replace(named, title="CSTO at once"), "b.html")])
    assert page.count("Morning briefing") == 2
    assert "CSTO at once" in page


def test_the_index_lists_editions_and_escapes_them() -> None:
    rendered = RENDERER.render(FULL)
    stored = StoredEdition(
        1, "morning", EVIL, "k", "digest", FULL.window, "Subject " + EVIL, 3, 9, FULL.composed_at, rendered
    )
    page = index_page([(stored, "morning/2023-02-02T1600.html")])
    assert "script" not in Links(page).tags
    assert Links(page).links == ["morning/2023-02-02T1600.html"]
    assert "No edition has been made yet." in index_page([])
