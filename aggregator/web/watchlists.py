"""The watchlists, and each with its attention, its newest matches and a form that tries a changed query."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from fastapi import HTTPException, Response
from fastapi.responses import StreamingResponse

from aggregator import topwords
from aggregator.attention.words import Elsewhere
from aggregator.model import Watchlist
from aggregator.reading import By, DayCount, Found, Signal, Word
from aggregator.web import attention, charts, lines, trying
from aggregator.web.attention import SPANS, Measure
from aggregator.web.frame import ASK_AGAIN, Frame
from aggregator.web.lines import Line
from aggregator.web.links import number
from aggregator.web.routes import Routes
from aggregator.web.trying import Trial

SHOWN = 30
"""Matches of a page."""
FEEDS = 15
MONTH = 30
PARTS: tuple[tuple[str, By], ...] = (("Feed", "feed"), ("Language", "language"), ("Country", "country"))
WORDS = 20
PAST = 10
"""Signals of the period that are over."""
CSV_DAYS = 28
"""Days of a CSV that are read at once."""


def add(routes: Routes) -> None:
    """Add the routes. That of a watchlist stands behind that of its listings, whose addresses it would take for ids."""
    pages = Watchlists(routes.frame)
    routes.page("watchlists", pages.every)
    routes.page("watchlist", pages.watchlist)


@dataclass(frozen=True, slots=True)
class Listed:
    """A watchlist of the list: its month (charts.spark), how many entries today and in 7 and 30 days (UTC), and what lasts out of its rhythm."""

    watchlist: Watchlist
    month: str
    today: int
    week: int
    all: int
    signals: tuple[Signal, ...]


class Watchlists:
    """What each route answers."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._app = frame.app
        self._wholes: dict[int, tuple[datetime, int]] = {}
        self._elsewhere: tuple[datetime, Elsewhere] | None = None
        self._words: dict[tuple[Watchlist, int], tuple[datetime, list[Word]]] = {}

    def every(self) -> Response:
        """Every watchlist of the files."""
        watchlists, today = self._app.configuration.watchlists, self._today()

        def make() -> tuple[str, Sequence[int]]:
            signals = self._signals()
            listed = [self._listed(watchlist, today, signals) for watchlist in watchlists]
            return self._frame.text("watchlists.html.j2", here="watchlists", listed=listed), ()

        return self._frame.kept(("watchlists", today), [w.id for w in watchlists], make)

    def watchlist(
        self, watchlist: str, days: str = "", show: str = "", before: str = "", query: str | None = None
    ) -> Response:
        """One of them; whatever is asked in another way than the page's own links do is the page as it is without."""
        found = find(self._frame, watchlist)
        span = next((n for n in SPANS if str(n) == days), SPANS[0])
        measure: Measure = "share" if show == "share" else "count"
        last = number(before)
        if query is not None:
            with self._frame.turns.one():
                trial = trying.trial(self._app, found, query, span)
            return self._frame.page(
                "watchlist.html.j2", here="watchlists", **self._values(found, span, measure, last, trial)
            )
        if last:
            return self._frame.page("watchlist.html.j2", here="watchlists", **self._values(found, span, measure, last))

        def make() -> tuple[str, Sequence[int]]:
            values = self._values(found, span, measure) | self._besides(found, span)
            told = [line.story for _, line in values["matches"]]
            return self._frame.text("watchlist.html.j2", here="watchlists", **values), told

        return self._frame.kept(("watchlist", found, span, measure, self._today(), self._whole(span)), [found.id], make)

    def _values(
        self, watchlist: Watchlist, span: int, measure: Measure, before: int = 0, trial: Trial | None = None
    ) -> dict[str, Any]:
        """What the page of a watchlist shows."""
        store, until = self._app.stores.attention, self._today()
        since = attention.since(until, span)
        found = self._app.stores.reading.found(watchlist.id, SHOWN + 1, before)
        return {
            "watchlist": watchlist,
            "span": span,
            "spans": SPANS,
            "measure": measure,
            "attention": attention.attention(store.days(watchlist.id, since, until), measure),
            "since": since,
            "until": until,
            "parts": [(name, store.parts(watchlist.id, since, until, by, FEEDS)) for name, by in PARTS],
            "matches": self._lines(watchlist, found[:SHOWN]),
            "before": before,
            "older": found[SHOWN - 1].match.id if len(found) > SHOWN else 0,
            "lasting": self._signals().get(watchlist.id, ()),
            "trial": trial,
            "percent": attention.percent,
            "longest": trying.LONGEST,
        }

    def _besides(self, watchlist: Watchlist, span: int) -> dict[str, Any]:
        """What stands on the page alone, not beside a trial or older matches: words, and what was out of rhythm and is over."""
        begin = attention.since(self._today(), span)
        known = self._app.stores.signals.list(datetime.combine(begin, time(), UTC))
        past = [one for one in known if one.watchlist_id == watchlist.id and one.ended_at is not None]
        return {"words": self._top(watchlist, span), "past": past[:PAST]}

    def _top(self, watchlist: Watchlist, span: int) -> list[Word]:
        """The words of a watchlist, as they were at most an hour ago: they are read from thousands of headlines."""
        hour, until = self._app.clock.now().replace(minute=0, second=0, microsecond=0), self._today()
        kept = self._words.get((watchlist, span))
        if kept is None or kept[0] != hour:
            if self._elsewhere is None or self._elsewhere[0] != hour:
                self._elsewhere = hour, topwords.elsewhere(self._app.stores)
                self._words = {}  # of watchlists that have changed nobody asks again
            since, known = attention.since(until, span), self._elsewhere[1]
            kept = hour, topwords.top(self._app.stores, watchlist.id, since, until, WORDS, known=known)
            self._words[watchlist, span] = kept
        return kept[1]

    def _whole(self, span: int) -> int:
        """All entries of the days of a chart, as they were at most a minute ago.

        Shares change with every entry, also such as no watchlist gets: a hundred pages need not be made again for each.
        """
        minute, until = self._app.clock.now().replace(second=0, microsecond=0), self._today()
        known = self._wholes.get(span)
        if known is None or known[0] != minute:
            known = minute, self._app.stores.attention.all(attention.since(until, span), until)
            self._wholes[span] = known
        return known[1]

    def _listed(self, watchlist: Watchlist, today: date, signals: Mapping[str, Sequence[Signal]]) -> Listed:
        days = self._app.stores.attention.days(watchlist.id, attention.since(today, MONTH), today)
        return Listed(
            watchlist,
            charts.spark([day.entries for day in days]),
            _sum(days[-1:]),
            _sum(days[-7:]),
            _sum(days),
            tuple(signals.get(watchlist.id, ())),
        )

    def _lines(self, watchlist: Watchlist, found: Sequence[Found]) -> list[tuple[Found, Line]]:
        query = self._app.query(watchlist.query)
        return [(one, lines.line(one.entry, lines.spans(one, query))) for one in found]

    def _signals(self) -> Mapping[str, Sequence[Signal]]:
        """What lasts, by watchlist."""
        by_watchlist: dict[str, list[Signal]] = {}
        for signal in self._app.stores.signals.list(lasting=True):
            by_watchlist.setdefault(signal.watchlist_id, []).append(signal)
        return by_watchlist

    def _today(self) -> date:
        """Attention is counted by days of UTC."""
        return self._app.clock.now().astimezone(UTC).date()


def find(frame: Frame, name: str) -> Watchlist:
    """A watchlist of the files; readers' own are nobody else's. Raises HTTPException 404."""
    found = next((one for one in frame.app.configuration.watchlists if one.id == name), None)
    if found is None:
        raise HTTPException(404)
    return found


def table(frame: Frame, name: str) -> Response:
    """A year of a watchlist's attention as CSV, read month by month. Raises HTTPException 404."""
    watchlist, until = find(frame, name), frame.app.clock.now().astimezone(UTC).date()
    begin = until - timedelta(days=SPANS[-1] - 1)

    def rows() -> Iterator[str]:
        yield attention.row(*attention.COLUMNS)
        start = begin
        while start <= until:
            end = min(until, start + timedelta(days=CSV_DAYS - 1))
            yield from attention.table(frame.app.stores.attention.cells(watchlist.id, start, end))
            start = end + timedelta(days=1)

    headers = ASK_AGAIN | {"Content-Disposition": f'attachment; filename="{watchlist.id}.csv"'}
    return StreamingResponse(rows(), media_type="text/csv; charset=utf-8", headers=headers)


def _sum(days: Sequence[DayCount]) -> int:
    return sum(day.entries for day in days)
