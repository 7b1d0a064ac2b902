"""How the poll line reads a document: which part of it has to be parsed, and what all of its items are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeGuard

from aggregator.feeds import arrival, identity, parse, slice  # noqa: A004 - the stage's name (DESIGN §2)
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
    SameEntry,
)
from aggregator.stores import PollStore


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
    recalled: dict[bytes, Remembered] | None = None
    settled: bool = False

    @property
    def unseen(self) -> int:
        """How many items have to be parsed; all of them count as one document where it is read whole."""
        if self.sliced is None or self.recalled is None:
            return 1
        return sum(name not in self.recalled for name in self.sliced.names)

    def document(self) -> bytes:
        """What the parser has to be given."""
        part = self.part()
        return self.answer.body if part is None else part.encode("utf-8", "surrogatepass")

    def part(self) -> str | None:
        """The document less the items that were seen before; None where it has to be read whole."""
        if self.sliced is None or self.recalled is None:
            return None
        return self.sliced.without(self.recalled)

    def whole(self) -> Reading:
        """The same, to be parsed whole."""
        return replace(self, recalled=None, settled=False)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the items of a document are; `known` says that at least one was known before.

    Attributes:
        items: their facts; of a few unseen ones, these alone.
        count: how many they are.
        standing: how many are what they were and are no part of `changes`.
    """

    changes: tuple[EntryChange, ...] = ()
    events: tuple[FeedEvent, ...] = ()
    known: bool = True
    recall: Recall | None = None
    items: tuple[ItemFacts, ...] = ()
    count: int = 0
    standing: int = 0


def look(feed: Feed, answer: FetchResponse, digest: str, polls: PollStore) -> Reading:
    """Take a document apart and recall what is known of its items."""
    text = slice.text(answer.body, answer.headers.get("content-type", ""))
    if text is None:
        return Reading(feed, answer, digest)
    kept = polls.recall(feed.id) or NO_RECALL
    try:
        known = slice.recalled(kept)
    except slice.DamagedError:  # parsing whole puts another row in its place
        known = slice.Recalled((), {})
    sliced = slice.cut(text, answer.url, known.items)
    if sliced is None or kept.head != sliced.head or not known.names:
        return Reading(feed, answer, digest, sliced)
    return Reading(feed, answer, digest, sliced, known.items, settled=kept.settled and known.names == sliced.names)


def at_once(reading: Reading) -> ParsedFeed | None:
    """What the document holds where that takes no worker: nothing unseen, or a few plain items of a feed that is well.

    Its head stayed as it was, so nothing but the items is parsed.
    """
    feed = reading.feed
    entries: tuple[ParsedEntry, ...] | None = None
    if not reading.unseen:
        entries = ()
    elif feed.is_trusted and (part := reading.part()) is not None:
        entries = parse.few(part, reading.answer.url)
    if entries is None:
        return None
    poll = feed.poll
    return ParsedFeed(title=poll.title, link="", language=poll.language, version="", entries=entries, hints=poll.hints)


def judge(reading: Reading, parsed: ParsedFeed, polls: PollStore) -> Judgement | None:
    """What every item is, parsed or recalled; None when that cannot be told without parsing the whole document."""
    if reading.settled:
        return Judgement(count=reading.feed.poll.items)
    if reading.recalled is not None and (parsed.malformed or len(parsed.entries) != reading.unseen):
        return None
    facts = [identity.facts(entry) for entry in parsed.entries]
    try:
        return _partly(reading, parsed, facts, polls) or _fully(reading, parsed, facts, polls)
    except (identity.Uncertain, slice.DamagedError):
        return None


def is_news(change: EntryChange) -> TypeGuard[NewEntry | RevisedEntry]:
    """Whether it looks for a story: an entry that is new, or whose id now stands for other news."""
    return isinstance(change, NewEntry) or (isinstance(change, RevisedEntry) and change.reused)


