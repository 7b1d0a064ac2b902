"""Whether a change to a told story is worth telling: a corrected comma is not news.

The measure, in folded words, so that case and punctuation never count: any other word in the headline, or `PART` of the
text's words and `LEAST` of them, put in or taken out (docs/decisions/0027).
"""

from __future__ import annotations

from collections import Counter

from aggregator import tokens
from aggregator.model import Revised

PART = 0.2
"""The part of the longer text's words that differs."""
LEAST = 8
"""Words that differ at least: of a text of one line, a single word would be a good part."""


def is_news(change: Revised) -> bool:
    """Whether its readers would want to know."""
    if _words(change.title) != _words(change.entry.title):
        return True
    before, now = Counter(_words(change.body)), Counter(_words(change.entry.body))
    differing = max((before - now).total(), (now - before).total())
    return differing >= max(LEAST, PART * max(before.total(), now.total()))


def _words(text: str) -> list[str]:
    return list(tokens.tokenize(text).folded)
