"""The common feed read fast: well-formed RSS, RSS 1.0 and Atom 1.0 made of elements that we know, by expat's own tree.

feedparser reads everything and takes ten times as long. This reader takes only what it understands to the last element,
and then says exactly what feedparser and `rss.py` would say; for anything else `read` returns None, and they are asked.
tests/unit/test_quick.py holds the two against each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from urllib.parse import urljoin
from xml.etree import ElementTree as ET

from aggregator import urls
from aggregator.feeds import fields
from aggregator.feeds.fields import RawItem, RawText
from aggregator.feeds.rss import HTML_TYPES

MAX_ATTRIBUTES = 32
_ATOM = "{http://www.w3.org/2005/Atom}"
_RSS1 = "{http://purl.org/rss/1.0/}"
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_BASE = "{http://www.w3.org/XML/1998/namespace}base"
_VERSIONS = {"0.91": "rss091u", "0.92": "rss092", "0.93": "rss093", "0.94": "rss094"}
_MARKUP = {"": False, "text": False, "text/plain": False, "html": True, "text/html": True}
_ITUNES = "{http://www.itunes.com/dtds/podcast-1.0.dtd}"
_MEDIA = "{http://search.yahoo.com/mrss/}"
_CREATIVE = "{http://backend.userland.com/creativeCommonsRssModule}license"
_HANDLED = frozenset(
    [
        "admin",
        "cc",
        "content",
        "creativecommons",
        "dc",
        "dcterms",
        "feedburner",
        "geo",
        "georss",
        "gml",
        "itunes",
        "media",
        "psc",
        "rdf",
        "rdfs",
        "xhtml",
        "xlink",
        "xml",
    ]
)
"""Prefixes that mean something to feedparser, whatever namespace they stand for."""
_HANDLED_SPACES = re.compile(
    r"webns\.net/mvcb|creativecommons\.org/ns|web\.resource\.org/cc|creativecommonsrssmodule|purl\.org/dc/|modules/content/|"
    r"feedburner|georss|opengis\.net/gml|wgs84_pos|podcast-1\.0\.dtd|search\.yahoo\.com/mrss|podlove|22-rdf-syntax|rdf-schema|"
    r"1999/xhtml|1999/xlink|xml/1998|2005/atom|atom/ns|purl\.org/rss/1\.0/(?:\W|$)|rss091|userland\.com/rss|harvard\.edu/tech/rss|"
    r"netscape|newformat|necho|purl\.org/(?:echo|pie)|echo/namespace",
    re.IGNORECASE,
)
_DECLARED = re.compile(r"""\sxmlns:([\w.-]+)\s*=\s*["']([^"'<]*)["']""")
_PLAIN_HEAD = frozenset(
    [
        "description",
        "copyright",
        "lastBuildDate",
        "pubDate",
        "docs",
        "generator",
        "ttl",
        "webMaster",
        "managingEditor",
        "author",
        "rating",
        "category",
        "cloud",
        "skipHours",
        "skipDays",
    ]
)
_WORDPRESS = "{com-wordpress:feed-additions:1}"
_SAID_ALONE = frozenset(
    {_CREATIVE, _WORDPRESS + "site", *(_DC + name for name in ("creator", "date", "rights", "publisher"))}
)
"""Of the head: they say nothing of the entries."""
_HEAD_PARTS = frozenset({"hour", "day"})
_ATOM_HEAD = frozenset({"id", "updated", "subtitle", "rights", "generator", "icon", "logo", "category", "contributor"})
_SILENT_PARTS = frozenset(
    _ITUNES + name
    for name in [
        "duration",
        "explicit",
        "episode",
        "season",
        "episodeType",
        "image",
        "subtitle",
        "title",
        "block",
        "order",
        "isClosedCaptioned",
    ]
) | {_WORDPRESS + "post-id"}
_IMAGE = frozenset({"url", "title", "link", "width", "height", "description"})
_PERSON = frozenset({"name", "email", "uri"})
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


class _Unknown(Exception):  # noqa: N818 - not for people: it hands the document over
    """Something this reader does not know for certain."""


def read(text: str, url: str) -> QuickFeed | None:
    """A cleaned document, or None when feedparser has to be asked: not well-formed, a document type, unknown elements."""
    if "<!DOCTYPE" in text or not text.startswith(("<?xml", "<rss", "<feed", "<rdf")):
        return None
    parser = ET.XMLParser(encoding="utf-8")  # noqa: S314 - no document type, so no entities; the size is bounded by the fetch
    try:
        parser.feed(text.encode("utf-8"))
        return _feed(parser.close(), text, url)
    except (ET.ParseError, UnicodeEncodeError, _Unknown):
        return None


def _feed(root: ET.Element, text: str, url: str) -> QuickFeed:
    if root.tag == "rss":
        # Its namespace alone would make feedparser call the document RSS 1.0.
        _require('"http://purl.org/rss/1.0/"' not in text and "'http://purl.org/rss/1.0/'" not in text)
        _require([child.tag for child in root] == ["channel"])
        channel = root[0]
        items = [child for child in channel if child.tag == "item"]
        return _rss(root, channel, items, _rss_version(root), _reader("", root, text, url))
    if root.tag == _RDF + "RDF":
        channels = [child for child in root if child.tag == _RSS1 + "channel"]
        items = [child for child in root if child.tag == _RSS1 + "item"]
        _require(len(channels) == 1 and len(root) == len(items) + 1)
        return _rss(root, channels[0], items, "rss10", _reader(_RSS1, root, text, url))
    _require(root.tag == _ATOM + "feed")
    return _atom(root, _reader(_ATOM, root, text, url))


def _reader(space: str, root: ET.Element, text: str, url: str) -> _Reader:
    """Links start from where the document was found, or from the root's xml:base."""
    base = root.get(_BASE, "").strip()
    _require(not base or base.startswith(("http://", "https://")))
    declared = {(prefix.lower(), uri.strip()) for prefix, uri in _DECLARED.findall(text)}
    silent = {uri for prefix, uri in declared if prefix not in _HANDLED and not _HANDLED_SPACES.search(uri)}
    loud = {uri for prefix, uri in declared if prefix in _HANDLED}
    return _Reader(space, _joined(url, base) if base else url, frozenset(f"{{{uri}}}" for uri in silent - loud))


