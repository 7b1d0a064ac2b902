"""The sentences around a match: short enough to scan, whole enough to judge by."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise

from aggregator.publication import Excerpt

LENGTH = 280
SENTENCES = 3

Marks = tuple[tuple[int, int], ...]

_END = re.compile(r"[.!?…؟۔]+[\"”’»)\]]*\s+|[。！？]+[」』”）]*\s*|\n\s*\n")
"""Where a sentence may end; `_splits` decides."""


def around(text: str, marks: Iterable[tuple[int, int]], field: str = "body") -> Excerpt:
    """One to three sentences of `text` around the first mark, or from the start without marks."""
    inside = sorted((start, end) for start, end in marks if 0 <= start < end <= len(text))
    first = inside[0] if inside else (0, 0)
    start, end = _choose(text, *first)
    cut, moved = squeeze(text[start:end], [(a - start, b - start) for a, b in inside if a >= start and b <= end])
    head = "… " if inside and text[:start].strip() and not _starts_sentence(text, start) else ""
    tail = " …" if text[end:].strip() and not _ends_sentence(cut) else ""
    return Excerpt(head + cut + tail, tuple((a + len(head), b + len(head)) for a, b in moved), field)


def clip(made: Excerpt, limit: int | None) -> Excerpt:
    """An excerpt of at most `limit` characters (None: as it is), its ellipses counted too."""
    if limit is None or len(made.text) <= limit:
        return made
    text = shorten(made.text, limit) if limit > 1 else ""
    end = len(text) - 1
    marks = tuple((a, min(b, end)) for a, b in made.marks if a < min(b, end))
    return Excerpt(text, marks, made.field, made.source)


def squeeze(text: str, marks: Iterable[tuple[int, int]] = ()) -> tuple[str, Marks]:
    """The text on one line (white space, controls and bidi marks made one space), its marks moved along and merged."""
    kept: list[str] = []
    places = [0] * (len(text) + 1)
    for index, char in enumerate(text):
        places[index] = len(kept)
        if char.isspace() or unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} or is_bidi_control(char):
            if kept and kept[-1] != " ":
                kept.append(" ")
        else:
            kept.append(char)
    line = "".join(kept).rstrip()
    places[len(text)] = len(kept)
    moved = [(places[a], min(places[b], len(line))) for a, b in marks if 0 <= a < b <= len(text)]
    return line, merge(moved)


def merge(marks: Iterable[tuple[int, int]]) -> Marks:
    """Marks in order, without overlap and without empty ones."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(marks):
        if end <= start:
            continue
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def sentence_ends(text: str) -> list[int]:
    """Where the sentences of a text end, the white space behind them included; at least its own end."""
    return [end for _, end in _sentences(text, 0, len(text))]


def first_words(text: str, length: int = 80) -> str:
    """The beginning of a text on one line, cut at a word, for entries that have no title."""
    line, _ = squeeze(text[: length * 8])
    return shorten(line, length)


def shorten(line: str, length: int) -> str:
    """A line of at most `length` characters, cut between words with an ellipsis."""
    if len(line) <= length:
        return line
    cut = line[: length - 1]
    return (cut[: _last_space(cut)] or cut).rstrip(" ,;:-—–.") + "…"


def is_bidi_control(char: str) -> bool:
    """Whether a character reorders what stands after it (UAX #9: embeddings, overrides, isolates)."""
    return "\u202a" <= char <= "\u202e" or "\u2066" <= char <= "\u2069"


def _choose(text: str, start: int, end: int) -> tuple[int, int]:
    """The stretch to show: the mark's sentence and as many of its neighbours as fit, later ones first."""
    low, high = max(0, start - LENGTH), min(len(text), end + LENGTH)
    sentences = _sentences(text, low, high)
    at = next((i for i, (_, stop) in enumerate(sentences) if start < stop), len(sentences) - 1)
    left, right = sentences[at]
    whole = (left == 0 or left > low) and (right < high or high == len(text))
    if not whole or right - left > LENGTH or end > right:
        return _cut(text, left, max(right, end), start, end)
    count = 1
    for _, later in sentences[at + 1 : at + SENTENCES]:
        if later - left <= LENGTH and (later < high or high == len(text)):
            right, count = later, count + 1
    earlier = sentences[at - 1][0] if at else left
    if count < SENTENCES and right - earlier <= LENGTH and (earlier == 0 or earlier > low):
        left = earlier
    return left, right


def _cut(text: str, left: int, right: int, start: int, end: int) -> tuple[int, int]:
    """A part of a long sentence with the mark in it, cut at spaces."""
    left = max(left, start - LENGTH // 3)
    if left and not text[left - 1].isspace():
        space = re.search(r"\s", text[left:start])
        left = left + space.end() if space else left
    stop = min(right, max(end, left + LENGTH))
    if stop < len(text) and not text[stop].isspace():
        stop = max(end, left + (_last_space(text[left:stop]) or stop - left))
    return left, stop


def _sentences(text: str, low: int, high: int) -> list[tuple[int, int]]:
    """The sentences of `text[low:high]`, at least one; the outer ones may be cut off."""
    ends = [m.end() for m in _END.finditer(text, low, high) if _splits(text, m)]
    edges = [low, *(end for end in ends if end < high), high]
    return list(pairwise(edges))


def _splits(text: str, found: re.Match[str]) -> bool:
    """Whether a full stop ends its sentence: not after an initial ("A. Ivanov"), not before a small letter."""
    if not found[0].startswith("."):
        return True
    before = re.search(r"\w*$", text[max(0, found.start() - 20) : found.start()])
    initial = before is not None and len(before[0]) == 1 and before[0].isalpha()
    following = text[found.end() : found.end() + 1]
    return not initial and not following.islower()


def _starts_sentence(text: str, start: int) -> bool:
    return any(m.end() == start and _splits(text, m) for m in _END.finditer(text, max(0, start - 20), start + 1))


def _ends_sentence(cut: str) -> bool:
    return bool(re.search(r"[.!?…؟۔。！？][\"”’»)\]」』）]*$", cut))


def _last_space(text: str) -> int:
    """Where the last white space of a text is, or 0."""
    found = re.search(r"\s\S*$", text)
    return found.start() if found else 0
