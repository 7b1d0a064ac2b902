"""Which language a text is in, told by letters and the commonest words: English, Russian, Belarusian, Ukrainian.

For anything else the publisher's word is taken.
"""

from __future__ import annotations

import re

from aggregator.model import ParsedEntry

_SAMPLE = 1_000
_LEAST_LETTERS = 12
_WORD = re.compile(r"[^\W\d_]+(?:['’ʼ][^\W\d_]+)?")
_BLANKS = bytes(code if chr(code).isalpha() or chr(code) == "'" else 32 for code in range(128)) + bytes(128)
"""Of ASCII: what is no letter becomes a blank."""
_ADDRESS = ("//", "@", "www.")
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


def of(entry: ParsedEntry, declared: str) -> str:
    """The language of an entry; `declared` is what its feed says, and the entry's own word goes before that."""
    return detect(f"{entry.title}\n{entry.body[:_SAMPLE]}", entry.language or declared)


def detect(text: str, declared: str) -> str:
    """The primary subtag of the text's language; the declared one where the text does not tell; "" where none does."""
    told = declared.replace("_", "-").partition("-")[0].strip().lower()
    sample = text[:_SAMPLE].lower()
    if any(sign in sample for sign in _ADDRESS):
        sample = " ".join(piece for piece in sample.split() if not any(sign in piece for sign in _ADDRESS))
    if sample.isascii():  # a way of its own, for speed
        sample = sample.encode("ascii").translate(_BLANKS).decode("ascii")
        latin = len(sample) - sample.count(" ")
        return _latin(sample.split(), latin, 0, told) if latin >= _LEAST_LETTERS else told
    words = _WORD.findall(sample)
    joined = "".join(words)
    letters = frozenset(joined)
    latin = len(joined.encode("ascii", "ignore"))
    others = sum(joined.count(char) for char in letters if not (char.isascii() or "\u0400" <= char <= "\u052f"))
    cyrillic = len(joined) - latin - others
    if cyrillic + latin < _LEAST_LETTERS:
        return told
    if cyrillic > latin:
        return _cyrillic(letters, words, told)
    return _latin(words, latin, len(joined) - latin, told)


def _cyrillic(letters: frozenset[str], words: list[str], told: str) -> str:
    """Letters first: ў is Belarusian, ї є ґ are Ukrainian, ы э without і is Russian; then words."""
    if letters & _FOREIGN:
        return told if told not in _WORDS else ""
    scores = {code: _share(words, code) for code in ("ru", "be", "uk")}
    if "ў" in letters or ("і" in letters and letters & {"ы", "э"} and "и" not in letters):
        scores["be"] += 1
    if letters & {"ї", "є", "ґ"}:
        scores["uk"] += 1
    if letters & {"ы", "э", "ё"} and "и" in letters and "і" not in letters:
        scores["ru"] += 1
    best = max(scores, key=lambda code: (scores[code], code == told))
    if scores[best] >= 1 or (scores[best] > 0.08 and told in {"", *scores}):
        return best
    return told


def _latin(words: list[str], latin: int, accents: int, told: str) -> str:
    """English by its words, all but free of accents; against another declared language it takes more of them."""
    needed = 0.12 if told in {"", "en"} else 0.25
    if accents * 50 <= latin and _share(words, "en") >= needed and len(_OWN["en"].intersection(words)) >= 3:
        return "en"
    return told


def _share(words: list[str], code: str) -> float:
    return sum(map(_OWN[code].__contains__, words)) / max(1, len(words))
