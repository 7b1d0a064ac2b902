"""The form that tries a changed query of a watchlist on what is stored. It ends after about a second, and says where it did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from itertools import takewhile

from aggregator.app import App
from aggregator.backtest import Change, Tried, attempt, begin, compare, worded
from aggregator.errors import QueryError
from aggregator.model import Watchlist
from aggregator.search import Result, advice, newest
from aggregator.web import lines
from aggregator.web.lines import Line
from aggregator.web.preview import MOST

SHOWN = 10
LONGEST = 1_000
"""Characters of a query that are read."""
CHANGED, PRESENT, ADVICE = 0.5, 0.3, 0.2
"""Each part's share of `web.search_time`."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it. `fault` is a query that does not parse, with a caret; then there is nothing else.

    `cut` is back to when entries were looked at, None for all of them since `since`; `compared` the same of both queries.
    """

    query: str
    since: datetime
    fault: tuple[str, str] | None = None
    entries: int = 0
    stories: int = 0
    a_day: float = 0.0
    busiest: tuple[date, int] | None = None
    hits: tuple[Line, ...] = ()
    cut: datetime | None = None
    same: bool = False
    enters: int = 0
    leaves: int = 0
    entering: tuple[Line, ...] = ()
    leaving: tuple[Line, ...] = ()
    compared: datetime | None = None
    advice: str = ""
    lines: str = ""


def trial(app: App, watchlist: Watchlist, text: str, days: int) -> Trial:
    """Try a query beside a watchlist's own; nothing is changed by asking."""
    text = plain(text)
    since = begin(app.stores, app.clock.now(), days)
    try:
        query, present = app.query(text), app.query(watchlist.query)
    except QueryError as error:
        return Trial(text, since, fault=(error.caret(), str(error)))
    changed = attempt(app.stores, query, since, most=MOST, enough=app.patience(CHANGED))
    same = query == present
    change = Change((), ()) if same else compare(_present(app, watchlist, since), changed)
    return Trial(
        text,
        since,
        entries=len(changed.results),
        stories=changed.stories,
        a_day=round(len(changed.results) / days, 1),
        busiest=max(changed.days.items(), key=lambda item: item[1], default=None),
        hits=_lines(changed.results),
        cut=_reached(app, changed.reached),
        same=same,
        enters=len(change.enters),
        leaves=len(change.leaves),
        entering=_lines(change.enters),
        leaving=_lines(change.leaves),
        compared=_reached(app, change.reached),
        advice=_advice(app, text),
        lines=written(watchlist, text),
    )


def plain(text: str) -> str:
    """A query on one line, without what no file can hold."""
    shown = "".join(char if char.isprintable() else " " for char in text[:LONGEST])
    return " ".join(shown.split())


def written(watchlist: Watchlist, query: str) -> str:
    """The watchlist as it stands in config/watchlists.yaml with this query."""
    title, text = ("'" + value.replace("'", "''") + "'" for value in (watchlist.title, query))
    return f"  - id: {watchlist.id}\n    title: {title}\n    query: {text}"


def _present(app: App, watchlist: Watchlist, since: datetime) -> Tried:
    return attempt(app.stores, app.query(watchlist.query), since, most=MOST, enough=app.patience(PRESENT))


def _lines(results: tuple[Result, ...]) -> tuple[Line, ...]:
    return tuple(lines.line(result.entry, result.spans) for result in results[:SHOWN])


def _reached(app: App, entry_id: int) -> datetime | None:
    """When the first entry that was not looked at was first seen."""
    entry = app.stores.entries.get(entry_id - 1) if entry_id else None
    return entry.first_seen_at if entry else None


def _advice(app: App, text: str) -> str:
    """What is doubtful about the query, with carets; "" where nothing is."""
    enough = app.patience(ADVICE)
    documents = list(takewhile(lambda _: not enough(), newest(app.stores)))
    warnings = advice(app.stores, app.query(text), documents, app.patience(ADVICE))
    return worded(text, warnings) if warnings else ""
