"""An article page -> the text of the article, without what stands around it. Runs in a worker process.

A foreign headline in a sidebar would be a false alert, so precision goes before completeness. The surroundings leave the
tree first (surroundings.py); trafilatura takes the text; lines that the page links to elsewhere, or that speak of the page
itself (calls.py), go last. Where the result holds such lines, or not what the feed said, a stricter run is asked.
"""

from __future__ import annotations

import html as entities
import json
import logging
import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, NamedTuple

from aggregator.stories import calls, surroundings, withheld

MAX_PAGE = 5_000_000
SHORT_SUMMARY = 400
STATED = 200
"""Characters from which on the publisher's own articleBody (schema.org) is the text."""
_SPACE = re.compile(r"\s+")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""What lxml takes for no text of XML."""
_BEFORE, _BEHIND = " -–—•·*|>»", " .…|:"
"""Signs around a line that are none of it."""
_LINK_WORDS = 3
_WORD = re.compile(r"\w{4,}")
_STEM = 5
_KNOWN = 0.25
"""Of the longer words that the feed gave, so many stand on the page, or it is another page."""
_FEW = 3
"""Words, below which nothing follows from them."""


class Page(NamedTuple):
    """What a page gave: the article's text, paragraph by line, "" for none; or the word by which it forbids to keep it."""

    text: str
    withheld: str = ""


