"""The leaves of a query as text: words, phrases, and the raw values of `lang:` and `url:`.

    term = [ "=" ] , ( word , [ "*" | "~" ] | '"' , word , [ "*" ] , { word , [ "*" ] } , '"' , [ "~" ] ) ;

The grammar is that of reference/matching-and-stories.md §2. Words are cut by the one tokeniser, so a word that splits there is a phrase
here. What other query languages write differently (`organi?ation`, `!word`, "..."~5) is refused with the way to write it, because the
tokeniser would take the sign for a blank and the query would silently mean something else.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from aggregator.alphabets import IGNORABLES
from aggregator.errors import QueryError
from aggregator.querytree import Form, Term, Value, Word
from aggregator.tokens import Tokens, is_single, primary_subtag, tokenize

_CLOSERS = {'"': '"', "“": "”“", "”": "”", "„": "“”", "‟": "”", "«": "»", "»": "«»"}
"""Quotation marks as keyboards and editors put them; the grammar's own is the first."""
OPENERS = "".join(_CLOSERS)

WORD = re.compile(rf"[^\s(){OPENERS}*~]+")
_RAW = re.compile(rf"[^\s(){OPENERS}]+")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]+)*")
_STRANGE = re.compile(r"(?<=\w)[?\[\]{}|^\\=](?=[\w?\[\]{}|^\\=])")
_DASHES = "‐‑‒–—−"


class Read(NamedTuple):
    """What was read, and where the text goes on."""

    leaf: Term | Value
    end: int


def read_term(text: str, at: int, alias: str, pos: int) -> Read:
    """The word or phrase at `at`; its leaf says it stands at `pos`."""
    exact = text[at] == "="
    start = at + exact
    if exact and (start == len(text) or text[start] in "=@()*~-" or text[start].isspace()):
        raise QueryError(text, at, "'=' must touch the word or phrase it makes exact", "write =CSTO")
    read = _phrase if text[start] in OPENERS else _word
    words, end = read(text, start, exact)
    return Read(Term(words, alias, pos), end)


def read_value(text: str, at: int, field: Literal["lang", "url"], alias: str, pos: int) -> Read:
    """The value of `lang:` or `url:` at `at`, bare or quoted."""
    if text[at] in OPENERS:
        close = _closing(text, at)
        raw, start, end = text[at + 1 : close], at + 1, close + 1
    else:
        found = _RAW.match(text, at)
        raw, start, end = found[0] if found else "", at, found.end() if found else at
    value = raw.translate(IGNORABLES).strip()
    made = _language(text, start, value) if field == "lang" else _address(text, start, value)
    return Read(Value(field, made, alias, pos), end)


def ends_here(text: str, at: int) -> bool:
    """Whether nothing of a word or name follows."""
    return (
        at >= len(text) or text[at].isspace() or ord(text[at]) in IGNORABLES or text[at] in "()" or text[at] in OPENERS
    )


# -- values --------------------------------------------------------------------------------------------------------


def _language(text: str, at: int, value: str) -> str:
    if not _LANGUAGE.fullmatch(value):
        raise QueryError(
            text, at, "lang: takes a language code of two or three letters", "write lang:ru or lang:(be OR ru)"
        )
    return primary_subtag(value)


def _address(text: str, at: int, value: str) -> str:
    if not value or '"' in value:
        raise QueryError(text, at, "url: takes a part of an address", "write url:belta.by")
    if value[0] == "=" or value[-1] == "*":
        wrong = "=" if value[0] == "=" else "*"
        raise QueryError(
            text,
            text.index(wrong, at),
            f"'{wrong}' has no meaning in url:",
            "url: already finds any part of an address",
        )
    return value.casefold()


# -- words ---------------------------------------------------------------------------------------------------------


def _word(text: str, start: int, exact: bool) -> tuple[tuple[Word, ...], int]:
    found = WORD.match(text, start)
    if found is None:
        raise QueryError(
            text, start, f"a word is missing before '{text[start]}'", "write word* for a beginning, word~ for all forms"
        )
    end = found.end()
    _refuse_strangers(text, start, end)
    tokens = tokenize(found[0])
    if not tokens.folded:
        raise QueryError(text, start, "no letter or digit here", "'-' and '=' must touch the word they belong to")
    suffix = text[end : end + 1]
    if suffix not in ("*", "~"):
        return _words(text, start, tokens, exact=exact), end
    _check_suffix(text, end, touches=_end_of(tokens, len(tokens) - 1) == len(found[0]))
    starred = frozenset({len(tokens) - 1}) if suffix == "*" else frozenset[int]()
    return _words(text, start, tokens, exact=exact, starred=starred, stem=suffix == "~"), end + 1


def _check_suffix(text: str, at: int, *, touches: bool) -> None:
    """`*` and `~` touch the end of a word, and nothing touches them."""
    if text[at] == "~" and text[at + 1 : at + 2].isdigit():
        raise QueryError(
            text,
            at,
            "words that are merely similar cannot be asked for",
            "write word~ for all forms of a word, or word*",
        )
    if not touches or not ends_here(text, at + 1):
        raise QueryError(text, at, f"'{text[at]}' may only stand at the end of a word", "write the variants with OR")


