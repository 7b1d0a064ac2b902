"""Which words the headlines of a watchlist have more often than headlines elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aggregator import tokens
from aggregator.reading import Headline, Word

TIMES = 2
"""A word is told where it stands so many times as often as elsewhere."""
FEWEST = 2
"""In so many headlines at least."""

_COMMON = {
    "en": """a about after again against all also am an and any are as at back be been before but by can could did do does down
        during each first for from had has have he her here his how i if in into is it its just last may me more most my new
        no not now of off on one only or other our out over own per said says set she should since so some such than that
        the their them then there these they this those three through to too two under until up us very was we were what
        when where which while who why will with would year years you your""",
    "ru": """без более бы был была были было быть в вам вас во вот все всех вы где года году да два для до его её если есть
        ещё же за здесь и из или им их к как какой когда кто ли между меня мы на над не него неё нет ни них но о об один он
        она они от перед по под после потом почему при про раз с своё себя со сейчас среди стал стала стали так также такой
        там то тоже только три ты у уже через что чтобы эта эти это этого этой этом этот я""",
    "be": """аб або ад але альбо без была былі было быў быць вы гэта гэтага гэты да для дзе ды за з замест ён ёсць іх і калі
        каб каля мы на над не ні па пад паміж пасля перад праз пра пры са сёння свае сваё сябе так таксама там толькі тры ты
        тым у ужо ўжо ў хто чым што яго яе яны як які якая якія я""",
    "uk": """або але без був була були було бути від він вона вони все вже для до його її із зі й каже коли ми на над не немає
        ні під після по про при роки року разом та так також там тільки три у це цей ця ці через хто чи що щоб як який яка
        які є""",
}
_STOP = frozenset(tokens.fold(word) for words in _COMMON.values() for word in words.split())
"""Words that say nothing of what is told, folded as tokens are."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """In how many of how many headlines each word stands."""

    words: Mapping[str, int]
    headlines: int

    def share(self, word: str) -> float:
        """0 to 1."""
        return self.words.get(word, 0) / self.headlines if self.headlines else 0.0


def elsewhere(headlines: Iterable[Headline]) -> Elsewhere:
    """What words of a watchlist are held against: the same for every watchlist."""
    known: Counter[str] = Counter()
    number = 0
    for number, headline in enumerate(headlines, 1):  # noqa: B007 - how many there were
        known.update(_words(headline))
    return Elsewhere(known, number)


def top(found: Iterable[Headline], known: Elsewhere, limit: int) -> list[Word]:
    """The words in most headlines, each counted once in one; numbers, single letters and what the watchlist asked for left out."""
    asked: set[str] = set()
    counts: Counter[str] = Counter()
    headlines = 0
    for headlines, headline in enumerate(found, 1):  # noqa: B007 - how many there were
        asked |= _asked(headline)
        counts.update(_words(headline))
    often = ((word, entries) for word, entries in counts.most_common() if entries >= FEWEST and word not in asked)
    words = [_word(word, entries, entries / headlines, known.share(word)) for word, entries in often]
    telling = [one for one in words if one.times >= TIMES or not one.times]
    return sorted(telling, key=lambda one: (-one.entries, one.word))[:limit]


def _word(word: str, entries: int, share: float, elsewhere: float) -> Word:
    return Word(word, entries, round(elsewhere, 6), round(share / elsewhere, 1) if elsewhere else 0.0)


def _words(headline: Headline) -> set[str]:
    """The words of a headline that may say something."""
    distinct = tokens.tokenize(headline.title).distinct
    return {word for word in distinct if len(word) > 1 and word not in _STOP and not word.isnumeric()}


def _asked(headline: Headline) -> set[str]:
    """The words that the watchlist found."""
    found: set[str] = set()
    for start, end in headline.marks:
        found |= tokens.tokenize(headline.title[start:end]).distinct
    return found