def article(html: bytes | str, url: str, summary: str, title: str = "") -> Page:
    """Read the page behind an entry.

    Args:
        html: the page as fetched, best as text; what is beyond 5 MB is not read.
        url: where it was found.
        summary: the plain text that the feed gave.
        title: the headline that the feed gave.
    """
    tree = _tree(html[:MAX_PAGE])
    if tree is None:
        return Page("")
    _without_controls(tree)
    word = _forbidden(tree)
    if word:
        return Page("", word)
    stated = _stated(tree)
    links = _linked(tree)
    headline = " ".join(e.text_content() for e in tree.iter("title", "h1"))
    surroundings.clear(tree, _start(summary))
    text = _text(tree, url, links, summary)
    if len(stated) >= max(STATED, len(text) // 2) and not _holds(stated, links):
        text = _cleaned(stated, links)
    return Page(text if text and _is_about(f"{headline} {text}", f"{title} {summary}") else "")


# -- the page --------------------------------------------------------------------------------------------------------


def _tree(html: bytes | str) -> Any:
    """The page parsed, or None when there is nothing to parse."""
    from lxml import etree
    from lxml import html as parser

    try:
        if isinstance(html, bytes):
            return parser.document_fromstring(html) if html.strip() else None
        # A declaration inside would contradict the text, which is decoded already.
        return parser.document_fromstring(html.encode(), parser.HTMLParser(encoding="utf-8")) if html.strip() else None
    except (etree.LxmlError, ValueError, AssertionError):
        return None


def _without_controls(tree: Any) -> None:
    """The parser lets control characters into a text, and refuses to move such a text elsewhere."""
    for element in tree.iter():
        for name in ("text", "tail"):
            value = getattr(element, name)
            if isinstance(value, str) and _CONTROLS.search(value):
                setattr(element, name, _CONTROLS.sub("", value))


def _forbidden(tree: Any) -> str:
    """The word of a meta robots that forbids to keep the page, or ""."""
    words = (
        withheld.by_words(meta.get("content") or "")
        for meta in tree.iter("meta")
        if (meta.get("name") or "").strip().lower() in ("robots", withheld.ROBOT)
    )
    return next((word for word in words if word), "")


def _linked(tree: Any) -> frozenset[str]:
    """The texts that lead elsewhere from a line of their own, a list or a heading: other people's headlines."""
    lengths: dict[Any, int] = {}
    return frozenset(
        text
        for link in tree.iter("a")
        if len((text := _key(link.text_content())).split()) >= _LINK_WORDS and _stands_apart(link, lengths)
    )


def _stands_apart(link: Any, lengths: dict[Any, int]) -> bool:
    """Whether a link is not part of a sentence: nearly all of the block that it stands in; `lengths` are those of blocks."""
    block = link.getparent()
    while block is not None and block.tag in ("span", "b", "strong", "em", "i", "font"):
        block = block.getparent()
    if block is None or block.tag not in ("p", "blockquote"):
        return True
    if block not in lengths:
        lengths[block] = len(block.text_content().strip())
    return len(link.text_content()) * 2 > lengths[block]


def _stated(tree: Any) -> str:
    """The articleBody of the page's JSON-LD, the longest there is, as lines; or ""."""
    found: list[str] = []
    for script in tree.iter("script"):
        if (script.get("type") or "").strip().lower() == "application/ld+json":
            try:
                found += _bodies(json.loads(script.text or ""))
            except (ValueError, RecursionError):
                continue
    return max((_plain(body) for body in found), key=len, default="")


def _bodies(value: Any) -> Iterator[str]:
    """Every articleBody in a JSON value; the page's main article is the longest."""
    if isinstance(value, list):
        for part in value:
            yield from _bodies(part)
    elif isinstance(value, dict):
        body = value.get("articleBody")
        if isinstance(body, str):
            yield body
        for name in ("@graph", "mainEntity", "mainEntityOfPage"):
            yield from _bodies(value.get(name))


def _plain(body: str) -> str:
    """An articleBody without markup and entities, which some publishers leave in it."""
    if "<" in body:
        body = re.sub(r"<(?:br|/p|/div|/h[1-6]|/li)\b[^>]*>", "\n", body)
        body = re.sub(r"<[^>]*>", "", body)
    return _lines(entities.unescape(body))


# -- the text ----------------------------------------------------------------------------------------------------------


def _text(tree: Any, url: str, links: frozenset[str], summary: str) -> str:
    body = surroundings.article(tree)
    part = _alone(body) if body is not None else tree
    text = _extracted(part, url, precise=False)
    if _doubtful(text, links, summary):
        text = _extracted(part, url, precise=True) or text
    return _cleaned(text, links)


def _alone(body: Any) -> Any:
    """The article's element as a page of its own."""
    from lxml import html as parser

    page = parser.document_fromstring("<html><body></body></html>")
    copy = deepcopy(body)
    copy.tail = None
    copy.tag = "article"
    page.find("body").append(copy)
    return page


def _extracted(tree: Any, url: str, *, precise: bool) -> str:
    import trafilatura

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    text = trafilatura.extract(
        deepcopy(tree),
        url=url,
        fast=not precise,
        favor_precision=precise,
        include_comments=False,
        include_formatting=False,
    )
    return _lines(text or "")


def _cleaned(text: str, links: frozenset[str]) -> str:
    """Without lines that are linked to from elsewhere on the page or speak of it."""
    return "\n".join(line for line in text.split("\n") if _key(line) not in links and not calls.is_call(line))


def _doubtful(text: str, links: frozenset[str], summary: str) -> bool:
    """Whether the result looks as if it held the page's surroundings, or missed the article."""
    if any(_key(line) in links for line in text.split("\n")):
        return True
    return 0 < len(summary) <= SHORT_SUMMARY and not _says(text, summary)


def _holds(text: str, links: frozenset[str]) -> bool:
    key = _key(text)
    return any(link in key for link in links)


def _says(text: str, summary: str) -> bool:
    """Whether the text holds what the summary begins with."""
    return _start(summary) in _key(text)


def _start(summary: str) -> str:
    return _key(_key(summary)[:80].rsplit(" ", 1)[0])


def _is_about(text: str, told: str) -> bool:
    """Whether a page is about what the feed told: one that asks for consent and one that wants a password are not.

    Words count by their beginnings, since endings change in Russian and Belarusian.
    """
    wanted = {word[:_STEM] for word in _WORD.findall(told.casefold())}
    known = {word[:_STEM] for word in _WORD.findall(text.casefold())}
    return len(wanted) < _FEW or len(wanted & known) >= _KNOWN * len(wanted)


def _lines(text: str) -> str:
    return "\n".join(line for part in text.split("\n") if (line := _SPACE.sub(" ", part).strip()))


def _key(text: str) -> str:
    return _SPACE.sub(" ", text).lstrip(_BEFORE).rstrip(_BEHIND).casefold()