def _refuse_strangers(text: str, start: int, end: int) -> None:
    """Refuse what another language would understand and the tokeniser would drop."""
    raw, first = text[start:end], text[start]
    if raw in ("|", "||", "&", "&&"):
        raise QueryError(text, start, f"'{raw}' is not an operator", f"write {'OR' if '|' in raw else 'AND'}")
    if first in _DASHES or first == "!":
        raise QueryError(
            text, start, f"'{first}' does not exclude a word", "write NOT word, or -word with the plain hyphen"
        )
    if first == ":":
        raise QueryError(text, start, "':' must follow a field's name", "write title:word")
    if first == "/":
        raise QueryError(text, start, "regular expressions are not available", "write word* or the variants with OR")
    _refuse_signs(text, start, end)


def _refuse_signs(text: str, start: int, end: int) -> None:
    strange = _STRANGE.search(text, start, end)
    if strange:
        raise QueryError(
            text, strange.start(), f"'{strange[0]}' has no meaning inside a word", "write the variants with OR"
        )


# -- phrases -------------------------------------------------------------------------------------------------------


def _phrase(text: str, start: int, exact: bool) -> tuple[tuple[Word, ...], int]:
    close = _closing(text, start)
    _refuse_in_phrase(text, start + 1, close)
    content = text[start + 1 : close]
    tokens = tokenize(content)
    if not tokens.folded:
        raise QueryError(text, start, "this phrase has no word", 'write "collective security"')
    starred = _starred(text, start + 1, content, tokens)
    stem = _phrase_stem(text, close)
    return _words(text, start + 1, tokens, exact=exact, starred=starred, stem=stem), close + 1 + stem


def _closing(text: str, start: int) -> int:
    closers = _CLOSERS[text[start]]
    close = next((at for at in range(start + 1, len(text)) if text[at] in closers), -1)
    if close < 0:
        raise QueryError(
            text, start, f"this {text[start]} is never closed", f"add {closers[0]} at the end of the phrase"
        )
    return close


def _refuse_in_phrase(text: str, start: int, end: int) -> None:
    inner = re.search(r"~|(?<!\S)=", text[start:end])
    if inner and inner[0] == "~":
        raise QueryError(
            text, start + inner.start(), "'~' cannot stand inside a phrase", 'write "..."~ for all forms of its words'
        )
    if inner:
        raise QueryError(
            text, start + inner.start(), "'=' cannot stand inside a phrase", 'write ="..." for the exact phrase'
        )
    _refuse_signs(text, start, end)


def _starred(text: str, base: int, content: str, tokens: Tokens) -> frozenset[int]:
    """The numbers of the tokens that a `*` touches."""
    ends = {_end_of(tokens, number): number for number in range(len(tokens))}
    stars = [at for at, char in enumerate(content) if char == "*"]
    for at in stars:
        _check_suffix(text, base + at, touches=at in ends)
    return frozenset(ends[at] for at in stars)


def _phrase_stem(text: str, close: int) -> bool:
    suffix = text[close + 1 : close + 2]
    if suffix == "*":
        raise QueryError(text, close + 1, "'*' belongs to a word, not to a phrase", 'write "collective secur*"')
    if suffix != "~":
        return False
    if text[close + 2 : close + 3].isdigit():
        raise QueryError(
            text, close + 1, 'the distance of words is not written "..."~5', "write NEAR/5: collective NEAR/5 security"
        )
    if not ends_here(text, close + 2):
        raise QueryError(text, close + 1, "'~' may only stand at the end of a phrase", "put a blank after it")
    return True


# -- tokens to words -----------------------------------------------------------------------------------------------


def _words(
    text: str, base: int, tokens: Tokens, *, exact: bool, starred: frozenset[int] = frozenset(), stem: bool = False
) -> tuple[Word, ...]:
    words = []
    for number, folded in enumerate(tokens.folded):
        written = tokens.exact[number]
        form: Form = "prefix" if number in starred else "stem" if stem else "plain"
        if form == "prefix" and is_single(folded):
            form = "stem" if stem else "plain"  # one token a character: 集体* finds no more than 集体
        if form == "prefix" and len(folded) < 2:
            raise QueryError(
                text,
                base + tokens.starts[number],
                "a beginning needs at least two letters",
                f"write more than {written}*",
            )
        words.append(Word(folded, written if exact or _is_initials(tokens, number) else "", form, written))
    return tuple(words)


def _is_initials(tokens: Tokens, number: int) -> bool:
    """Whether the token was written with dots, which makes it exact: U.S. never finds "us"."""
    source = tokens.text[tokens.starts[number] : tokens.ends[number]]
    return "." in source and "." not in tokens.exact[number]


def _end_of(tokens: Tokens, number: int) -> int:
    """Where a token ends, invisible characters behind it included."""
    end = tokens.ends[number]
    while end < len(tokens.text) and ord(tokens.text[end]) in IGNORABLES:
        end += 1
    return end
