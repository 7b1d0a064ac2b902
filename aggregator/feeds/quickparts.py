"""What the quick readers share: the vocabulary they know, links, and the refusal of all else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from urllib.parse import urljoin
from xml.etree import ElementTree as ET

from aggregator import urls
from aggregator.feeds.fields import RawItem, RawText
from aggregator.feeds.rss import HTML_TYPES

MAX_ATTRIBUTES = 32
NO_TEXT = RawText()
ATOM = "{http://www.w3.org/2005/Atom}"
RSS1 = "{http://purl.org/rss/1.0/}"
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
DC = "{http://purl.org/dc/elements/1.1/}"
ITUNES = "{http://www.itunes.com/dtds/podcast-1.0.dtd}"
MEDIA = "{http://search.yahoo.com/mrss/}"
WORDPRESS = "{com-wordpress:feed-additions:1}"
LANG = "{http://www.w3.org/XML/1998/namespace}lang"
BASE = "{http://www.w3.org/XML/1998/namespace}base"
SAID_ALONE = frozenset(
    {
        "{http://backend.userland.com/creativeCommonsRssModule}license",
        WORDPRESS + "site",
        *(DC + name for name in ("creator", "date", "rights", "publisher")),
    }
)
"""Of the head: they say nothing of the entries."""
_HANDLED = frozenset(
    (
        *("admin", "cc", "content", "creativecommons", "dc", "dcterms", "feedburner", "geo", "georss"),
        *("gml", "itunes", "media", "psc", "rdf", "rdfs", "xhtml", "xlink", "xml"),
    )
)
"""Prefixes that mean something to feedparser, whatever namespace they stand for."""
_HANDLED_SPACES = re.compile(
    r"webns\.net/mvcb|creativecommons\.org/ns|web\.resource\.org/cc|creativecommonsrssmodule|purl\.org/dc/|modules/content/|"
    r"feedburner|georss|opengis\.net/gml|wgs84_pos|podcast-1\.0\.dtd|search\.yahoo\.com/mrss|podlove|22-rdf-syntax|rdf-schema|"
    r"1999/xhtml|1999/xlink|xml/1998|2005/atom|atom/ns|purl\.org/rss/1\.0/(?:\W|$)|rss091|userland\.com/rss|harvard\.edu/tech/rss|"
    r"netscape|newformat|necho|purl\.org/(?:echo|pie)|echo/namespace",
    re.IGNORECASE,
)
_DECLARED = re.compile(r"""([\w.-]+)\s*=\s*["']([^"'<]*)["']""")
# What feedparser repairs by guessing: text that was encoded twice, and windows-1252 characters in the place of controls.
_ODD = re.compile("[\x7f-\x9f\ufffe\uffff]|[\xc2-\xf4][\x80-\xbf]")
_SLASHES = re.compile(r"^([A-Za-z][A-Za-z0-9+-.]*://)/*")
_HALF_REFERENCE = re.compile(r"&([A-Za-z0-9_]+);")


class QuickFeed(NamedTuple):
    """A document's head and its items, as `rss.py` words them."""

    title: str
    link: str
    language: str
    version: str
    items: tuple[RawItem, ...]


class Unknown(Exception):  # noqa: N818 - not for people: it hands the document over
    """Something this reader does not know for certain."""


def require(known: object) -> None:
    """Hand the document over unless this is known."""
    if not known:
        raise Unknown


def text(element: ET.Element) -> str:
    """The text of an element that holds nothing else."""
    value = (element.text or "").strip()
    if len(element) or (not value.isascii() and _ODD.search(value)):
        raise Unknown
    return value


def bare(element: ET.Element) -> str:
    """The text of an element without attributes."""
    require(not element.attrib)
    return text(element)


def _joined(base: str, value: str) -> str:
    """RFC 3986 §5, after feedparser's own repair of `http:///host`."""
    if urls.is_plain(value):
        return value
    try:
        return urljoin(base, _SLASHES.sub(r"\1", value))
    except ValueError:
        return ""


def root_language(root: ET.Element) -> str:
    """xml:lang of the root; attributes of it that we do not know may mean anything."""
    require(set(root.attrib) <= {LANG, BASE, "version"})
    return root.get(LANG, "").replace("_", "-")


