"""Why an entry matches a query, or why it does not, in words for a person (`aggregator why`, the pages).

Why: every place with its field, the words as they stand, the number of the first word, the term and the alias it came through.
Why not: the required parts that are missing, followed down to the words, with near misses (written differently, not side by side).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from aggregator.model import Span
from aggregator.query import Alias, And, Near, Node, Not, Or, Query, Term, Value, Within, Word, show
from aggregator.tokens import Document
from aggregator.watch import match

_MAX_BRANCHES = 12
_PLACES = {"": "title or text", "title": "the title", "body": "the text", "lang": "the language", "url": "the address"}


@dataclass(frozen=True, slots=True)
class Evidence:
    """One place that made the entry match.

    Attributes:
        words: the words as they stand in the field.
        position: the number of the first of them, from 1; 0 for `lang` and `url`.
        term: the leaf in canonical form.
        alias: the alias it came through, or "".
    """

    field: str
    words: str
    position: int
    term: str
    alias: str = ""


@dataclass(frozen=True, slots=True)
class Missing:
    """One required part that is not satisfied: in words, where it stands in the query, and what it lacks in turn."""

    text: str
    pos: int
    because: tuple[Missing, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer: `evidence` when the entry matches, else `missing`."""

    matched: bool
    evidence: tuple[Evidence, ...] = ()
    missing: tuple[Missing, ...] = ()


def explain(query: Query, document: Document) -> Explanation:
    """Say why the entry matches the query or why it does not."""
    spans = match.evaluate(query, document)
    if spans is not None:
        return Explanation(matched=True, evidence=tuple(_evidence(span, document) for span in spans))
    return Explanation(matched=False, missing=_required(query.tree, document, ""))


def lines(explanation: Explanation) -> list[str]:
    """The explanation for a terminal."""
    if explanation.matched:
        return ["matches", *(f"  {_place(found)}" for found in explanation.evidence)]
    return ["does not match", *_indented(explanation.missing, 1)]


# -- why -----------------------------------------------------------------------------------------------------------


def _evidence(span: Span, document: Document) -> Evidence:
    words = document.text(span.field)[span.start : span.end]
    return Evidence(span.field, words, _word_number(span, document), span.term, span.alias)


def _word_number(span: Span, document: Document) -> int:
    name = "body" if span.field == "article" else span.field
    texts = [text for text in document.searched(name) if text.field == span.field and text.base <= span.start]
    return bisect_right(texts[-1].tokens.starts, span.start - texts[-1].base) if texts else 0


def _place(found: Evidence) -> str:
    where = f"{found.field}, word {found.position}" if found.position else found.field
    through = f", through @{found.alias}" if found.alias else ""
    return f'{where}: "{found.words}" is {found.term}{through}'


def _indented(missing: Sequence[Missing], depth: int) -> Iterator[str]:
    for part in missing:
        yield "  " * depth + part.text
        yield from _indented(part.because, depth + 1)


# -- why not -------------------------------------------------------------------------------------------------------


def _required(node: Node, document: Document, name: str) -> tuple[Missing, ...]:
    """What a part lacks; nothing when it is satisfied. Only the failing operands of an AND are named."""
    if match.node_spans(node, document, name) is not None:
        return ()
    if isinstance(node, And):
        return _gather(node.operands, document, name)
    if isinstance(node, Within):
        return _required(node.operand, document, node.field)
    return (_lack(node, document, name),)


def _gather(operands: Iterable[Node], document: Document, name: str) -> tuple[Missing, ...]:
    ordered = sorted(operands, key=lambda operand: operand.pos)
    return tuple(part for operand in ordered for part in _required(operand, document, name))


def _lack(node: Node, document: Document, name: str) -> Missing:
    if isinstance(node, Term):
        return Missing(_term_lack(node, document, name), node.pos)
    if isinstance(node, Value):
        return Missing(_value_lack(node, document), node.pos)
    if isinstance(node, Not):
        return Missing(_not_lack(node, document, name), node.pos)
    if isinstance(node, Near):
        return _near_lack(node, document, name)
    return _any_lack(node, document, name)


def _any_lack(node: Node, document: Document, name: str) -> Missing:
    operands = node.operands if isinstance(node, (Or, Alias)) else ()
    what = (
        f"nothing of @{node.name} is there"
        if isinstance(node, Alias)
        else f"none of {len(operands)} alternatives is there"
    )
    branches = tuple(_branch(operand, document, name) for operand in operands[:_MAX_BRANCHES])
    left = len(operands) - len(branches)
    more = (Missing(f"and {left} more", node.pos),) if left else ()
    return Missing(f"{what}:", node.pos, branches + more)


def _branch(operand: Node, document: Document, name: str) -> Missing:
    lacking = _required(operand, document, name)
    return lacking[0] if len(lacking) == 1 else Missing(f"{show(operand)}:", operand.pos, lacking)


def _not_lack(node: Not, document: Document, name: str) -> str:
    spans = match.node_spans(node.operand, document, name) or []
    shown = show(node)
    if not spans:
        return f"{shown}: what is excluded holds"
    found = _evidence(spans[0], document)
    where = f"{_in(found.field)}, word {found.position}" if found.position else _in(found.field)
    return f'{shown}: "{found.words}" stands in {where}'


def _near_lack(node: Near, document: Document, name: str) -> Missing:
    because = tuple(part for operand in node.operands for part in _required(operand, document, name))
    if because:
        return Missing(f"{show(node)}:", node.pos, because)
    distance = " and ".join(_distance(gap.words, ordered=gap.ordered) for gap in dict.fromkeys(node.gaps))
    return Missing(f"{show(node)}: all parts occur in {_in(name)}, but never in one text with {distance}", node.pos)


def _distance(words: int, *, ordered: bool) -> str:
    return f"at most {words} words between{' in this order' if ordered else ''}"


def _value_lack(value: Value, document: Document) -> str:
    actual = document.text(value.field)
    if value.field == "lang":
        return (
            f'the language is "{actual}", not {value.text}'
            if actual
            else f"the language is not known, so it is not {value.text}"
        )
    return f'the address "{actual}" does not hold "{value.text}"' if actual else "the entry has no address"


def _term_lack(term: Term, document: Document, name: str) -> str:
    if len(term.words) == 1:
        return _word_lack(term.words[0], document, name)
    absent = [word for word in term.words if not _stands(word, document, name)]
    if absent:
        return f"the phrase {show(term)} is not there: {_word_lack(absent[0], document, name)}"
    return f"the phrase {show(term)} is not there: its words occur in {_in(name)}, but not side by side in this order"


def _word_lack(word: Word, document: Document, name: str) -> str:
    where = _in(name)
    if word.exact:
        return _exact_lack(word, document, name)
    if word.form == "prefix":
        return f'no word begins with "{word.folded}" in {where}'
    if word.form == "stem":
        return f'no form of "{word.folded}" in {where} (language: {document.language or "not known"})'
    return f'no word "{word.folded}" in {where}'


def _exact_lack(word: Word, document: Document, name: str) -> str:
    other = match.node_spans(Term((Word(word.folded, form=word.form),)), document, name)
    shown = show(Term((word,)))
    if not other:
        return f"no word {shown} in {_in(name)}, in no other spelling either"
    found = _evidence(other[0], document)
    return f'no word {shown} in {_in(name)}: {_in(found.field)}, word {found.position}, has "{found.words}"'


def _stands(word: Word, document: Document, name: str) -> bool:
    return match.node_spans(Term((word,)), document, name) is not None


def _in(name: str) -> str:
    return _PLACES.get(name, f"the {name}")
