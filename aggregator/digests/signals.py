"""Watchlists that are out of their own rhythm, as an edition tells it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aggregator.model import Watchlist
from aggregator.reading import EditionSignal, Signal


def told(signals: Iterable[Signal], watchlists: Mapping[str, Watchlist]) -> tuple[EditionSignal, ...]:
    """Signals under the titles of their watchlists, in their order."""
    return tuple(
        EditionSignal(
            signal_id=one.id,
            kind=one.kind,
            watchlist_id=one.watchlist_id,
            watchlist_title=watchlists[one.watchlist_id].title if one.watchlist_id in watchlists else one.watchlist_id,
            began_at=one.began_at,
            found_at=one.found_at,
            observed=one.observed,
            expected=one.expected,
            detail=one.detail,
        )
        for one in signals
    )
