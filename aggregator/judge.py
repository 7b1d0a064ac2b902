"""How the poll line reads a document: which part of it has to be parsed, and what all of its items are."""

from __future__ import annotations

from dataclasses import dataclass, replace

from aggregator.feeds import identity, slice  # noqa: A004 - the stage's name (DESIGN §2)
from aggregator.feeds.slice import Remembered, Sliced
from aggregator.model import (
    NO_RECALL,
    EntryChange,
    EntryKey,
    Feed,
    FeedEvent,
    FetchResponse,
    ItemFacts,
    KnownEntry,
    NewEntry,
    ParsedEntry,
    ParsedFeed,
    Recall,
    RevisedEntry,
)
from aggregator.ports import PollStore


@dataclass(frozen=True, slots=True)
class Reading:
    """One fetched document on its way to a judgement.

    Attributes:
        digest: of the body, as stored in `PollState.body_hash`.
        sliced: the document taken apart, or None when it has to be read whole.
        recalled: facts of items that were seen before; None when every item has to be parsed.
        settled: the items are those of last time, and judging them would change nothing.
    """

    feed: Feed
    answer: FetchResponse
    digest: str
    sliced: Sliced | None = None
    recalled: dict[str, Remembered] | None = None
    settled: bool = False

    @property
    def unseen(self) -> int:
        """How many items have to be parsed; all of them count as one document where it is read whole."""
        if self.sliced is None or self.recalled is None:
            return 1
        return sum(name not in self.recalled for name in self.sliced.names)

    def document(self) -> bytes:
        """What the parser has to be given."""
        if self.sliced is None or self.recalled is None:
            return self.answer.body
        return self.sliced.without(self.recalled)

    def whole(self) -> Reading:
        """The same, to be parsed whole."""
        return replace(self, recalled=None, settled=False)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the items of a document are; `known` says that at least one of them was known before, `count` how many."""

    changes: tuple[EntryChange, ...] = ()
    events: tuple[FeedEvent, ...] = ()
    known: bool = True
    recall: Recall | None = None
    items: tuple[ItemFacts, ...] = ()
    count: int = 0


def look(feed: Feed, answer: FetchResponse, digest: str, polls: PollStore) -> Reading:
    """Take a document apart and recall what is known of its items."""
    text = slice.text(answer.body, answer.headers.get("content-type", ""))
    if text is None:
        return Reading(feed, answer, digest)
    kept = polls.recall(feed.id)
    if kept is not None and kept.settled and kept.seen == slice.seen(text, answer.url):
        return Reading(feed, answer, digest, settled=True)
    sliced = slice.cut(text, answer.url)
    if sliced is None or kept is None or kept.head != sliced.head:
        return Reading(feed, answer, digest, sliced)
    return Reading(feed, answer, digest, sliced, slice.recalled(kept))


def unparsed(feed: Feed) -> ParsedFeed:
    """What is known of a document whose head stayed as it was, without parsing it."""
    return ParsedFeed(
        title=feed.poll.title, link="", language=feed.poll.language, version="", entries=(), hints=feed.poll.hints
    )


def judge(reading: Reading, parsed: ParsedFeed, polls: PollStore) -> Judgement | None:
    """What every item is, parsed or recalled; None when that cannot be told without parsing the whole document."""
    if reading.settled:
        return Judgement(count=reading.feed.poll.items)
    found = _items(reading, parsed)
    if found is None:
        return None
    items, entries = found
    keys = identity.keys(items)
    try:
        known = _known(reading, items, keys, polls)
        verdict = identity.diff(items, entries, keys, known)
    except identity.Uncertain:
        return None
    settled = not any(isinstance(change, RevisedEntry) for change in verdict.changes) and not verdict.events
    recall = NO_RECALL
    if reading.sliced is not None and not parsed.malformed and len(items) == len(reading.sliced.names):
        shapes = map(identity.shape, items, keys)
        fresh = {change.number for change in verdict.changes if isinstance(change, NewEntry)}
        plain = (bool(owner) or number in fresh for number, owner in enumerate(verdict.owners))
        kept = map(Remembered, items, verdict.owners, shapes, plain)
        recall = slice.remember(reading.sliced, dict(zip(reading.sliced.names, kept, strict=True)), settled=settled)
    return Judgement(verdict.changes, verdict.events, bool(known), recall, tuple(items), len(items))


def _items(reading: Reading, parsed: ParsedFeed) -> tuple[list[ItemFacts], list[ParsedEntry | None]] | None:
    """The facts of all items in their order, with what was parsed beside them."""
    if reading.recalled is None or reading.sliced is None:
        return [identity.facts(entry) for entry in parsed.entries], list(parsed.entries)
    if parsed.malformed or len(parsed.entries) != reading.unseen:
        return None
    fresh = iter(parsed.entries)
    entries = [None if name in reading.recalled else next(fresh) for name in reading.sliced.names]
    items = [
        reading.recalled[name].facts if entry is None else identity.facts(entry)
        for name, entry in zip(reading.sliced.names, entries, strict=True)
    ]
    return items, entries


def _known(
    reading: Reading, items: list[ItemFacts], keys: list[tuple[EntryKey, ...]], polls: PollStore
) -> dict[EntryKey, KnownEntry]:
    """The stored entries under the items' names; those of items that are what they were need no look-up."""
    standing: dict[EntryKey, KnownEntry] = {}
    asked = keys
    if reading.recalled and reading.sliced is not None:
        asked = []
        for name, item, own in zip(reading.sliced.names, items, keys, strict=True):
            kept = reading.recalled.get(name)
            if kept is not None and kept.owner and kept.shape == identity.shape(item, own):
                standing |= identity.standing(item, own, kept.owner)
            elif kept is not None and kept.plain:
                raise identity.Uncertain
            else:
                asked.append(own)
    # What is looked up goes before: it may be another item's name as well.
    known = standing | polls.known_entries(reading.feed.id, identity.names(asked))
    return known | polls.known_entries(reading.feed.id, identity.texts(keys, known))
