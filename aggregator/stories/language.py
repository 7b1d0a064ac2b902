"""Which language a text is in, told by letters and the commonest words: English, Russian, Belarusian, Ukrainian.

For anything else the publisher's word is taken, and where the extra `[lang]` is installed it is checked: py3langid is asked where
our own rules do not tell, and believed when it is sure (docs/decisions/0025 has what was measured). It takes 0.7 s and 100 MB to
load, so that happens at the first doubt and never for feeds in one of the four languages that say so.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any

from aggregator.model import ParsedEntry

Ask = Callable[[str], tuple[str, float]]
"""A text -> the code of its language, and how sure that is (0..1)."""

LIKELY = 25, 0.9
"""Letters and sureness from which another opinion counts where nothing is declared, or what cannot be by its letters."""
SURE = 40, 0.95
"""The same against a declaration that may be right, as most are."""
ASKED = 400
"""Characters that are shown to others; 60 letters are enough, and each hundred takes 50 microseconds."""
NEUTRAL = 100
"""Letters from which a text that shows no sign of its declared language is doubtful: a headline often shows none."""

_SAMPLE = 1_000
_LEAST_LETTERS = 12
_WORD = re.compile(r"[^\W\d_]+(?:['’ʼ][^\W\d_]+)?")
_BLANKS = bytes(code if chr(code).isalpha() or chr(code) == "'" else 32 for code in range(128)) + bytes(128)
"""Of ASCII: what is no letter becomes a blank."""
_ADDRESS = ("//", "@", "www.")
_FOREIGN = frozenset("әғқңөұүһҗјљњћђџѓќѕӣӯҳҷӑӗҫӳ")
_HARD_SIGN = re.compile("ъ[бвгджзклмнпрстфхцчшщ]")
"""Bulgarian has it as a vowel; Russian before е ё ю я alone, and in old names at the end (Коммерсантъ)."""
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
_ALIKE = [
    {"no", "nb", "nn", "da"}, {"sr", "hr", "bs", "sh", "cnr"}, {"id", "ms"}, {"he", "iw"}, {"fil", "tl"},
    {"zh", "yue", "wuu"}, {"fa", "prs"}, {"en", "pcm"}, {"es", "gl", "ast", "ext"}, {"it", "lij", "vec"},
]  # fmt: skip
"""Codes that name nearly the same: between them the declaration is believed."""

_Answer = tuple[str, tuple[int, float] | None]
"""What our own rules say, and how many letters and how much sureness another opinion needs to go before it; None where we are sure."""


def of(entry: ParsedEntry, declared: str) -> str:
    """The language of an entry; `declared` is what its feed says, and the entry's own word goes before that."""
    return detect(f"{entry.title}\n{entry.body[:_SAMPLE]}", entry.language or declared)


def detect(text: str, declared: str, ask: Ask | None = None) -> str:
    """The primary subtag of the text's language; the declared one where the text does not tell; "" where none does.

    `ask` gives another opinion; without one it is py3langid's, where that is installed.
    """
    told = declared.replace("_", "-").partition("-")[0].strip().lower()
    sample = text[:_SAMPLE].lower()
    if any(sign in sample for sign in _ADDRESS):
        sample = _without_addresses(sample)
    answer, needed = _ascii(sample, told) if sample.isascii() else _letters(sample, told)
    if needed is None or (ask is None and not _is_installed()):
        return answer
    return _asked(text, answer, told, needed, ask or model)


def model(text: str) -> tuple[str, float]:
    """What py3langid says; it is not sure at all where it is not installed."""
    identifier = _identifier()
    if identifier is None:
        return "", 0.0
    code, sureness = identifier.classify(text)
    return str(code), float(sureness)


@cache
def _is_installed() -> bool:
    """Whether there is anybody to ask; that is known without loading it."""
    return find_spec("py3langid") is not None


