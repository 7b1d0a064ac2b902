"""Atom 1.0 (RFC 4287), read fast: texts that are text or escaped HTML."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from aggregator.feeds import fields
from aggregator.feeds.fields import RawItem, RawText
from aggregator.feeds.quickparts import (
    LANG,
    MEDIA,
    NO_TEXT,
    SAID_ALONE,
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

_MARKUP = {"": False, "text": False, "text/plain": False, "html": True, "text/html": True}
_HEAD = frozenset({"updated", "subtitle", "rights", "generator", "icon", "logo", "category", "contributor"})
_PERSON = frozenset({"name", "email", "uri"})


def read(root: ET.Element, reader: Reader) -> QuickFeed:
    """A feed document."""
    language = root_language(root)
    links = Links(reader)
    title = own = ""
    authors: list[str] = []
    entries: list[ET.Element] = []
    for child in root:
        name = reader.local(child)
        if name == "entry":
            entries.append(child)
        elif name == "title":
            require(not title)
            title = _construct(child, reader).value
        elif name == "id":
            require(not own)
            own = bare(child)
        elif name == "link":
            links.read(child)
        elif name == "author":
            authors.append(_author(child, reader))
        else:
            require((name in _HEAD and LANG not in child.attrib) or child.tag in SAID_ALONE or reader.is_silent(child))
            if name not in ("subtitle", "rights", "contributor"):
                require(not len(child) or reader.is_silent(child))
    shared = tuple(name for name in authors if name)
    read = tuple(_entry(entry, reader, language, shared) for entry in entries)
    return QuickFeed(title, links.best() or own, language, "atom10", read)


def _entry(entry: ET.Element, reader: Reader, language: str, shared: tuple[str, ...]) -> RawItem:
    require(not entry.attrib)
    texts: dict[str, RawText] = {}
    said: dict[str, str] = {}
    authors: list[str] = []
    tags: dict[tuple[str | None, ...], str] = {}
    links = Links(reader)
    files: list[ET.Element] = []
    for child in entry:
        name = reader.local(child)
        if name in ("title", "summary", "content"):
            once(texts, name, _construct(child, reader))
        elif name in ("id", "published", "updated"):
            require(name not in said)
            said[name] = bare(child)
        elif name == "link":
            links.read(child)
        elif name == "author":
            authors.append(_author(child, reader))
        elif name == "category":
            require(set(child.attrib) <= {"term", "label", "scheme"} and not len(child) and not child.text)
            tag = tuple(map(child.get, ("term", "label", "scheme")))
            tags[tag] = tag[0] or tag[1] or ""
        elif child.tag in (MEDIA + "content", MEDIA + "thumbnail"):
            files.append(child)
        else:
            require((name == "rights" and not len(child) and not child.attrib) or reader.is_silent(child))
    link = links.best()
    require(fields.followable(link) and (link != said.get("id") or link.startswith(("http://", "https://"))))
    content = texts.get("content", NO_TEXT)
    return RawItem(
        guid=said.get("id", ""),
        link=link,
        title=texts.get("title", NO_TEXT),
        summary=texts.get("summary", NO_TEXT),
        content=content if content.value else NO_TEXT,
        authors=tuple(name for name in authors if name) or shared,
        categories=tuple(tags.values()),
        enclosures=(*links.enclosures, *media(files)),
        language=language,
        published=said.get("published", ""),
        updated=said.get("updated", ""),
    )


def _construct(element: ET.Element, reader: Reader) -> RawText:
    """A text construct (RFC 4287 §3.1) that is text or escaped HTML."""
    require(set(element.attrib) <= {"type"})
    markup = _MARKUP.get(element.get("type", "").lower())
    require(markup is not None)
    return RawText(text(element), markup=bool(markup), base=reader.url)


def _author(element: ET.Element, reader: Reader) -> str:
    """A person's name, else the address (RFC 4287 §3.2)."""
    require(not element.attrib and not (element.text or "").strip())
    parts = {reader.local(part): bare(part) for part in element}
    require(set(parts) <= _PERSON and len(parts) == len(element))
    return parts.get("name") or parts.get("email", "")
