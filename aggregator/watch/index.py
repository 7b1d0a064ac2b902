"""Which of many queries could match an entry: each is posted under the rarest thing that an entry must hold (`anchors`).

An entry's tokens intersected with the anchors give the candidates, a look at what else they need leaves few of them, and
`match.evaluate` decides (reference/matching-and-stories.md §7). Watchlists with equal queries share one slot. Adding and
removing touch only the query's own anchors: nothing is ever rebuilt, and another thread may ask meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from aggregator.query import Query
from aggregator.tokens import Document, primary_subtag
from aggregator.watch import anchors

_BUCKET = 3
"""Beginnings are looked for by their first three letters, then by how long they are."""

_K = TypeVar("_K")
_V = TypeVar("_V")


@dataclass(slots=True, eq=False)
class _Slot:
    """One query and the watchlists that ask it."""

    query: Query
    anchors: anchors.Anchors
    ids: tuple[str, ...] = ()


class WatchIndex:
    """The queries of all watchlists, ready to be asked which of them an entry could satisfy.

    Args:
        watchlists: pairs of watchlist id and query.
        frequency: token -> in how many of ten thousand recent entries it stands; without it, long words count as rare,
            and those that few queries ask for.
    """

    def __init__(
        self, watchlists: Iterable[tuple[str, Query]] = (), frequency: Mapping[str, float] | None = None
    ) -> None:
        self._frequency = frequency
        self._slots: dict[Query, _Slot] = {}
        self._by_id: dict[str, _Slot] = {}
        self._tokens: dict[str, set[_Slot]] = {}
        self._others: dict[anchors.Key, set[_Slot]] = {}
        self._buckets: dict[int, dict[str, dict[int, int]]] = {}
        self._fielded = 0  # how many keys of `_others` are no prefixes: language, source, author and the like
        for watchlist_id, query in watchlists:
            self.add(watchlist_id, query)

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, watchlist_id: str, query: Query) -> None:
        """Add a watchlist, or give it another query."""
        self.remove(watchlist_id)
        slot = self._slots.get(query)
        if slot is None:
            slot = self._slots[query] = _Slot(query, anchors.of(query, self._cost))
            for key in slot.anchors.keys:
                self._post(key, slot)
        slot.ids += (watchlist_id,)
        self._by_id[watchlist_id] = slot

    def remove(self, watchlist_id: str) -> None:
        """Forget a watchlist; an unknown id is no fault."""
        slot = self._by_id.pop(watchlist_id, None)
        if slot is None:
            return
        slot.ids = tuple(each for each in slot.ids if each != watchlist_id)
        if not slot.ids:
            del self._slots[slot.query]
            for key in slot.anchors.keys:
                self._withdraw(key, slot)

    def candidates(self, document: Document) -> list[str]:
        """The ids of the watchlists that could match, sorted; none that does match is ever missing."""
        return sorted(watchlist_id for _, ids in self.groups(document) for watchlist_id in ids)

    def groups(self, document: Document) -> list[tuple[Query, tuple[str, ...]]]:
        """The queries that could match, each with the watchlists that ask it."""
        held = document.words
        return [
            (slot.query, slot.ids)
            for slot in self._posted(document, held)
            if not slot.anchors.checks or all(not held.isdisjoint(check) for check in slot.anchors.checks)
        ]

    # -- asking ----------------------------------------------------------------------------------------------------

    def _posted(self, document: Document, held: frozenset[str]) -> set[_Slot]:
        """Everything posted under what a document holds."""
        found: set[_Slot] = set()
        for token in self._tokens.keys() & held:
            found |= self._tokens.get(token, _NONE)
        for prefix in self._prefixes(held):
            found |= self._others.get((anchors.PREFIX, prefix), _NONE)
        # Source, author and the like are only tokenised for queries that ask for them.
        if self._fielded:
            for key in _other_keys(document):
                found |= self._others.get(key, _NONE)
        return found

    def _prefixes(self, tokens: Iterable[str]) -> set[str]:
        """The beginnings of the tokens that could be asked for: of the lengths that occur."""
        found: set[str] = set()
        for size, buckets in tuple(self._buckets.items()):
            for token in tokens:
                lengths = buckets.get(token[:size])
                if lengths:
                    found.update(token[:length] for length in tuple(lengths))
        return found

    # -- keeping ---------------------------------------------------------------------------------------------------

    def _post(self, key: anchors.Key, slot: _Slot) -> None:
        kind, text = key
        if kind == anchors.TEXT:
            self._tokens.setdefault(text, set()).add(slot)
            return
        if key not in self._others:
            self._count(kind, text, 1)
        self._others.setdefault(key, set()).add(slot)

    def _withdraw(self, key: anchors.Key, slot: _Slot) -> None:
        kind, text = key
        if kind == anchors.TEXT:
            _discard(self._tokens, text, slot)
        elif _discard(self._others, key, slot):
            self._count(kind, text, -1)

    def _count(self, kind: str, text: str, change: int) -> None:
        """One key of `_others` more or less: how many beginnings of a bucket have which length."""
        if kind != anchors.PREFIX:
            self._fielded += change
            return
        start = text[:_BUCKET]
        buckets = self._buckets.setdefault(len(start), {})
        lengths = buckets.setdefault(start, {})
        lengths[len(text)] = lengths.get(len(text), 0) + change
        if not lengths[len(text)]:
            del lengths[len(text)]
        if not lengths:
            del buckets[start]
        if not buckets:
            del self._buckets[len(start)]

    def _cost(self, token: str) -> float:
        """In how many of ten thousand entries a token stands; unknown: what many queries ask for is likely a common word."""
        if self._frequency is None:
            return anchors.guess(token) + len(self._tokens.get(token, _NONE))
        return self._frequency.get(token, 0) + anchors.guess(token) / 10_000


_NONE: frozenset[_Slot] = frozenset()


def _other_keys(document: Document) -> Iterator[anchors.Key]:
    yield "lang", primary_subtag(document.language)
    if document.url:
        yield "url", ""
    for name in ("source", "author", "category"):
        for text in document.searched(name):
            yield name, ""
            yield from ((name, token) for token in text.tokens.distinct)


def _discard(postings: dict[_K, set[_V]], key: _K, member: _V) -> bool:
    """Take a member out; True when that left nothing under the key."""
    members = postings[key]
    members.discard(member)
    if members:
        return False
    del postings[key]
    return True
