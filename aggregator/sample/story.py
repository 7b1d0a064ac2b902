"""What an item and an outlet of the sample newsroom are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Literal

MINSK = timezone(timedelta(hours=3), "MSK")
OPENING = datetime(2023, 2, 2, 15, 0, tzinfo=MINSK)
"""The moment the demo's clock starts; every item is older."""

Format = Literal["rss", "rdf", "atom", "json"]
Conditional = Literal["etag", "weak-etag", "last-modified", "both", "ignored"]


def on(day: int, clock: str, month: int = 2) -> datetime:
    """A moment of early 2023 in Minsk, e.g. `on(2, "14:05")`."""
    hour, minute = clock.split(":")
    return datetime(2023, month, day, int(hour), int(minute), tzinfo=MINSK)


@dataclass(frozen=True, slots=True)
class Item:
    """One thing an outlet publishes.

    Attributes:
        slug: names it within its outlet; guid and link are made of it.
        text: its paragraphs, as the feed carries them.
        link: its address where the outlet links elsewhere (the wire story), else "".
        date_text: the date as printed when no standard would print it so, else "".
        article: the paragraphs of its article page, when the feed carries a summary alone.
        csto: whether the CSTO watchlist must find it.
        energy: whether the energy watchlist must find it.
        wire: whether it is a copy of the one wire story.
    """

    slug: str
    title: str
    text: tuple[str, ...]
    at: datetime
    categories: tuple[str, ...] = ()
    author: str = ""
    link: str = ""
    date_text: str = ""
    article: tuple[str, ...] = ()
    csto: bool = False
    energy: bool = False
    wire: bool = False


@dataclass(frozen=True, slots=True)
class Outlet:
    """One outlet with its feed, and how its server behaves.

    Attributes:
        host: the public-looking host of links nobody follows.
        encoding: the bytes the document is really written in, and what its XML declaration says.
        content_type: the header, deliberately without charset where that is the point.
        conditional: which validators the server sends and honours.
        compress: whether it sends gzip to those who accept it.
        latency: seconds before it answers.
        dribble: seconds over which the body trickles out.
        broken: whether the document is spoilt so that no XML parser accepts it.
        gone: whether it answers 410.
        pages: whether its links lead to article pages on its own server.
    """

    id: str
    title: str
    description: str
    host: str
    language: str
    country: str
    tags: tuple[str, ...]
    format: Format
    path: str
    items: tuple[Item, ...]
    content_type: str
    encoding: str = "utf-8"
    conditional: Conditional = "both"
    compress: bool = False
    latency: float = 0.0
    dribble: float = 0.0
    broken: bool = False
    gone: bool = False
    pages: bool = False
    articles: Literal["never", "short", "all"] = "never"

    def guid(self, item: Item) -> str:
        """The publisher's id of an item, verbatim as it stands in the document."""
        if self.format == "rdf":
            return f"https://{self.host}/{item.slug}"
        if self.format == "rss":
            return f"{self.host}:{item.slug}"
        return f"tag:{self.host},2023:{item.slug}"

    def link(self, item: Item, origin: str) -> str:
        """Where an item leads: to the wire's address, to our own article page, or to a public-looking host."""
        if item.link:
            return item.link
        if self.pages:
            return f"{origin}/articles/{item.slug}.html"
        return f"https://{self.host}/{item.slug}"
