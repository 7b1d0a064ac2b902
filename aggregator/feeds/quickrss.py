"""RSS 0.9x, 2.0 and 1.0, read fast."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from aggregator.feeds import fields
from aggregator.feeds.fields import RawItem, RawText
from aggregator.feeds.quickparts import (
    ATOM,
    DC,
    ITUNES,
    MEDIA,
    NO_TEXT,
    RDF,
    RSS1,
    SAID_ALONE,
    WORDPRESS,
    Links,
    QuickFeed,
    Reader,
    bare,
    media,
    once,
    require,
    root_language,
    text,
)

_CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
_VERSIONS = {"0.91": "rss091u", "0.92": "rss092", "0.93": "rss093", "0.94": "rss094"}
_PLAIN_HEAD = frozenset(
    (
        *(
            "description",
            "copyright",
            "lastBuildDate",
            "pubDate",
            "docs",
            "generator",
            "ttl",
            "webMaster",
            "managingEditor",
        ),
        *("author", "rating", "category", "cloud", "skipHours", "skipDays"),
    )
)
_HEAD_PARTS = frozenset({"hour", "day"})
_IMAGE = frozenset({"url", "title", "link", "width", "height", "description"})
_OF_ITUNES = (
    *("duration", "explicit", "episode", "season", "episodeType", "image", "subtitle", "title", "block", "order"),
    "isClosedCaptioned",
)
_SILENT_PARTS = frozenset({*(ITUNES + name for name in _OF_ITUNES), WORDPRESS + "post-id"})


def read(root: ET.Element, channel: ET.Element, items: Sequence[ET.Element], version: str, reader: Reader) -> QuickFeed:
    """A channel and its items, which in RSS 1.0 stand beside it."""
    language = root_language(root)
    require(not channel.attrib or (reader.space and set(channel.attrib) == {RDF + "about"}))
    title, spoken, links = "", "", Links(reader)
    ours = reader.space + "item"
    for child in channel:
        name = reader.local(child)
        if child.tag == ours:
            continue
        if name == "title":
            require(not title)
            title = bare(child)
        elif name == "link":
            links.add("alternate", "text/html", reader.spoken_link(bare(child)))
        elif name == "language" or child.tag == DC + "language":
            spoken = bare(child)
            require(spoken)
        elif child.tag == ATOM + "link":
            links.read(child)
        elif name == "image":
            require(all(reader.local(part) in _IMAGE and not len(part) for part in child))
        else:
            require(_is_plain_head(child, name, reader))
    own = spoken or language
    read = tuple(_rss_item(item, reader, language, own) for item in items)
    return QuickFeed(title, links.best(), own, version, read)


def version(root: ET.Element) -> str:
    """The name that feedparser gives this RSS."""
    said = root.get("version", "")
    return _VERSIONS.get(said) or ("rss20" if said.startswith("2.") else "rss")


def _is_plain_head(child: ET.Element, name: str, reader: Reader) -> bool:
    """Whether an element of the channel changes nothing in the entries, nor in what we keep of the feed."""
    if name in _PLAIN_HEAD:
        return all(reader.local(part) in _HEAD_PARTS for part in child)
    if child.tag == RSS1 + "items":
        return True
    if child.tag in SAID_ALONE:
        return not len(child)
    if child.tag.startswith(ITUNES):
        return all(part.tag.startswith(ITUNES) and not len(part) for part in child)
    return reader.is_silent(child)


def _rss_item(item: ET.Element, reader: Reader, language: str, spoken: str) -> RawItem:
    texts: dict[str, RawText] = {}
    said: dict[str, str] = {}
    authors: list[str] = []
    tags: dict[tuple[str, str | None], None] = {}
    enclosures: list[tuple[str, str, object]] = []
    files: list[ET.Element] = []
    about = item.get(RDF + "about", "")
    require(not item.attrib or (about and len(item.attrib) == 1))
    for child in item:
        name = reader.local(child)
        if name in ("title", "description"):
            once(texts, name, reader.markup(bare(child)))
        elif name == "link":
            require("link" not in said)
            said["link"] = reader.spoken_link(bare(child))
        elif name == "guid":
            require("guid" not in said and set(child.attrib) <= {"isPermaLink"})
            said["guid"] = text(child)
            said["permalink"] = child.get("isPermaLink", "true")
        elif name == "pubDate":
            require("published" not in said)
            said["published"] = bare(child)
        elif child.tag == _CONTENT:
            once(texts, "content", reader.markup(bare(child)))
        elif name == "author" or child.tag in (DC + "creator", ITUNES + "author"):
            authors.append(fields.person(bare(child)))
        elif name == "category" or child.tag == DC + "subject":
            require(set(child.attrib) <= {"domain"} and text(child))
            tags[text(child), child.get("domain")] = None
        elif child.tag == DC + "date":
            require("updated" not in said)
            said["updated"] = bare(child)
        elif name == "enclosure":
            enclosures.append(_enclosure(child))
        elif child.tag in (MEDIA + "content", MEDIA + "thumbnail"):
            files.append(child)
        else:
            plain = name in ("comments", "source") or child.tag in _SILENT_PARTS
            require((plain and not len(child)) or reader.is_silent(child))
    guid = said.get("guid", about)
    require("guid" not in said or not about)
    return RawItem(
        guid=guid,
        link=_item_link(said.get("link", ""), guid if said.get("permalink") == "true" else "", guid, enclosures),
        title=texts.get("title", NO_TEXT),
        summary=texts.get("description", NO_TEXT),
        content=texts["content"] if "content" in texts and texts["content"].value else NO_TEXT,
        authors=tuple(name for name in authors if name),
        categories=tuple(term for term, _ in tags),
        enclosures=(*enclosures, *media(files)),
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
    require(set(element.attrib) <= {"url", "type", "length"} and not len(element))
    return element.get("url", ""), element.get("type", "").lower(), element.get("length", 0)