@cache
def _identifier() -> Any:
    """py3langid's model with probabilities, or None."""
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError:
        return None
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def _asked(text: str, answer: str, told: str, needed: tuple[int, float], ask: Ask) -> str:
    """Another opinion, where the text is long enough for one and it is sure enough; else the answer."""
    least, sureness = needed
    shown = _without_addresses(text[:ASKED])
    if sum(map(str.isalpha, shown)) < least:
        return answer
    code, sure = ask(shown)
    if sure < sureness or any({code, told} <= alike for alike in _ALIKE):
        return answer
    return code


def _without_addresses(text: str) -> str:
    if not any(sign in text for sign in _ADDRESS):
        return text
    return " ".join(piece for piece in text.split() if not any(sign in piece for sign in _ADDRESS))


def _ascii(sample: str, told: str) -> _Answer:
    """A way of its own, for speed."""
    sample = sample.encode("ascii").translate(_BLANKS).decode("ascii")
    latin = len(sample) - sample.count(" ")
    return _latin(sample.split(), latin, 0, told) if latin >= _LEAST_LETTERS else (told, None)


def _letters(sample: str, told: str) -> _Answer:
    """By the alphabet that most letters are of."""
    words = _WORD.findall(sample)
    joined = "".join(words)
    letters = frozenset(joined)
    latin = len(joined.encode("ascii", "ignore"))
    others = sum(joined.count(char) for char in letters if not (char.isascii() or "\u0400" <= char <= "\u052f"))
    cyrillic = len(joined) - latin - others
    if cyrillic + latin < _LEAST_LETTERS:
        return told, _needed(told, excluded=told in _WORDS) if others >= _LEAST_LETTERS else None
    if cyrillic > latin:
        hard = not letters & {"ы", "э", "ё"} and _HARD_SIGN.search(sample)
        return _cyrillic(letters, words, told, foreign=bool(letters & _FOREIGN or hard))
    return _latin(words, latin, len(joined) - latin, told)


def _cyrillic(letters: frozenset[str], words: list[str], told: str, *, foreign: bool) -> _Answer:
    """Letters first: ў is Belarusian, ї є ґ and і beside и are Ukrainian, ы э without і is Russian; then words."""
    if foreign:
        return told if told not in _WORDS else "", _needed(told, excluded=told in _WORDS)
    scores = {code: _share(words, code) for code in ("ru", "be", "uk")}
    if "ў" in letters or ("і" in letters and letters & {"ы", "э"} and "и" not in letters):
        scores["be"] += 1
    if letters & {"ї", "є", "ґ"} or ({"і", "и"} <= letters and not letters & {"ы", "э", "ё", "ў"}):
        scores["uk"] += 1
    if letters & {"ы", "э", "ё"} and "и" in letters and "і" not in letters:
        scores["ru"] += 1
    best = max(scores, key=lambda code: (scores[code], code == told))
    if scores[best] >= 1:
        return best, None
    if scores[best] > 0.08 and told in {"", *scores}:
        return best, None if told == best else _needed(told)
    neutral = told in scores and sum(map(len, words)) < NEUTRAL
    return told, None if neutral else _needed(told, excluded=told == "en")


def _latin(words: list[str], latin: int, accents: int, told: str) -> _Answer:
    """English by its words, all but free of accents; against another declared language it takes more of them."""
    plain, share = accents * 50 <= latin, _share(words, "en")
    needed = 0.12 if told in {"", "en"} else 0.25
    if plain and share >= needed and len(_OWN["en"].intersection(words)) >= 3:
        return "en", None
    if told == "en" and plain and latin < (NEUTRAL if share else NEUTRAL // 2):
        return told, None
    return told, _needed(told, excluded=told in {"ru", "be", "uk"} or (told == "en" and not plain))


def _needed(told: str, *, excluded: bool = False) -> tuple[int, float]:
    """What another opinion needs; `excluded` says that the declared language does not have such letters."""
    return LIKELY if excluded or not told else SURE


def _share(words: list[str], code: str) -> float:
    return sum(map(_OWN[code].__contains__, words)) / max(1, len(words))
