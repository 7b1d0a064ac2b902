"""How much of one text stands in another, measured in runs of three tokens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from zlib import crc32

SIZE = 3
LEAD = 24
"""Runs at the head of a text that are all marks of it: copies are cut from the end."""
SAMPLE = 4
"""One in so many of the others is a mark; which one, its own checksum says, so that a copy has the same."""
MARKS = 96
ENOUGH = 8
"""Runs that a text must have, so that what it shares with another says something."""

Shingles = frozenset[tuple[str, ...]]


def of(tokens: Sequence[str]) -> Shingles:
    """Every run of three tokens; a shorter text is one run."""
    if len(tokens) < SIZE:
        return frozenset([tuple(tokens)]) if tokens else frozenset()
    return frozenset(_runs(tokens))


def _runs(tokens: Sequence[str]) -> Iterator[tuple[str, ...]]:
    return zip(tokens, tokens[1:], tokens[2:], strict=False)


def containment(one: Shingles, other: Shingles) -> float:
    """The share of the smaller set that the other holds too, 0..1."""
    return share(one, other) if len(one) <= len(other) else share(other, one)


def share(part: Shingles, whole: Shingles) -> float:
    """How much of a part the whole holds, 0..1; of nothing, nothing."""
    return len(part & whole) / len(part) if part else 0.0


def head(tokens: Sequence[str]) -> Shingles:
    """The runs of the first third of a text, eight at least: there the news stands, and backgrounds do not."""
    return of(tokens[: max(SIZE + ENOUGH - 1, len(tokens) // 3)])


def marks(tokens: Sequence[str]) -> tuple[str, ...]:
    """A few runs of a text, by their checksums: texts with much in common share some. None for a text too short."""
    if len(tokens) < SIZE + ENOUGH - 1:
        return ()
    sums = [crc32(" ".join(run).encode()) for run in _runs(tokens)]
    lead = dict.fromkeys(sums[:LEAD])
    others = sorted({each for each in sums[LEAD:] if each % SAMPLE == 0} - lead.keys())
    return tuple(f"{each:08x}" for each in [*lead, *others][:MARKS])


def habits(texts: Iterable[Shingles], least: int = 3) -> Shingles:
    """The runs that so many of a feed's texts hold: its navigation, its subscribe lines, its backgrounds."""
    counts = Counter(run for text in texts for run in text)
    return frozenset(run for run, count in counts.items() if count >= least)


def numbers(tokens: Iterable[str]) -> frozenset[str]:
    """The tokens with a digit in them."""
    return frozenset(token for token in tokens if any(map(str.isdigit, token)))
