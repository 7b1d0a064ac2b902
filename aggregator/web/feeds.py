"""How the feeds are doing, all and one by one, and what the operator can do about it.

Visitors see the same but for what names hosts and addresses: errors, addresses, events; and no buttons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import get_args

from fastapi import HTTPException, Response
from fastapi.responses import RedirectResponse

from aggregator import feedview, onduty
from aggregator.feeds.pace import spell
from aggregator.model import Feed, FeedState
from aggregator.overview import FeedsWanted, Order
from aggregator.plain import many
from aggregator.reading import FeedDay, Signal
from aggregator.web import charts
from aggregator.web.frame import Fields, Frame
from aggregator.web.links import PATHS
from aggregator.web.routes import Routes
from aggregator.web.visit import VISIT

SHOWN = 200
MONTH = timedelta(days=30)
SPANS = (30, 90)
NEWEST = 20
EVENTS = 20
STATES = ("failing", "gone", "silent", "new", "ok", "paused")
"""What the list can be narrowed to; `silent` lasts beside a state."""
ORDERS: Mapping[Order, str] = {
    "trouble": "trouble first",
    "title": "by name",
    "entries": "liveliest first",
    "next": "next to be polled first",
}
PUBLIC = frozenset({
    "entries", "last asked", "last read", "next try", "why then", "interval", "asks for", "rhythm", "last news",
    "language", "country", "tags", "articles", "may be shown", "validators",
})  # fmt: skip
"""Rows that name no host and no address."""
SAID_ABOVE = frozenset(("title", "state", "what happened", "what to do"))
NOTICES = {
    "paused": "It is paused: nobody asks it until it is resumed.",
    "resumed": "It is resumed, with a clean slate, and due now.",
    "undone": "The move is taken back: it is polled where feeds.yaml says, and due now.",
    "not-moved": "It has not moved: there is nothing to take back.",
    "not-due": "It is paused: resume it first.",
}


def add(routes: Routes) -> None:
    """Add the routes."""
    feeds = Feeds(routes.frame)
    routes.page("feeds", feeds.list)
    routes.page("feed", feeds.feed)
    routes.act(PATHS["feed"], feeds.act)


@dataclass(frozen=True, slots=True)
class Line:
    """A feed in the list: its state in words, what the operator is told besides, and its entries of 30 days."""

    feed: Feed
    condition: str
    note: str
    silence: Signal | None
    entries: int
    spark: str


class Feeds:
    """What each route answers."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._app = frame.app

    # -- all -----------------------------------------------------------------------------------------------------------

    def list(self, state: str = "", tag: str = "", sort: str = "", page: str = "") -> Response:
        """Every feed, those in trouble first."""
        now, today = self._app.clock.now(), self._app.clock.now().date()
        number = int(page) if page.isdecimal() and len(page) < 5 else 1
        chosen = FeedsWanted(
            next((s for s in (*get_args(FeedState), "silent") if s == state), ""),
            tag,
            next((order for order in ORDERS if order == sort), "trouble"),
        )
        overview = self._app.stores.overview
        listed = overview.feeds(chosen, today - MONTH, SHOWN, SHOWN * (max(number, 1) - 1))
        days = overview.daily([f.id for f in listed.feeds], today - MONTH + timedelta(days=1), today)
        silent = {s.feed_id: s for s in self._app.stores.signals.list(lasting=True) if s.kind == "silence"}
        counts: dict[str, int] = {**listed.by_state, "silent": len(silent)}
        lines = [self._line(f, now, days[f.id], silent.get(f.id)) for f in listed.feeds]
        return self._frame.page(
            "feeds.html.j2",
            here="feeds",
            lines=lines,
            listed=listed,
            chosen=chosen,
            orders=ORDERS,
            states=[(s, counts.get(s, 0)) for s in STATES],
            all=sum(listed.by_state.values()),
            read=listed.by_state.get("ok", 0),
            number=number,
            more=listed.count > number * SHOWN,
            now=now,
            say=self._say,
            **self._surroundings(now),
        )

    def _line(self, feed: Feed, now: datetime, days: Sequence[int], silence: Signal | None) -> Line:
        note = feedview.note(feed, now, self._say) if self._is_operator else ""
        return Line(feed, feedview.condition(feed, self._say), note, silence, sum(days), charts.spark(days))

    def _surroundings(self, now: datetime) -> dict[str, object]:
        """What holds for all feeds: our own network, hosts that asked for a pause, whether anybody polls."""
        network = self._app.stores.network
        return {"outage": network.outage(), "holds": network.holds(now), "polled": self._is_polled}

    # -- one -----------------------------------------------------------------------------------------------------------

    def feed(self, feed: str, days: str = "", said: str = "") -> Response:
        """All that is known of one feed."""
        known, now = self._app.stores.feeds.get(feed), self._app.clock.now()
        if known is None:
            return self._frame.say(404, "No such feed", "There is no feed of this name, or it is watched no more.")
        span = next((n for n in SPANS if str(n) == days), SPANS[0])
        counted = self._app.stores.attention.feed(feed, now.date() - timedelta(days=span - 1), now.date())
        silent = (s for s in self._app.stores.signals.list(lasting=True) if s.feed_id == feed and s.kind == "silence")
        overview, since = self._app.stores.overview, now - MONTH
        return self._frame.page(
            "feed.html.j2",
            here="feeds",
            feed=known,
            condition=feedview.condition(known, self._say),
            trouble=feedview.trouble(known) if self._is_operator else "",
            advice=feedview.advice(known) if self._is_operator else "",
            held=self._held(known, now),
            silence=next(silent, None),
            rows=self._rows(known, now),
            entries=_entries(counted),
            polls=_polls(counted),
            counted=sum(day.entries for day in counted),
            asked=sum(day.polls for day in counted),
            answered=sum(day.answered for day in counted),
            span=span,
            spans=SPANS,
            gaps=self._app.stores.polls.gaps(feed)[: feedview.SHOWN_GAPS],
            events=self._app.stores.history.events(feed, EVENTS) if self._is_operator else [],
            told=feedview.told,
            articles=overview.articles(feed, since) if known.spec.articles != "never" else {},
            watchlists=overview.feeds_into(feed, since),
            newest=overview.newest(feed, NEWEST),
            notice=self._notice(known, said, now),
        )

    def act(self, feed: str, fields: Fields) -> Response:
        """Pause, resume, poll now, undo a move: what the commands do, through the same store."""
        now, stores = self._app.clock.now(), self._app.stores
        known = stores.feeds.get(feed)
        if known is None:
            raise HTTPException(404)
        match fields.get("do", ""):
            case "pause":
                said = "paused" if stores.feeds.pause(feed, now) else ""
            case "resume":
                said = "resumed" if stores.feeds.resume(feed, now) else ""
            case "poll":
                said = "due" if stores.feeds.hasten(feed, self._earliest(known, now)) else "not-due"
            case "undo":
                said = "undone" if stores.history.undo_move(feed, now) else "not-moved"
            case _:
                raise HTTPException(400)
        return RedirectResponse(self._frame.link("feed", feed=feed, said=said), 303)

    def _earliest(self, feed: Feed, now: datetime) -> datetime:
        """When a person may have it asked: a button that is pressed again and again is no reason to be a bad guest."""
        last = feed.poll.last_poll_at
        if last is None or last > now:
            return now
        return max(now, last + self._app.configuration.settings.polling.floor)

    def _notice(self, feed: Feed, said: str, now: datetime) -> str:
        """What is told after an action, by its code."""
        return self._after_poll(feed, now) if said == "due" and self._is_operator else NOTICES.get(said, "")

    def _after_poll(self, feed: Feed, now: datetime) -> str:
        """When “poll now” comes true, and what holds it up."""
        poll = feed.poll
        if poll.next_poll_at > now and poll.next_poll_reason != "asked for by hand":
            return f"It was asked {self._say(poll.last_poll_at)}." if poll.last_poll_at else ""
        if held := self._held(feed, now):
            return f"It is due, and waits: {held}. “Resume” asks before that."
        if self._app.stores.network.outage() is not None:
            return "It is due, and waits: our own network seems down; all that is due is asked when it is back."
        if not self._is_polled:
            return f"It is due, but no daemon runs: `aggregator run` starts it, `aggregator poll --feed {feed.id}` asks it once."
        if poll.next_poll_at > now:
            floor = spell(self._app.configuration.settings.polling.floor)
            return f"It is asked {self._say(poll.next_poll_at)}: no feed is asked more often than every {floor}."
        return "It is due now: the daemon asks it within seconds."

    # -- words ---------------------------------------------------------------------------------------------------------

    @property
    def _is_operator(self) -> bool:
        return VISIT.get().role == "operator"

    @property
    def _is_polled(self) -> bool:
        """Whether a daemon has this home, which may be this very process, or workers its database."""
        return onduty.runs(self._app)

    def _say(self, at: datetime) -> str:
        return self._frame.near(at)

    def _held(self, feed: Feed, now: datetime) -> str:
        held = feedview.held(feed, now, self._say)
        return held if self._is_operator or not held else "its server asked for a pause"

    def _rows(self, feed: Feed, now: datetime) -> Sequence[tuple[str, str]]:
        c = self._app.configuration
        rows = feedview.rows(feed, c.access.get(feed.id), c.homepages.get(feed.id, ""), now, self._say)
        if self._is_operator:
            return [row for row in rows if row[0] not in SAID_ABOVE]
        return [row for row in rows if row[0] in PUBLIC]


def _entries(days: Sequence[FeedDay]) -> charts.Chart:
    return charts.chart([(f"{d.day:%-d %b}", d.entries, many(d.entries, "entry", "entries")) for d in days])


def _polls(days: Sequence[FeedDay]) -> charts.Chart:
    return charts.chart([(f"{d.day:%-d %b}", d.answered, f"{d.answered:,} of {d.polls:,}") for d in days])
