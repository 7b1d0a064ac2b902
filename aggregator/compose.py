"""The compose line: due digests -> edition -> render => edition archive, outbox: final bytes."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from aggregator import levels
from aggregator.digests import edition as editions
from aggregator.digests import messages, prominence, windows
from aggregator.errors import AggregatorError, StoreError
from aggregator.levels import LEVELS, THRESHOLDS, Level, Settled, Threshold
from aggregator.ports import Archive, Clock, Renderer, Stores
from aggregator.publication import (
    Digest,
    Edition,
    EditionMatch,
    NewEdition,
    NewMessage,
    RenderedEdition,
    StoredEdition,
    Subscription,
    Window,
)

RECENT = 100


@dataclass(frozen=True, slots=True)
class Composed:
    """An edition that was made, and how many messages it put in the outbox."""

    edition: StoredEdition
    messages: int


class ComposeLine:
    """Turns waiting matches into editions, and editions into messages. Composing twice is a no-op."""

    def __init__(
        self, *, stores: Stores, renderer: Renderer, archive: Archive, clock: Clock, secret: bytes, domain: str
    ) -> None:
        self._stores = stores
        self._renderer = renderer
        self._archive = archive
        self._clock = clock
        self._secret = secret
        self._domain = domain
        self._archive_is_whole = False

    def run(self, stop: threading.Event | None = None) -> list[Composed]:
        """Compose every edition that is due, then see that every page of the archive lies where it should."""
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
        self.publish()
        if failed is not None:
            raise failed
        return made

    def publish(self) -> None:
        """Write the pages that a crash of an earlier process kept from their files; looked at once."""
        if self._archive_is_whole:
            return
        recent = self._stores.editions.editions(limit=RECENT)
        for stored in self._archive.missing(recent):
            self._archive.publish(stored, recent)
        self._archive_is_whole = True

    def preview(self, digest: Digest) -> tuple[Edition, RenderedEdition]:
        """The next edition as it stands now; nothing is stored."""
        now = self._clock.now()
        window = self._window(digest, now, early=True)
        waiting = self._stores.editions.waiting(digest.spec.id, window.end)
        edition = self._edition(digest, window, waiting, now, digest.spec.prominence)
        return edition, self._renderer.render(edition)

    def compose(self, digest: Digest, *, early: bool = False) -> list[Composed]:
        """Compose the digest's due edition; with `early` the one that would come next, up to now.

        Beside it comes one for each stricter threshold that its readers have, of the stories that reach it. Returns
        none when there is nothing to say or they exist already.
        """
        now = self._clock.now()
        window = self._window(digest, now, early=early)
        waiting = self._stores.editions.waiting(digest.spec.id, window.end)
        next_at = windows.next_due(digest.spec.schedule, max(now, window.end))
        over = window.end <= digest.covered_until and digest.spec.schedule.every != "instant" and not early
        made = [] if over else self._made(digest, window, waiting, now)
        if not made:
            told = [] if over else [w.match.id for w in waiting]
            self._stores.editions.skip(digest.spec.id, told, window.end, next_at)
            return []
        settled = _settled(waiting, [one.edition.prominence for one in made])
        ids = self._stores.editions.commit_editions(made, settled, next_at)
        return [
            Composed(stored, len(one.messages))
            for stored, one in zip(map(self._published, ids), made, strict=False)
            if stored is not None
        ]

    def _made(self, digest: Digest, window: Window, waiting: Sequence[EditionMatch], now: datetime) -> list[NewEdition]:
        """The editions of one moment, rendered, the digest's own first."""
        readers = self._readers(digest)
        made = []
        for threshold in sorted({digest.spec.prominence, *readers}, key=THRESHOLDS.index):
            if not self._silent(digest, waiting, threshold):
                edition = self._edition(digest, window, waiting, now, threshold)
                letters = tuple(self._message(edition, reader) for reader in readers.get(threshold, ()))
                made.append(NewEdition(edition, self._renderer.render(edition), letters))
        return made

    def _published(self, edition_id: int) -> StoredEdition | None:
        """A stored edition, its page laid into the archive."""
        stored = self._stores.editions.edition(edition_id)
        if stored is None:
            return None
        # Always: after a restore a page of this name may lie there, of an edition that the database has forgotten.
        # When it fails, the next run looks again; when it works, that says nothing of older pages.
        whole, self._archive_is_whole = self._archive_is_whole, False
        self._archive.publish(stored, self._stores.editions.editions(limit=RECENT))
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
    def _silent(digest: Digest, waiting: Sequence[EditionMatch], threshold: Threshold) -> bool:
        """An alert speaks of new stories only; a digest may be told to skip empty editions."""
        if digest.spec.schedule.every == "instant":
            return not any(editions.held(waiting, threshold).values())
        return digest.spec.empty == "skip" and not editions.held(waiting, threshold)

    def _edition(
        self, digest: Digest, window: Window, waiting: Sequence[EditionMatch], now: datetime, threshold: Threshold
    ) -> Edition:
        watchlists = {w.id: w for w in self._stores.watch.list()}
        checked = self._stores.upkeep.checked()
        kind: Literal["alert", "digest"] = "alert" if digest.spec.schedule.every == "instant" else "digest"
        return editions.compose(digest, window, waiting, watchlists, checked, now, kind=kind, threshold=threshold)

    def _readers(self, digest: Digest) -> dict[Threshold, list[Subscription]]:
        """The active subscriptions by the threshold that holds for them."""
        found: dict[Threshold, list[Subscription]] = {}
        for one in self._stores.subscriptions.list(digest.spec.id, ["active"]):
            found.setdefault(levels.stricter(one.prominence, digest.spec.prominence), []).append(one)
        return found

    def _message(self, edition: Edition, reader: Subscription) -> NewMessage:
        return NewMessage(
            subscription_id=reader.id,
            address=reader.address,
            token=messages.new_token(),
            message_id=messages.message_id(self._secret, edition, reader.id, reader.address, self._domain),
        )


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
