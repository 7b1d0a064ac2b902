"""The compose line: due digests -> edition -> render => edition archive, outbox: final bytes."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from aggregator import levels
from aggregator.digests import alerts, messages, prominence, windows
from aggregator.digests import edition as editions
from aggregator.digests import late as late_stories
from aggregator.digests import signals as out_of_rhythm
from aggregator.errors import AggregatorError, StoreError
from aggregator.levels import LEVELS, THRESHOLDS, Level, Settled, Threshold
from aggregator.model import Revised, Watchlist
from aggregator.ports import Archive, Clock, Renderer
from aggregator.progress import QUIET, Pulse
from aggregator.publication import (
    Checked,
    Content,
    Digest,
    Edition,
    EditionMatch,
    LateMessage,
    NewEdition,
    NewMessage,
    RenderedEdition,
    StoredEdition,
    Window,
)
from aggregator.readership import Subscription
from aggregator.reading import AT_ONCE, EditionSignal, Signal
from aggregator.stores import Stores

RECENT = 100


@dataclass(frozen=True, slots=True)
class Composed:
    """An edition that was made, and how many messages it put in the outbox."""

    edition: StoredEdition
    messages: int


@dataclass(frozen=True, slots=True)
class _Moment:
    """When an edition is made and what it covers; `held` is why an alert was kept until now."""

    window: Window
    now: datetime
    held: alerts.Held = ""

    @property
    def is_digest(self) -> bool:
        """Whether it comes by the clock."""
        return self.window.end > self.window.start


@dataclass(frozen=True, slots=True)
class _Ground:
    """What all editions of one moment stand on: the watchlists by id, what was checked, what publishers changed, who is out of rhythm."""

    watchlists: Mapping[str, Watchlist]
    checked: Checked
    revised: Sequence[Revised]
    signals: tuple[EditionSignal, ...] = ()


class ComposeLine:
    """Turns waiting matches into editions, and editions into messages. Composing twice is a no-op."""

    def __init__(
        self,
        *,
        stores: Stores,
        renderer: Renderer,
        archive: Archive,
        clock: Clock,
        secret: bytes,
        domain: str,
        thread: Literal["story", "watchlist", "none"] = "story",
    ) -> None:
        self._stores = stores
        self._renderer = renderer
        self._archive = archive
        self._clock = clock
        self._secret = secret
        self._domain = domain
        self._thread: Literal["story", "watchlist", "none"] = thread
        self._archive_is_whole = False
        self._pulse = QUIET

    def run(self, stop: threading.Event | None = None, *, pulse: Pulse = QUIET) -> list[Composed]:
        """Compose every edition that is due, then see that every page of the archive lies where it should."""
        self._pulse = pulse
        made: list[Composed] = []
        failed: AggregatorError | None = None
        for digest in self._stores.editions.due(self._clock.now()):
            if stop is not None and stop.is_set():
                break
            try:
                made += self.compose(digest)
            except StoreError:
                raise
            except AggregatorError as e:  # one digest's broken template must not keep the others
                failed = failed or e
            pulse.beat()
        made += self.catch_up()
        self.publish()
        if failed is not None:
            raise failed
        return made

    def publish(self) -> None:
        """Write the pages that a crash of an earlier process kept from their files; looked at once."""
        if self._archive_is_whole:
            return
        recent = self._stores.editions.editions(limit=RECENT, whole=False)
        for missing in self._archive.missing(recent):
            stored = self._stores.editions.edition(missing.id)
            if stored is not None:
                self._archive.publish(stored, recent)
        self._archive_is_whole = True

    def preview(self, digest: Digest) -> tuple[Edition, RenderedEdition]:
        """The next edition as it stands now; nothing is stored."""
        now = self._clock.now()
        window = self._window(digest, now, early=True)
        waiting = self._stores.editions.waiting(digest.spec.id, window.end)
        moment = _Moment(window, now)
        ground = self._ground(digest, moment, self._signals(digest, window))
        edition = self._edition(digest, moment, waiting, digest.spec.prominence, ground)
        return edition, self._renderer.render(edition)

    def compose(self, digest: Digest, *, early: bool = False) -> list[Composed]:
        """Compose the digest's due edition; with `early` the one that would come next, up to now.

        Beside it comes one for each stricter threshold that its readers have, of the stories that reach it. Returns
        none when there is nothing to say, when it exists already, or when an alert has to wait.
        """
        now = self._clock.now()
        window = self._window(digest, now, early=early)
        waiting = self._stores.editions.waiting(digest.spec.id, window.end)
        if digest.spec.schedule.every == "instant" and not early:
            return self._alert(digest, window, waiting, now)
        signals = self._signals(digest, window)
        return self._commit(
            digest, _Moment(window, now), waiting, signals, over=self._over(digest, window, early=early)
        )

    def _signals(self, digest: Digest, window: Window) -> list[Signal]:
        """What an edition may tell of watchlists out of their rhythm: found in its window, of an alert lately."""
        if digest.spec.schedule.every == "instant":
            return self._stores.signals.waiting(digest.spec.id, window.end - AT_ONCE, windows.NEVER)
        return self._stores.signals.waiting(digest.spec.id, window.start, window.end)

    @staticmethod
    def _over(digest: Digest, window: Window, *, early: bool) -> bool:
        """Whether the window was covered before: nothing is due."""
        return window.end <= digest.covered_until and digest.spec.schedule.every != "instant" and not early

    def _alert(self, digest: Digest, window: Window, waiting: Sequence[EditionMatch], now: datetime) -> list[Composed]:
        """An alert of what may go out now; the rest waits for company, for the morning, or for a storm to pass."""
        spec = digest.spec
        news = editions.held(waiting, spec.prominence)
        signals = self._signals(digest, window)
        arrivals: dict[int, datetime] = {}
        for item in waiting:
            if news.get(item.story.id):
                arrivals[item.story.id] = min(item.match.matched_at, arrivals.get(item.story.id, item.match.matched_at))
        moments = [*arrivals.values(), *(one.found_at for one in signals)]
        if not moments:
            return self._commit(digest, _Moment(window, now), waiting)
        earlier = self._stores.alerts.sent_since(spec.id, now - alerts.LOOK_BACK)
        answer = alerts.release(spec.schedule, moments, earlier, now)
        made: list[Composed] = []
        seen = max((item.match.id for item in waiting), default=0)
        if answer.now == "urgent":
            waiting, signals = editions.urgent(waiting, spec.schedule), []
        if answer.now != "none" and (waiting or signals):
            made = self._commit(digest, _Moment(window, now, answer.held), waiting, signals)
        if answer.until is not None:
            self._stores.alerts.hold(spec.id, answer.until, seen)
        return made

    def _commit(
        self,
        digest: Digest,
        moment: _Moment,
        waiting: Sequence[EditionMatch],
        signals: Sequence[Signal] = (),
        *,
        over: bool = False,
    ) -> list[Composed]:
        """Store the editions of one moment and settle what they tell; nothing to say only moves the window on."""
        next_at = windows.next_due(digest.spec.schedule, max(moment.now, moment.window.end))
        made = [] if over else self._made(digest, moment, waiting, signals)
        if not made:
            told = [] if over else [w.match.id for w in waiting]
            self._stores.editions.skip(digest.spec.id, told, moment.window.end, next_at)
            return []
        settled = _settled(waiting, [one.edition.prominence for one in made])
        return self._stored(made, settled, next_at)

    def _stored(self, made: Sequence[NewEdition], settled: Sequence[Settled], next_at: datetime) -> list[Composed]:
        ids = self._stores.editions.commit_editions(made, settled, next_at)
        return [
            Composed(stored, len(one.messages))
            for stored, one in zip(map(self._published, ids), made, strict=False)
            if stored is not None
        ]

    def _made(
        self, digest: Digest, moment: _Moment, waiting: Sequence[EditionMatch], signals: Sequence[Signal]
    ) -> list[NewEdition]:
        """The editions of one moment, rendered, the digest's own first."""
        readers = self._readers(digest)
        late = self._late(self._stores.alerts.late(digest.spec.id))
        ground = self._ground(digest, moment, signals)
        made = []
        for threshold in sorted({digest.spec.prominence, *readers}, key=THRESHOLDS.index):
            edition = self._edition(digest, moment, waiting, threshold, ground)
            mine = readers.get(threshold, [])
            if not self._silent(digest, edition) or (moment.is_digest and any(r.id in late for r in mine)):
                made.append(self._new(edition, mine, late))
        return made

    @staticmethod
    def _late(messages: Iterable[LateMessage]) -> dict[int, list[LateMessage]]:
        """What came too late, by the subscription that it is told to."""
        found: dict[int, list[LateMessage]] = {}
        for one in messages:
            found.setdefault(one.reader_id, []).append(one)
        return found

    def catch_up(self) -> list[Composed]:
        """Tell the readers of alerts that came too late, and who get no digest, what they were about."""
        now = self._clock.now()
        stranded = self._stores.alerts.stranded()
        if not stranded:
            return []
        digests = {digest.spec.id: digest for digest in self._stores.editions.digests()}
        made: list[Composed] = []
        for digest_id in stranded.keys() & digests.keys():
            digest, late = digests[digest_id], self._late(stranded[digest_id])
            moment = _Moment(Window(now, now), now)
            empty = self._edition(digest, moment, (), digest.spec.prominence, self._ground(digest, moment))
            behind = late_stories.stories(stranded[digest_id])
            edition = replace(empty, kind="digest", key=f"{windows.alert_key(0, now)}-late", late=behind)
            readers = [one for found in self._readers(digest).values() for one in found if one.id in late]
            new = self._new(edition, readers, late)
            made += self._stored([new], [], windows.next_due(digest.spec.schedule, now))
        return made

    def _new(
        self, edition: Edition, readers: Sequence[Subscription], late: Mapping[int, list[LateMessage]]
    ) -> NewEdition:
        """An edition with its mails: its own, and one for each clock and each set of late stories among its readers."""
        variants: dict[str, Content] = {}
        letters = []
        for reader in readers:
            behind = late.get(reader.id, [])
            zone = reader.timezone or edition.timezone
            name = _variant(edition, zone, behind)
            if name and name not in variants:
                mine = self._renderer.render(replace(edition, timezone=zone, late=late_stories.stories(behind)))
                variants[name] = Content(mine.mail, mine.data)
            letters.append(self._message(edition, reader, name, behind))
            self._pulse.beat()
        return NewEdition(edition, self._renderer.render(edition), tuple(letters), tuple(variants.items()))

    def _published(self, edition_id: int) -> StoredEdition | None:
        """A stored edition, its page laid into the archive."""
        stored = self._stores.editions.edition(edition_id)
        if stored is None:
            return None
        # Always: after a restore a page of this name may lie there, of an edition that the database has forgotten.
        # When it fails, the next run looks again; when it works, that says nothing of older pages.
        whole, self._archive_is_whole = self._archive_is_whole, False
        self._archive.publish(stored, self._stores.editions.editions(limit=RECENT, whole=False))
        self._archive_is_whole = whole
        return stored

    @staticmethod
    def _window(digest: Digest, now: datetime, *, early: bool) -> Window:
        if digest.spec.schedule.every == "instant":
            return Window(now, now)
        if early:
            return Window(digest.covered_until, max(now, digest.covered_until))
        return windows.window(digest, now)

    @staticmethod
    def _silent(digest: Digest, edition: Edition) -> bool:
        """An alert speaks of what is new only; a digest may be told to skip empty editions."""
        if edition.kind == "alert":
            return not (edition.stories or edition.signals)
        told = edition.stories or edition.continued or edition.updated or edition.signals
        return digest.spec.empty == "skip" and not told

    def _ground(self, digest: Digest, moment: _Moment, signals: Sequence[Signal] = ()) -> _Ground:
        """What the editions of one moment share, read once for all thresholds."""
        since = None if digest.spec.schedule.every == "instant" else moment.window.start
        watchlists = {w.id: w for w in self._stores.watch.list()}
        return _Ground(
            watchlists=watchlists,
            checked=self._stores.upkeep.checked(since),
            revised=self._stores.editions.revised(digest.spec.id, moment.window),
            signals=out_of_rhythm.told(signals, watchlists),
        )

    def _edition(
        self,
        digest: Digest,
        moment: _Moment,
        waiting: Sequence[EditionMatch],
        threshold: Threshold,
        ground: _Ground,
    ) -> Edition:
        window = moment.window
        edition = editions.compose(
            digest,
            window,
            waiting,
            ground.watchlists,
            ground.checked,
            moment.now,
            kind="alert" if digest.spec.schedule.every == "instant" else "digest",
            threshold=threshold,
            revised=ground.revised,
        )
        next_at = windows.next_due(digest.spec.schedule, max(moment.now, window.end))
        edition = replace(
            edition,
            held=moment.held,
            signals=ground.signals,
            list_name=messages.list_name(digest.spec),
            next_at=next_at if next_at < windows.NEVER else None,
        )
        return replace(edition, thread=messages.thread_id(self._secret, edition, self._domain, self._thread))

    def _readers(self, digest: Digest) -> dict[Threshold, list[Subscription]]:
        """The active subscriptions by the threshold that holds for them."""
        found: dict[Threshold, list[Subscription]] = {}
        for one in self._stores.subscriptions.list(digest.spec.id, ["active"]):
            found.setdefault(levels.stricter(one.prominence, digest.spec.prominence), []).append(one)
        return found

    def _message(self, edition: Edition, reader: Subscription, variant: str, late: Sequence[LateMessage]) -> NewMessage:
        return NewMessage(
            subscription_id=reader.id,
            address=reader.address,
            token=messages.new_token(),
            message_id=messages.message_id(self._secret, edition, reader.id, reader.address, self._domain),
            variant=variant,
            tells=tuple(one.message_id for one in late),
        )


