"""What a choice would have brought: the last 30 days, so that nobody subscribes to silence or to a flood."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from aggregator.app import App
from aggregator.backtest import attempt
from aggregator.search import Result, advice, newest
from aggregator.web.lines import pieces

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
    tried = attempt(app.stores, query, app.clock.now() - timedelta(days=DAYS), most=MOST, enough=app.patience())
    busiest, most = max(tried.days.items(), key=lambda item: item[1], default=(None, 0))
    warnings = advice(app.stores, query, list(newest(app.stores)), app.patience())
    return Preview(
        entries=len(tried.results),
        stories=tried.stories,
        more=bool(tried.reached),
        a_day=round(len(tried.results) / DAYS, 1),
        busiest=(f"{busiest:%-d %B}" if busiest else "", most),
        hits=tuple(_hit(r) for r in tried.results[:SHOWN]),
        advice=tuple(w.message for w in warnings),
    )


def _hit(result: Result) -> Hit:
    entry = result.entry
    marks = [(s.start, s.end) for s in result.spans if s.field == "title"]
    return Hit(pieces(entry.title, marks), entry.feed_title, f"{entry.sort_at:%-d %B}")
