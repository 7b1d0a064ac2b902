"""Top words of a watchlist, computed when asked: a table of them would cost more than it tells."""

from __future__ import annotations

from datetime import date

from aggregator.attention import words
from aggregator.attention.words import Elsewhere
from aggregator.reading import Word
from aggregator.stores import Stores

HEADLINES = 500
"""Of so many newest headlines of a watchlist words are counted, and of so many of all entries they are held against."""


def elsewhere(stores: Stores) -> Elsewhere:
    """What words are held against: how often they stand in the newest headlines of all."""
    return words.elsewhere(stores.attention.headlines("", date.min, date.max.replace(day=30), HEADLINES))


def top(
    stores: Stores, watchlist_id: str, since: date, until: date, limit: int = 20, *, known: Elsewhere | None = None
) -> list[Word]:
    """The words that headlines of a watchlist's entries, dated on these days (UTC, both included), have most often.

    Left out: words that say nothing ("after"), what the watchlist asks for itself, and what stands elsewhere half as often or more.
    `known` is what `elsewhere` said lately, where many watchlists are asked for.
    """
    found = stores.attention.headlines(watchlist_id, since, until, HEADLINES)
    return words.top(found, elsewhere(stores) if known is None else known, limit)
