"""Lists of feeds as OPML 2.0, in and out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from aggregator import urls
from aggregator.errors import Quarantine, UsageError
from aggregator.feeds import charset, sanitize, xmltext
from aggregator.model import FeedSpec

MAX_BYTES = 2_000_000
MAX_DEPTH = 20
MAX_OUTLINES = 5_000
MAX_TITLE = 1_000
MAX_TAGS = 20
MAX_TAG = 100
NAMESPACE = "urn:aggregator:opml"
"""Of the one attribute that is ours: a feed's stable name (OPML 2.0, "Extending OPML")."""
_DECLARES = re.compile(r"<!(?:ENTITY|DOCTYPE[^<>]*\[)", re.IGNORECASE)
_FEED_SCHEME = re.compile(r"^feed:(?:(?://)?(?=(https?:))|//)", re.IGNORECASE)
_SPLITS = re.compile(r"[,/]")
_MASKED = re.compile(r"//\*\*\*@|=\*\*\*(?:[&;#]|$)")


@dataclass(frozen=True, slots=True)
class Outline:
    """A feed that an OPML file names.

    Attributes:
        url: its address, or what stands in its place.
        tags: the names of its folders from the outside in, then its categories.
        id: the stable name that an export of ours gave it, or "".
        homepage: the publisher's page (`htmlUrl`), or "".
        line: where it stands in the file.
        problem: why it cannot be a feed, or "".
    """

    url: str
    title: str = ""
    tags: tuple[str, ...] = ()
    language: str = ""
    id: str = ""
    homepage: str = ""
    line: int = 0
    problem: str = ""


def parse(document: bytes) -> list[Outline]:
    """The feeds of an OPML file in its order, however often they stand there; outlines without an address are folders.

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
    return reader.found


class _Reader:
    """Collects outlines while expat reads."""

    def __init__(self) -> None:
        self.found: list[Outline] = []
        self._parser = expat.ParserCreate("utf-8")
        self._folders: list[str] = []
        self._hollow: Outline | None = None
        self._outlines = 0
        self._root = False

    def read(self, text: str) -> None:
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.Parse(text.encode("utf-8", "replace"), True)

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

    def _outline(self, attributes: Mapping[str, str]) -> None:
        name = (attributes.get("title") or attributes.get("text") or "")[:MAX_TITLE].strip()
        is_feed = bool(attributes.get("xmlurl"))
        # Called a feed and without an address: a folder after all when something stands in it.
        called = not is_feed and attributes.get("type", "").lower() in ("rss", "atom")
        self._hollow = self._feed(attributes, name) if called else None
        if is_feed:
            self.found.append(self._feed(attributes, name))
        self._folders.append("" if is_feed else name)

    def _feed(self, attributes: Mapping[str, str], name: str) -> Outline:
        url, problem = _address(attributes.get("xmlurl", ""))
        categories = (c.strip() for c in _SPLITS.split(attributes.get("category", "")))
        tags = dict.fromkeys(tag[:MAX_TAG].strip() for tag in [*self._folders, *categories] if tag)
        homepage = attributes.get("htmlurl", "")
        own = attributes.get("aggregator:id", "")
        return Outline(
            url=url,
            # An export of ours that has a name and no title is of a feed without a title of the operator's.
            title=attributes.get("title", "")[:MAX_TITLE].strip() if own else name,
            tags=tuple(tags)[:MAX_TAGS],
            language=attributes.get("language", "")[:35],
            id=own,
            homepage=homepage if homepage.lower().startswith(("http://", "https://")) else "",
            line=self._parser.CurrentLineNumber,
            problem=problem,
        )

    def _end(self, name: str) -> None:
        if name.lower() == "outline":
            self._folders.pop()
            if self._hollow is not None:
                self.found.append(self._hollow)
                self._hollow = None


def _address(text: str) -> tuple[str, str]:
    """A feed's address, and what is wrong with it. `feed:` is how browsers once marked the address of a feed."""
    if not text:
        return "", "it has no address (xmlUrl)"
    url = _FEED_SCHEME.sub(lambda found: "" if found.group(1) else "http://", text)
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        return url, "its address is not of the form http:// or https://"
    if _MASKED.search(url):
        return url, "a secret in its address was left out when the file was exported; put it back in place of ***"
    return url, ""


def render(feeds: Iterable[FeedSpec], title: str = "Feeds", homepages: Mapping[str, str] | None = None) -> str:
    """The feeds as OPML 2.0, passwords and tokens in their addresses masked; `homepages` are their pages by feed id."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f'<opml version="2.0" xmlns:aggregator="{NAMESPACE}">']
    lines += [f"  <head><title>{_escaped(title)}</title></head>", "  <body>"]
    lines += [_outline(feed, (homepages or {}).get(feed.id, "")) for feed in feeds]
    return "\n".join([*lines, "  </body>", "</opml>", ""])


def _outline(feed: FeedSpec, homepage: str) -> str:
    values = {
        "type": "rss",
        "text": feed.title or feed.id,
        "title": feed.title,
        "xmlUrl": urls.mask(feed.url),
        "htmlUrl": urls.mask(homepage),
        "language": feed.language,
        "aggregator:id": feed.id,
    }
    # A category ends at a comma or slash; tags that hold one are written as folders, all of them to keep their order.
    folders = feed.tags if any(_SPLITS.search(tag) for tag in feed.tags) and len(feed.tags) < MAX_DEPTH else ()
    if not folders:
        values["category"] = ",".join(feed.tags)
    opened = "".join(f"<outline text={_quoted(tag)}>" for tag in folders)
    line = " ".join(f"{name}={_quoted(value)}" for name, value in values.items() if value)
    return f"    {opened}<outline {line}/>" + "</outline>" * len(folders)


def _quoted(value: str) -> str:
    return quoteattr(sanitize.plain(value))


def _escaped(value: str) -> str:
    return sanitize.plain(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
