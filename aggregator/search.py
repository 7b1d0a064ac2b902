"""Search over history: the index proposes candidates, the evaluator that matches live decides (invariant 4).

Of words, phrases and beginnings the index knows the answer by itself: there the evaluator only says where they stand, and
only when it is asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import islice

from aggregator.model import Entry, Span
from aggregator.ports import Clock
from aggregator.query import NeedEverything, Proposed, Query, is_decided, proposal, show
from aggregator.reading import Portion, Selection
from aggregator.stores import Stores
from aggregator.tokens import Document
from aggregator.watch import documents, lint, match

SAMPLE = 2_000
"""Of the newest entries so many say how frequent words are."""
NEWEST, FEWEST = 500, 20
"""Entries that a query's terms are held against, and how many there must be before that says something."""
NEARLY_ALWAYS = 0.8
Enough = Callable[[], bool]
"""Whether it has taken long enough."""


class Result:
    """One entry that a search returns, and why; both are made when first asked for."""

    __slots__ = ("_entry", "_found", "_query", "_spans")

    def __init__(self, query: Query, found: Proposed) -> None:
        self._query = query
        self._found = found
        self._entry: Entry | None = None
        self._spans: tuple[Span, ...] | None = None

    @property
    def id(self) -> int:
        """The entry's."""
        return self._found.id

    @property
    def entry(self) -> Entry:
        """The entry, in its current revision."""
        if self._entry is None:
            self._entry = self._found.entry()
        return self._entry

    @property
    def spans(self) -> tuple[Span, ...]:
        """The places that make it satisfy the query."""
        return self.decide() or ()

    def decide(self) -> tuple[Span, ...] | None:
        """What the evaluator says: the places, or None where the entry does not satisfy the query."""
        if self._spans is None:
            self._spans = match.evaluate(self._query, documents.of_entry(self.entry))
        return self._spans


def search(
    stores: Stores, query: Query, since: datetime | None = None, *, before: int = 0, enough: Enough | None = None
) -> Iterator[Result]:
    """Every stored entry that satisfies the query in its current revision, newest first, until `enough()` says so."""
    looked_at = look(stores, query, since, before=before, enough=enough)
    return (result for _, result in looked_at if result is not None)


def look(
    stores: Stores, query: Query, since: datetime | None = None, *, before: int = 0, enough: Enough | None = None
) -> Iterator[tuple[int, Result | None]]:
    """Every entry that is looked at, newest first, with its result where it satisfies the query.

    Only those behind the entry `before`: who was stopped goes on behind the last one looked at.
    """
    decided = is_decided(query)
    for found in stores.entries.propose(proposal(query), since, before=before, stop=enough):
        result = Result(query, found)
        yield found.id, result if (decided and found.certain) or result.decide() is not None else None
        if enough is not None and enough():
            return


def portion(stores: Stores, query: Query, selection: Selection, over: Callable[[], bool]) -> Portion[Result]:
    """The same in portions, of a feed and in a language where wished; broken off, with where to go on, once time is `over`.

    At least one proposed entry is looked at, so that whoever goes on comes to an end.
    """
    decided, last = is_decided(query), 0
    results: list[Result] = []
    for found in stores.entries.propose(proposal(query), selection.since, before=selection.before):
        if last and (len(results) == selection.limit or over()):
            return Portion(tuple(results), last)
        last, result = found.id, Result(query, found)
        if ((decided and found.certain) or result.decide() is not None) and _is_in(result.entry, selection):
            results.append(result)
    return Portion(tuple(results))


def _is_in(entry: Entry, selection: Selection) -> bool:
    """Whether an entry is what a selection wants besides."""
    return (
        selection.feed_id in ("", entry.feed_id)
        and selection.language in ("", entry.language)
        and (selection.until is None or entry.first_seen_at < selection.until)
    )


def budget(clock: Clock, seconds: float) -> Enough:
    """What stops a search that takes longer than that."""
    until = clock.monotonic() + seconds
    return lambda: clock.monotonic() >= until


def word_counts(stores: Stores, entries: int = SAMPLE) -> dict[str, float]:
    """In how many of ten thousand of the newest entries each word stands; a word that is not there stands in none."""
    counts: Counter[str] = Counter()
    looked_at = 0
    for looked_at, document in enumerate(newest(stores, entries), 1):  # noqa: B007 - how many there were
        counts.update(document.words)
    return {word: count * 10_000 / looked_at for word, count in counts.items()}


def newest(stores: Stores, entries: int = NEWEST) -> Iterator[Document]:
    """The newest entries, so many at most."""
    for found in islice(stores.entries.propose(NeedEverything()), entries):
        yield documents.of_entry(found.entry())


def advice(
    stores: Stores, query: Query, newest: Sequence[Document], enough: Enough | None = None
) -> list[lint.Warning]:
    """What is doubtful about a query, by its words and by what is stored; `lint` alone where little is stored yet.

    A term that no stored entry holds, and one that nearly all of the `newest` hold, tell nothing. After `enough()` nothing is
    said of terms that were not looked for to the end.
    """
    found = lint.lint(query)
    if len(newest) < FEWEST:
        return found
    for node, pos in lint.terms(query):
        if enough is not None and enough():
            break
        held = sum(match.node_spans(node, document) is not None for document in newest)
        if held >= NEARLY_ALWAYS * len(newest):
            found.append(lint.Warning(pos, f"{show(node)} stands in {held} of the newest {len(newest)} entries"))
        elif not held and not _is_stored(stores, Query(query.text, node), enough):
            found.append(lint.Warning(pos, f"{show(node)} stands in no stored entry"))
    return sorted(found, key=lambda warning: (warning.pos, warning.message))


def _is_stored(stores: Stores, query: Query, enough: Enough | None) -> bool:
    """Whether something satisfies a query, as far as that could be found out."""
    found = next(search(stores, query, enough=enough), None)
    return found is not None or (enough is not None and enough())
