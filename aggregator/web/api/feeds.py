"""Feeds: how they are, and what may be done to them; and whether all is well."""

from __future__ import annotations

from datetime import datetime
from importlib.metadata import version
from typing import Any

from fastapi import Request, Response
from starlette.exceptions import HTTPException

from aggregator import plain, signalview
from aggregator.app import App
from aggregator.model import Feed
from aggregator.reading import Signal
from aggregator.web.api import answers, asking
from aggregator.web.api.asking import Limit, Name, NameCursor

SHOWN = 10
"""Events and gaps of one feed."""


class Feeds:
    """What each call answers."""

    def __init__(self, app: App) -> None:
        self._app = app

    def list_feeds(self, request: Request, limit: Limit = asking.USUAL, cursor: NameCursor = "") -> Response:
        """Every feed in feeds.yaml and how it is, by id."""
        return answers.named(request, [plain.feed(one) for one in self._app.stores.feeds.list()], limit, cursor)

    def get_feed(self, request: Request, feed_id: Name) -> Response:
        """One feed, what happened to it, and what of it may have been missed."""
        return answers.answer(request, self._shown(self._feed(feed_id)))

    def pause_feed(self, request: Request, feed_id: Name) -> Response:
        """Poll it no more until it is resumed. Doing it twice is doing it once."""
        self._feed(feed_id)
        self._app.stores.feeds.pause(feed_id, self._app.clock.now())
        return answers.answer(request, self._shown(self._feed(feed_id)))

    def resume_feed(self, request: Request, feed_id: Name) -> Response:
        """Poll it again, now, with a clean slate; also one that is failing or gone."""
        self._feed(feed_id)
        self._app.stores.feeds.resume(feed_id, self._app.clock.now())
        return answers.answer(request, self._shown(self._feed(feed_id)))

    def poll_feed(self, request: Request, feed_id: Name) -> Response:
        """Poll it at the next tick of the daemon, though it is not due.

        One that is paused, or whose server or host has asked to be left alone, is not: that is a conflict.
        """
        feed, now = self._feed(feed_id), self._app.clock.now()
        if _is_held(feed, now):
            raise HTTPException(
                409, f"feed {feed_id!r} is left alone, as its server or host asked; resume it to poll it all the same"
            )
        if not self._app.stores.feeds.hasten(feed_id, now):
            raise HTTPException(409, f"feed {feed_id!r} is paused; resume it to poll it")
        return answers.answer(request, self._shown(self._feed(feed_id)), 202)

    def get_health(self, request: Request) -> Response:
        """Whether all is well: every feed read at its last poll, our network up, every mail server and channel taking what it gets."""
        stores = self._app.stores
        checked, outage, relays = stores.upkeep.checked(), stores.network.outage(), stores.relays.failing()
        return answers.answer(request, {
            "ok": checked.ok == checked.feeds and outage is None and not relays,
            "version": version("aggregator"),
            "feeds": checked.feeds,
            "feeds_ok": checked.ok,
            "failing": [{"feed_id": f.feed_id, "title": f.title, "since": plain.when(f.since), "error": f.error}
                        for f in checked.failing],
            "outage_since": plain.when(outage),
            "relays": [{"name": r.name, "since": plain.when(r.since), "until": plain.when(r.until), "error": r.error}
                       for r in relays],
            "signals": [{"kind": s.kind, "watchlist_id": s.watchlist_id, "feed_id": s.feed_id,
                         "began_at": plain.when(s.began_at), "detail": signalview.said(s)} for s in self._signals()],
        })  # fmt: skip

    def _signals(self) -> list[Signal]:
        """What lasts out of its rhythm; readers' own watchlists are nobody else's."""
        watched = {"", *(one.id for one in self._app.configuration.watchlists)}
        return [one for one in self._app.stores.signals.list(lasting=True) if one.watchlist_id in watched]

    def _feed(self, feed_id: str) -> Feed:
        found = self._app.stores.feeds.get(feed_id)
        if found is None:
            raise HTTPException(404, f"there is no feed {feed_id!r}")
        return found

    def _shown(self, feed: Feed) -> dict[str, Any]:
        stores = self._app.stores
        return plain.feed(feed) | {
            "homepage": plain.masked(self._app.configuration.homepages.get(feed.id, "")),
            "held_until": plain.when(feed.poll.held_until),
            "missed": [plain.gap(one) for one in stores.polls.gaps(feed.id)[:SHOWN]],
            "events": [plain.event(one) for one in stores.history.events(feed.id, SHOWN)],
        }


def _is_held(feed: Feed, now: datetime) -> bool:
    """Whether its server or its whole host has asked to be left alone."""
    holds = (feed.poll.held_until, feed.hold.held_until if feed.hold else None)
    return any(until is not None and until > now for until in holds)
