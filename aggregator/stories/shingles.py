"""How much of one text stands in another, measured in runs of three tokens."""

from __future__ import annotations

from collections.abc import Sequence

SIZE = 3

Shingles = frozenset[tuple[str, ...]]


def of(tokens: Sequence[str]) -> Shingles:
    """Every run of three tokens; a shorter text is one run."""
    if len(tokens) < SIZE:
        return frozenset([tuple(tokens)]) if tokens else frozenset()
    return frozenset(zip(tokens, tokens[1:], tokens[2:], strict=False))


def containment(one: Shingles, other: Shingles) -> float:
    """The share of the smaller set that the other holds too, 0..1."""
    smaller = min(len(one), len(other))
    return len(one & other) / smaller if smaller else 0.0
