"""Lists of feeds as OPML 2.0, in and out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from aggregator import urls
from aggregator.errors import Quarantine, UsageError
from aggregator.feeds import charset, sanitize, xmltext
from aggregator.model import FeedSpec

MAX_BYTES = 2_000_000
MAX_DEPTH = 20
MAX_OUTLINES = 5_000
_DECLARES = re.compile(r"<!(?:ENTITY|DOCTYPE[^>]*\[)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Outline:
    """A feed that an OPML file names; `tags` are its folders and categories."""

    url: str
    title: str
    tags: tuple[str, ...] = ()


def parse(document: bytes) -> list[Outline]:
    """The feeds of an OPML file, each address once, in its order; outlines without a feed are folders.

    Raises:
        UsageError: too large, too deep, no OPML, or not XML at all; nothing is read from the network or from files.
    """
    if len(document) > MAX_BYTES:
        raise UsageError(f"the OPML file is larger than {MAX_BYTES // 1_000_000} MB")
    text = charset.decide(document).text
    if _DECLARES.search(text):
        raise UsageError("the OPML file declares entities; no reader of feeds needs them")
    try:
        checked = xmltext.prepare(xmltext.redeclared(xmltext.clean(text)), "OPML")
    except Quarantine as e:
        raise UsageError(f"the OPML file is refused: {e.message}") from None
    reader = _Reader()
    try:
        reader.read(checked.text)
    except expat.ExpatError as e:
        raise UsageError(f"the OPML file is not XML: {expat.ErrorString(e.code)} (line {e.lineno})") from None
    return list(reader.found.values())


class _Reader:
    """Collects outlines while expat reads."""

    def __init__(self) -> None:
        self.found: dict[str, Outline] = {}
        self._folders: list[str] = []
        self._outlines = 0
        self._root = False

    def read(self, text: str) -> None:
        parser = expat.ParserCreate("utf-8")
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.Parse(text.encode("utf-8", "replace"), True)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._root and name.lower() != "opml":
            raise UsageError(f"this is no OPML file: it begins with <{sanitize.plain(name)[:40]}>")
        self._root = True
        if name.lower() != "outline":
            return
        self._outlines += 1
        if self._outlines > MAX_OUTLINES:
            raise UsageError(f"the OPML file has more than {MAX_OUTLINES} outlines")
        if len(self._folders) >= MAX_DEPTH:
            raise UsageError(f"the OPML file nests outlines deeper than {MAX_DEPTH}")
        self._outline({key.lower(): sanitize.plain(value) for key, value in attributes.items()})

    def _outline(self, attributes: dict[str, str]) -> None:
        title = (attributes.get("title") or attributes.get("text") or "")[:1_000]
        url = urls.absolute("", attributes.get("xmlurl", ""))
        if url.startswith("http"):
            categories = re.split(r"[,/]", attributes.get("category", ""))
            tags = dict.fromkeys(t for t in [*self._folders, *(c.strip() for c in categories)] if t)
            self.found.setdefault(url, Outline(url, title, tuple(tags)))
        self._folders.append("" if url else title)

    def _end(self, name: str) -> None:
        if name.lower() == "outline":
            self._folders.pop()


def render(feeds: Iterable[FeedSpec], title: str = "Feeds") -> str:
    """The feeds as OPML 2.0, passwords and tokens in their addresses masked."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<opml version="2.0">']
    lines += [f"  <head><title>{_escaped(title)}</title></head>", "  <body>", *map(_outline, feeds)]
    return "\n".join([*lines, "  </body>", "</opml>", ""])


def _outline(feed: FeedSpec) -> str:
    attributes = {"type": "rss", "text": feed.title or feed.id, "xmlUrl": urls.mask(feed.url)}
    if feed.tags:
        attributes["category"] = ",".join(feed.tags)
    if feed.language:
        attributes["language"] = feed.language
    return "    <outline " + " ".join(f"{k}={_quoted(v)}" for k, v in attributes.items()) + "/>"


def _quoted(value: str) -> str:
    return quoteattr(sanitize.plain(value))


def _escaped(value: str) -> str:
    return sanitize.plain(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