def _rss_version(root: ET.Element) -> str:
    said = root.get("version", "")
    return _VERSIONS.get(said) or ("rss20" if said.startswith("2.") else "rss")


def _require(known: object) -> None:
    if not known:
        raise _Unknown


def _text(element: ET.Element) -> str:
    """The text of an element that holds nothing else."""
    value = (element.text or "").strip()
    if len(element) or (not value.isascii() and _ODD.search(value)):
        raise _Unknown
    return value


def _bare(element: ET.Element) -> str:
    """The text of an element without attributes."""
    _require(not element.attrib)
    return _text(element)


def _joined(base: str, value: str) -> str:
    """RFC 3986 §5, after feedparser's own repair of `http:///host`."""
    if urls.is_plain(value):
        return value
    try:
        return urljoin(base, _SLASHES.sub(r"\1", value))
    except ValueError:
        return ""


class _Reader:
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
        _require(value)
        return _joined(self.url, value)

    def spoken_link(self, value: str) -> str:
        """The link that an RSS element holds as text; feedparser mends half-escaped queries."""
        return _HALF_REFERENCE.sub(r"&\1", self.link(value).replace("&amp;", "&"))

    def markup(self, value: str) -> RawText:
        """A text that may hold HTML."""
        return RawText(value, markup=True, base=self.url)


def _once(kept: dict[str, RawText], name: str, text: RawText) -> None:
    """Publishers who say a thing twice are for feedparser, which has rules for it."""
    _require(name not in kept)
    kept[name] = text


# -- RSS ---------------------------------------------------------------------------------------------------------------


def _rss(
    root: ET.Element, channel: ET.Element, items: Sequence[ET.Element], version: str, reader: _Reader
) -> QuickFeed:
    language = _root_language(root)
    _require(not channel.attrib or (reader.space and set(channel.attrib) == {_RDF + "about"}))
    title, spoken, links = "", "", _Links(reader)
    ours = reader.space + "item"
    for child in channel:
        name = reader.local(child)
        if child.tag == ours:
            continue
        if name == "title":
            _require(not title)
            title = _bare(child)
        elif name == "link":
            links.add("alternate", "text/html", reader.spoken_link(_bare(child)))
        elif name == "language" or child.tag == _DC + "language":
            spoken = _bare(child)
        elif child.tag == _ATOM + "link":
            links.read(child)
        elif name == "image":
            _require(all(reader.local(part) in _IMAGE and not len(part) for part in child))
        else:
            _require(_is_plain_head(child, name, reader))
    own = spoken or language
    read = tuple(_rss_item(item, reader, language, own) for item in items)
    return QuickFeed(title, links.best(), own, version, read)


