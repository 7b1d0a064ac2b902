"""The truth table of entry identity (polling-and-identity.md §2c) as documents: what a feed served, then what it serves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

from tests.e2e.homes import START

Flavour = Literal["rss", "atom"]
TEXT = "The Security Council of Belarus met in Minsk on Thursday and named the priorities of its chairmanship."
OTHER = "Heavy snow closed four mountain roads in the north; drivers were asked to wait until Friday morning."
TITLE = "Council names priorities for the year"
ID = "tag:x.by,2023:1"
URL = "https://x.by/a/1"
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Told:
    """An item as its publisher tells it; `guid` None leaves the element out."""

    guid: str | None = None
    link: str = ""
    title: str = TITLE
    text: str = TEXT
    at: datetime | None = START + timedelta(hours=1)


def document(flavour: Flavour, items: Sequence[Told], version: int) -> bytes:
    """The feed; `version` makes the bytes differ, as the time of the build does in real ones."""
    return (_rss if flavour == "rss" else _atom)(items, version).encode()


def _rss(items: Sequence[Told], version: int) -> str:
    parts = [
        "<item>"
        + (f"<guid isPermaLink='false'>{escape(i.guid)}</guid>" if i.guid is not None else "")
        + (f"<link>{escape(i.link)}</link>" if i.link else "")
        + f"<title>{escape(i.title)}</title><description>{escape(escape(i.text)).replace(chr(10), '&lt;br&gt;')}"
        + "</description>"
        + (f"<pubDate>{format_datetime(i.at, usegmt=True)}</pubDate>" if i.at else "")
        + "</item>"
        for i in items
    ]
    return f"<rss version='2.0'><channel><title>News</title><generator>{version}</generator>{''.join(parts)}</channel></rss>"


def _atom(items: Sequence[Told], version: int) -> str:
    parts = [
        "<entry>"
        + (f"<id>{escape(i.guid)}</id>" if i.guid is not None else "")
        + (f"<link href={quoteattr(i.link)}/>" if i.link else "")
        + f"<title>{escape(i.title)}</title>"
        + f"<content type='html'>{escape(escape(i.text)).replace(chr(10), '&lt;br&gt;')}</content>"
        + (f"<published>{i.at.isoformat()}</published><updated>{i.at.isoformat()}</updated>" if i.at else "")
        + "</entry>"
        for i in items
    ]
    return (
        "<feed xmlns='http://www.w3.org/2005/Atom'><title>News</title><id>urn:news</id>"
        f"<generator>{version}</generator>{''.join(parts)}</feed>"
    )


@dataclass(frozen=True)
class Case:
    """A row of the table.

    Attributes:
        stored, now: what the feed showed before and shows now.
        new, revised: how many rows come new, and how many get a revision, when `now` is read.
        absent: days during which the feed shows something else, after which old entries are pruned.
        flavours: (of `stored`, of `now`).
        feed: where `now` stands: the feed itself, another feed, or the feed's new address behind a 301.
        alerts: alerts in all, of a watchlist that looks for CSTO.
        stories: how many stories the entries of all items make.
    """

    number: int
    name: str
    stored: tuple[Told, ...]
    now: tuple[Told, ...]
    new: int = 0
    revised: int = 0
    absent: int = 0
    flavours: tuple[tuple[Flavour, Flavour], ...] = (("rss", "rss"), ("atom", "atom"))
    feed: Literal["same", "other", "moved"] = "same"
    alerts: int = 0
    stories: int | None = None

    def __str__(self) -> str:
        return f"{self.number:02} {self.name}"


def one(number: int, name: str, stored: Told, now: Told, wanted: Literal["S", "U", "N"]) -> Case:
    """A row about one item."""
    return Case(number, name, (stored,), (now,), new=int(wanted == "N"), revised=int(wanted == "U"))


def together(number: int, name: str, *items: Told, entries: int) -> Case:
    """A row about the items of one document, which nobody has seen before."""
    return Case(number, name, (), items, new=entries)


AGAIN = "tag:x.by,2023:cms2-1"
CSTO = "CSTO council names priorities for the year"

CASES = [
    one(1, "identical item", Told(ID, URL), Told(ID, URL), "S"),
    one(2, "same id, title edited", Told(ID, URL), Told(ID, URL, "Council names new priorities"), "U"),
    one(3, "same id, link edited", Told(ID, URL), Told(ID, "https://x.by/b/1"), "U"),
    one(4, "same id, only the date moved", Told(ID, URL), Told(ID, URL, at=START + 2 * DAY), "S"),
    one(5, "same id, utm_ added to link", Told(ID, URL), Told(ID, URL + "?utm_source=rss&utm_medium=feed"), "S"),
    one(6, "guid is URL, http to https", Told("http://x.by/1", URL), Told("https://x.by/1", URL), "S"),
    one(6, "guid is URL, http to https, no link", Told("http://x.by/1"), Told("https://x.by/1"), "S"),
    one(7, "guid is URL, www. and port added", Told("https://x.by/1", URL), Told("https://www.x.by:443/1", URL), "S"),
    one(7, "guid is URL, www. added, no link", Told("https://x.by/1"), Told("https://www.x.by/1"), "S"),
    one(8, "guid is URL with a new utm_", Told(URL + "?utm_id=1"), Told(URL + "?utm_id=2"), "S"),
    one(8, "guid is URL with a new session", Told(URL + "?sid=a1", URL), Told(URL + "?sid=b2", URL), "S"),
    one(9, "guid changed, link and title same", Told(ID, URL), Told(AGAIN, URL), "S"),
    Case(
        10,
        "guid and link changed, title and text same, same day",
        (Told(ID, URL, CSTO),),
        (Told(AGAIN, "https://x.by/b/9", CSTO),),
        new=1,
        alerts=1,
        stories=1,
    ),
    one(11, "no guid, link same, title edited", Told(None, URL), Told(None, URL, "Council names new priorities"), "U"),
    one(12, "no guid, link same, date changed", Told(None, URL), Told(None, URL, at=START + 2 * DAY), "S"),
    one(13, "no guid, token in the link", Told(None, URL + "?v=1"), Told(None, URL + "?v=2"), "S"),
    one(14, "no guid, m. variant of the link", Told(None, URL), Told(None, "https://m.x.by/a/1"), "S"),
    one(14, "no guid, amp. variant of the link", Told(None, URL), Told(None, "https://amp.x.by/a/1"), "S"),
    one(14, "no guid, /amp variant of the link", Told(None, URL), Told(None, URL + "/amp"), "S"),
    together(15, "one guid, two links", Told("1", URL + "1", "One"), Told("1", URL + "2", "Two", OTHER), entries=2),
    together(16, "the exact same item twice", Told(ID, URL), Told(ID, URL), entries=1),
    together(16, "the exact same bare item twice", Told(), Told(), entries=1),
    together(
        17, "all items one link", *(Told(None, "https://x.by/", f"Title {n}", f"{n} {TEXT}") for n in range(5)), entries=5
    ),
    one(18, "live page reused", Told(ID, URL), Told("tag:x.by,2023:2", URL, "Snow closes roads", OTHER), "N"),
    one(19, "no id, no link, same text", Told(), Told(), "S"),
    one(20, "no id, no link, text edited", Told(), Told(text=OTHER), "N"),
    together(21, "empty ids", Told("", URL + "1", "One"), Told("", URL + "2", "Two", OTHER), entries=2),
    together(21, "blank ids", Told(" \n", URL + "1", "One"), Told(" ", URL + "2", "Two", OTHER), entries=2),
    one(21, "empty id, title edited", Told("", URL), Told("", URL, "Council names new priorities"), "U"),
    one(22, "id in another case", Told("tag:x.by,2023:abc"), Told("tag:x.by,2023:ABC"), "N"),
    one(22, "host of the id in another case", Told("https://x.by/1"), Told("https://X.BY/1"), "S"),
    Case(23, "guid back after 60 days of absence", (Told(ID, URL),), (Told(ID, URL),), absent=60),
    Case(24, "the same guid in another feed", (Told(ID, URL, CSTO),), (Told(ID, URL, CSTO),), new=1, feed="other", alerts=1, stories=1),
    one(25, "view counter", Told(ID, URL, text=TEXT + "\nViews: 10"), Told(ID, URL, text=TEXT + "\nViews: 2 311"), "S"),
    one(25, "ad block", Told(ID, URL, text=TEXT + "\nПросмотров: 1"), Told(ID, URL, text=TEXT + "\nРеклама\n"), "S"),
    together(
        26, "fragments differ", Told(None, "https://x.by/live#p12", "One"), Told(None, "https://x.by/live#p13", "Two", OTHER), entries=2
    ),
    Case(27, "301 to a new address", (Told(ID, URL),), (Told(ID, URL),), feed="moved"),
    together(
        28, "two real stories, one title", Told("1", URL + "1", "Погода", ""), Told("2", URL + "2", "Погода", ""), entries=2
    ),
    together(28, "the same without ids", Told(None, URL + "1", "Погода", ""), Told(None, URL + "2", "Погода", ""), entries=2),
    Case(29, "RSS item becomes Atom entry", (Told(None, URL),), (Told(URL, URL),), flavours=(("rss", "atom"),)),
    Case(
        30,
        "id reused, all else different",
        (Told(ID, URL),),
        (Told(ID, "https://x.by/z", "CSTO opens a school", OTHER),),
        revised=1,
        alerts=1,
    ),
    Case(
        30,
        "id reused, told of before",
        (Told(ID, URL, CSTO),),
        (Told(ID, "https://x.by/z", "CSTO opens a school", OTHER),),
        revised=1,
        alerts=2,
        stories=1,
    ),
]  # fmt: skip
