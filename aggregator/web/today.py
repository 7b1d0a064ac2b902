"""The first page: what came since the last edition, by watchlist, and the same for each day before. It is bounded, and it ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache

from fastapi import HTTPException, Response

from aggregator.publication import Checked
from aggregator.query import Query
from aggregator.reading import Found, Signal
from aggregator.web import lines
from aggregator.web.frame import Frame
from aggregator.web.frontpage import Front, arrange
from aggregator.web.lines import Line
from aggregator.web.routes import Routes

STORIES = (60, 40, 20, 10, 0)
LARGEST = 50_000
"""Bytes of a page. So many stories are on it, or the next number where that is too much."""
NAMED = 5
"""Feeds that could not be read, and such as may have missed something, that are named."""
LISTED = 100
"""Watchlists without news that are named, signals that are shown."""
STRIP = 7
DAY = timedelta(days=1)


def add(routes: Routes) -> None:
    """Add the routes."""
    today = Today(routes.frame)
    routes.page("today", today.now)
    routes.page("day", today.day)


@dataclass(frozen=True, slots=True)
class Last:
    """The last edition of a digest, and the end of its window."""

    digest: str
    key: str
    title: str
    end: datetime


class Today:
    """What the routes answer."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._app = frame.app

    def now(self) -> Response:
        """What came since the last edition; where there is none, in the last 24 hours."""
        checked = self._app.stores.upkeep.checked()
        hour = self._app.clock.now().replace(minute=0, second=0, microsecond=0)
        unread = tuple((feed.feed_id, feed.title, feed.since) for feed in checked.failing)
        key = ("today", hour, self._frame.today(), checked.feeds, unread)

        def make() -> tuple[str, Sequence[int]]:
            last = self._last()
            since = last.end if last else hour - DAY
            return self._page(since, None, last=last, state=self._app.stores.upkeep.checked(since))

        return self._frame.kept(key, self._names(), make)

    def day(self, day: str) -> Response:
        """What was found on a day of the pages' zone."""
        asked = _parsed(day)
        today = self._frame.today()
        if asked is None or not self._first() <= asked <= today:
            raise HTTPException(404)

        def make() -> tuple[str, Sequence[int]]:
            return self._page(self._begins(asked), self._begins(asked + DAY), day=asked)

        # What was found on a day that is over stays what it is, whatever the watchlists find now.
        return self._frame.kept(("day", asked, today), self._names() if asked == today else (), make)

    def _page(
        self,
        since: datetime,
        until: datetime | None,
        *,
        day: date | None = None,
        last: Last | None = None,
        state: Checked | None = None,
    ) -> tuple[str, Sequence[int]]:
        """The page, with as many stories as it may hold, and these."""
        days, signals = self._days(day), self._signals() if state else []
        for most in STORIES:
            front = self._front(since, until, most)
            text = self._frame.text(
                "today.html.j2", here="today", front=front, since=since, shown_on=day or self._frame.today(),
                day=day, days=days, last=last, state=state, signals=signals, named=NAMED, listed=LISTED,
                brief=self._brief,
            )  # fmt: skip
            if len(text.encode()) <= LARGEST:
                break
        return text, front.told

    def _brief(self, at: datetime) -> str:
        """`14:50`; of another day than this one `26 Nov, 14:50`, and of another year with that."""
        there, today = at.astimezone(self._frame.zone), self._frame.today()
        if there.date() == today:
            return f"{there:%H:%M}"
        return f"{there:%-d %b, %H:%M}" if there.year == today.year else f"{there:%-d %b %Y, %H:%M}"

    def _front(self, since: datetime, until: datetime | None, most: int) -> Front:
        watchlists, reading = self._app.configuration.watchlists, self._app.stores.reading
        news = reading.news(self._names(), since, most, until=until, most=most)
        stories = list(dict.fromkeys(found.entry.story_id for got in news for found in got.newest))
        query = cache(self._app.query)
        return arrange(
            watchlists,
            news,
            reading.copies(stories),
            reading.watched(stories, since, until),
            lambda watchlist, found: _line(query(watchlist.query), found),
        )

    def _last(self) -> Last | None:
        """The last edition that a digest of the files brought.

        Left out are alerts, and what else a digest of alerts brings: it tells some readers of what came too late for them.
        """
        digests = self._app.configuration.digests
        titles = {digest.id: digest.title for digest in digests if digest.schedule.every != "instant"}
        found = self._app.stores.reading.last_edition(list(titles))
        return Last(found[0], found[1], titles[found[0]], found[2]) if found else None

    def _signals(self) -> list[tuple[Signal, str]]:
        """What lasts out of its rhythm, each with the title of what it is about; readers' own watchlists are nobody else's."""
        titles = {watchlist.id: watchlist.title for watchlist in self._app.configuration.watchlists}
        lasting = self._app.stores.signals.list(lasting=True)
        shown = [s for s in lasting if s.feed_id or s.watchlist_id in titles][:LISTED]
        return [(s, titles.get(s.watchlist_id) or self._feed(s.feed_id)) for s in shown]

    def _feed(self, feed_id: str) -> str:
        feed = self._app.stores.feeds.get(feed_id)
        return (feed.spec.title or feed.poll.title or feed_id) if feed else feed_id

    def _names(self) -> list[str]:
        return [watchlist.id for watchlist in self._app.configuration.watchlists]

    def _begins(self, day: date) -> datetime:
        return datetime.combine(day, time(), self._frame.zone)

    def _first(self) -> date:
        """The first day there is."""
        began = self._app.stores.reading.began()
        return began.astimezone(self._frame.zone).date() if began else self._frame.today()

    def _days(self, day: date | None) -> list[date]:
        """A week of days to go to, this day amid, the latest last."""
        first, today = self._first(), self._frame.today()
        end = min(today, day + STRIP // 2 * DAY) if day else today
        return [end - n * DAY for n in reversed(range(STRIP)) if end - n * DAY >= first]


def _line(query: Query, found: Found) -> Line:
    return lines.line(found.entry, lines.spans(found, query))


def _parsed(day: str) -> date | None:
    """A day as it is written in an address, and in no other way."""
    try:
        found = date.fromisoformat(day)
    except ValueError:
        return None
    return found if str(found) == day else None
