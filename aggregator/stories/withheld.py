"""Whether a page asks that its text be not kept: meta robots and X-Robots-Tag with noarchive or nosnippet."""

from __future__ import annotations

import re

ROBOT = "aggregator"
"""Our name in rules for robots, the product token of the User-Agent."""
_WORDS = frozenset({"noarchive", "nosnippet"})
_SNIPPET = re.compile(r"max-snippet\s*:\s*0(?![0-9])")
_FOR_ONE = re.compile(r"\s*([a-z][a-z0-9_-]*)\s*:(.*)", re.DOTALL)
_VALUED = frozenset({"max-snippet", "max-image-preview", "max-video-preview", "unavailable_after"})


def by_header(value: str) -> str:
    """The word of an X-Robots-Tag header that forbids to keep the page, or ""; one header a line.

    What is said to one robot by name (`googlebot: noarchive`) concerns us only when the name is ours.
    """
    return next((word for line in value.lower().splitlines() if (word := by_words(_for_us(line)))), "")


def by_words(content: str) -> str:
    """The same for the words alone, as they stand in the content of `<meta name="robots">`."""
    text = content.lower()
    found = _WORDS & set(re.split(r"[\s,;]+", text))
    return min(found, default="nosnippet" if _SNIPPET.search(text) else "")


def _for_us(line: str) -> str:
    named = _FOR_ONE.match(line)
    if named is None or named[1] in _VALUED:
        return line
    return named[2] if named[1] == ROBOT else ""
