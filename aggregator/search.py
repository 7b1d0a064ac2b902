"""Search over history: the index proposes candidates, the evaluator that matches live decides (invariant 4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from aggregator.model import Entry, Span
from aggregator.ports import Stores
from aggregator.query import Query, proposal
from aggregator.watch import documents, match


@dataclass(frozen=True, slots=True)
class Result:
    """One entry that a search returns, and why."""

    entry: Entry
    spans: tuple[Span, ...]


def search(stores: Stores, query: Query, since: datetime | None = None) -> Iterator[Result]:
    """Every stored entry that satisfies the query in its current revision, newest first."""
    for entry in stores.entries.propose(proposal(query), since):
        spans = match.evaluate(query, documents.of_entry(entry))
        if spans is not None:
            yield Result(entry, spans)
