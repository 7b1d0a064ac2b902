"""The only tokeniser: plain text -> tokens with offsets, the same for entries, queries and both search indexes.

The rules are the "Tokens (normative)" list of reference/matching-and-stories.md §2 (numbers below are that list's):

    2  default-ignorables vanish, then NFC          3  NFKC for letters only, so № stays a sign and … three dots
    4  two forms: exact, and folded = casefold, accents off for Latin and Greek, ё to е; й ў ї і stay letters
    5  a word is a run of letters and digits; the exceptions are spelled out in `_TOKEN`

Rule 1 (HTML to text) is done before, rule 6 is `TOKENIZER_VERSION`.

How it is fast: one regular expression cuts the text, as it stands, into coarse chunks (a word with whatever may belong to it); what a chunk
comes to is remembered. All normalising happens inside a chunk, so offsets always count in the original text. No chunk holds white space, so
the compared forms, which every text is asked for, are remembered for what stands between two blanks, and the expression rests.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from typing import NamedTuple, TypeVar

from aggregator.alphabets import (
    APOSTROPHE_TABLE,
    APOSTROPHES,
    CYRILLIC,
    IGNORABLE_CLASS,
    IGNORABLES,
    SINGLES,
    THAI_LAO,
    marks,
)

TOKENIZER_VERSION = 1
"""Stored with every index; a change of any rule here must raise it (rule 6: the index is then rebuilt)."""

FTS5_TOKENIZE = "ascii tokenchars '.,&+#'"
"""What SQLite must be told so that it reads `index_text` back as exactly our tokens (the only ASCII signs a token can hold)."""

_MEMO_SIZE = 65_536
_MEMO_CHUNK = 40

# -- the shapes of a chunk and of a token --------------------------------------------------------------------------

_MARKS = marks()
_JOINERS = re.escape(".,&+#" + APOSTROPHES)

# As found in the original text: a word, with the signs and the invisible characters that may stand inside it.
_CHUNK = re.compile(
    rf"\w++(?=[ ])|"  # the common case, to be quick: a plain word before a blank
    rf"\w[\w{_MARKS}{IGNORABLE_CLASS}]*"
    rf"(?:[{_JOINERS}]{{1,3}}[\w{_MARKS}{IGNORABLE_CLASS}]+)*"
    rf"(?:\+\+|\#|(?<=\.\w)\.)?"
)  # fmt: skip

# A base character with the marks that belong to it; jamo and half-width voice marks compose like marks.
_CLUSTER = re.compile(rf"[^{IGNORABLE_CLASS}](?:[{IGNORABLE_CLASS}]*[{_MARKS}\u1160-\u11ff\uff9e\uff9f])*", re.DOTALL)

_LETTER = rf"[^\W\d_{SINGLES}]"
_RUN = rf"[^\W_{SINGLES}](?:[^\W_{SINGLES}]|[{_MARKS}])*"
# In a normalised chunk (one kind of apostrophe, no underscore).
_TOKEN = re.compile(
    rf"""(?:
      (?P<single> [{SINGLES}][{_MARKS}]* )                                        # 集 体
    | (?P<initials> (?<![\w.{_MARKS}]){_LETTER}(?:\.{_LETTER}(?![\w{_MARKS}]))+\.? ) # U.S. А.Г.
    | (?P<sharp> (?<![\w&{_MARKS}]){_LETTER}(?:\+\+|\#(?![\w{_MARKS}])) )          # C++ C#
    | (?P<run> {_RUN} (?:
          (?: (?<=\d)\.(?=\d)                                                      # 3.5
            | (?<=\d),(?=\d{{1,3}}(?!\d))                                          # 1,000
            | &                                                                    # AT&T
            | (?<=[{CYRILLIC}])'(?=[{CYRILLIC}])                                 # сям'я
          ) {_RUN} )* )
    )
    (?: '[sS](?![\w{_MARKS}]) )?                                                   # CSTO's
    """,
    re.VERBOSE,
)
_PLAIN = re.compile(r"[0-9A-Za-zА-Яа-яЁёІіЎўЇїЄєҐґ]+")
_SINGLE = re.compile(rf"[{SINGLES}]")

_T = TypeVar("_T")
_Part = tuple[str, str, int, int]
"""exact, folded, and where they stand in the chunk."""

# -- values --------------------------------------------------------------------------------------------------------


class Tokens:
    """A text and its tokens, in columns; but for `folded` they are made when first asked for: most texts match nothing.

    Attributes:
        text: the original text.
        folded: each token as compared.
        exact: each token as written (normalised, apostrophes and dots of initials off).
        starts, ends: where each stands in `text`.
    """

    __slots__ = ("_distinct", "_places", "_positions", "_vocabulary", "folded", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.folded: tuple[str, ...] = tuple(chain.from_iterable(map(_folded.__getitem__, text.split())))
        self._places: tuple[tuple[str, ...], tuple[int, ...], tuple[int, ...]] | None = None
        self._positions: dict[str, list[int]] | None = None
        self._distinct: frozenset[str] | None = None
        self._vocabulary: list[str] | None = None

    def __len__(self) -> int:
        return len(self.folded)

    @property
    def exact(self) -> tuple[str, ...]:
        """Each token as written."""
        return (self._places or self._located())[0]

    @property
    def starts(self) -> tuple[int, ...]:
        """Where each token begins."""
        return self._located()[1]

    @property
    def ends(self) -> tuple[int, ...]:
        """Where each token ends."""
        return self._located()[2]

    @property
    def distinct(self) -> frozenset[str]:
        """The folded tokens, each once."""
        if self._distinct is None:
            self._distinct = frozenset(self.folded)
        return self._distinct

    @property
    def positions(self) -> Mapping[str, Sequence[int]]:
        """Folded token -> the numbers of the tokens that read so, ascending; made at first use."""
        if self._positions is None:
            made: dict[str, list[int]] = {}
            for number, folded in enumerate(self.folded):
                made.setdefault(folded, []).append(number)
            self._positions = made
        return self._positions

    def extent(self, first: int, last: int) -> tuple[int, int]:
        """Where the text from one token to another begins and ends."""
        _, starts, ends = self._places or self._located()
        return starts[first], ends[last]

    def beginning(self, prefix: str) -> Iterator[str]:
        """The distinct folded tokens that begin with `prefix`, in order."""
        if self._vocabulary is None:
            self._vocabulary = sorted(self.distinct)
        words = self._vocabulary
        for at in range(bisect_left(words, prefix), len(words)):
            if not words[at].startswith(prefix):
                return
            yield words[at]

    def _located(self) -> tuple[tuple[str, ...], tuple[int, ...], tuple[int, ...]]:
        if self._places is None:
            parts = [
                (exact, found.start() + start, found.start() + end)
                for found in _CHUNK.finditer(self.text)
                for exact, _, start, end in _parts[found[0]]
            ]
            self._places = tuple(zip(*parts, strict=True)) if parts else ((), (), ())  # type: ignore[assignment]
        assert self._places is not None
        return self._places


class FieldText(NamedTuple):
    """One text that is searched as a whole: phrases and NEAR never leave it.

    `base` is where it begins in `Document.text(field)`; only the second and later categories begin elsewhere than at 0.
    """

    field: str
    tokens: Tokens
    base: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """What a query is held against: an entry's texts, tokenised once.

    Attributes:
        article: text fetched from the article page; searched like body, may be empty.
        source: the feed's title and id.
        language: the *stored* language code, never a fresh guess.
    """

    title: Tokens
    body: Tokens
    article: Tokens
    source: str = ""
    language: str = ""
    url: str = ""
    author: str = ""
    categories: tuple[str, ...] = ()
    _searched: dict[str, tuple[FieldText, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def words(self) -> frozenset[str]:
        """The folded tokens of title, body and article, each once."""
        return self.title.distinct | self.body.distinct | self.article.distinct

    def text(self, name: str) -> str:
        """The original text in which the offsets of a span of that field count (categories: joined by line ends)."""
        if name in ("title", "body", "article"):
            tokens: Tokens = getattr(self, name)
            return tokens.text
        if name == "category":
            return "\n".join(self.categories)
        return str(getattr(self, "language" if name == "lang" else name))

    def searched(self, name: str) -> tuple[FieldText, ...]:
        """The texts a query's field stands for; "" (no field) is title, body and article, `body` is body and article."""
        known = self._searched.get(name)
        if known is None:
            known = self._searched[name] = tuple(made for made in self._texts(name) if made.tokens.folded)
        return known

    def _texts(self, name: str) -> Iterator[FieldText]:
        if name in ("", "title"):
            yield FieldText("title", self.title)
        if name in ("", "body"):
            yield FieldText("body", self.body)
            yield FieldText("article", self.article)
        if name in ("source", "author"):
            yield FieldText(name, tokenize(self.text(name)))
        if name == "category":
            base = 0
            for category in self.categories:
                yield FieldText(name, tokenize(category), base)
                base += len(category) + 1


def document(
    *,
    title: str,
    body: str,
    article: str = "",
    source: str = "",
    language: str = "",
    url: str = "",
    author: str = "",
    categories: Sequence[str] = (),
) -> Document:
    """Tokenise an entry's plain texts."""
    texts = (tokenize(title), tokenize(body), tokenize(article))
    return Document(*texts, source=source, language=language, url=url, author=author, categories=tuple(categories))


# -- tokenising ----------------------------------------------------------------------------------------------------


class _Memo(dict[str, _T]):
    """What a chunk comes to, kept for the next time unless it is long and so will not come again."""

    def __init__(self, make: Callable[[str], _T]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, chunk: str) -> _T:
        made = self._make(chunk)
        if len(chunk) <= _MEMO_CHUNK:
            if len(self) >= _MEMO_SIZE:
                self.clear()
            self[chunk] = made
        return made


def tokenize(text: str) -> Tokens:
    """Cut plain text into tokens."""
    return Tokens(text)


def fold(exact: str) -> str:
    """The compared form of a token: casefold, accents off for Latin and Greek, ё to е (rule 4)."""
    folded = exact.casefold()
    return folded if folded.isascii() else "".join(map(_fold_char, folded)) or folded


def index_text(tokens: Tokens) -> str:
    """The folded tokens joined by blanks: what the full-text indexes are fed with (see `FTS5_TOKENIZE`)."""
    return " ".join(tokens.folded)


def primary_subtag(language: str) -> str:
    """`ru-RU`, `ru_RU`, `RU` -> `ru`."""
    return language.replace("_", "-").partition("-")[0].strip().casefold()


def is_single(char: str) -> bool:
    """Whether the character is a token by itself (Han, kana, Thai, Lao, Khmer, Burmese)."""
    return _SINGLE.match(char) is not None


def _split(chunk: str) -> tuple[_Part, ...]:
    if _PLAIN.fullmatch(chunk):
        return ((chunk, chunk.casefold().replace("ё", "е"), 0, len(chunk)),)
    chars = list(_normalise(chunk))
    text = "".join(char for char, _, _ in chars)
    return tuple(_part(found, chars) for found in _TOKEN.finditer(text))


def _part(found: re.Match[str], chars: Sequence[tuple[str, int, int]]) -> _Part:
    kind = found.lastgroup or "run"
    first, last = found.span(kind)
    drop = "." if kind == "initials" else "'"
    exact = found[kind].replace(drop, "")
    return exact, fold(exact), chars[first][1], chars[last - 1][2]


def _normalise(chunk: str) -> Iterator[tuple[str, int, int]]:
    """Normalised characters, each with the slice of the chunk it came from."""
    for found in _CLUSTER.finditer(chunk):
        for char in _normal_form(found[0].translate(IGNORABLES)):
            yield char, found.start(), found.end()


@lru_cache(maxsize=4096)
def _normal_form(cluster: str) -> str:
    """NFC, NFKC when it is a letter, one kind of apostrophe, separators as blanks, stray marks off (rules 2-5)."""
    category = unicodedata.category(cluster[0])
    if category == "No" or cluster[0] == "_":
        return " "  # footnote numbers and underscores separate: ОДКБ² is ОДКБ
    text = unicodedata.normalize("NFC", cluster)
    if category[0] == "L" and ord(cluster[0]) not in THAI_LAO:
        compatible = unicodedata.normalize("NFKC", cluster)
        # A letter that stands for several words (ﷺ, ゟ) stays one letter.
        text = (
            compatible
            if all(map(_in_word, compatible)) and not (len(compatible) > 1 and is_single(compatible))
            else text
        )
    return "".join(char for char in text.translate(APOSTROPHE_TABLE) if not _is_stray(char))


def _in_word(char: str) -> bool:
    return unicodedata.category(char)[0] in "LNM"


def _is_stray(char: str) -> bool:
    """Whether a combining mark is an ornament (Russian stress, Arabic and Hebrew points) rather than part of the spelling (Devanagari)."""
    if char < "\u0300" or unicodedata.category(char) not in ("Mn", "Me"):
        return False
    code = ord(char)
    blocks = (
        (0x1AB0, 0x1AFF),
        (0x1DC0, 0x1DFF),
        (0x20D0, 0x20FF),
        (0x302A, 0x302F),
        (0x3099, 0x309A),
        (0xA66F, 0xA69F),
        (0xFE20, 0xFE2F),
    )
    return code < 0x0780 or any(low <= code <= high for low, high in blocks)


@lru_cache(maxsize=4096)
def _fold_char(char: str) -> str:
    if char in "ёѐѝ":  # NFC composes the Russian stress mark with е and и
        return "и" if char == "ѝ" else "е"
    if _is_stray(char):
        return ""
    base = unicodedata.normalize("NFD", char)[0]
    return base if base < "\u0400" else char


_parts: _Memo[tuple[_Part, ...]] = _Memo(_split)
_folded: _Memo[tuple[str, ...]] = _Memo(
    lambda piece: tuple(folded for chunk in _CHUNK.findall(piece) for _, folded, _, _ in _parts[chunk])
)