def _is_plain_head(child: ET.Element, name: str, reader: _Reader) -> bool:
    """Whether an element of the channel changes nothing in the entries, nor in what we keep of the feed."""
    if name in _PLAIN_HEAD:
        return all(reader.local(part) in _HEAD_PARTS for part in child)
    if child.tag == _RSS1 + "items":
        return True
    if child.tag in _SAID_ALONE:
        return not len(child)
    if child.tag.startswith(_ITUNES):
        return all(part.tag.startswith(_ITUNES) and not len(part) for part in child)
    return reader.is_silent(child)


def _root_language(root: ET.Element) -> str:
    """xml:lang of the root; attributes of it that we do not know may mean anything."""
    _require(set(root.attrib) <= {_LANG, _BASE, "version"})
    return root.get(_LANG, "").replace("_", "-")


def _rss_item(item: ET.Element, reader: _Reader, language: str, spoken: str) -> RawItem:
    texts: dict[str, RawText] = {}
    said: dict[str, str] = {}
    authors: list[str] = []
    categories: list[str] = []
    enclosures: list[tuple[str, str, object]] = []
    media: list[ET.Element] = []
    about = item.get(_RDF + "about", "")
    _require(not item.attrib or (about and len(item.attrib) == 1))
    for child in item:
        name = reader.local(child)
        if name in ("title", "description"):
            _once(texts, name, reader.markup(_bare(child)))
        elif name == "link":
            _require("link" not in said)
            said["link"] = reader.spoken_link(_bare(child))
        elif name == "guid":
            _require("guid" not in said and set(child.attrib) <= {"isPermaLink"})
            said["guid"] = _text(child)
            said["permalink"] = child.get("isPermaLink", "true")
        elif name == "pubDate":
            _require("published" not in said)
            said["published"] = _bare(child)
        elif child.tag == _CONTENT:
            _once(texts, "content", reader.markup(_bare(child)))
        elif name == "author" or child.tag in (_DC + "creator", _ITUNES + "author"):
            authors.append(fields.person(_bare(child)))
        elif name == "category" or child.tag == _DC + "subject":
            _require(set(child.attrib) <= {"domain"} and child.text)
            categories.append(_text(child))
        elif child.tag == _DC + "date":
            _require("updated" not in said)
            said["updated"] = _bare(child)
        elif name == "enclosure":
            enclosures.append(_enclosure(child))
        elif child.tag in (_MEDIA + "content", _MEDIA + "thumbnail"):
            media.append(child)
        else:
            plain = name in ("comments", "source") or child.tag in _SILENT_PARTS
            _require((plain and not len(child)) or reader.is_silent(child))
    guid = said.get("guid", about)
    _require("guid" not in said or not about)
    return RawItem(
        guid=guid,
        link=_item_link(said.get("link", ""), guid if said.get("permalink") == "true" else "", guid, enclosures),
        title=texts.get("title", RawText()),
        summary=texts.get("description", RawText()),
        content=texts["content"] if "content" in texts and texts["content"].value else RawText(),
        authors=tuple(name for name in authors if name),
        categories=tuple(categories),
        enclosures=(*enclosures, *_media(media)),
        language=(language if texts else "") or spoken,
        published=said.get("published") or said.get("updated", ""),
        updated=said.get("updated", ""),
    )


def _item_link(link: str, permalink: str, guid: str, files: Sequence[tuple[str, str, object]]) -> str:
    """F15: the link, else a guid that is one, else the first file."""
    found = next(filter(fields.followable, [link, permalink]), "")
    if found and (found != guid or found.startswith(("http://", "https://"))):
        return found
    return next(filter(fields.followable, (url for url, _, _ in files)), "")


def _enclosure(element: ET.Element) -> tuple[str, str, object]:
    """RSS leaves the address as it stands; it is made absolute when the entry is cleaned."""
    _require(set(element.attrib) <= {"url", "type", "length"} and not len(element))
    return element.get("url", ""), element.get("type", "").lower(), element.get("length", 0)


