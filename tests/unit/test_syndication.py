from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import feedparser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.listing import ListedOutlet, ListedStory, Listing
from aggregator.render.syndication import Place, render, updated
from tests.feedrules import atom_faults, json_faults

NOW = datetime(2023, 2, 2, 13, 0, tzinfo=UTC)
PLACE = Place.at("https://news.example/watch", "mail.example")
A = "{http://www.w3.org/2005/Atom}"
BELTA = ListedOutlet("belta", "BelTA", "CSTO meets in Minsk", "https://belta.example/1")
TASS = ListedOutlet("tass", "ТАСС", "ОДКБ собирается", "https://tass.example/1")


def story(n: int = 1, **more: Any) -> ListedStory:
    values: dict[str, Any] = {
        "id": n,
        "title": "CSTO meets in Minsk",
        "language": "en",
        "excerpt": "The CSTO met on Thursday.",
        "why": ("“CSTO” in the title",),
        "tags": (("csto", "CSTO"),),
        "outlets": (BELTA, TASS),
        "published_at": NOW - timedelta(hours=2),
        "updated_at": NOW - timedelta(hours=n),
        **more,
    }
    return ListedStory(**values)


def listing(*stories: ListedStory, query: str = "") -> Listing:
    path = "/search" if query else "/watchlists/csto"
    return Listing(path, query, "CSTO", "What is found for @csto", stories)


def atom(*stories: ListedStory, place: Place = PLACE) -> ET.Element:
    return ET.fromstring(render(listing(*stories), "atom", place).encode())


def texts(element: ET.Element, name: str) -> list[str]:
    return [found.text or "" for found in element.findall(A + name)]


def links(element: ET.Element) -> dict[str, str]:
    return {link.get("rel", ""): link.get("href", "") for link in element.findall(A + "link")}


def test_an_atom_feed_has_all_that_the_rfc_asks_for() -> None:
    feed = atom(story(1), story(2, language="ru"))
    assert texts(feed, "id") == ["tag:news.example,2026:watchlists/csto"]
    assert texts(feed, "title") == ["CSTO"]
    assert texts(feed, "updated") == ["2023-02-02T12:00:00Z"]
    assert links(feed) == {
        "self": "https://news.example/watch/watchlists/csto.atom",
        "alternate": "https://news.example/watch/",
    }
    first, second = feed.findall(A + "entry")
    assert (texts(first, "id"), texts(first, "updated")) == (
        ["tag:news.example,2026:story/1"],
        ["2023-02-02T12:00:00Z"],
    )
    assert texts(first, "published") == ["2023-02-02T11:00:00Z"]
    assert links(first) == {"alternate": "https://belta.example/1", "related": "https://tass.example/1"}
    assert [e.get("{http://www.w3.org/XML/1998/namespace}lang") for e in (first, second)] == ["en", "ru"]
    assert texts(first.find(A + "source") or first, "title") == ["BelTA"]
    assert [c.get("term") for c in first.findall(A + "category")] == ["csto"]


def test_feedparser_reads_it_back() -> None:
    found = feedparser.parse(render(listing(story(1), story(2, title="ОДКБ & <b>друзья</b>")), "atom", PLACE))
    assert not found.bozo
    assert [e.title for e in found.entries] == ["CSTO meets in Minsk", "ОДКБ & <b>друзья</b>"]
    first = found.entries[0]
    assert first["source"]["title"] == "BelTA"
    assert "ТАСС: ОДКБ собирается" in first["content"][0]["value"]
    assert first["tags"][0]["label"] == "CSTO"


def test_a_json_feed_says_the_same() -> None:
    found = json.loads(render(listing(story(1), query="q=%40csto"), "json", PLACE))
    assert found["version"] == "https://jsonfeed.org/version/1.1"
    assert found["feed_url"] == "https://news.example/watch/search.json?q=%40csto"
    [item] = found["items"]
    assert (item["id"], item["url"]) == ("tag:news.example,2026:story/1", "https://belta.example/1")
    assert item["date_modified"] == "2023-02-02T12:00:00Z"
    assert (item["tags"], item["authors"], item["language"]) == (["CSTO"], [{"name": "BelTA"}], "en")
    assert "The CSTO met on Thursday." in item["content_html"]


def test_without_a_public_url_there_is_no_link_to_ourselves_and_ids_stand() -> None:
    place = Place.at("", "mail.example")
    assert links(atom(story(), place=place)) == {}
    assert texts(atom(story(), place=place), "id") == ["tag:mail.example,2026:watchlists/csto"]
    assert "feed_url" not in json.loads(render(listing(story()), "json", place))


