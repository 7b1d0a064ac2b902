"""What feedparser says of an RSS, RDF, Atom or CDF item -> a raw item.

Its dictionaries are read through `dict.get`: their own lookup answers `updated` with `published`, and warns.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aggregator.feeds import fields
from aggregator.feeds.fields import RawItem, RawText

HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_TEXTUAL = HTML_TYPES | {"text/plain", "", "text/xml", "application/xml"}


def item(found: Any, feed: Any, version: str) -> RawItem:
    """One item; Atom's rules where the document is Atom, RSS habits otherwise."""
    atom = version.startswith("atom")
    content = _content(found, atom)
    summary = _detail(found, "summary", atom)
    if not (summary.value or content.value):
        summary = _detail(found, "media_description", atom)
    return RawItem(
        guid=_string(found, "id"),
        link=_link(found),
        title=_detail(found, "title", atom),
        summary=summary,
        content=content,
        authors=tuple(_authors(found, feed, atom)),
        categories=tuple(_categories(found)),
        enclosures=tuple(_enclosures(found)),
        language=_language(found, feed),
        published=_published(found, atom),
        updated=_string(found, "updated"),
    )


def home(feed: Any) -> str:
    """The link of the feed itself to its site."""
    return next(_alternates(feed), "") or _string(feed, "link")


def feed_title(feed: Any) -> str:
    """The title of the feed itself."""
    return _string(feed, "title")


def feed_language(feed: Any) -> str:
    """What the document says of its language."""
    return _string(feed, "language") or _string(_dict(feed, "title_detail"), "language")


def _detail(found: Any, name: str, atom: bool) -> RawText:
    """A text construct. A summary without detail is feedparser's own copy of the content."""
    detail = _dict(found, f"{name}_detail")
    return _text(detail, atom) if detail else RawText()


def _text(detail: Any, atom: bool) -> RawText:
    kind = _string(detail, "type").partition(";")[0].strip().lower()
    if kind not in _TEXTUAL and not kind.startswith("text/"):
        return RawText()
    value = _string(detail, "value")
    if kind == "application/xhtml+xml":
        value = value.replace("</br>", "")  # feedparser closes what is empty: HTML would read a second break
    return RawText(value, markup=kind in HTML_TYPES or not atom, base=_string(detail, "base"))


def _content(found: Any, atom: bool) -> RawText:
    """The content meant for reading: HTML before plain text, the first of each."""
    texts = [text for part in _list(found, "content") if (text := _text(part, atom)).value]
    return next((t for t in texts if t.markup), texts[0] if texts else RawText())


def _published(found: Any, atom: bool) -> str:
    """RSS's dc:date arrives as `updated`, but is all the publishing time such an item has."""
    return _string(found, "published") or _string(found, "created") or ("" if atom else _string(found, "updated"))


def _link(found: Any) -> str:
    """F15: the page about the item; else a guid that is one; else any other link; else the first file it carries."""
    permalink = _string(found, "id") if dict.get(found, "guidislink") else ""
    alternate = next(filter(fields.followable, [*_alternates(found), _string(found, "link"), permalink]), "")
    if alternate and (alternate != _string(found, "id") or alternate.startswith(("http://", "https://"))):
        return alternate
    links = [link for link in _list(found, "links") if fields.followable(_string(link, "href"))]
    related = [link for link in links if _string(link, "rel") not in {"self", "edit", "replies", "enclosure", "via"}]
    files = [link for link in links if _string(link, "rel") == "enclosure"]
    return next((_string(link, "href") for link in [*related, *files]), "")


def _alternates(found: Any) -> Iterator[str]:
    """Links to the page itself, HTML first."""
    links = [link for link in _list(found, "links") if _string(link, "rel") == "alternate" and _string(link, "href")]
    for link in sorted(links, key=lambda found: _string(found, "type") not in HTML_TYPES):
        yield _string(link, "href")


def _authors(found: Any, feed: Any, atom: bool) -> Iterator[str]:
    """An entry's own authors; in Atom else those of its source or feed (RFC 4287 §4.2.1)."""
    names = list(_names(found))
    if not names:
        source = _dict(found, "source")
        names = list(_names(source)) if source else []
    if not names and atom:
        names = list(_names(feed))
    yield from names


def _names(found: Any) -> Iterator[str]:
    named = [_string(author, "name") or _string(author, "email") for author in _list(found, "authors")]
    if any(named):
        yield from (fields.person(name) for name in named if name)
    elif _string(found, "author"):
        yield fields.person(_string(found, "author"))


def _categories(found: Any) -> Iterator[str]:
    for tag in _list(found, "tags"):
        yield _string(tag, "term") or _string(tag, "label")


def _enclosures(found: Any) -> Iterator[tuple[str, str, object]]:
    for link in _list(found, "links"):
        if _string(link, "rel") == "enclosure":
            yield _string(link, "href"), _string(link, "type"), dict.get(link, "length", 0)
    for media in _one_of_each(_list(found, "media_content")):
        yield _string(media, "url"), _string(media, "type") or _string(media, "medium"), dict.get(media, "filesize", 0)
    for thumbnail in _list(found, "media_thumbnail"):
        yield _string(thumbnail, "url"), "image", 0


def _one_of_each(files: list[Any]) -> list[Any]:
    """F16: a media:group is one file in several forms: its default, else its first. Other files stand for themselves."""
    chosen: dict[object, Any] = {}
    for number, file in enumerate(files):
        name = dict.get(file, "group") or ("alone", number)
        if name not in chosen or (_is_default(file) and not _is_default(chosen[name])):
            chosen[name] = file
    return list(chosen.values())


def _is_default(file: Any) -> bool:
    return _string(file, "isdefault").strip().lower() == "true"


def _language(found: Any, feed: Any) -> str:
    """The nearest word on language: the item's own, that of its texts (xml:lang), the feed's."""
    contents = _list(found, "content")
    near = [contents[0] if contents else None, _dict(found, "title_detail"), _dict(found, "summary_detail")]
    told = (_string(detail, "language") for detail in near if detail)
    return _string(found, "language") or next(filter(None, told), "") or feed_language(feed)


def _string(found: Any, name: str) -> str:
    value = dict.get(found, name) if isinstance(found, dict) else None
    return value if isinstance(value, str) else ""


def _list(found: Any, name: str) -> list[Any]:
    value = dict.get(found, name) if isinstance(found, dict) else None
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def _dict(found: Any, name: str) -> Any:
    value = dict.get(found, name) if isinstance(found, dict) else None
    return value if isinstance(value, dict) else None
