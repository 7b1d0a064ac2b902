"""The searchable form of an entry: the same for an entry on its way in and for one from the store."""

from __future__ import annotations

from aggregator import tokens
from aggregator.model import Entry, Feed, ParsedEntry


def of_parsed(entry: ParsedEntry, feed: Feed, language: str, article: str = "") -> tokens.Document:
    """The document of an entry that a poll has just brought; a revised one may have its `article` already."""
    return tokens.document(
        title=entry.title,
        body=entry.body,
        article=article,
        source=f"{feed.title} {feed.id}",
        language=language,
        url=entry.link,
        author=entry.author,
        categories=entry.categories,
    )


def of_entry(entry: Entry, article: str | None = None) -> tokens.Document:
    """The document of a stored entry, with its article page's text (`article` where that has just been fetched)."""
    return tokens.document(
        title=entry.title,
        body=entry.body,
        article=entry.article if article is None else article,
        source=f"{entry.feed_title} {entry.feed_id}",
        language=entry.language,
        url=entry.link,
        author=entry.author,
        categories=entry.categories,
    )