class Reader:
    """What the elements of one document share: their vocabulary, the base of their links, vocabularies to pass over."""

    def __init__(self, space: str, url: str, silent: frozenset[str]) -> None:
        self.space = space
        self.url = url
        self._silent = silent

    def local(self, element: ET.Element) -> str:
        """The name within our vocabulary, or "" for an element of another."""
        tag = element.tag
        if not self.space:
            return tag if tag[0] != "{" else ""
        return tag.removeprefix(self.space) if tag.startswith(self.space) else ""

    def is_silent(self, element: ET.Element) -> bool:
        """Whether an element says nothing that we or feedparser keep."""
        space = element.tag.rpartition("}")[0] + "}"
        return space in self._silent and all(self.is_silent(part) for part in element)

    def link(self, value: str) -> str:
        """A link as feedparser leaves it."""
        require(value)
        return _joined(self.url, value)

    def spoken_link(self, value: str) -> str:
        """The link that an RSS element holds as text; feedparser mends half-escaped queries."""
        require("<" not in value)  # then it counts as HTML, and is mended otherwise
        return _HALF_REFERENCE.sub(r"&\1", self.link(value).replace("&amp;", "&"))

    def markup(self, value: str) -> RawText:
        """A text that may hold HTML."""
        return RawText(value, markup=True, base=self.url)


def reader(space: str, root: ET.Element, text: str, url: str) -> Reader:
    """Links start from where the document was found, or from the root's xml:base."""
    base = root.get(BASE, "").strip()
    require(not base or base.startswith(("http://", "https://")))
    declared = set(_declared(text))
    silent = {uri for prefix, uri in declared if prefix not in _HANDLED and not _HANDLED_SPACES.search(uri)}
    loud = {uri for prefix, uri in declared if prefix in _HANDLED}
    return Reader(space, _joined(url, base) if base else url, frozenset(f"{{{uri}}}" for uri in silent - loud))


def _declared(text: str) -> Iterator[tuple[str, str]]:
    """The prefixes that are declared anywhere, and what they stand for."""
    before, *rest = text.split("xmlns:")
    for piece in rest:
        found = _DECLARED.match(piece)
        if found and before[-1:].isspace():
            yield found[1].lower(), found[2].strip()
        before = piece


def once(kept: dict[str, RawText], name: str, text: RawText) -> None:
    """Publishers who say a thing twice are for feedparser, which has rules for it."""
    require(name not in kept)
    kept[name] = text


class Links:
    """Atom links of a feed or an entry."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._alternates: list[tuple[bool, str]] = []
        self.enclosures: list[tuple[str, str, object]] = []

    def read(self, element: ET.Element) -> None:
        """Take a link element."""
        given = element.attrib
        require("href" in given and len(given) <= MAX_ATTRIBUTES and not (element.text or "").strip())
        require(not len(element) and LANG not in given and "url" not in given and "uri" not in given)
        require(not any(key[0] == "{" for key in given) and all(key.islower() for key in given))
        rel = given.get("rel", "alternate").lower()
        kind = given.get("type", "application/atom+xml" if rel == "self" else "text/html").lower()
        address = self._reader.link(given["href"])
        self.add(rel, kind, address)
        if rel == "enclosure":
            self.enclosures.append((address, kind, given.get("length", 0)))

    def add(self, rel: str, kind: str, address: str) -> None:
        """Remember a link that leads to the page itself."""
        if rel == "alternate":
            self._alternates.append((kind not in HTML_TYPES, address))

    def best(self) -> str:
        """The page itself, HTML first; "" when none is named."""
        return min(self._alternates, key=lambda found: found[0], default=(False, ""))[1]


def media(found: Sequence[ET.Element]) -> Iterator[tuple[str, str, object]]:
    """Media RSS: contents first, then thumbnails; their attributes in any case, as feedparser takes them."""
    for element in sorted(found, key=lambda each: each.tag):
        require(not len(element) and not (element.text or "").strip() and len(element.attrib) <= MAX_ATTRIBUTES)
        given = {key.lower(): value for key, value in element.attrib.items()}
        if element.tag.endswith("thumbnail"):
            yield given.get("url", ""), "image", 0
        else:
            yield (
                given.get("url", ""),
                given.get("type", "").lower() or given.get("medium", ""),
                given.get("filesize", 0),
            )
