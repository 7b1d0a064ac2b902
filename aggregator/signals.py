"""The signals line: hours of entries -> what is usual -> bursts and silences, each begun once and ended when it is over."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from aggregator.attention import burst, silence, usual
from aggregator.attention.usual import HOUR, WEEK, WEEKS, Unheard
from aggregator.ports import Clock
from aggregator.progress import QUIET, Pulse
from aggregator.reading import Signal, Voice
from aggregator.stores import Stores

SETTLING = timedelta(days=8)
"""How long a changed watchlist or a new feed says nothing of what is usual: by then a week is known."""
HISTORY = 2 * WEEKS * WEEK
"""How far back a silence is looked for and held against the weeks before it."""
LATELY = timedelta(hours=burst.BACK + burst.WINDOW)
FEEDS_EVERY = HOUR
SOURCES = 1_000


@dataclass(frozen=True, slots=True)
class Noticed:
    """What a run of the line began and ended."""

    begun: tuple[Signal, ...] = ()
    ended: tuple[Signal, ...] = ()


class SignalLine:
    """Looks at every watchlist, and once an hour at every feed. Running it twice is a no-op; what lasts is a row."""

    def __init__(self, *, stores: Stores, clock: Clock, muted: Collection[str] = ()) -> None:
        """`muted` names the watchlists whose signals nobody wants."""
        self._stores = stores
        self._clock = clock
        self._muted = muted
        self._feeds_at: datetime | None = None

    def run(self, stop: threading.Event | None = None, *, pulse: Pulse = QUIET) -> Noticed:
        """Begin and end what is due. While our own network is down nothing is known, and nothing judged."""
        now = self._clock.now()
        if self._stores.network.outage() is not None:
            return Noticed()
        lasting: _Lasting = {
            (one.kind, one.watchlist_id, one.feed_id): one for one in self._stores.signals.list(lasting=True)
        }
        begun: list[Signal] = []
        ended: list[Signal] = []
        for found, over in self._looks(lasting, now):
            pulse.beat()
            if stop is not None and stop.is_set():
                break
            if over is not None and self._stores.signals.end(over.id, now):
                ended.append(over)
            if found is not None and self._stores.signals.begin(found):
                begun.append(found)
        return Noticed(tuple(begun), tuple(ended))

    def _looks(self, lasting: _Lasting, now: datetime) -> Iterable[_Look]:
        """What has begun and what is over, one subject after the other."""
        watched = {name: at for name, at in self._stores.signals.watched().items() if name not in self._muted}
        yield from ((None, one) for key, one in lasting.items() if key[1] and key[1] not in watched)
        unheard = usual.unheard(self._stores.attention.answers(now - HISTORY), now)
        for watchlist_id, changed_at in watched.items():
            if now - changed_at >= SETTLING:
                yield self._burst(watchlist_id, lasting.get(("burst", watchlist_id, "")), unheard, now)
                yield self._silence(watchlist_id, lasting.get(("silence", watchlist_id, "")), unheard, now)
        if self._feeds_at is None or not timedelta(0) <= now - self._feeds_at < FEEDS_EVERY:
            yield from self._feeds(lasting, now)
            self._feeds_at = now

    def _burst(self, watchlist_id: str, lasts: Signal | None, unheard: Unheard, now: datetime) -> _Look:
        """Few entries in the last hours are no burst, whatever is usual: the weeks need not be read."""
        attention = self._stores.attention
        if lasts is None and sum(attention.hours(watchlist_id, now - LATELY).values()) < burst.FEWEST_ENTRIES:
            return None, None
        since = now - (WEEKS + 1) * WEEK
        hours = attention.hours(watchlist_id, since, feeds_since=now - SETTLING)
        if lasts is not None:
            return None, None if burst.lasts(hours, unheard, now) else lasts
        found = burst.find(hours, unheard, now)
        if found is None:
            return None, None
        signal = _signal(
            "burst", now, found.began_at, found.expected, watchlist_id=watchlist_id, observed=found.observed
        )
        return signal, None

    def _silence(self, watchlist_id: str, lasts: Signal | None, unheard: Unheard, now: datetime) -> _Look:
        attention = self._stores.attention
        if lasts is not None:
            return None, lasts if attention.hours(watchlist_id, lasts.began_at) else None
        if attention.hours(watchlist_id, now - silence.SHORTEST * HOUR):
            return None, None
        found = silence.find(attention.hours(watchlist_id, now - HISTORY), unheard, now)
        if found is None:
            return None, None
        detail = self._sources(watchlist_id, found.began_at)
        return _signal("silence", now, found.began_at, found.daily, watchlist_id=watchlist_id, detail=detail), None

    def _sources(self, watchlist_id: str, before: datetime) -> str:
        """How many of the feeds that fed a watchlist say nothing because they do not answer: `3 of its 8 feeds failing`."""
        parts = self._stores.attention.parts(
            watchlist_id, (before - WEEKS * WEEK).date(), before.date(), "feed", SOURCES
        )
        states = {feed.id: feed.poll.state for feed in self._stores.feeds.list()}
        found = [states.get(part.key, "paused") for part in parts]
        counted = {
            "failing": sum(state in ("failing", "gone") for state in found),
            "paused": found.count("paused"),
        }
        said = {state: number for state, number in counted.items() if number}
        if len(found) == 1:
            return "".join(f"its only feed is {state}" for state in said)
        # `3 of its 8 feeds failing, 1 paused`
        texts = [f"{number} {state}" for state, number in said.items()]
        return ", ".join(texts).replace(" ", f" of its {len(found)} feeds ", 1)

    def _feeds(self, lasting: _Lasting, now: datetime) -> Iterable[_Look]:
        """A feed that answers and has nothing more to say. One that does not answer is failing, and says nothing."""
        voices = {one.feed_id: one for one in self._stores.signals.voices((now - WEEKS * WEEK).date())}
        silent = {key[2]: one for key, one in lasting.items() if key[2]}
        for feed_id, one in silent.items():
            if feed_id not in voices or voices[feed_id].newest_at > one.found_at:
                yield None, one
        for feed_id in voices.keys() - silent.keys():
            yield self._feed(voices[feed_id], now), None

    def _feed(self, voice: Voice, now: datetime) -> Signal | None:
        quiet = now - voice.newest_at
        # Twice what is usual in so long a time would not be missed: its hours need not be read.
        if quiet < silence.SHORTEST * HOUR or 2 * voice.entries * quiet < silence.MISSING * WEEKS * WEEK:
            return None
        since_read = (now - voice.read_at) // HOUR
        unheard = {usual.hour_of(now) - ago * HOUR for ago in range(min(since_read, 2 * WEEKS * usual.AROUND) + 1)}
        found = silence.find(self._stores.attention.hours_of_feed(voice.feed_id, now - HISTORY), unheard, now)
        if found is None:
            return None
        return _signal("silence", now, found.began_at, found.daily, feed_id=voice.feed_id)


_Lasting = Mapping[tuple[str, str, str], Signal]
_Look = tuple[Signal | None, Signal | None]
"""What has begun, and what is over."""


def _signal(
    kind: Literal["burst", "silence"],
    now: datetime,
    began_at: datetime,
    expected: float,
    *,
    watchlist_id: str = "",
    feed_id: str = "",
    observed: int = 0,
    detail: str = "",
) -> Signal:
    return Signal(0, kind, watchlist_id, feed_id, began_at, now, observed, round(expected, 2), detail)
