"""JSON Feed 1.0 and 1.1 (jsonfeed.org) -> raw items. feedparser has none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from aggregator.errors import Quarantine, Retry
from aggregator.feeds import fields
from aggregator.feeds.fields import RawItem, RawText

_VERSIONS = {
    "https://jsonfeed.org/version/1": "json10",
    "https://jsonfeed.org/version/1.0": "json10",
    "https://jsonfeed.org/version/1.1": "json11",
}


class RawFeed(NamedTuple):
    """A document's head, and its items, each of which may still turn out unreadable."""

    title: str
    link: str
    language: str
    version: str
    items: list[Any]
    authors: tuple[str, ...] = ()


def looks_like(text: str) -> bool:
    """Whether the document can only be JSON."""
    return text.lstrip()[:1] == "{"


def read(text: str, url: str) -> RawFeed:
    """Take a JSON Feed apart.

    Raises:
        Retry: parse_error, when it is no JSON (perhaps cut off).
        Quarantine: not_a_feed, when it is JSON but no feed of a version we know.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as e:
        raise Retry("parse_error", f"not valid JSON: {e}", url) from None
    version = _VERSIONS.get(_text(data, "version").replace("http://", "https://").rstrip("/")) if data else None
    if version is None or not isinstance(data.get("items"), list):
        raise Quarantine("not_a_feed", "JSON, but not JSON Feed 1.0 or 1.1", url)
    return RawFeed(
        title=_text(data, "title"),
        link=_text(data, "home_page_url"),
        language=_text(data, "language"),
        version=version,
        items=data["items"],
        authors=tuple(_authors(data)),
    )


def item(found: Any, feed: RawFeed) -> RawItem:
    """One item; its language and its authors are the feed's where it names none."""
    if not isinstance(found, dict):
        raise TypeError("an item that is no object")
    markup, words = _text(found, "content_html"), _text(found, "content_text")
    return RawItem(
        guid=_id(found.get("id")),
        link=next(filter(fields.followable, (_text(found, "url"), _text(found, "external_url"))), ""),
        title=RawText(_text(found, "title"), markup=False),
        summary=RawText(_text(found, "summary"), markup=False),
        content=RawText(markup) if markup else RawText(words, markup=False),
        authors=tuple(_authors(found)) or feed.authors,
        categories=tuple(t for t in _list(found, "tags") if isinstance(t, str)),
        enclosures=tuple(_attachments(found)),
        language=_text(found, "language") or feed.language,
        published=_text(found, "date_published"),
        updated=_text(found, "date_modified"),
    )


def _id(value: Any) -> str:
    """Ids should be strings; numbers are to be read as such (1.1, items)."""
    value = _number(value)
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def _authors(found: dict[str, Any]) -> Iterator[str]:
    for author in [*_list(found, "authors"), found.get("author")]:
        if isinstance(author, dict):
            name = _text(author, "name") or _text(author, "url")
            if name:
                yield name


def _attachments(found: dict[str, Any]) -> Iterator[tuple[str, str, object]]:
    for attachment in _list(found, "attachments"):
        if isinstance(attachment, dict):
            yield _text(attachment, "url"), _text(attachment, "mime_type"), _number(attachment.get("size_in_bytes"))


def _number(value: Any) -> Any:
    """JSON knows no integers: 1500 may be written 1.5e3."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _text(data: Any, name: str) -> str:
    value = data.get(name) if isinstance(data, dict) else None
    return value if isinstance(value, str) else ""


def _list(data: dict[str, Any], name: str) -> list[Any]:
    value = data.get(name)
    return value if isinstance(value, list) else []
