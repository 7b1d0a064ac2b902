"""What may come out of a parsed feed, whatever bytes went in: texts without controls, links that lead to the web, markup that only shows."""

from __future__ import annotations

import re
from datetime import UTC
from html.parser import HTMLParser

from aggregator.errors import WorkError
from aggregator.feeds import fields, parse
from aggregator.model import ParsedEntry, ParsedFeed

URL = "https://x.by/dir/feed.xml"
OURS = {"empty", "parse_error", "not_a_feed", "bomb"}
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
"""Controls but for line ends and the tab, and lone surrogates."""
SAFE = re.compile(r"https?://[^/\s\"<>]+|mailto:", re.IGNORECASE)


class Harmless(HTMLParser):
    """Fails on a tag or an attribute that does anything but show text."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in {
            "script",
            "style",
            "iframe",
            "object",
            "embed",
            "form",
            "input",
            "svg",
            "math",
            "link",
            "base",
        }
        for name, value in attrs:
            assert not name.startswith("on")
            assert name not in {"style", "srcdoc", "srcset", "action", "formaction", "xlink:href", "background"}
            if name in {"href", "src", "cite"}:
                assert SAFE.match(value or ""), value


def is_harmless(entry: ParsedEntry) -> None:
    assert not re.search(
        r"[\r\n\t]", entry.title + entry.author + "".join(entry.categories) + entry.language + entry.link
    )
    assert entry.link == "" or SAFE.match(entry.link), entry.link
    for file in entry.enclosures:
        assert SAFE.match(file.url), file
        assert file.length >= 0
    for moment in (entry.published_at, entry.updated_at):
        assert moment is None or moment.tzinfo is UTC
    for markup in (entry.summary, entry.content):
        Harmless(convert_charrefs=True).feed(markup)
    assert len(entry.title) <= fields.MAX_TITLE
    assert len(entry.categories) <= fields.MAX_LIST


def look(body: bytes, content_type: str = "") -> ParsedFeed | None:
    """What comes of a document, checked in every field; None for a refusal."""
    try:
        found = parse.document(body, URL, content_type)
    except WorkError as e:
        assert e.error_class in OURS, e.message  # noqa: PT017
        assert not FORBIDDEN.search(e.message), e.message  # noqa: PT017
        return None
    texts = [found.title, found.link, found.language, found.version, found.malformed]
    for entry in found.entries:
        texts += [entry.guid, entry.link, entry.title, entry.summary, entry.content, entry.body, entry.author]
        texts += [entry.language, *entry.categories, *(part for f in entry.enclosures for part in (f.url, f.type))]
        is_harmless(entry)
    assert not [text for text in texts if FORBIDDEN.search(text)]
    assert found.link == "" or SAFE.match(found.link)
    return found
