"""What a search found, ready to be shown: a page of it, and by what it could be narrowed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from aggregator.digests import edition
from aggregator.model import Entry
from aggregator.query import Query
from aggregator.search import Enough, Result, look
from aggregator.stores import Stores
from aggregator.web.lines import Pieces, pieces

SHOWN = 20
COUNTED = 1_000
FACETS = 12


@dataclass(frozen=True, slots=True)
class Hit:
    """A result: its entry with no more of the text than may be shown."""

    entry: Entry
    headline: Pieces
    excerpt: Pieces
    page: bool
    """Whether the excerpt is of the article page."""


@dataclass(frozen=True, slots=True)
class Facet:
    """One way to narrow a search: the part of the address and its value, and how many results are left."""

    value: str
    title: str
    results: int


@dataclass(frozen=True, slots=True)
class Findings:
    """A page of results.

    Attributes:
        counted: results in all, as far as they were counted (`whole`: to the end).
        after: what the next page is `before`, 0 where there is none.
        cut: whether time ran out.
    """

    hits: tuple[Hit, ...]
    counted: int
    whole: bool
    after: int
    cut: bool
    feeds: tuple[Facet, ...] = ()
    languages: tuple[Facet, ...] = ()
    periods: tuple[Facet, ...] = ()

    @property
    def full(self) -> bool:
        """Whether it is a whole page."""
        return len(self.hits) == SHOWN


def find(
    stores: Stores,
    query: Query,
    since: datetime | None,
    *,
    before: int = 0,
    feed: str = "",
    language: str = "",
    periods: Mapping[str, datetime] | None = None,
    enough: Enough,
) -> Findings:
    """The results behind the entry `before`, newest first; of the first page also what they are, by feed, language and period."""
    found: list[Result] = []
    tally = _Tally(periods or {})
    last = 0
    for last, result in look(stores, query, since, before=before, enough=enough):  # noqa: B007 - where it stopped
        if result is None or not (_is(result.entry.feed_id, feed) and _is(result.entry.language, language)):
            continue
        tally.add(result.entry)
        found += [result] if len(found) <= SHOWN else []
        if tally.results > (SHOWN if before else COUNTED):
            break
    cut = enough()
    shown = found[:SHOWN]
    more = shown[-1].id if len(found) > SHOWN else last if cut else 0
    results = min(tally.results, COUNTED)
    whole = not cut and tally.results <= COUNTED
    hits = tuple(map(hit, shown))
    if before:
        return Findings(hits, results, whole, more, cut)
    return Findings(hits, results, whole, more, cut, *tally.facets())


def hit(result: Result) -> Hit:
    """A result as it is shown."""
    headline, marks, text = edition.shown(result.entry, result.spans)
    return Hit(result.entry, pieces(headline, marks), pieces(text.text, text.marks), text.field == "article")


def _is(value: str, wanted: str) -> bool:
    return not wanted or value == wanted


class _Tally:
    """Counts results by what they could be narrowed by."""

    def __init__(self, periods: Mapping[str, datetime]) -> None:
        self.results = 0
        self._periods = periods
        self._since: Counter[str] = Counter()
        self._feeds: Counter[str] = Counter()
        self._titles: dict[str, str] = {}
        self._languages: Counter[str] = Counter()

    def add(self, entry: Entry) -> None:
        """One more."""
        self.results += 1
        if self.results > COUNTED:
            return
        self._feeds[entry.feed_id] += 1
        self._titles[entry.feed_id] = entry.feed_title
        self._languages[entry.language] += 1
        self._since.update(name for name, since in self._periods.items() if entry.first_seen_at >= since)

    def facets(self) -> tuple[tuple[Facet, ...], tuple[Facet, ...], tuple[Facet, ...]]:
        """By feed and language, the most first; by period, the shortest first."""
        feeds = [Facet(name, self._titles[name], count) for name, count in _most(self._feeds)]
        languages = [Facet(name, name, count) for name, count in _most(self._languages) if name]
        periods = [Facet(name, name, self._since[name]) for name in self._periods if self._since[name]]
        return tuple(feeds), tuple(languages), tuple(periods)


def _most(counts: Counter[str]) -> Sequence[tuple[str, int]]:
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:FACETS]
