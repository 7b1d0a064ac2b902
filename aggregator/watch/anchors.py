"""What an entry must hold to satisfy a query, in keys that an index can look up: never sufficient, always necessary.

word -> the word             AND, NEAR -> the parts of every operand              NOT -> nothing
phrase -> each of its words  OR, alias -> one part: the cheapest of every branch  word*, word~ -> a beginning
lang:, source:, author:, category: -> the field with the value or word            url: -> any entry with an address
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from aggregator.query import And, Near, Node, Not, Query, Term, Value, Within, stem_root

TEXT = ""
PREFIX = "*"
CHECKS = 3
"""Further parts that a candidate is held against before it is evaluated: what costs more than these is left to that."""

Key = tuple[str, str]
"""(`TEXT`, token), (`PREFIX`, beginning), (field, token), or (field, "") for "this field is not empty"."""
Cost = Callable[[str], float]
"""How many entries in ten thousand hold a token, or a guess of it."""


class Anchors(NamedTuple):
    """One of `keys` is held by every entry that matches, and one token of each of `checks`."""

    keys: tuple[Key, ...]
    checks: tuple[tuple[str, ...], ...]


class _Part(NamedTuple):
    """Of these keys one must be held; they let so many entries through."""

    cost: float
    keys: frozenset[Key]


def of(query: Query, cost: Cost) -> Anchors:
    """The cheapest part of a query, and the next ones that are words. Raises ValueError for a query without a positive term."""
    parts = sorted(_required(query.tree, TEXT, cost), key=_cost)
    if not parts:
        raise ValueError("a query without a positive term; query.parse refuses these")
    first, others = parts[0], parts[1:]
    words = (part.keys for part in others if part.keys != first.keys and all(kind == TEXT for kind, _ in part.keys))
    checks = [tuple(token for _, token in keys) for keys in dict.fromkeys(words)]
    return Anchors(tuple(first.keys), tuple(checks[:CHECKS]))


def _required(node: Node, name: str, cost: Cost) -> Iterator[_Part]:
    """Parts all of which must be held, inside a field; none when an entry may satisfy the node with nothing in particular."""
    if isinstance(node, Term):
        yield from _term(node, name, cost)
    elif isinstance(node, Value):
        yield _Part(1e6, frozenset({("lang", node.text)})) if node.field == "lang" else _Part(1e7, _filled("url"))
    elif isinstance(node, Within):
        yield from _required(node.operand, node.field, cost)
    elif isinstance(node, (And, Near)):
        for operand in node.operands:
            yield from _required(operand, name, cost)
    elif not isinstance(node, Not):
        branches = [min(_required(operand, name, cost), default=None, key=_cost) for operand in node.operands]
        if None not in branches:
            known = [branch for branch in branches if branch is not None]
            yield _Part(sum(map(_cost, known)), frozenset().union(*(part.keys for part in known)))


def _term(term: Term, name: str, cost: Cost) -> Iterator[_Part]:
    named = TEXT if name in ("title", "body") else name
    plain = dict.fromkeys(word.folded for word in term.words if word.form == "plain")
    for token in plain:
        yield _Part(cost(token), frozenset({(named, token)}))
    if plain:
        return
    if named:
        yield _Part(1e5, _filled(named))
        return
    beginnings = (word.folded if word.form == "prefix" else stem_root(word.folded) for word in term.words)
    longest = max(beginnings, key=len)
    yield _Part(guess(longest) * 4, frozenset({(PREFIX, longest)}))


def guess(token: str) -> float:
    """How many entries in ten thousand hold a token of which nothing is known: long words are rare."""
    return 10_000 / (1 << min(len(token), 10))


def _filled(field: str) -> frozenset[Key]:
    return frozenset({(field, "")})


def _cost(part: _Part) -> float:
    return part.cost