def _media(found: Sequence[ET.Element]) -> Iterator[tuple[str, str, object]]:
    """Media RSS: contents first, then thumbnails; their attributes in any case, as feedparser takes them."""
    for element in sorted(found, key=lambda each: each.tag):
        _require(not len(element) and not (element.text or "").strip() and len(element.attrib) <= MAX_ATTRIBUTES)
        given = {key.lower(): value for key, value in element.attrib.items()}
        if element.tag.endswith("thumbnail"):
            yield given.get("url", ""), "image", 0
        else:
            yield (
                given.get("url", ""),
                given.get("type", "").lower() or given.get("medium", ""),
                given.get("filesize", 0),
            )


# -- Atom --------------------------------------------------------------------------------------------------------------


class _Links:
    """Atom links of a feed or an entry."""

    def __init__(self, reader: _Reader) -> None:
        self._reader = reader
        self._alternates: list[tuple[bool, str]] = []
        self.enclosures: list[tuple[str, str, object]] = []

    def read(self, element: ET.Element) -> None:
        """Take a link element."""
        given = element.attrib
        _require("href" in given and len(given) <= MAX_ATTRIBUTES and not (element.text or "").strip())
        _require(not len(element) and _LANG not in given and "url" not in given and "uri" not in given)
        _require(not any(key[0] == "{" for key in given) and all(key.islower() for key in given))
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


def _atom(root: ET.Element, reader: _Reader) -> QuickFeed:
    language = _root_language(root)
    links = _Links(reader)
    title = ""
    authors: list[str] = []
    entries: list[ET.Element] = []
    for child in root:
        name = reader.local(child)
        if name == "entry":
            entries.append(child)
        elif name == "title":
            _require(not title)
            title = _construct(child, reader).value
        elif name == "link":
            links.read(child)
        elif name == "author":
            authors.append(_author(child, reader))
        else:
            _require(
                (name in _ATOM_HEAD and _LANG not in child.attrib)
                or child.tag in _SAID_ALONE
                or reader.is_silent(child)
            )
            if name not in ("subtitle", "rights", "contributor"):
                _require(not len(child) or reader.is_silent(child))
    shared = tuple(name for name in authors if name)
    read = tuple(_entry(entry, reader, language, shared) for entry in entries)
    return QuickFeed(title, links.best(), language, "atom10", read)


def _entry(entry: ET.Element, reader: _Reader, language: str, shared: tuple[str, ...]) -> RawItem:
    _require(not entry.attrib)
    texts: dict[str, RawText] = {}
    said: dict[str, str] = {}
    authors: list[str] = []
    categories: list[str] = []
    links = _Links(reader)
    media: list[ET.Element] = []
    for child in entry:
        name = reader.local(child)
        if name in ("title", "summary", "content"):
            _once(texts, name, _construct(child, reader))
        elif name in ("id", "published", "updated"):
            _require(name not in said)
            said[name] = _bare(child)
        elif name == "link":
            links.read(child)
        elif name == "author":
            authors.append(_author(child, reader))
        elif name == "category":
            _require(set(child.attrib) <= {"term", "label", "scheme"} and not len(child) and not child.text)
            categories.append(child.get("term") or child.get("label") or "")
        elif child.tag in (_MEDIA + "content", _MEDIA + "thumbnail"):
            media.append(child)
        else:
            _require((name == "rights" and not len(child) and not child.attrib) or reader.is_silent(child))
    link = links.best()
    _require(fields.followable(link) and (link != said.get("id") or link.startswith(("http://", "https://"))))
    content = texts.get("content", RawText())
    return RawItem(
        guid=said.get("id", ""),
        link=link,
        title=texts.get("title", RawText()),
        summary=texts.get("summary", RawText()),
        content=content if content.value else RawText(),
        authors=tuple(name for name in authors if name) or shared,
        categories=tuple(categories),
        enclosures=(*links.enclosures, *_media(media)),
        language=language,
        published=said.get("published", ""),
        updated=said.get("updated", ""),
    )


def _construct(element: ET.Element, reader: _Reader) -> RawText:
    """A text construct (RFC 4287 §3.1) that is text or escaped HTML."""
    _require(set(element.attrib) <= {"type"})
    markup = _MARKUP.get(element.get("type", "").lower())
    _require(markup is not None)
    return RawText(_text(element), markup=bool(markup), base=reader.url)


def _author(element: ET.Element, reader: _Reader) -> str:
    """A person's name, else the address (RFC 4287 §3.2)."""
    _require(not element.attrib and not (element.text or "").strip())
    parts = {reader.local(part): _bare(part) for part in element}
    _require(set(parts) <= _PERSON and len(parts) == len(element))
    return parts.get("name") or parts.get("email", "")
