"""An article page -> the text of the article, without what stands around it. Runs in a worker process.

A foreign headline in a sidebar would be a false alert, so precision goes before completeness: where the result holds
lines that the page links to from its lists, a stricter run is asked, then those lines go; the last resort is the
summary that the feed itself gave.
"""

from __future__ import annotations

import logging
import re
from typing import Any

MAX_PAGE = 5_000_000
SHORT_SUMMARY = 400
_SPACE = re.compile(r"\s+")
_EDGE = re.compile(r"^[\s\-–—•·*|>]+|[\s.…|]+$")
_LIST_TAGS = frozenset({"li", "nav", "aside", "footer", "header", "td", "dd", "h2", "h3", "h4"})
_LINK_WORDS = 3


def article(html: bytes | str, url: str, summary: str) -> str:
    """The article's text, paragraph by line; the summary where the page yields nothing better.

    Args:
        html: the page as fetched; what is beyond 5 MB is not read.
        url: where it was found.
        summary: the plain text that the feed gave.
    """
    tree = _tree(html[:MAX_PAGE])
    if tree is None:
        return summary
    links = _listed_links(tree)
    text = _extracted(html[:MAX_PAGE], url, precise=False)
    if _doubtful(text, links, summary):
        text = _extracted(html[:MAX_PAGE], url, precise=True) or text
    text = "\n".join(line for line in text.split("\n") if _key(line) not in links)
    return text if len(text) > len(summary) or _says(text, summary) else summary


def _tree(html: bytes | str) -> Any:
    """The page parsed, or None when there is nothing to parse."""
    from lxml import etree
    from lxml import html as parser

    try:
        return parser.fromstring(html) if html.strip() else None
    except (etree.LxmlError, ValueError):
        return None


def _extracted(html: bytes | str, url: str, *, precise: bool) -> str:
    import trafilatura

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    text = trafilatura.extract(
        html, url=url, fast=not precise, favor_precision=precise, include_comments=False, include_formatting=False
    )
    return "\n".join(line for part in (text or "").split("\n") if (line := _SPACE.sub(" ", part).strip()))


def _listed_links(tree: Any) -> frozenset[str]:
    """The texts that the page links to from its lists, menus and teasers: other people's headlines."""
    found = set()
    for link in tree.iter("a"):
        text = _key(link.text_content())
        if len(text.split()) >= _LINK_WORDS and any(parent.tag in _LIST_TAGS for parent in link.iterancestors()):
            found.add(text)
    return frozenset(found)


def _doubtful(text: str, links: frozenset[str], summary: str) -> bool:
    """Whether the result looks as if it held the page's surroundings, or missed the article."""
    if any(_key(line) in links for line in text.split("\n")):
        return True
    return 0 < len(summary) <= SHORT_SUMMARY and not _says(text, summary)


def _says(text: str, summary: str) -> bool:
    """Whether the text holds what the summary begins with."""
    start = _key(summary).removesuffix("…").removesuffix("...")[:80].rsplit(" ", 1)[0]
    return start in _key(text)


def _key(text: str) -> str:
    return _EDGE.sub("", _SPACE.sub(" ", text)).casefold()
