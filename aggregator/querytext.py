"""Reading a query: operators, brackets, fields and aliases -> tree, with the exact place of every fault.

    query = or ;                                 or   = and , { "OR" , and } ;
    and   = not , { [ "AND" ] , not } ;          not  = ( "NOT" | "-" ) , not | near ;
    near  = atom , { ( "NEAR" | "ONEAR" ) , [ "/" , number ] , atom } ;
    atom  = "(" , or , ")" | field , ":" , atom | "@" , name | term ;

reference/matching-and-stories.md §2 is the source; one method below is one line of it, so the precedence NEAR > NOT > AND = blank > OR
is the order in which they call each other. Leaves are read by `queryterm`. Use `query.parse`, not this module.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, cast

from aggregator.alphabets import IGNORABLE_CLASS, IGNORABLES
from aggregator.errors import QueryError
from aggregator.queryterm import WORD, ends_here, read_term, read_value
from aggregator.querytree import FIELDS, Alias, Gap, Near, Node, Or, Term, conjunction, disjunction, negation, within

MAX_CHARS = 4000
MAX_TERMS = 256
MAX_DEPTH = 64
MAX_ALIASES = 5
MAX_GAP = 1000
DEFAULT_GAP = 5

Aliases = Mapping[str, Sequence[str]]

_BLANKS = re.compile(rf"[\s{IGNORABLE_CLASS}]*")
_BLANK_OR_OPEN = re.compile(rf"[\s({IGNORABLE_CLASS}]")
_NEAR = re.compile(r"(O?)NEAR(?:/([0-9]+))?")
_FIELD = re.compile(r"([^\W\d_][\w-]*):")
_NAME = re.compile(r"@(\w[\w-]*)")


class AliasError(QueryError):
    """A fault inside an alias's own query.

    Attributes:
        alias: the alias that holds it.
        inner: the fault, in the alias's own text.
    """

    def __init__(self, query: str, pos: int, alias: str, inner: QueryError) -> None:
        message = f'in @{alias}, "{inner.query}", character {inner.pos + 1}: {inner.message}'
        super().__init__(query, pos, message, inner.hint)
        self.alias = alias
        self.inner = inner


class Budget:
    """How many terms a query has used, its aliases included."""

    def __init__(self) -> None:
        self.terms = 0


class _Operator(NamedTuple):
    name: str
    start: int
    end: int
    gap: Gap | None = None


class Reader:
    """Reads one text; an alias's query is read by a reader of its own that knows where it stands."""

    def __init__(self, text: str, aliases: Aliases) -> None:
        self.text = text
        self.at = 0
        self.field = ""
        self.aliases = aliases
        self.budget = Budget()
        self.depth = 0
        self.trail: tuple[str, ...] = ()
        self.fixed: int | None = None

    def inside(self, name: str, text: str, pos: int) -> Reader:
        """A reader for one query of the alias whose `@` stands at `pos`."""
        reader = Reader(text, self.aliases)
        reader.field, reader.budget, reader.depth = self.field, self.budget, self.depth
        reader.trail = (*self.trail, name)
        reader.fixed = pos
        return reader

    def read(self) -> Node:
        """The whole text."""
        if len(self.text) > MAX_CHARS:
            raise self._fault(
                MAX_CHARS, f"a query may have at most {MAX_CHARS} characters", "put parts of it into an alias"
            )
        if self._skip() == "":
            raise self._fault(0, "the query is empty", 'write a word, or "two words"')
        node = self._or()
        if self._skip():
            raise self._fault(self.at, "this ) was never opened", "remove it, or add ( before")
        return node

    # -- the grammar, a method a line ------------------------------------------------------------------------------

    def _or(self) -> Node:
        operands = [self._and()]
        while self._take("OR"):
            operands.append(self._and())
        return disjunction(operands)

    def _and(self) -> Node:
        operands = [self._not()]
        while self._take("AND") or self._operand_follows():
            operands.append(self._not())
        return conjunction(operands)

    def _not(self) -> Node:
        start = self._skip_to()
        if not (self._take("NOT") or self._take_minus()):
            return self._near()
        return negation(self._deeper(start, self._not), self._pos(start))

    def _near(self) -> Node:
        starts = [self._skip_to()]
        operands, gaps = [self._atom()], list[Gap]()
        while (operator := self._operator()) and operator.gap:
            self.at = operator.end
            gaps.append(operator.gap)
            starts.append(self._skip_to())
            operands.append(self._atom())
        if not gaps:
            return operands[0]
        for start, operand in zip(starts, operands, strict=True):
            self._check_near_operand(start, operand)
        return Near(tuple(operands), tuple(gaps), operands[0].pos)

    def _atom(self) -> Node:
        char = self._skip()
        if char in ("", ")") or self._operator():
            raise self._missing()
        if char == "(":
            return self._deeper(self.at, self._group)
        if char == "-" and self.text[self.at + 1 : self.at + 2].strip():
            raise self._fault(
                self.at, "'-' cannot stand here", "'-' follows a blank or '(' and touches what it excludes"
            )
        if char == "@":
            return self._deeper(self.at, self._alias)
        if field := self._field_name():
            return self._deeper(self.at, lambda: self._within(field))
        return self._leaf()

    def _group(self) -> Node:
        opener = self.at
        self.at += 1
        if self._skip() == "":
            raise self._unclosed(opener)
        node = self._or()
        if self._skip() != ")":
            raise self._unclosed(opener)
        self.at += 1
        return node

    def _within(self, field: str) -> Node:
        start, outer = self.at, self.field
        self.at += len(field) + 1
        self.field = field.lower()
        operand = self._atom()
        node = within(self.field, operand, self._pos(start))
        self.field = outer
        return node

    def _leaf(self) -> Node:
        self.budget.terms += 1
        if self.budget.terms > MAX_TERMS:
            raise self._fault(
                self.at, f"a query may have at most {MAX_TERMS} terms, aliases included", "split it into several"
            )
        alias = self.trail[-1] if self.trail else ""
        if self.field in ("lang", "url"):
            field = cast("Literal['lang', 'url']", self.field)
            leaf, self.at = read_value(self.text, self.at, field, alias, self._pos(self.at))
        else:
            leaf, self.at = read_term(self.text, self.at, alias, self._pos(self.at))
        return leaf

    # -- aliases ---------------------------------------------------------------------------------------------------

    def _alias(self) -> Node:
        start = self.at
        name = self._alias_name()
        operands = [self._alias_query(name, text, start) for text in alias_queries(self.aliases, name)]
        if not operands:
            raise self._fault(start + 1, f"alias @{name} has no queries")
        return Alias(name, tuple(operands), self._pos(start))

    def _alias_query(self, name: str, text: str, start: int) -> Node:
        try:
            return self.inside(name, text, self._pos(start)).read()
        except QueryError as error:
            raise AliasError(self.text, start + 1, name, error) from error

    def _alias_name(self) -> str:
        found = _NAME.match(self.text, self.at)
        if not found or not ends_here(self.text, found.end()):
            raise self._fault(self.at, "'@' must be followed by the name of an alias", _known("alias", self.aliases))
        self.at = found.end()
        name = _find_alias(self.aliases, found[1])
        if name is None:
            raise self._fault(found.start(1), f"there is no alias @{found[1]}", _guess("@", found[1], self.aliases))
        if name in self.trail:
            way = " → ".join(f"@{each}" for each in (*self.trail, name))
            raise self._fault(found.start(1), f"alias @{name} leads back to itself: {way}", "break the circle")
        if len(self.trail) >= MAX_ALIASES:
            raise self._fault(
                found.start(1), f"aliases may be nested {MAX_ALIASES} deep", "name the inner queries directly"
            )
        return name

    # -- looking ahead ---------------------------------------------------------------------------------------------

    def _skip(self) -> str:
        """Go to the next visible character and say which it is, or ""."""
        found = _BLANKS.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return self.text[self.at : self.at + 1]

    def _skip_to(self) -> int:
        self._skip()
        return self.at

    def _operator(self) -> _Operator | None:
        self._skip()
        found = WORD.match(self.text, self.at)
        if not found or self.text[found.end() : found.end() + 1] in ("*", "~"):
            return None
        raw = found[0].translate(IGNORABLES)
        if raw in ("AND", "OR", "NOT"):
            return _Operator(raw, self.at, found.end())
        return self._near_operator(raw, found.end()) if raw.startswith(("NEAR", "ONEAR")) else None

    def _near_operator(self, raw: str, end: int) -> _Operator | None:
        found = _NEAR.fullmatch(raw)
        if found is None and raw.startswith(("NEAR/", "ONEAR/")):
            raise self._fault(self.at + raw.index("/"), "a number must follow NEAR/", "write NEAR/5")
        if found is None:
            return None
        words = int(found[2] or DEFAULT_GAP)
        if words > MAX_GAP:
            raise self._fault(self.at, f"NEAR reaches over {MAX_GAP} words at most", "use AND")
        return _Operator("NEAR", self.at, end, Gap(words, bool(found[1])))

    def _take(self, name: str) -> bool:
        operator = self._operator()
        if operator is None or operator.name != name:
            return False
        self.at = operator.end
        return True

    def _take_minus(self) -> bool:
        text, at = self.text, self.at
        follows_blank = at == 0 or _BLANK_OR_OPEN.match(text, at - 1) is not None
        if text[at : at + 1] != "-" or not follows_blank or not text[at + 1 : at + 2].strip():
            return False
        if text[at + 1] in "-)":
            return False
        self.at += 1
        return True

    def _operand_follows(self) -> bool:
        operator = self._operator()
        return self._skip() not in ("", ")") if operator is None else operator.name == "NOT"

    def _field_name(self) -> str:
        """The field named here as written, or ""; inside `url:` a word with a colon may be part of an address."""
        found = _FIELD.match(self.text, self.at)
        if found is None:
            return ""
        if found[1].lower() in FIELDS:
            return found[1]
        if self.field == "url":
            return ""
        is_address = self.text.startswith("//", found.end())
        hint = "for an address write url:belta.by" if is_address else _guess("", found[1], FIELDS)
        raise self._fault(self.at, f"there is no field {found[1]}:", hint)

    # -- limits and faults -----------------------------------------------------------------------------------------

    def _deeper(self, start: int, read: Callable[[], Node]) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self._fault(start, f"a query may be nested {MAX_DEPTH} deep at most", "remove brackets")
        node = read()
        self.depth -= 1
        return node

    def _pos(self, at: int) -> int:
        return at if self.fixed is None else self.fixed

    def _check_near_operand(self, start: int, operand: Node) -> None:
        if not _can_be_near(operand):
            message = "NEAR takes words, phrases, beginnings, OR groups and aliases of these"
            raise self._fault(start, message, "put the field outside: title:(CSTO NEAR/5 Minsk)")

    def _missing(self) -> QueryError:
        operator = self._operator()
        hint = (
            f'to find the word itself, write "{self.text[operator.start : operator.end].lower()}"' if operator else ""
        )
        return self._fault(self.at, 'a word, a phrase or "(" is missing here', hint)

    def _unclosed(self, opener: int) -> QueryError:
        return self._fault(opener, "this ( is never closed", "add ) at the end of the group")

    def _fault(self, pos: int, message: str, hint: str = "") -> QueryError:
        return QueryError(self.text, pos, message, hint)