def is_idle(change: EntryChange) -> bool:
    """Nothing is to be written: a known entry that has learnt no name, or a tombstone met again, which stays one."""
    return isinstance(change, SameEntry) and not (change.entry_id and change.keys)


def _partly(reading: Reading, parsed: ParsedFeed, facts: list[ItemFacts], polls: PollStore) -> Judgement | None:
    """The unseen items judged alone, where they leave the others untouched; None where they do not."""
    sliced, recalled = reading.sliced, reading.recalled
    same = slice.untouched(sliced, recalled, facts) if sliced is not None and recalled is not None else None
    if same is None or sliced is None or recalled is None:
        return None
    keys = identity.keys(facts)
    known = polls.known_entries(reading.feed.id, identity.names(keys))
    known |= polls.known_entries(reading.feed.id, identity.texts(keys, known, moving=False))
    verdict = identity.diff(facts, parsed.entries, keys, known, same.owners)
    if any(not isinstance(change, NewEntry) and change.entry_id in same.owners for change in verdict.changes):
        return None  # an entry that goes by two ids
    places = [number for number, name in enumerate(sliced.names) if name not in same.names]
    items = {name: recalled[name] for name in same.names} | _remembered(sliced, places, facts, keys, verdict)
    changes = tuple(
        replace(change, number=places[change.number]) if isinstance(change, NewEntry) and change.number >= 0 else change
        for change in verdict.changes
    )
    recall = slice.remember(sliced, items, settled=_is_settled(verdict))
    # For archives, which are more than a handful, the times of the known items count.
    listed = facts if len(facts) <= arrival.MANY else [*facts, *(recalled[name].facts for name in same.names)]
    return Judgement(changes, (), recall=recall, items=tuple(listed), count=len(sliced.names), standing=len(same.names))


def _fully(reading: Reading, parsed: ParsedFeed, facts: list[ItemFacts], polls: PollStore) -> Judgement:
    """All items judged together."""
    items, entries = _items(reading, parsed, facts)
    keys = identity.keys(items)
    known = _known(reading, items, keys, polls)
    verdict = identity.diff(items, entries, keys, known)
    recall = NO_RECALL
    if reading.sliced is not None and not parsed.malformed and len(items) == len(reading.sliced.names):
        kept = _remembered(reading.sliced, range(len(items)), items, keys, verdict)
        recall = slice.remember(reading.sliced, kept, settled=_is_settled(verdict))
    return Judgement(verdict.changes, verdict.events, bool(known), recall, tuple(items), len(items))


def _is_settled(verdict: identity.Verdict) -> bool:
    return not verdict.events and not any(isinstance(change, RevisedEntry) for change in verdict.changes)


def _remembered(
    sliced: Sliced,
    places: Sequence[int],
    items: Sequence[ItemFacts],
    keys: Sequence[tuple[EntryKey, ...]],
    verdict: identity.Verdict,
) -> dict[bytes, Remembered]:
    """What shall be recalled of the items at these places of a document."""
    fresh = {change.number for change in verdict.changes if isinstance(change, NewEntry)}
    return {
        sliced.names[place]: slice.item(
            sliced.items[place], item, owner, identity.shape(item, own), plain=bool(owner) or number in fresh
        )
        for number, (place, item, own, owner) in enumerate(zip(places, items, keys, verdict.owners, strict=True))
    }


def _items(
    reading: Reading, parsed: ParsedFeed, facts: list[ItemFacts]
) -> tuple[list[ItemFacts], list[ParsedEntry | None]]:
    """The facts of all items in their order, with what was parsed beside them."""
    if reading.recalled is None or reading.sliced is None:
        return facts, list(parsed.entries)
    fresh = iter(zip(facts, parsed.entries, strict=True))
    both: list[tuple[ItemFacts, ParsedEntry | None]] = [
        (reading.recalled[name].facts, None) if name in reading.recalled else next(fresh)
        for name in reading.sliced.names
    ]
    return [item for item, _ in both], [entry for _, entry in both]


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
