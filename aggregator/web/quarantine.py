"""What was refused and is kept for a person: documents that could not be read, article pages and messages that were given up."""

from __future__ import annotations

from datetime import timedelta

from fastapi import Response

from aggregator import feedview
from aggregator.model import Feed
from aggregator.overview import FeedsWanted
from aggregator.web.frame import Frame
from aggregator.web.routes import Routes

SHOWN = 200
PAGES = 1_000
"""Article pages given up that are looked at, the newest; they are shown by feed and reason."""
LATELY = timedelta(days=14)
INTERRUPTED = (
    "the process that read it last did not come to an end; it is read with care until a document comes through"
)


def add(routes: Routes) -> None:
    """Add the route."""
    routes.private("quarantine", Quarantine(routes.frame).show)


class Quarantine:
    """What the route answers."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._app = frame.app

    def show(self) -> Response:
        """All of it, each with what to do."""
        now, overview = self._app.clock.now(), self._app.stores.overview
        refused = overview.feeds(FeedsWanted("refused"), now.date(), SHOWN)
        malformed = overview.feeds(FeedsWanted("malformed"), now.date(), SHOWN)
        return self._frame.page(
            "quarantine.html.j2",
            here="outbox",
            refused=[(feed, self._why(feed), feedview.advice(feed)) for feed in refused.feeds],
            refused_count=refused.count,
            malformed=malformed,
            pages=overview.given_up(PAGES),
            counted=PAGES,
            piles=overview.piles(now - LATELY),
        )

    def _why(self, feed: Feed) -> str:
        told = [feedview.trouble(feed)] if feed.poll.error else []
        return "; ".join([*told, INTERRUPTED] if feed.interrupted else told)
