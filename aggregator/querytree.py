"""The tree of a query and its canonical form: frozen nodes, built in normal order, printed with the fewest brackets.

Two queries that differ only in blanks, brackets, letter case, `-x` for `NOT x` or the order of an AND or OR have equal trees, so one tree
(or the hash of its canonical text) serves every subscriber who asks the same (reference/matching-and-stories.md §2, "Canonical form").
Positions never count in a comparison. Inside an alias every position is that of the `@name` in the query itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from dataclasses import field as slot
from typing import Literal

Form = Literal["plain", "prefix", "stem"]

FIELDS = ("title", "body", "source", "lang", "url", "author", "category")
"""The fields a query can name; without one, title and body (and the fetched article, which is searched like body)."""


@dataclass(frozen=True, slots=True)
class Word:
    """One token of a term.

    Attributes:
        folded: the token as compared.
        exact: the token as it must be written, or "" when case and accents do not matter.
        form: `word`, `word*` or `word~`.
        written: the token as the user typed it, for advice.
    """

    folded: str
    exact: str = ""
    form: Form = "plain"
    written: str = slot(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Term:
    """A leaf: one word, or several that must stand side by side (a phrase)."""

    words: tuple[Word, ...]
    alias: str = ""
    pos: int = slot(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Value:
    """A leaf under `lang:` (a primary subtag) or `url:` (a caseless part of the address)."""

    field: Literal["lang", "url"]
    text: str
    alias: str = ""
    pos: int = slot(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class And:
    """All of two or more."""

    operands: tuple[Node, ...]
    pos: int = slot(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Or:
    """Any of two or more."""

    operands: tuple[Node, ...]
    pos: int = slot(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    """Not this."""

    operand: Node
    pos: int = slot(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Gap:
    """`NEAR/words` (any order) or `ONEAR/words` (in this order): at most that many words between."""

    words: int
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Near:
    """Operands close together in one text; `gaps[i]` stands between everything up to operand i and operand i + 1."""

    operands: tuple[Node, ...]
    gaps: tuple[Gap, ...]
    pos: int = slot(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Within:
    """`field:operand`; the innermost field decides."""

    field: str
    operand: Node
    pos: int = slot(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Alias:
    """`@name`: any of the alias's own queries."""

    name: str
    operands: tuple[Node, ...]
    pos: int = slot(default=0, compare=False)


Node = Term | Value | And | Or | Not | Near | Within | Alias
Leaf = Term | Value


# -- building in normal order --------------------------------------------------------------------------------------


def conjunction(operands: Sequence[Node]) -> Node:
    """AND of the operands: nested ANDs joined, repetitions dropped, sorted."""
    if len(operands) == 1:
        return operands[0]
    parts = _normal(part for each in operands for part in (each.operands if isinstance(each, And) else (each,)))
    return parts[0] if len(parts) == 1 else And(tuple(parts), min(part.pos for part in parts))


def disjunction(operands: Sequence[Node]) -> Node:
    """OR of the operands: nested ORs joined, repetitions dropped, sorted."""
    if len(operands) == 1:
        return operands[0]
    parts = _normal(part for each in operands for part in (each.operands if isinstance(each, Or) else (each,)))
    return parts[0] if len(parts) == 1 else Or(tuple(parts), min(part.pos for part in parts))


def negation(operand: Node, pos: int) -> Node:
    """NOT of the operand; two NOTs cancel each other."""
    return operand.operand if isinstance(operand, Not) else Not(operand, pos)


def within(name: str, operand: Node, pos: int) -> Node:
    """`name:operand`; the inner one of two fields decides."""
    return operand if isinstance(operand, Within) else Within(name, operand, pos)


def _normal(operands: Iterable[Node]) -> list[Node]:
    """Each operand once, in the order of its text, what is excluded last."""
    first: dict[str, Node] = {}
    for operand in operands:
        first.setdefault(show(operand), operand)
    return [first[text] for text in sorted(first, key=lambda text: (text.startswith("NOT "), text))]


# -- walking -------------------------------------------------------------------------------------------------------


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below."""
    if isinstance(node, (Term, Value)):
        return ()
    return (node.operand,) if isinstance(node, (Not, Within)) else node.operands


def leaves(node: Node) -> Iterator[Leaf]:
    """Every leaf, through aliases too."""
    if isinstance(node, (Term, Value)):
        yield node
    for child in children(node):
        yield from leaves(child)


def unbounded(node: Node) -> int | None:
    """Where the NOT stands that nothing positive holds together, or None: every OR branch needs a positive term."""
    if isinstance(node, Not):
        return node.pos
    if isinstance(node, And):
        faults = [unbounded(operand) for operand in node.operands]
        return None if None in faults else min(fault for fault in faults if fault is not None)
    found = (unbounded(child) for child in children(node))
    fault = next((pos for pos in found if pos is not None), None)
    return node.pos if fault is not None and isinstance(node, Alias) else fault


# -- printing ------------------------------------------------------------------------------------------------------

_SUFFIX = {"plain": "", "prefix": "*", "stem": "~"}


def show(node: Node) -> str:
    """The canonical text: fields lower case, AND spelled out, fewest brackets, NEAR/n, `-x` as NOT x, aliases by name."""
    if isinstance(node, Term):
        return _show_term(node)
    if isinstance(node, Value):
        return node.text if node.field == "lang" else f'"{node.text}"'
    if isinstance(node, Alias):
        return f"@{node.name}"
    if isinstance(node, Within):
        return f"{node.field}:{_bracketed(node.operand, (And, Or, Not, Near))}"
    if isinstance(node, Not):
        return f"NOT {_bracketed(node.operand, (And, Or))}"
    if isinstance(node, Near):
        return _show_near(node)
    if isinstance(node, And):
        return " AND ".join(_bracketed(operand, (Or,)) for operand in node.operands)
    return " OR ".join(show(operand) for operand in node.operands)


def _bracketed(node: Node, kinds: tuple[type[Node], ...]) -> str:
    return f"({show(node)})" if isinstance(node, kinds) else show(node)


def _show_near(node: Near) -> str:
    shown = _bracketed(node.operands[0], (Or,))
    for gap, operand in zip(node.gaps, node.operands[1:], strict=True):
        shown += f" {'ONEAR' if gap.ordered else 'NEAR'}/{gap.words} {_bracketed(operand, (Or,))}"
    return shown


def _show_term(term: Term) -> str:
    if len(term.words) == 1:
        word = term.words[0]
        return f"{'=' if word.exact else ''}{word.exact or word.folded}{_SUFFIX[word.form]}"
    wholly_exact = all(word.exact for word in term.words)
    inside = " ".join(_show_inside(word, wholly_exact) for word in term.words)
    stemmed = any(word.form == "stem" for word in term.words)
    return f'{"=" if wholly_exact else ""}"{inside}"{"~" if stemmed else ""}'


def _show_inside(word: Word, wholly_exact: bool) -> str:
    """A word of a phrase; in a phrase that is not exact, only dotted initials are, and get their dots back."""
    text = word.exact if wholly_exact else ("".join(f"{char}." for char in word.exact) or word.folded)
    return text + ("*" if word.form == "prefix" else "")