def test_an_empty_listing_is_a_feed_with_a_date_that_stays() -> None:
    assert texts(atom(), "updated") == ["1970-01-01T00:00:00Z"]
    assert updated(listing()) == datetime(1970, 1, 1, tzinfo=UTC)
    assert json.loads(render(listing(), "json", PLACE))["items"] == []


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "data:text/html,x", "", "//belta.example", "file:///etc/passwd"]
)
def test_only_web_addresses_are_links(link: str) -> None:
    odd = story(outlets=(ListedOutlet("a", "A", "A", link), ListedOutlet("b", "B", "B", link)))
    [entry] = atom(odd).findall(A + "entry")
    assert links(entry) == {}
    assert "href" not in texts(entry, "content")[0]
    assert "url" not in json.loads(render(listing(odd), "json", PLACE))["items"][0]


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        (
            "https://a.example/a[1]|{b}^?q=%zz&r=%D0%9E#x#y",
            "https://a.example/a%5B1%5D%7C%7Bb%7D%5E?q=%25zz&r=%D0%9E#x%23y",
        ),
        ("https://a.example/новости", "https://a.example/%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D0%B8"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://a^b.example/", ""),
    ],
)
def test_a_link_is_written_as_an_address_may_be(link: str, shown: str) -> None:
    odd = story(outlets=(ListedOutlet("a", "A", "A", link),))
    [entry] = atom(odd).findall(A + "entry")
    assert links(entry).get("alternate", "") == shown
    assert json.loads(render(listing(odd), "json", PLACE))["items"][0].get("url", "") == shown


NASTY = st.text(max_size=60) | st.sampled_from(
    ["]]>", "<script>alert(1)</script>", "\x00\x0b\ufffe\uffff", "\ud800", "\u202eevil", "&#0;&bogus;", "a\r\n\r\nb"]
)


@given(NASTY, NASTY, NASTY, NASTY)
def test_whatever_a_feed_says_the_document_is_sound_and_the_text_is_text(
    title: str, text: str, name: str, tag: str
) -> None:
    outlets = (
        ListedOutlet("a", name, title, "https://a.example/" + title),
        ListedOutlet("b", name, text, "https://b.example/"),
    )
    odd = story(title=title, excerpt=text, why=(text,), tags=(("csto", tag),), language=tag, outlets=outlets)
    raw = render(listing(odd), "atom", PLACE).encode()
    assert atom_faults(raw) == []
    assert json_faults(render(listing(odd), "json", PLACE).encode()) == []
    [entry] = ET.fromstring(raw).findall(A + "entry")
    shown = texts(entry, "title")[0]
    assert shown
    assert not {c for c in shown if ord(c) < 32 or c in "\u202e\ufffe\uffff"}
    html = texts(entry, "content")[0]
    assert "<script" not in html
    assert {child.tag.removeprefix(A) for child in entry} <= {
        "id", "title", "published", "updated", "author", "link", "category", "summary", "content", "source"
    }  # fmt: skip
    assert all(urlsplit(href).scheme == "https" for href in links(entry).values())
    assert json.loads(render(listing(odd), "json", PLACE).encode())["items"][0]["title"]


@pytest.mark.parametrize("place", [PLACE, Place.at("", "mail.example")], ids=["public", "private"])
@pytest.mark.parametrize(
    "stories", [(), (story(1), story(2, language="ru", excerpt="")), (story(1, outlets=(BELTA,), why=(), tags=()),)]
)
def test_what_we_publish_is_valid_by_the_rules_of_both_formats(place: Place, stories: tuple[ListedStory, ...]) -> None:
    assert atom_faults(render(listing(*stories), "atom", place).encode()) == []
    assert json_faults(render(listing(*stories), "json", place).encode()) == []


@pytest.mark.parametrize(
    ("what", "instead", "says"),
    [
        ("<updated>", "<updated>yesterday ", "updated"),
        ("tag:news.example,2026:story/2", "tag:news.example,2026:story/1", "one id"),
        ('rel="related"', 'rel="related" size="1"', "size"),
        ("<author>", "<writer/><author>", "writer"),
        ("<name>BelTA</name>", "", "author"),
        ('xml:lang="en"', 'xml:lang="English, surely"', "lang"),
    ],
)
def test_the_rules_bite(what: str, instead: str, says: str) -> None:
    sound = render(listing(story(1), story(2)), "atom", PLACE)
    assert what in sound
    assert says in " ".join(atom_faults(sound.replace(what, instead).encode()))


def test_the_rules_of_json_feed_bite() -> None:
    sound = json.loads(render(listing(story(1)), "json", PLACE))
    for change in ({"version": "1"}, {"items": [{"id": 1}]}, {"feed_url": "/feed"}, {"extra": 1}):
        assert json_faults(json.dumps(sound | change).encode()) != []
