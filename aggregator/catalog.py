"""The catalog line: what the operator's files say -> rows. Run at start and after every change of the files."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from aggregator import query
from aggregator.digests import windows
from aggregator.levels import Wanted
from aggregator.model import Entry, FeedSpec, NewMatch, Reach, SyncReport, Watchlist
from aggregator.publication import DigestSpec
from aggregator.stores import Stores
from aggregator.watch import documents, match
from aggregator.watch.index import WatchIndex

BATCH = 500
"""Matches written in one transaction."""


class Catalog(Protocol):
    """What is needed of a configuration; `settings.Configuration` has it."""

    @property
    def feeds(self) -> Sequence[FeedSpec]:
        """The feeds."""
        ...

    @property
    def aliases(self) -> Mapping[str, Sequence[str]]:
        """Names for several queries."""
        ...

    @property
    def watchlists(self) -> Sequence[Watchlist]:
        """The watchlists; their queries parse."""
        ...

    @property
    def digests(self) -> Sequence[DigestSpec]:
        """The digests."""
        ...

    @property
    def initial(self) -> timedelta:
        """How far back a new watchlist looks."""
        ...


@dataclass(frozen=True, slots=True)
class CatalogReport:
    """What the files changed in the database; `matches` of new and changed watchlists stand in entries stored before."""

    feeds: SyncReport
    watchlists: SyncReport
    digests: SyncReport
    subscriptions: SyncReport
    matches: int = 0


def sync(configuration: Catalog, stores: Stores, now: datetime) -> CatalogReport:
    """Make the stored feeds, watchlists, digests and subscriptions those of the configuration.

    A new or changed watchlist is matched against what came in within `initial`, so that the next digest has it; no
    alert comes of that.
    """
    feeds = stores.feeds.sync(configuration.feeds, now)
    stored = {watchlist.id: watchlist.query for watchlist in stores.watch.list()}
    changed = {one.id for one in configuration.watchlists if stored.get(one.id) != one.query}
    found = _found(configuration, changed, stores, now)
    # In one transaction: a crash between the two would leave a watchlist that never looked back.
    watchlists = stores.watch.sync(configuration.watchlists, now, found)
    due = {digest.id: windows.next_due(digest.schedule, now) for digest in configuration.digests}
    digests = stores.editions.sync(configuration.digests, due, now)
    subscriptions = stores.subscriptions.sync([one for digest in configuration.digests for one in _wanted(digest)], now)
    return CatalogReport(feeds, watchlists, digests, subscriptions, len(found))


def _wanted(digest: DigestSpec) -> list[Wanted]:
    """The subscriptions that a digest names."""
    own, zones = dict(digest.stricter), dict(digest.zones)
    return [Wanted(digest.id, address, own.get(address, "any"), zones.get(address, "")) for address in digest.to]


def look_back(configuration: Catalog, watchlist_ids: Collection[str], stores: Stores, now: datetime) -> int:
    """Match these stored watchlists against the entries first seen within `initial`; how many matches are new.

    A running daemon calls it after it has taken over new watchlists, for what was polled with the old ones meanwhile.
    """
    found = _found(configuration, watchlist_ids, stores, now)
    parts = [found[start : start + BATCH] for start in range(0, len(found), BATCH)]
    return sum(stores.watch.add_matches(part, now) for part in parts)


def differing(before: Catalog, after: Catalog) -> set[str]:
    """The watchlists of `after` that do not ask what they asked before: new, changed, or an alias of theirs changed."""
    asked = {one.id: one.query for one in before.watchlists}
    return {
        one.id for one in after.watchlists if one.id not in asked or _differ(asked[one.id], one.query, before, after)
    }


def _differ(one: str, other: str, before: Catalog, after: Catalog) -> bool:
    """Whether two queries ask for something else; the same text, with the same aliases if it has any, is not parsed."""
    if one == other and ("@" not in one or before.aliases == after.aliases):
        return False
    return query.parse(one, before.aliases) != query.parse(other, after.aliases)


def _found(
    configuration: Catalog, watchlist_ids: Collection[str], stores: Stores, now: datetime
) -> list[tuple[int, NewMatch]]:
    chosen = [watchlist for watchlist in configuration.watchlists if watchlist.id in watchlist_ids]
    if not chosen:
        return []
    index = WatchIndex([(one.id, query.parse(one.query, configuration.aliases)) for one in chosen])
    since = now - configuration.initial
    return [pair for entry in stores.entries.entries(since=since) for pair in _matches(entry, index, since)]


def _matches(entry: Entry, index: WatchIndex, since: datetime) -> list[tuple[int, NewMatch]]:
    """Why an entry satisfies watchlists; one published before `since` is told to nobody, as at a feed's first poll."""
    reach: Reach = "digest" if entry.sort_at >= since else "none"
    return [
        (entry.id, NewMatch(found.watchlist_id, tuple(found.spans), reach))
        for found in match.find(documents.of_entry(entry), index)
    ]
