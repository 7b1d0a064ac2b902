"""What an entry's arrival means: its place in time, how far a match may travel, whether its article page is wanted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from aggregator.model import Feed, ParsedEntry, Reach

OLD = timedelta(days=7)
"""What a feed brings anew although it is older than this is no alert: an archive was announced again."""
SHORT_TEXT = 200
AHEAD = timedelta(hours=1)
FIRST = datetime(1990, 1, 1, tzinfo=UTC)


def sort_at(entry: ParsedEntry, now: datetime) -> datetime:
    """The published time where it can be believed, else the moment of first sight (polling-and-identity.md F12, F13)."""
    published = entry.published_at or entry.updated_at
    if published is None or published > now + AHEAD or published < FIRST:
        return now
    return published


def reach(moment: datetime, now: datetime, *, initial: timedelta, first: bool) -> Reach:
    """How far a match of a new entry may travel.

    Args:
        moment: the entry's `sort_at`.
        now: the present.
        initial: of a feed's first poll, entries younger than this may enter the next digest; the rest is baseline.
        first: whether this is the feed's first poll.
    """
    if first:
        return "digest" if moment >= now - initial else "none"
    return "alert" if moment >= now - OLD else "digest"


def wants_article(feed: Feed, entry: ParsedEntry, how_far: Reach) -> bool:
    """Whether `enrich` shall fetch the page. Never for the silent baseline: pages are fetched for news, not archives."""
    if how_far == "none" or not entry.link or feed.spec.articles == "never":
        return False
    cut = entry.body.rstrip().endswith(("…", "...", "[…]", "[...]"))
    return feed.spec.articles == "all" or len(entry.body) < SHORT_TEXT or cut