def _variant(edition: Edition, zone: str, late: Sequence[LateMessage]) -> str:
    """The name of a mail among an edition's; "" for the edition's own. Who waited for the same gets the same."""
    behind = " + ".join(dict.fromkeys(one.content for one in late))
    if not behind and zone == edition.timezone:
        return ""
    mark = hashlib.sha256(behind.encode()).hexdigest()[:16] if behind else ""
    return f"{zone} {mark}".strip()


def _settled(waiting: Sequence[EditionMatch], thresholds: Sequence[Threshold]) -> list[Settled]:
    """What becomes of each waiting match: told in the first of these editions that holds its story, or passed over.

    An edition names all watchlists of a story, so each of them is told at the highest level of its story.
    """
    held = [editions.held(waiting, threshold) for threshold in thresholds]
    places = {item.story.id: next((n for n, ids in enumerate(held) if item.story.id in ids), -1) for item in waiting}
    own = [prominence.of(item.entry, item.match.spans).level for item in waiting]
    best: dict[int, Level] = {}
    for item, level in zip(waiting, own, strict=True):
        best[item.story.id] = max(level, best.get(item.story.id, level), key=LEVELS.index)
    return [
        Settled(item.match.id, places[item.story.id], best[item.story.id] if places[item.story.id] >= 0 else level)
        for item, level in zip(waiting, own, strict=True)
    ]
