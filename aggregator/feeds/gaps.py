"""Whether a document that holds nothing known may have left something out since the last look, and between when and when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from aggregator.feeds import arrival
from aggregator.model import EntryChange, Feed, Gap, NewEntry

LEAST = 2
"""Items from which on a document that shares none with what is known is no chance: a feed may hold its latest one alone."""


def suspected(feed: Feed, changes: Sequence[EntryChange]) -> bool:
    """Whether no item of a document was known although the feed was read before, and held items then.

    Not on a first poll, nor at an address never read yet (their past is nobody's business), and not after an empty
    document: then nothing says that the two should overlap.
    """
    if feed.poll.last_ok_at is None or not feed.poll.items or len(changes) < LEAST:
        return False
    return all(isinstance(change, NewEntry) for change in changes)


def between(feed: Feed, changes: Sequence[EntryChange], newest: datetime | None, now: datetime) -> Gap | None:
    """The time in which entries may have come and gone unseen.

    It begins at the last sight of what was known: the last good poll, or the newest known entry (`newest`) where the
    document reaches back behind that poll. It ends at the document's oldest entry. A document that reaches back behind
    both leaves nothing out: an archive was told again, or the feed is another one now.
    """
    before = min(arrival.sort_at(c.entry, now) for c in changes if isinstance(c, NewEntry))
    sights = [sight for sight in (feed.poll.last_ok_at, newest) if sight is not None and sight < before]
    return Gap(feed.id, max(sights), before, now) if sights else None
