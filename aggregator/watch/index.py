"""Which of many queries could match an entry: per query a set of anchors, of which any entry that matches holds at least one.

    word -> the word             AND, NEAR -> the anchors of the cheapest operand      NOT -> nothing
    phrase -> its rarest word    OR, alias -> the anchors of all                       word*, word~ -> a beginning
    lang:, source:, author:, category: -> the field with the value or word             url: -> any entry with an address

An entry's tokens intersected with the anchors give the candidates; `match.evaluate` decides (reference/matching-and-stories.md §7).
Watchlists with equal queries share one slot. Adding and removing touch only the query's own anchors: nothing is ever rebuilt.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from aggregator.query import And, Near, Node, Not, Query, Term, Value, Within, stem_root
from aggregator.tokens import Document, primary_subtag

_TEXT = ""
_PREFIX = "*"
_BUCKET = 3
"""Beginnings are kept by their first three letters."""

_Key = tuple[str, str]
"""(`_TEXT`, token), (`_PREFIX`, beginning), (field, token), or (field, "") for "this field is not empty"."""
_Anchors = tuple[float, frozenset[_Key]]
"""How many entries they let through (a guess), and the anchors."""
_K = TypeVar("_K")
_V = TypeVar("_V")


@dataclass(slots=True, eq=False)
class _Slot:
    """One query and the watchlists that ask it."""

    query: Query
    anchors: frozenset[_Key]
    ids: set[str] = field(default_factory=set)


class WatchIndex:
    """The queries of all watchlists, ready to be asked which of them an entry could satisfy.

    Args:
        watchlists: pairs of watchlist id and query.
        frequency: token -> number of recent entries that hold it; without it, long words count as rare.
    """

    def __init__(
        self, watchlists: Iterable[tuple[str, Query]] = (), frequency: Mapping[str, int] | None = None
    ) -> None:
        self._frequency = frequency
        self._slots: dict[Query, _Slot] = {}
        self._by_id: dict[str, _Slot] = {}
        self._tokens: dict[str, set[_Slot]] = {}
        self._others: dict[_Key, set[_Slot]] = {}
        self._buckets: dict[str, set[str]] = {}
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
            slot = self._slots[query] = _Slot(query, self._anchors_of(query))
            for key in slot.anchors:
                self._post(key, slot)
        slot.ids.add(watchlist_id)
        self._by_id[watchlist_id] = slot

    def remove(self, watchlist_id: str) -> None:
        """Forget a watchlist; an unknown id is no fault."""
        slot = self._by_id.pop(watchlist_id, None)
        if slot is None:
            return
        slot.ids.discard(watchlist_id)
        if not slot.ids:
            del self._slots[slot.query]
            for key in slot.anchors:
                self._withdraw(key, slot)

    def candidates(self, document: Document) -> list[str]:
        """The ids of the watchlists that could match, sorted; none that does match is ever missing."""
        return sorted(watchlist_id for slot in self._candidate_slots(document) for watchlist_id in slot.ids)

    def groups(self, document: Document) -> list[tuple[Query, tuple[str, ...]]]:
        """The queries that could match, each with the watchlists that ask it."""
        return [(slot.query, tuple(slot.ids)) for slot in self._candidate_slots(document)]

    # -- asking ----------------------------------------------------------------------------------------------------

    def _candidate_slots(self, document: Document) -> set[_Slot]:
        found: set[_Slot] = set()
        for tokens in (document.title, document.body, document.article):
            held = tokens.distinct
            for token in self._tokens.keys() & held:
                found |= self._tokens[token]
            for prefix in self._prefixes(held):
                found |= self._others[_PREFIX, prefix]
        # Source, author and the like are only tokenised for queries that ask for them.
        if self._fielded:
            for key in _other_keys(document):
                found |= self._others.get(key, set())
        return found

    def _prefixes(self, tokens: Iterable[str]) -> set[str]:
        """The beginnings asked for that one of the tokens has."""
        if not self._buckets:
            return set()
        found: set[str] = set()
        for token in tokens:
            for size in range(1, _BUCKET + 1):
                bucket = self._buckets.get(token[:size])
                if bucket:
                    found.update(prefix for prefix in bucket if token.startswith(prefix))
        return found

    # -- keeping ---------------------------------------------------------------------------------------------------

    def _post(self, key: _Key, slot: _Slot) -> None:
        kind, text = key
        if kind == _TEXT:
            self._tokens.setdefault(text, set()).add(slot)
            return
        if kind == _PREFIX:
            self._buckets.setdefault(text[:_BUCKET], set()).add(text)
        elif key not in self._others:
            self._fielded += 1
        self._others.setdefault(key, set()).add(slot)

    def _withdraw(self, key: _Key, slot: _Slot) -> None:
        kind, text = key
        if kind == _TEXT:
            _discard(self._tokens, text, slot)
        elif _discard(self._others, key, slot):
            if kind == _PREFIX:
                _discard(self._buckets, text[:_BUCKET], text)
            else:
                self._fielded -= 1

    # -- choosing anchors ------------------------------------------------------------------------------------------

    def _anchors_of(self, query: Query) -> frozenset[_Key]:
        anchors = self._anchors(query.tree, "")
        if anchors is None:
            raise ValueError("a query without a positive term; query.parse refuses these")
        return anchors[1]

    def _anchors(self, node: Node, name: str) -> _Anchors | None:
        """The anchors of a part inside a field, or None when an entry may satisfy it with nothing in particular."""
        if isinstance(node, Term):
            return self._term_anchors(node, name)
        if isinstance(node, Value):
            return (1e6, frozenset({("lang", node.text)})) if node.field == "lang" else (1e7, frozenset({("url", "")}))
        if isinstance(node, Within):
            return self._anchors(node.operand, node.field)
        if isinstance(node, Not):
            return None
        parts = [self._anchors(operand, name) for operand in node.operands]
        return _cheapest(parts) if isinstance(node, (And, Near)) else _together(parts)

    def _term_anchors(self, term: Term, name: str) -> _Anchors:
        named = "" if name in ("title", "body") else name
        plain = [word.folded for word in term.words if word.form == "plain"]
        if plain:
            cost, token = min((self._cost(token), token) for token in plain)
            return cost, frozenset({(named, token)})
        if named:
            return 1e5, frozenset({(named, "")})
        beginnings = (word.folded if word.form == "prefix" else stem_root(word.folded) for word in term.words)
        longest = max(beginnings, key=len)
        return self._guess(longest) * 4, frozenset({(_PREFIX, longest)})

    def _cost(self, token: str) -> float:
        return self._guess(token) if self._frequency is None else float(self._frequency.get(token, 0))

    def _guess(self, token: str) -> float:
        """Long words are rare."""
        return 10_000 / (1 << min(len(token), 10))


def _cheapest(parts: Sequence[_Anchors | None]) -> _Anchors | None:
    bounded = [part for part in parts if part is not None]
    return min(bounded, key=lambda part: part[0], default=None)


def _together(parts: Sequence[_Anchors | None]) -> _Anchors | None:
    bounded = [part for part in parts if part is not None]
    if len(bounded) < len(parts):
        return None
    return sum(cost for cost, _ in bounded), frozenset().union(*(keys for _, keys in bounded))


def _other_keys(document: Document) -> Iterator[_Key]:
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
