"""A matched entry as one line of a page: its headline with the words that were found, where it is from, and why it is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from aggregator import licence
from aggregator.digests import excerpt
from aggregator.model import Entry, Span
from aggregator.publication import Excerpt
from aggregator.query import Query
from aggregator.reading import Found
from aggregator.render.environment import parts
from aggregator.watch import documents, match

HEADLINE, WORD, LINK = 200, 60, 2_000
"""Characters of each that a page shows at most; a longer link is left out."""
REASONS = 3
Pieces = tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """Words that were found, as they stand there; where, such as `title`; and the alias they came through, or ""."""

    words: str
    place: str
    alias: str


@dataclass(frozen=True, slots=True)
class Line:
    """An entry as a page shows it; `headline` is in pieces, each with whether it was found, `link` the publisher's or ""."""

    entry: int
    story: int
    headline: Pieces
    link: str
    language: str
    source: str
    at: datetime
    reasons: tuple[Reason, ...]


def line(entry: Entry, spans: Sequence[Span]) -> Line:
    """The entry, with the places in it that were found."""
    return Line(
        entry=entry.id,
        story=entry.story_id,
        headline=headline(entry, spans),
        link=entry.link if entry.link.startswith(("https://", "http://")) and len(entry.link) <= LINK else "",
        language=entry.language,
        source=entry.feed_title or entry.feed_id,
        at=entry.sort_at,
        reasons=reasons(entry, spans),
    )


def spans(found: Found, query: Query) -> Sequence[Span]:
    """Where a match stands in the entry as it is now; none where it was changed since and does not match any more."""
    if found.match.revision >= found.entry.revisions:
        return found.match.spans
    return match.evaluate(query, documents.of_entry(found.entry)) or ()


def headline(entry: Entry, spans: Sequence[Span]) -> Pieces:
    """The title on one line; of an entry without, the beginning of what may be shown of its text."""
    text, marks = excerpt.squeeze(entry.title, [(s.start, s.end) for s in spans if s.field == "title"])
    if not text:
        return ((excerpt.first_words(licence.allowed(entry)) or "(without a title)", False),)
    short = excerpt.clip(Excerpt(text, marks), HEADLINE)
    return pieces(short.text, short.marks)


def pieces(text: str, marks: Sequence[tuple[int, int]]) -> Pieces:
    """A text cut at its marks, each piece with whether it is marked."""
    return tuple(piece for piece in parts(text, sorted(marks)) if piece[0])


def reasons(entry: Entry, spans: Sequence[Span], most: int = REASONS) -> tuple[Reason, ...]:
    """The words that were found, each once."""
    found: dict[str, Reason] = {}
    for span in spans:
        words = excerpt.first_words(_text(entry, span.field)[span.start : span.end], WORD)
        if words and len(found) < most:
            place = {"body": "text", "article": "article page", "lang": "language", "url": "address"}
            found.setdefault(words.casefold(), Reason(words, place.get(span.field, span.field), span.alias))
    return tuple(found.values())


def _text(entry: Entry, field: str) -> str:
    """The text that a span of this field counts in (watch.documents), without cutting it into words."""
    if field == "source":
        return f"{entry.feed_title} {entry.feed_id}"
    if field == "category":
        return "\n".join(entry.categories)
    return str(getattr(entry, {"lang": "language", "url": "link"}.get(field, field)))
