"""How prominent the watched words of a story are, and how prominent they must be for a digest or a reader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Level = Literal["mention", "lead", "title"]
"""The best place at which a watched word stands: in the title, in the lead, or anywhere else (digests.prominence)."""
LEVELS: tuple[Level, ...] = ("mention", "lead", "title")
Threshold = Literal["any", "lead", "title"]
"""The least level that somebody wants to be told of."""
THRESHOLDS: tuple[Threshold, ...] = ("any", "lead", "title")
"""Each stands where the level stands that is enough for it."""


@dataclass(frozen=True, slots=True)
class Prominence:
    """How prominent the watched words are; `score` is 0..1 and grows with the level."""

    level: Level
    score: float


@dataclass(frozen=True, slots=True)
class Settled:
    """A match that a digest is done with.

    `place` is that of the first new edition that has its story, -1 for none: it was passed over. `level` is its own.
    """

    match_id: int
    place: int
    level: Level


class Wanted(NamedTuple):
    """A subscription as digests.yaml names it."""

    digest_id: str
    address: str
    prominence: Threshold = "any"
    timezone: str = ""


def reaches(level: Level | Literal[""], threshold: Threshold) -> bool:
    """Whether a level is enough for a threshold; "" is no level and reaches none."""
    return level != "" and LEVELS.index(level) >= THRESHOLDS.index(threshold)


def stricter(one: Threshold, other: Threshold) -> Threshold:
    """The higher of two thresholds."""
    return max(one, other, key=THRESHOLDS.index)