def check_aliases(aliases: Aliases) -> list[AliasError]:
    """Every fault of the aliases' own queries, so that a configuration is refused before anybody uses the alias."""
    faults = []
    for name in aliases:
        mention = f"@{name}"
        reader = Reader(mention, aliases)
        if not _NAME.fullmatch(mention):
            unfit = QueryError(mention, 1, "an alias's name is made of letters, digits, _ and -")
            faults.append(AliasError(mention, 1, name, unfit))
        if not alias_queries(aliases, name):
            faults.append(AliasError(mention, 1, name, QueryError("", 0, f"alias @{name} has no queries")))
        faults.extend(fault for text in alias_queries(aliases, name) if (fault := _alias_fault(reader, name, text)))
    return faults


def _alias_fault(reader: Reader, name: str, text: str) -> AliasError | None:
    try:
        reader.budget = Budget()
        reader.inside(name, text, 0).read()
    except QueryError as error:
        return AliasError(reader.text, 1, name, error)
    return None


def alias_queries(aliases: Aliases, name: str) -> tuple[str, ...]:
    """The queries of an alias; a single text counts as one query."""
    queries = aliases[name]
    return (queries,) if isinstance(queries, str) else tuple(queries)


def _can_be_near(node: Node) -> bool:
    return isinstance(node, Term) or (isinstance(node, (Or, Alias)) and all(map(_can_be_near, node.operands)))


def _find_alias(aliases: Aliases, name: str) -> str | None:
    if name in aliases:
        return name
    return next((known for known in aliases if known.casefold() == name.casefold()), None)


def _guess(sign: str, name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name.casefold(), list(known), n=1)
    return f"did you mean {sign}{close[0]}?" if close else _known("alias" if sign else "field", known)


def _known(kind: str, known: Iterable[str]) -> str:
    names = sorted(known)[:12]
    return f"known: {', '.join(names)}" if names else f"there is no {kind} yet"
