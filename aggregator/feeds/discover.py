"""Which feeds an HTML page offers: `<link rel="alternate" type="application/rss+xml" href="...">`."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import NamedTuple

from aggregator import urls

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
_TAG = re.compile(r"<(link|base)\b([^<>]{1,4000})>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"([a-zA-Z:-]{1,40})\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))")


class Candidate(NamedTuple):
    """A feed that a page names."""

    url: str
    title: str
    type: str


def candidates(page: str, base: str) -> list[Candidate]:
    """The feeds a page names, in its order, each address once."""
    found: dict[str, Candidate] = {}
    for tag, attributes in _tags(page[:_READ]):
        href = attributes.get("href", "").strip()
        if tag == "base" and href:
            base = urls.absolute(base, href) or base
        elif tag == "link" and _is_feed(attributes):
            url = urls.absolute(base, href)
            if url.startswith("http"):
                title = " ".join(attributes.get("title", "").split())[:200]
                found.setdefault(url, Candidate(url, title, attributes["type"].lower()))
    return list(found.values())


def _is_feed(attributes: dict[str, str]) -> bool:
    attributes["type"] = attributes.get("type", "").partition(";")[0].strip().lower()
    relations = attributes.get("rel", "").lower().split()
    return "alternate" in relations and "stylesheet" not in relations and attributes["type"] in _TYPES


def _tags(page: str) -> Iterator[tuple[str, dict[str, str]]]:
    for found in _TAG.finditer(_without_comments(page)):
        attributes = {
            name.lower(): html.unescape(double or single or bare)
            for name, double, single, bare in _ATTRIBUTE.findall(found.group(2))
        }
        yield found.group(1).lower(), attributes


def _without_comments(page: str) -> str:
    """The page without what stands in comments; an unclosed comment hides the rest."""
    first, *rest = page.split("<!--")
    return first + "".join(part.partition("-->")[2] for part in rest)
