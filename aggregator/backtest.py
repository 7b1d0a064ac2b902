"""What a query would have brought: tried on what is stored, with an end where somebody waits for the answer.

A changed query is held against the present one over the same entries: as far back as both were tried.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from aggregator.errors import QueryError
from aggregator.query import NeedEverything, Query
from aggregator.search import Result, look
from aggregator.stores import Stores
from aggregator.watch.lint import Warning  # noqa: A004 - the word users read


@dataclass(frozen=True, slots=True)
class Tried:
    """What a query found, newest first; `reached` is the oldest entry that was looked at where it was stopped early, else 0."""

    results: tuple[Result, ...]
    reached: int = 0

    @property
    def stories(self) -> int:
        """How many stories the entries tell."""
        return len({result.entry.story_id for result in self.results})

    @property
    def days(self) -> Counter[date]:
        """How many entries are dated on each day (UTC)."""
        return Counter(result.entry.sort_at.date() for result in self.results)


@dataclass(frozen=True, slots=True)
class Change:
    """What enters and what leaves with a changed query, newest first; `reached` as in Tried."""

    enters: tuple[Result, ...]
    leaves: tuple[Result, ...]
    reached: int = 0


def begin(stores: Stores, now: datetime, days: int) -> datetime:
    """So many days back: from now, or from the newest entry where nothing has come in since."""
    span = timedelta(days=days)
    newest = next(stores.entries.propose(NeedEverything()), None)
    seen = newest.entry().first_seen_at if newest else now
    return (seen if seen < now - span else now) - span


def attempt(
    stores: Stores, query: Query, since: datetime, *, most: int | None = None, enough: Callable[[], bool] | None = None
) -> Tried:
    """Everything that satisfies the query; with bounds at most `most` entries, until `enough()` says that it took long enough."""
    found: list[Result] = []
    for number, (entry_id, result) in enumerate(look(stores, query, since)):
        # Asked of the first one too: then at least one entry was looked at.
        if number and (len(found) == most or (enough and enough())):
            return Tried(tuple(found), entry_id + 1)
        if result is not None:
            found.append(result)
    return Tried(tuple(found))


def compare(present: Tried, changed: Tried) -> Change:
    """What the changed query adds and drops among the entries that both were held against."""
    reached = max(present.reached, changed.reached)
    before, after = ({r.id for r in tried.results} for tried in (present, changed))
    return Change(
        enters=_among(changed.results, reached, before),
        leaves=_among(present.results, reached, after),
        reached=reached,
    )


def worded(text: str, warnings: Sequence[Warning]) -> str:
    """The query, and under it a caret for each piece of advice, below the word that it is about."""
    pairs = [QueryError(text, w.pos, w.message).caret().split("\n") for w in warnings]
    return "\n".join([pairs[0][0], *(f"{caret} {w.message}" for (_, caret), w in zip(pairs, warnings, strict=True))])


def _among(results: Iterable[Result], reached: int, but: set[int]) -> tuple[Result, ...]:
    return tuple(result for result in results if result.id >= reached and result.id not in but)
