"""The evaluator: does this entry satisfy this query, and where does each leaf stand. Live matching and history both end here.

Rules (reference/matching-and-stories.md §2): without a field a leaf is looked for in title, body and fetched article; a phrase or NEAR
never crosses from one text into another; two operands of NEAR need two places; `lang:` compares primary subtags; `url:` is a caseless part.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from aggregator.model import Span
from aggregator.query import Alias, And, Gap, Near, Node, Not, Or, Query, Term, Value, Within, Word, show, stem_root
from aggregator.tokens import Document, FieldText, Tokens, primary_subtag
from aggregator.watch import forms

if TYPE_CHECKING:
    from aggregator.watch.index import WatchIndex

MAX_SPANS = 100
_FIELD_ORDER = ("title", "body", "article", "source", "lang", "url", "author", "category")
_MAX_COVERS = 50_000
"""How many ways the first operands of a longer NEAR chain may lie together in one text; only a text made for it has more."""
_MAX_LAST_COVERS = 5000
"""The same for its last operand, where one way decides and the others only add spans."""

Place = tuple[int, int]
"""The numbers of the first and the last token of a leaf."""


class Found(NamedTuple):
    """A watchlist whose query an entry satisfies."""

    watchlist_id: str
    spans: tuple[Span, ...]


def evaluate(query: Query, document: Document) -> tuple[Span, ...] | None:
    """The places that make the entry match, sorted, at most `MAX_SPANS`; None when it does not match."""
    found = node_spans(query.tree, document)
    if found is None:
        return None
    if len(found) == 1:
        return tuple(found)
    return tuple(sorted(set(found), key=_order)[:MAX_SPANS])


def find(document: Document, index: WatchIndex) -> list[Found]:
    """Every watchlist the entry satisfies, by id; watchlists with equal queries are decided once."""
    found: list[Found] = []
    for query, ids in index.groups(document):
        spans = evaluate(query, document)
        if spans is not None:
            found.extend(Found(watchlist_id, spans) for watchlist_id in ids)
    return sorted(found, key=lambda each: each.watchlist_id)


def node_spans(node: Node, document: Document, field: str = "") -> list[Span] | None:
    """The places that satisfy a part of a query inside a field; None when it is not satisfied."""
    if isinstance(node, Term):
        return _term_spans(node, document, field) or None
    if isinstance(node, And):
        return _all_spans(node, document, field)
    if isinstance(node, (Or, Alias)):
        return _any_spans(node, document, field)
    if isinstance(node, Not):
        return [] if node_spans(node.operand, document, field) is None else None
    if isinstance(node, Near):
        return [
            span for text in document.searched(field) for span in _near_spans(node, text, document.language)
        ] or None
    if isinstance(node, Within):
        return node_spans(node.operand, document, node.field)
    return _value_spans(node, document)


def places(term: Term, tokens: Tokens, language: str) -> list[Place]:
    """Where a word or phrase stands in one text."""
    words = term.words
    if len(words) == 1:
        return [(at, at) for at in _word_places(words[0], tokens, language)]
    pivot = _pivot(words, tokens)
    starts = (at - pivot for at in _word_places(words[pivot], tokens, language))
    last = len(words) - 1
    return [(start, start + last) for start in starts if _phrase_at(words, start, tokens, language)]


# -- boolean -------------------------------------------------------------------------------------------------------


def _order(span: Span) -> tuple[int, int, int, str, str]:
    return _FIELD_ORDER.index(span.field), span.start, span.end, span.term, span.alias


def _all_spans(node: And, document: Document, field: str) -> list[Span] | None:
    spans: list[Span] = []
    for operand in node.operands:
        found = node_spans(operand, document, field)
        if found is None:
            return None
        spans += found
    return spans


def _any_spans(node: Or | Alias, document: Document, field: str) -> list[Span] | None:
    found = [spans for operand in node.operands if (spans := node_spans(operand, document, field)) is not None]
    return [span for spans in found for span in spans] if found else None


def _term_spans(term: Term, document: Document, field: str) -> list[Span]:
    spans: list[Span] = []
    first = term.words[0]
    needed = first.folded if first.form == "plain" else ""
    for text in document.searched(field):
        if needed and needed not in text.tokens.positions:  # most texts lack it: no more is looked at
            continue
        found = places(term, text.tokens, document.language)
        if found:
            shown = show(term)
            spans += [_span(text, place, shown, term.alias) for place in found[:MAX_SPANS]]
    return spans


def _span(text: FieldText, place: Place, shown: str, alias: str) -> Span:
    start, end = text.tokens.extent(*place)
    return Span(text.field, text.base + start, text.base + end, shown, alias)


def _value_spans(value: Value, document: Document) -> list[Span] | None:
    actual = document.text(value.field)
    if value.field == "lang":
        return [Span("lang", 0, len(actual), value.text, value.alias)] if primary_subtag(actual) == value.text else None
    folded = actual.casefold()
    start = folded.find(value.text)
    if start < 0:
        return None
    # Where casefolding changed the length (ß in a path) the whole address is named.
    start, end = (start, start + len(value.text)) if len(folded) == len(actual) else (0, len(actual))
    return [Span("url", start, end, value.text, value.alias)]


# -- words and phrases ---------------------------------------------------------------------------------------------


def _word_places(word: Word, tokens: Tokens, language: str) -> Sequence[int]:
    if word.form == "plain":
        found: Sequence[int] = tokens.positions.get(word.folded, ())
    else:
        found = sorted(at for folded in _folded_forms(word, tokens, language) for at in tokens.positions[folded])
    return [at for at in found if _is_exact(word, tokens.exact[at], language)] if word.exact else found


def _folded_forms(word: Word, tokens: Tokens, language: str) -> Iterable[str]:
    if word.form == "prefix":
        return tokens.beginning(word.folded)
    return (folded for folded in tokens.beginning(stem_root(word.folded)) if forms.is_form(word, folded, language))


def _is_exact(word: Word, written: str, language: str) -> bool:
    if word.form == "plain":
        return written == word.exact
    return written.startswith(word.exact if word.form == "prefix" else forms.exact_part(word, language))


def _pivot(words: Sequence[Word], tokens: Tokens) -> int:
    """The plain word that stands fewest times, to try the phrase around it."""
    plain = [number for number, word in enumerate(words) if word.form == "plain"]
    return min(plain, key=lambda number: len(tokens.positions.get(words[number].folded, ())), default=0)


def _phrase_at(words: Sequence[Word], start: int, tokens: Tokens, language: str) -> bool:
    if start < 0 or start + len(words) > len(tokens):
        return False
    return all(_stands_at(word, tokens, at, language) for at, word in enumerate(words, start))


def _stands_at(word: Word, tokens: Tokens, at: int, language: str) -> bool:
    folded = tokens.folded[at]
    if word.form == "plain":
        fits = folded == word.folded
    elif word.form == "prefix":
        fits = folded.startswith(word.folded)
    else:
        fits = forms.is_form(word, folded, language)
    return fits and (not word.exact or _is_exact(word, tokens.exact[at], language))


# -- NEAR ----------------------------------------------------------------------------------------------------------


class _Seen(NamedTuple):
    """A leaf at its place."""

    first: int
    last: int
    leaf: Term


class _Cover(NamedTuple):
    """Some operands lying together, and the stretch of text they cover."""

    first: int
    last: int
    parts: tuple[_Seen, ...]


def _near_spans(node: Near, text: FieldText, language: str) -> list[Span]:
    covers = [_Cover(seen.first, seen.last, (seen,)) for seen in _seen(node.operands[0], text.tokens, language)]
    if not covers:
        return []
    for number, (gap, operand) in enumerate(zip(node.gaps, node.operands[1:], strict=True), 1):
        seen = sorted(_seen(operand, text.tokens, language), key=itemgetter(0)) if covers else []
        kept = _MAX_COVERS if number < len(node.gaps) else _MAX_LAST_COVERS
        covers = list(islice(_joined(covers, seen, gap), kept))
    parts = {(part.first, part.last, id(part.leaf)): part for cover in covers for part in cover.parts}
    return [_span(text, (part.first, part.last), show(part.leaf), part.leaf.alias) for part in parts.values()]


def _seen(node: Node, tokens: Tokens, language: str) -> Iterator[_Seen]:
    """Every place of a NEAR operand: a term, or a group or alias of terms."""
    if isinstance(node, Term):
        yield from (_Seen(first, last, node) for first, last in places(node, tokens, language))
    elif isinstance(node, (Or, Alias)):
        for operand in node.operands:
            yield from _seen(operand, tokens, language)


def _joined(covers: Iterable[_Cover], seen: Sequence[_Seen], gap: Gap) -> Iterator[_Cover]:
    """Each cover with each place near it; `seen` is sorted, so only places within reach are looked at."""
    firsts = [each.first for each in seen]
    longest = max((each.last - each.first for each in seen), default=0)
    for cover in covers:
        low = bisect_left(firsts, cover.first - gap.words - longest - 1)
        high = bisect_right(firsts, cover.last + gap.words + 1)
        for each in seen[low:high]:
            if _is_near(cover, each, gap):
                yield _Cover(min(cover.first, each.first), max(cover.last, each.last), (*cover.parts, each))


def _is_near(cover: _Cover, seen: _Seen, gap: Gap) -> bool:
    """At most so many words lie between, and the place is one that no other operand has taken."""
    if seen.first > cover.last:
        return seen.first - cover.last - 1 <= gap.words
    if gap.ordered:
        return False
    if seen.last < cover.first:
        return cover.first - seen.last - 1 <= gap.words
    return all(seen.first > part.last or seen.last < part.first for part in cover.parts)
