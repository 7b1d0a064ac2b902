"""What a choice would have brought: the last 30 days, so that nobody subscribes to silence or to a flood."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice

from aggregator.app import App
from aggregator.search import Result, advice, newest, search

DAYS = 30
MOST = 2_000
"""Hits that are counted; a visitor's question must not keep the machine busy."""
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Hit:
    """A stored entry that the query finds; `parts` are pieces of its title, each with whether it is a match."""

    parts: tuple[tuple[str, bool], ...]
    source: str
    day: str


@dataclass(frozen=True, slots=True)
class Preview:
    """How many entries and stories in 30 days, how many on a usual and on the busiest day, the newest, and advice."""

    entries: int
    stories: int
    more: bool
    a_day: float
    busiest: tuple[str, int]
    hits: tuple[Hit, ...]
    advice: tuple[str, ...]


def preview(app: App, text: str) -> Preview:
    """What a query finds in what is stored; nothing is changed by asking."""
    query = app.query(text)
    since = app.clock.now() - timedelta(days=DAYS)
    results = list(islice(search(app.stores, query, since), MOST + 1))
    counted = results[:MOST]
    days = Counter(f"{r.entry.sort_at:%-d %B}" for r in counted)
    warnings = advice(app.stores, query, list(newest(app.stores)))
    return Preview(
        entries=len(counted),
        stories=len({r.entry.story_id for r in counted}),
        more=len(results) > MOST,
        a_day=round(len(counted) / DAYS, 1),
        busiest=max(days.items(), key=lambda item: item[1], default=("", 0)),
        hits=tuple(_hit(r) for r in counted[:SHOWN]),
        advice=tuple(w.message for w in warnings),
    )


def _hit(result: Result) -> Hit:
    entry = result.entry
    spans = [(s.start, s.end) for s in result.spans if s.field == "title"]
    return Hit(tuple(_parts(entry.title, sorted(spans))), entry.feed_title, f"{entry.sort_at:%-d %B}")


def _parts(text: str, spans: Sequence[tuple[int, int]]) -> list[tuple[str, bool]]:
    """A text in pieces, each with whether it is marked."""
    at, parts = 0, []
    for start, end in spans:
        parts += [(text[at:start], False), (text[max(at, start) : end], True)]
        at = max(at, end)
    return [piece for piece in [*parts, (text[at:], False)] if piece[0]]
