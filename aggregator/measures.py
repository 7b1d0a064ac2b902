"""Numbers about a whole installation that cost next to nothing to ask, whatever is stored: what metrics are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Measures:
    """One look at the store.

    Attributes:
        feeds: how many are in each state.
        failing: of those that fail, how many for each class of error.
        due_since: since when the feed is due that has waited longest; None when none is.
        made: how many rows a table has ever got: entries, editions, attempts.
        matches: by watchlist of the operator's, how many entries it found.
        messages: how many are not settled, by state; what a restore holds back is `held`.
        oldest_at: when the oldest message was made that waits to be sent; None when none does.
        sent_at: when a message was last taken; None when none ever was.
        latency: seconds from `published` and from `seen` to the mailbox, of the alerts of the last day: median and 95th percentile.
        signals, notices: how many last, by kind and by level.
    """

    feeds: Mapping[str, int]
    failing: Mapping[str, int]
    due_since: datetime | None
    made: Mapping[str, int]
    matches: Mapping[str, int]
    messages: Mapping[str, int]
    oldest_at: datetime | None
    sent_at: datetime | None
    latency: Mapping[str, tuple[float, float]]
    signals: Mapping[str, int]
    notices: Mapping[str, int]
