"""What a publisher changed: a headline word by word, a text by how much of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from aggregator import tokens

Kind = Literal["same", "out", "in"]
MOST = 400
"""Words and signs of a headline that are held against each other: what is longer is shown whole, before and after."""
_PIECES = re.compile(r"\s*(?:\w+|[^\w\s])")


@dataclass(frozen=True, slots=True)
class Amount:
    """How many words of a text were taken out and put in, and how many it has now."""

    out: int
    put: int
    words: int


def diff(before: str, now: str) -> list[tuple[Kind, str]]:
    """Both headlines, each on one line, in one: what stayed, what was taken out and what was put in, in reading order."""
    old, new = _PIECES.findall(before), _PIECES.findall(now)
    if len(old) + len(new) > MOST:
        return [("out", before), ("same", " "), ("in", now)]
    return [piece for piece in _steps(old, new) if piece[1]]


def amount(before: str, now: str) -> Amount:
    """How much of a text is another one, in folded words: case and punctuation never count."""
    old, new = (Counter(tokens.tokenize(text).folded) for text in (before, now))
    return Amount((old - new).total(), (new - old).total(), new.total())


def _steps(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[Kind, str]]:
    """The blank before a change stands outside it, and one between what went and what came."""
    left, right = ([piece.strip() for piece in pieces] for pieces in (old, new))
    for step, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        out, put = "".join(old[a:b]), "".join(new[c:d])
        if step == "equal":
            yield "same", put
            continue
        yield "same", " " if (put or out)[0].isspace() else ""
        yield "out", out.lstrip()
        yield "same", " " if out and put else ""
        yield "in", put.lstrip()
