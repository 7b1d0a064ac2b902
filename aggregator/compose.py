"""The compose line: due digests -> edition -> render => edition archive, outbox: final bytes."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from aggregator.digests import edition as editions
from aggregator.digests import messages, windows
from aggregator.errors import AggregatorError, StoreError
from aggregator.model import Digest, Edition, EditionMatch, NewMessage, RenderedEdition, StoredEdition, Window
from aggregator.ports import Archive, Clock, Renderer, Stores

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
        made = []
        failed: AggregatorError | None = None
        for digest in self._stores.editions.due(self._clock.now()):
            if stop is not None and stop.is_set():
                break
            try:
                composed = self.compose(digest)
            except StoreError:
                raise
            except AggregatorError as e:  # one digest's broken template must not keep the others
                failed = failed or e
                continue
            if composed is not None:
                made.append(composed)
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
        edition = self._edition(digest, window, self._stores.editions.waiting(digest.spec.id, window.end), now)
        return edition, self._renderer.render(edition)

    def compose(self, digest: Digest, *, early: bool = False) -> Composed | None:
        """Compose the digest's due edition; with `early` the one that would come next, up to now.

        Returns None when there is nothing to say or the edition exists already.
        """
        now = self._clock.now()
        window = self._window(digest, now, early=early)
        waiting = self._stores.editions.waiting(digest.spec.id, window.end)
        next_at = windows.next_due(digest.spec.schedule, max(now, window.end))
        over = window.end <= digest.covered_until and digest.spec.schedule.every != "instant" and not early
        if over or self._silent(digest, waiting):
            told = [] if over else [w.match.id for w in waiting]
            self._stores.editions.skip(digest.spec.id, told, window.end, next_at)
            return None
        edition = self._edition(digest, window, waiting, now)
        queued = self._messages(edition)
        edition_id = self._stores.editions.commit_edition(
            edition, self._renderer.render(edition), [w.match.id for w in waiting], queued, next_at
        )
        stored = self._stores.editions.edition(edition_id) if edition_id else None
        if stored is None:
            return None
        # Always: after a restore a page of this name may lie there, of an edition that the database has forgotten.
        # When it fails, the next run looks again; when it works, that says nothing of older pages.
        whole, self._archive_is_whole = self._archive_is_whole, False
        self._archive.publish(stored, self._stores.editions.editions(limit=RECENT))
        self._archive_is_whole = whole
        return Composed(stored, len(queued))

    @staticmethod
    def _window(digest: Digest, now: datetime, *, early: bool) -> Window:
        if digest.spec.schedule.every == "instant":
            return Window(now, now)
        if early:
            return Window(digest.covered_until, max(now, digest.covered_until))
        return windows.window(digest, now)

    @staticmethod
    def _silent(digest: Digest, waiting: Sequence[EditionMatch]) -> bool:
        """An alert speaks of new stories only; a digest may be told to skip empty editions."""
        if digest.spec.schedule.every == "instant":
            return all(w.told for w in waiting)
        return digest.spec.empty == "skip" and not waiting

    def _edition(self, digest: Digest, window: Window, waiting: Sequence[EditionMatch], now: datetime) -> Edition:
        watchlists = {w.id: w for w in self._stores.watch.list()}
        checked = self._stores.upkeep.checked()
        kind: Literal["alert", "digest"] = "alert" if digest.spec.schedule.every == "instant" else "digest"
        return editions.compose(digest, window, waiting, watchlists, checked, now, kind=kind)

    def _messages(self, edition: Edition) -> list[NewMessage]:
        active = self._stores.subscriptions.list(edition.digest_id, ["active"])
        return [
            NewMessage(
                subscription_id=s.id,
                address=s.address,
                token=messages.new_token(),
                message_id=messages.message_id(self._secret, edition, s.id, s.address, self._domain),
            )
            for s in active
        ]
