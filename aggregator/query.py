"""The query language: text <-> tree, and what an index must propose for it.

    parse("CSTO OR =ОДКБ").tree          the tree (`querytree`), or a QueryError that points at the fault
    canon(query)                         the same query in its one canonical spelling; parse(canon(q)) == parse(q)
    proposal(query)                      a necessary condition for any full-text index; `watch.match.evaluate` then decides

Normative: reference/matching-and-stories.md §2. A blank is AND; NEAR binds tighter than NOT, AND, OR; `=CSTO` exact, `word*` beginning,
`word~` all forms, "phrase", `title:`, `@alias`. Limits: 4,000 characters, 256 terms with aliases, 64 levels, aliases 5 deep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from aggregator.errors import QueryError
from aggregator.model import Entry
from aggregator.querytext import AliasError, Aliases, Reader, check_aliases
from aggregator.querytree import (
    FIELDS,
    Alias,
    And,
    Gap,
    Leaf,
    Near,
    Node,
    Not,
    Or,
    Term,
    Value,
    Within,
    Word,
    children,
    leaves,
    show,
    unbounded,
)

__all__ = [
    "FIELDS",
    "Alias",
    "AliasError",
    "Aliases",
    "And",
    "Gap",
    "Leaf",
    "Near",
    "Need",
    "NeedAll",
    "NeedAny",
    "NeedEverything",
    "NeedPhrase",
    "NeedPrefix",
    "NeedToken",
    "Node",
    "Not",
    "Or",
    "Proposed",
    "Query",
    "Term",
    "Value",
    "Within",
    "Word",
    "canon",
    "check_aliases",
    "children",
    "is_decided",
    "leaves",
    "parse",
    "proposal",
    "show",
    "stem_root",
]

_NO_ALIASES: Aliases = {}


@dataclass(frozen=True, slots=True)
class Query:
    """A query that parses and may run.

    Attributes:
        text: as the user typed it; two queries are equal when their trees are.
        tree: in normal order, aliases expanded; each leaf names the alias it came through.
    """

    text: str = field(compare=False)
    tree: Node


def parse(text: str, aliases: Aliases = _NO_ALIASES) -> Query:
    """Read a query.

    Raises:
        QueryError: it does not parse, is too large, or nothing positive bounds it; AliasError when the fault is inside an alias.
    """
    tree = Reader(text, aliases).read()
    fault = unbounded(tree)
    if fault is not None:
        message = "NOT alone would match nearly everything; every OR branch needs something to find"
        raise QueryError(text, fault, message, "write word NOT other")
    return Query(text, tree)


def canon(query: Query) -> str:
    """The canonical spelling; its hash stands for the query where users share one."""
    return show(query.tree)


# -- what an index must propose ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NeedToken:
    """This folded token is in the text."""

    folded: str


@dataclass(frozen=True, slots=True)
class NeedPrefix:
    """A folded token that begins so is in the text."""

    folded: str


@dataclass(frozen=True, slots=True)
class NeedPhrase:
    """These folded tokens stand side by side in the text; two or more, the last of them a beginning where it says so."""

    folded: tuple[str, ...]
    beginning: bool = False


@dataclass(frozen=True, slots=True)
class NeedAll:
    """All of two or more."""

    needs: tuple[Need, ...]


@dataclass(frozen=True, slots=True)
class NeedAny:
    """Any of two or more."""

    needs: tuple[Need, ...]


@dataclass(frozen=True, slots=True)
class NeedEverything:
    """Every entry may match: the index cannot help."""


Need = NeedToken | NeedPrefix | NeedPhrase | NeedAll | NeedAny | NeedEverything
"""A necessary condition over one index of title, body and article together (never sufficient: the evaluator decides)."""


class Proposed(NamedTuple):
    """A stored entry that an index proposes; `entry()` makes it, which costs more than finding it.

    `certain` says that the index has held it against all that was asked.
    """

    id: int
    entry: Callable[[], Entry]
    certain: bool = False


_EVERYTHING = NeedEverything()


def proposal(query: Query) -> Need:
    """What any entry that matches must satisfy: exact as folded, NEAR as AND, NOT and other fields dropped, `~` as its root."""
    return _need(query.tree)


def is_decided(query: Query) -> bool:
    """Whether the proposal is the answer itself: words, phrases and beginnings, with AND and OR, in no field and no exact case."""
    return _is_decided(query.tree)


def _is_decided(node: Node) -> bool:
    if isinstance(node, Term):
        *first, last = node.words
        plain = all(word.form == "plain" and not word.exact for word in first)
        return plain and last.form in ("plain", "prefix") and not last.exact
    return isinstance(node, (And, Or, Alias)) and all(map(_is_decided, node.operands))


def stem_root(folded: str) -> str:
    """The letters that every form of a word must share with it, by our definition of `word~` (see `watch.forms`).

    Short, because fly~ finds flies: 1 letter of a word of up to 3, 2 of up to 5, else 3.
    """
    return folded[: 1 if len(folded) <= 3 else 2 if len(folded) <= 5 else 3]


def _need(node: Node) -> Need:
    if isinstance(node, Term):
        return _all(_runs(node.words))
    if isinstance(node, Within):
        return _need(node.operand) if node.field in ("title", "body") else _need_of_texts(node.operand)
    if isinstance(node, (And, Near)):
        return _all(map(_need, node.operands))
    if isinstance(node, (Or, Alias)):
        return _any(map(_need, node.operands))
    return _EVERYTHING


def _need_of_texts(node: Node) -> Need:
    """Under source:, author: ... only what an inner title: or body: brings back into the index."""
    if isinstance(node, Within):
        return _need(node)
    if isinstance(node, And):
        return _all(map(_need_of_texts, node.operands))
    if isinstance(node, (Or, Alias)):
        return _any(map(_need_of_texts, node.operands))
    return _EVERYTHING


def _runs(words: Sequence[Word]) -> Iterable[Need]:
    """A phrase as its unbroken runs of plain words, each with the beginning behind it."""
    run: list[str] = []
    for word in words:
        if word.form == "plain":
            run.append(word.folded)
            continue
        if run and word.form == "prefix":
            yield NeedPhrase((*run, word.folded), beginning=True)
        else:
            yield from _run(run)
            yield NeedPrefix(word.folded if word.form == "prefix" else stem_root(word.folded))
        run = []
    yield from _run(run)


def _run(run: Sequence[str]) -> Iterable[Need]:
    if run:
        yield NeedToken(run[0]) if len(run) == 1 else NeedPhrase(tuple(run))


def _all(needs: Iterable[Need]) -> Need:
    parts = tuple(dict.fromkeys(need for need in needs if need != _EVERYTHING))
    return NeedAll(parts) if len(parts) > 1 else parts[0] if parts else _EVERYTHING


def _any(needs: Iterable[Need]) -> Need:
    parts = tuple(dict.fromkeys(needs))
    if _EVERYTHING in parts:
        return _EVERYTHING
    return NeedAny(parts) if len(parts) > 1 else parts[0]
