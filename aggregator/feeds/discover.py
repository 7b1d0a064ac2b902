"""Which feeds an HTML page offers: `<link rel="alternate" type="application/rss+xml" href="...">`.

Only what the page names is told: nobody's server is asked for addresses that we made up.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import NamedTuple

from aggregator import urls
from aggregator.feeds import sanitize

MOST = 100
"""Feeds of one page that are told."""
_READ = 1_000_000
_TYPES = frozenset(
    {
        "application/rss+xml",
        "application/atom+xml",
        "application/rdf+xml",
        "application/feed+json",
        "application/json",
        "application/xml",
        "text/xml",
    }
)
_OPENS = re.compile(
    r"<!--|<(link|base|script|style|textarea|title|xmp|iframe|noembed|noframes)(?=[\s/>])", re.IGNORECASE
)
_ATTRIBUTE = re.compile(
    r"""[\s/]*([^\s"'<>/=]{1,100})(?:\s{0,100}=\s{0,100}(?:"([^"]{0,4000})"|'([^']{0,4000})'|([^\s"'>]{1,4000})))?"""
)
_ADDRESS_OF_AN_API = re.compile(r"/wp-json(?:/|$)")


class Candidate(NamedTuple):
    """A feed that a page names, or a feed itself; `type` is its media type."""

    url: str
    title: str
    type: str


def candidates(page: str, url: str) -> list[Candidate]:
    """The feeds that the page at `url` names, in its order, each address once."""
    tags = list(_tags(page[:_READ]))
    base = next((a["href"] for name, a in tags if name == "base" and a.get("href", "").strip()), "")
    # HTML §4.2.3: the first base counts, and for the links before it too.
    base = urls.absolute(url, base) or url
    found: dict[str, Candidate] = {}
    for name, attributes in tags:
        media = attributes.get("type", "").partition(";")[0].strip().lower()
        if name == "link" and len(found) < MOST and _is_feed(attributes, media):
            address = urls.absolute(base, attributes.get("href", "").strip())
            if address.startswith("http") and not _ADDRESS_OF_AN_API.search(address):
                title = sanitize.plain(attributes.get("title", ""))[:200]
                found.setdefault(address, Candidate(address, title, media))
    return list(found.values())


def itself(url: str, title: str, version: str) -> Candidate:
    """The candidate that a feed is; `version` is the parser's word for its format, such as rss20."""
    family = version.rstrip("0123456789")
    media = {"atom": "application/atom+xml", "json": "application/feed+json"}.get(family, "application/rss+xml")
    return Candidate(url, title, media)


def _is_feed(attributes: dict[str, str], media: str) -> bool:
    relations = attributes.get("rel", "").lower().split()
    return "alternate" in relations and "stylesheet" not in relations and media in _TYPES


def _tags(page: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The link and base elements, not those in comments and scripts."""
    at = 0
    unclosed: set[str] = set()
    while found := _OPENS.search(page, at):
        name = (found.group(1) or "").lower()
        at = found.end()
        if not name:
            at = page.find("-->", found.start() + 2)
            if at < 0:
                return
        elif name in ("link", "base"):
            attributes, at = _attributes(page, at)
            yield name, attributes
        elif name not in unclosed:
            close = re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE).search(page, at)
            if close is None:
                unclosed.add(name)  # `<script src="x"/>`, as XHTML writes it
            else:
                at = close.end()


def _attributes(page: str, at: int) -> tuple[dict[str, str], int]:
    """The attributes that stand from here on, the first of each name, and where they end."""
    found: dict[str, str] = {}
    while given := _ATTRIBUTE.match(page, at):
        name, double, single, bare = given.groups()
        found.setdefault(name.lower(), html.unescape(double or single or bare or ""))
        at = given.end()
    return found, at
