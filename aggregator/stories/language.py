"""Which language a text is in, told by letters and the commonest words: English, Russian, Belarusian, Ukrainian.

For anything else the publisher's word is taken.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

from aggregator.model import EntryChange, SameEntry

_SAMPLE = 1_000
_LEAST_LETTERS = 12
_WORD = re.compile(r"[^\W\d_]+(?:['’ʼ][^\W\d_]+)?")
_URL = re.compile(r"\S*(?://|@|www\.)\S*")
_FOREIGN = frozenset("әғқңөұүһҗјљњћђџѓќѕӣӯҳҷӑӗҫӳ")
_STOP = {
    "en": "the of and to in that is for on with was are by from has have will its not this said be as at an which who",
    "ru": "и в не на что с по как из для это его к от или был была были также после при о об под года их если он она",
    "be": "і ў у не на што з па як для гэта яго да ад або быў была былі таксама пасля пры аб пад года іх калі ён яна",
    "uk": "і в у не на що з по як для це його до від або був була були також після при про під року їх якщо він вона та",
}
_WORDS = {code: frozenset(words.split()) for code, words in _STOP.items()}
_OWN = {
    code: words - frozenset().union(*(other for name, other in _WORDS.items() if name != code))
    for code, words in _WORDS.items()
}


def tell(change: EntryChange, declared: str) -> EntryChange:
    """A new or revised entry with its language; known entries have theirs already."""
    if isinstance(change, SameEntry):
        return change
    entry = change.entry
    found = detect(f"{entry.title}\n{entry.body}", entry.language or declared)
    return replace(change, entry=replace(entry, language=found))


def detect(text: str, declared: str) -> str:
    """The primary subtag of the text's language; the declared one where the text does not tell; "" where none does."""
    told = declared.replace("_", "-").partition("-")[0].strip().lower()
    sample = text[:_SAMPLE].lower()
    if "//" in sample or "@" in sample or "www." in sample:
        sample = _URL.sub(" ", sample)
    words = _WORD.findall(sample)
    joined = "".join(words)
    if joined.isascii():
        return _latin(words, len(joined), 0, told) if len(joined) >= _LEAST_LETTERS else told
    letters = Counter(joined)
    cyrillic = sum(count for char, count in letters.items() if "\u0400" <= char <= "\u052f")
    latin = sum(count for char, count in letters.items() if char.isascii())
    if cyrillic + latin < _LEAST_LETTERS:
        return told
    if cyrillic > latin:
        return _cyrillic(letters, words, told)
    return _latin(words, latin, sum(count for char, count in letters.items() if not char.isascii()), told)


def _cyrillic(letters: Counter[str], words: list[str], told: str) -> str:
    """Letters first: ў is Belarusian, ї є ґ are Ukrainian, ы э without і is Russian; then words."""
    if any(char in letters for char in _FOREIGN):
        return told if told not in _WORDS else ""
    scores = {code: _share(words, code) for code in ("ru", "be", "uk")}
    if letters["ў"] or (letters["і"] and (letters["ы"] or letters["э"]) and not letters["и"]):
        scores["be"] += 1
    if any(letters[char] for char in "їєґ"):
        scores["uk"] += 1
    if (letters["ы"] or letters["э"] or letters["ё"]) and letters["и"] and not letters["і"]:
        scores["ru"] += 1
    best = max(scores, key=lambda code: (scores[code], code == told))
    if scores[best] >= 1 or (scores[best] > 0.08 and told in {"", *scores}):
        return best
    return told


def _latin(words: list[str], latin: int, accents: int, told: str) -> str:
    """English by its words, all but free of accents; against another declared language it takes more of them."""
    needed = 0.12 if told in {"", "en"} else 0.25
    hits = len(_OWN["en"].intersection(words))
    if hits >= 3 and accents * 50 <= latin and _share(words, "en") >= needed:
        return "en"
    return told


def _share(words: list[str], code: str) -> float:
    return sum(map(_OWN[code].__contains__, words)) / max(1, len(words))
