"""How prominent the watched words of a match are: in the title, in the lead, or mentioned in passing.

One table of constants stands here; the order of an edition and every threshold are made of it (docs/decisions/0024).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aggregator import tokens
from aggregator.digests import excerpt
from aggregator.levels import LEVELS, Level, Prominence
from aggregator.model import Entry, Span

BASE: dict[str, float] = {
    "title": 0.75,  # one of few words that stand for all
    "whole": 0.5,  # nothing in the text was asked for: the entry as such is wanted
    "lead": 0.45,
    "article lead": 0.25,  # the page behind the entry speaks later than the feed does
    "body": 0.2,
    "article": 0.1,
}
"""What one mention is worth, by its place; a place's best (`SHORT_TITLE` and `MORE` added) stays below the next level."""
SHORT_TITLE = 0.15
"""Added for the title's share that the words take: all of it for a title of nothing else."""
MORE = 0.02
"""Added for each mention after the first, in whatever place."""
MOST_MORE = 5
"""Mentions that are counted so."""
LEAD_WORDS = 20
"""The lead is as many whole sentences as bring this many words: a dateline or a copy of the title alone is no lead."""
LONGEST_LEAD = 50
"""Words at which the lead ends in any case: some texts have no full stops."""
HEADLINE = 80
"""Characters at the beginning of an entry without title that stand for one (as `excerpt.first_words` shows them)."""

_LEVEL: dict[str, Level] = {"title": "title", "whole": "lead", "lead": "lead"}
_TEXTS = ("title", "body", "article")
_REACH = 600
"""Characters of a text in which its lead is looked for; it ends there at the latest."""


def of(entry: Entry, spans: Iterable[Span]) -> Prominence:
    """How prominent the spans of one match are: the best place decides, further mentions add a little.

    Author, source, category, address and language only narrow a query down; where nothing else was asked for, the entry is
    wanted as a whole. Spans beyond their text (it was revised) count as the least mention.
    """
    inside = [span for span in spans if span.field in _TEXTS]
    if not inside:
        return Prominence(_LEVEL["whole"], BASE["whole"])
    places = [place for field in _TEXTS for place in _places(entry, field, inside)]
    best = max(places, key=lambda place: place[1], default=("article", BASE["article"]))
    more = MORE * min(max(0, len(places) - 1), MOST_MORE)
    return Prominence(_LEVEL.get(best[0], "mention"), round(best[1] + more, 3))


def best(found: Iterable[Prominence]) -> Prominence:
    """The most prominent of several, at least one: a story is as prominent as its best entry."""
    return max(found, key=rank)


def rank(prominence: Prominence) -> tuple[int, float]:
    """What sorts by prominence, the least first."""
    return LEVELS.index(prominence.level), prominence.score


def lead_end(text: str, start: int = 0) -> int:
    """Where the lead of a text ends that begins at `start`: after whole sentences, see `LEAD_WORDS`."""
    seen = text[start : start + _REACH]
    words = tokens.tokenize(seen)
    ends = excerpt.sentence_ends(seen)
    enough = words.ends[LEAD_WORDS - 1] if len(words) >= LEAD_WORDS else len(seen)
    longest = words.ends[LONGEST_LEAD - 1] if len(words) >= LONGEST_LEAD else len(seen)
    return start + min(next(end for end in ends if end >= enough), longest)


def _places(entry: Entry, field: str, spans: Sequence[Span]) -> list[tuple[str, float]]:
    """(place, worth) of each mention in one text; what overlaps is one, and the body's copy of the title none."""
    text = getattr(entry, field)
    marks = excerpt.merge((s.start, s.end) for s in spans if s.field == field and 0 <= s.start < s.end <= len(text))
    if not marks:
        return []
    if field == "title":
        return [("title", _in_title(text, marks))] * len(marks)
    copied = _title_copy(entry.title, text)
    ends = lead_end(text, copied) if marks[0][0] < copied + _REACH else copied
    mine = "lead" if field == "body" else "article lead"
    headline = 0 if entry.title.strip() or field != "body" else copied + HEADLINE
    said = any(span.field == "title" for span in spans)
    placed = [
        "title" if start < max(copied, headline) else mine if start < ends else field
        for start, _ in marks
        if start >= copied or not said
    ]
    return [(place, BASE[place]) for place in placed]


def _in_title(title: str, marks: excerpt.Marks) -> float:
    """More of a title that says little else."""
    words = tokens.tokenize(title)
    inside = sum(
        any(a < end and start < b for a, b in marks) for start, end in zip(words.starts, words.ends, strict=True)
    )
    return BASE["title"] + SHORT_TITLE * inside / max(1, len(words))


def _title_copy(title: str, text: str) -> int:
    """Where a copy of the title ends that the text begins with, whatever signs stand between its words; else where it begins."""
    words = tokens.tokenize(title)
    head = tokens.tokenize(text[: 2 * len(title) + 40])
    if words.folded and head.folded[: len(words)] == words.folded:
        return head.ends[len(words) - 1]
    return len(text) - len(text.lstrip())
