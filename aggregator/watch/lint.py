"""Advice on a query that parses but may not mean what its author thinks (the CLI and the pages show it, nothing is refused).

Reference/matching-and-stories.md §2: `and` in small letters is a word, and the command line should say so; the rest is what watching a
name in Latin and Cyrillic letters teaches: CSTO typed with a Cyrillic С looks the same and finds nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from aggregator.query import Alias, Node, Query, Term, Within, Word, children, leaves

SHORT_PREFIX = 4
"""A beginning of fewer letters is likely to find too much."""

_OPERATORS = re.compile(r"and|or|not|o?near(?:/\d+)?", re.IGNORECASE)
_SIGNS = '"“”„‟«»='
# Words of up to three letters whose capitals are also a name: the folded forms.
_COMMON_WORDS = (
    "who it us un in on at an as am be by do go he if me my no of or so to up we all and any are can did for had has her him his how its "
    "may new not now off old one our out per put ran red say see she six ten the too two use war was way why win won yet you ice aim act "
    "aid cat ted mad sad pan par sur des les der die das und est una uno los las del con por que il la le et en de "
    "он она они оно мы вы но на не да как так что это для при под над без или был год дом мир нет раз сам тот там тут уже еще "
    "ён яна мы вы не да як так што гэта для пры пад над без або быў год дом мір"
)
_COMMON = frozenset(_COMMON_WORDS.split())


@dataclass(frozen=True, slots=True)
class Warning:  # noqa: A001 - the word users read; the built-in is not used here
    """A piece of advice and the character of the query it concerns."""

    pos: int
    message: str


def lint(query: Query) -> list[Warning]:
    """Advice on the words of the query itself, in order; an alias's words are its own query's matter."""
    found = {
        advice
        for leaf in leaves(query.tree)
        if isinstance(leaf, Term) and not leaf.alias
        for advice in _term(leaf, query.text)
    }
    return sorted(found, key=lambda advice: (advice.pos, advice.message))


def terms(query: Query) -> Iterator[tuple[Node, int]]:
    """The terms of the query itself, each in its field, and where it stands."""
    yield from _terms(query.tree, "")


def _terms(node: Node, name: str) -> Iterator[tuple[Node, int]]:
    if isinstance(node, Term):
        yield (Within(name, node) if name else node), node.pos
    elif not isinstance(node, Alias):
        for child in children(node):
            yield from _terms(child, node.field if isinstance(node, Within) else name)


def _term(term: Term, text: str) -> Iterator[Warning]:
    sign = text[term.pos : term.pos + 1]
    for word in term.words:
        checks = (_mixed(word), _short(word))
        yield from (Warning(term.pos, message) for message in checks if message)
    operator = _OPERATORS.match(text, term.pos)
    if operator and sign not in _SIGNS and _is_whole(text, operator):
        shown = operator[0]
        yield Warning(term.pos, f'"{shown}" is a word here; the operator is written {shown.upper()}')
    elif len(term.words) == 1 and sign not in _SIGNS and (message := _acronym(term.words[0])):
        yield Warning(term.pos, message)


def _is_whole(text: str, found: re.Match[str]) -> bool:
    following = text[found.end() : found.end() + 1]
    return not following or following.isspace() or following in "()"


def _mixed(word: Word) -> str:
    """A word of two alphabets: look-alike letters, typed on the wrong keyboard."""
    alphabets: dict[str, list[str]] = {}
    for char in word.written:
        if char.isalpha():
            alphabets.setdefault(unicodedata.name(char, "?").partition(" ")[0], []).append(char)
    known = {name: chars for name, chars in alphabets.items() if name in ("LATIN", "CYRILLIC", "GREEK")}
    if len(known) < 2:
        return ""
    rare, chars = min(known.items(), key=lambda pair: len(pair[1]))
    return f'"{word.written}" mixes alphabets: {", ".join(dict.fromkeys(chars))} is {rare.capitalize()}'


def _short(word: Word) -> str:
    if word.form != "prefix" or len(word.folded) >= SHORT_PREFIX:
        return ""
    return f'"{word.written}*" begins very many words; give at least {SHORT_PREFIX} letters'


def _acronym(word: Word) -> str:
    """WHO, US, IT: without = they find the common words."""
    is_acronym = word.form == "plain" and not word.exact and 1 < len(word.written) <= 3 and word.written.isupper()
    if not is_acronym or word.folded not in _COMMON:
        return ""
    return f'"{word.written}" also finds the common word "{word.folded}"; write ={word.written}'
