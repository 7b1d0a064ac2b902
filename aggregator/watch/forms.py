"""The forms of a word, for `word~`: two words are forms of one another when their stems are equal and they begin alike.

Snowball (PyStemmer) where it has the language; it has neither Belarusian nor Ukrainian (reference/matching-and-stories.md §3), so these
two get rules of our own for the endings of nouns and adjectives. Both words are stemmed by the same rules, chosen from the entry's stored
language and the alphabet of the query's word: an English word in a Russian entry is still English.

"Begin alike" (`query.stem_root`) is part of the definition because it is what the indexes look for.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from aggregator.query import Word, stem_root
from aggregator.tokens import primary_subtag

if TYPE_CHECKING:
    from collections.abc import Callable

_SNOWBALL_NAMES = (
    "ar=arabic ca=catalan cs=czech da=danish de=german el=greek en=english eo=esperanto es=spanish et=estonian eu=basque fa=persian "
    "fi=finnish fr=french ga=irish hi=hindi hu=hungarian hy=armenian id=indonesian it=italian lt=lithuanian nb=norwegian ne=nepali "
    "nl=dutch nn=norwegian no=norwegian pl=polish pt=portuguese ro=romanian ru=russian sr=serbian sv=swedish ta=tamil tr=turkish yi=yiddish"
)
_SNOWBALL = dict(pair.split("=") for pair in _SNOWBALL_NAMES.split())
_CYRILLIC_LANGUAGES = frozenset({"ru", "be", "uk", "sr"})
_OTHER_ALPHABETS = {
    "ar": "\u0600",
    "fa": "\u0600",
    "el": "\u0370",
    "hi": "\u0900",
    "ne": "\u0900",
    "hy": "\u0530",
    "ta": "\u0b80",
    "yi": "\u0590",
}


def _endings(text: str) -> re.Pattern[str]:
    return re.compile(f"(?:{'|'.join(sorted(text.split(), key=len, reverse=True))})$")


_NOUN = {
    "be": _endings("а я о е э ы і у ю ь й ай яй ой ей эй ою аю яю ею ом ам ем ям ах ях амі ямі аў яў оў еў"),
    "uk": _endings("а я о е є и і ї у ю ь й ою ею єю ом ем єм ам ям ами ями ах ях ів їв ей ові еві єві"),
}
_ADJECTIVE = {
    "be": _endings(
        "ы і ая яя ое ае яе ыя ія ага яга ога аму яму ому ую юю ым ім ай яй ой ей аю яю ою ею ых іх ымі імі"
    ),
    "uk": _endings("ий ій а я е є і ї ого ього ому ьому им ім ої ьої ею ою у ю их іх ими іми"),
}
_CHANGED = {
    "be": (("дз", "д"), ("ў", "в"), ("з", "г"), ("ц", "к"), ("т", "к"), ("х", "с")),
    "uk": (("з", "г"), ("ц", "к"), ("х", "с")),
}
"""Last letters of a stem that change before some endings: кніга, кнізе; рада, радзе; дзяржава, дзяржаў; книга, книзі. Both ways
of writing become one; that two different words then agree is rare, for all that stands before must agree as well."""
_SECOND = re.compile(r"(?:[аоеіяё]в|[еє])$")
"""Of прапанова, whose прапаноў looks like a plural of its own; of Львів, Львова; of музей, музея."""
_FLEETING = re.compile(r"(?<=[^аеёіоуыэюяєїи])(?:[аоеє](?=[кл]$)|[оеє](?=н$))")
"""The vowel that comes and goes: вёска, вёсак; пасол, пасла; ринок, ринку."""
_CLOSED = re.compile(r"[іїеє](?=[^аеіоуюяєїи]$)")
"""Ukrainian і of a closed syllable is о or е elsewhere: договір, договору; Київ, Києва."""
_KEPT = 3
"""So many letters stay whatever they are."""


def is_form(word: Word, token: str, language: str) -> bool:
    """Whether the folded token is a form of the query's word in an entry of that language."""
    if not token.startswith(stem_root(word.folded)):
        return False
    rules = _rules(word.folded, primary_subtag(language))
    pairs = zip(stems(word.folded, rules), stems(token, rules), strict=True)
    return any(one and one == other for one, other in pairs)


def exact_part(word: Word, language: str) -> str:
    """What a form of an exact word (`=Путин~`) must begin with as written: Путина is found, путина is not."""
    made = stems(word.folded, _rules(word.folded, primary_subtag(language)))
    return word.exact[: max(1, min(_common(stem, word.folded) for stem in made if stem))]


def _common(one: str, other: str) -> int:
    """How many letters two words begin with alike."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


@lru_cache(maxsize=65_536)
def stems(folded: str, rules: str) -> tuple[str, ...]:
    """The stems of a folded token by the rules of a language: as noun and, or "", as adjective ("be", "uk"); else Snowball's one."""
    if rules not in _NOUN:
        return (_snowball(rules)(folded),)
    noun = _stripped(folded, _NOUN[rules], rules)
    adjective = _stripped(folded, _ADJECTIVE[rules], rules) if _ADJECTIVE[rules].search(folded, _KEPT) else ""
    return noun, adjective


def _stripped(folded: str, endings: re.Pattern[str], rules: str) -> str:
    """Ending off, what may look like one too, then a doubled last letter; then what changes at the end of a stem made the same."""
    left = folded[:_KEPT] + _SECOND.sub("", endings.sub("", folded[_KEPT:], count=1))
    if len(left) > _KEPT and left[-1] == left[-2]:
        left = left[:-1]
    if len(left) < _KEPT:
        return left
    for end, same in _CHANGED[rules]:
        if left.endswith(end):
            left = left.removesuffix(end) + same
            break
    if rules == "uk":
        left = _CLOSED.sub("о", left)
    return _FLEETING.sub("", left)


def _rules(folded: str, language: str) -> str:
    """Whose rules: the entry's language when the word is written in its alphabet, else the alphabet's usual one."""
    if any("\u0400" <= char <= "\u052f" for char in folded):
        return language if language in _CYRILLIC_LANGUAGES else _by_letters(folded)
    first = _OTHER_ALPHABETS.get(language)
    if first is not None:
        return language if folded[0] >= first else "en"
    return language if language in _SNOWBALL and language not in _CYRILLIC_LANGUAGES else "en"


def _by_letters(folded: str) -> str:
    """ў is Belarusian; ї є ґ are Ukrainian; і beside ы or э is Belarusian (reference §3); Russian else."""
    letters = set(folded)
    if letters & set("їєґ"):
        return "uk"
    if "ў" in letters or ("і" in letters and letters & set("ыэ")):
        return "be"
    return "uk" if "і" in letters else "ru"


@lru_cache(maxsize=64)
def _snowball(language: str) -> Callable[[str], str]:
    import Stemmer

    # Without the stemmer's own cache a call is one C call; `stem` remembers.
    return cast("Callable[[str], str]", Stemmer.Stemmer(_SNOWBALL[language], 0).stemWord)
