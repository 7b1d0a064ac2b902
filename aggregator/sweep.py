"""The bookkeeping of one sweep: requests go out beside the line, what comes back waits in one queue for the line's thread."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import TypeVar

from aggregator import urls
from aggregator.access import Access
from aggregator.feeds import arrival, politeness, rounds
from aggregator.model import (
    EntryChange,
    Feed,
    FeedEvent,
    FetchFailure,
    FetchRequest,
    FetchResponse,
    Gap,
    NewEntry,
    ParsedFeed,
    PollOutcome,
    PollReport,
    PollState,
    Recall,
    RevisedEntry,
)
from aggregator.ports import Fetcher, Workers
from aggregator.progress import QUIET, Pulse

IN_HAND = 64
"""Documents fetched but not decided yet, at most: a slow parser must not fill the memory."""
HANDFUL = 16

CHANGES = 1_500
"""New and changed entries in one transaction; the feed that brings it above this is its last."""
TOGETHER = 16
LINGER = 0.02
"""Documents that are given to the workers together at most, and the seconds that one waits for others."""

Answer = FetchResponse | FetchFailure
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Decided:
    """A feed whose poll has been decided, but for the stories and matches that its batch decides together.

    `first` says that the feed was never read at this address and none of its entries is known: no alerts yet. `excuse`
    is why a failure is not held against the feed.
    """

    feed: Feed
    poll: PollState
    answer: FetchResponse | FetchFailure
    outcome: str
    changes: tuple[EntryChange, ...] = ()
    first: bool = False
    gap: Gap | None = None
    excuse: str = ""
    events: tuple[FeedEvent, ...] = ()
    recall: Recall | None = None
    archive: arrival.Archive = arrival.NO_ARCHIVE


Document = tuple[bytes, str, str]
"""Bytes, where they were found, and their content type."""
Heard = Callable[[Future[ParsedFeed]], Decided | None]


@dataclass
class Sweep:
    """What is under way in one sweep.

    Attributes:
        feeds: claimed and not committed yet, by id.
        events: what the line's thread is to do next; each gives a decided feed or None.
        asked: hosts that requests went out to, not noted in `round` yet.
        waiting: fetches and workers that are still to report.
        asking: fetches whose list has not ended: what falls due meanwhile comes with it.
        unread: documents to be parsed that wait for company on the way to a worker, since `unread_since`, and who hears of each.
        ready: decided, to be committed with the next batch; `since` is when the first of them came, `changes` what they bring.
        round: what the answers say of our own network.
        held: failures that may be our own network's: they wait for the verdict, since `held_since`.
        resting: hosts that have asked for a pause.
        probing: only a handful is asked, for our network is down.
        pulse: told of each answer and each document that was dealt with.
    """

    now: datetime
    stop: threading.Event
    feeds: dict[str, Feed] = field(default_factory=dict)
    events: queue.SimpleQueue[Callable[[], Decided | None]] = field(default_factory=queue.SimpleQueue)
    asked: deque[str] = field(default_factory=deque)
    waiting: int = 0
    asking: int = 0
    unread: list[tuple[Document, Heard]] = field(default_factory=list)
    unread_since: float = 0.0
    ready: list[Decided] = field(default_factory=list)
    changes: int = 0
    since: float = 0.0
    stopped: threading.Event = field(default_factory=threading.Event)
    places: queue.SimpleQueue[None] = field(default_factory=lambda: _places(IN_HAND))
    given: int = 0
    round: rounds.Round = field(default_factory=rounds.Round)
    held: list[Decided] = field(default_factory=list)
    held_since: float = 0.0
    probing: bool = False
    resting: frozenset[str] = frozenset()
    pulse: Pulse = QUIET

    def over(self) -> bool:
        """Whether no further feed shall be taken in hand."""
        return self.stopped.is_set() or self.stop.is_set()

    def may_look(self) -> bool:
        """Whether to look for feeds that have fallen due while others keep us waiting."""
        return bool(self.waiting) and not self.asking and not self.over() and not self.round.down

    def ask(self, feed: Feed, access: Access | None) -> FetchRequest:
        """Take a claimed feed in hand."""
        self.feeds[feed.id] = feed
        self.asked.append(rounds.host(feed.url))
        return replace(politeness.request(feed, self.now), access=access)

    def next(self, timeout: float, turn: threading.Lock) -> Decided | None:
        """Do what comes next, in our `turn`; raises queue.Empty when nothing does within so many seconds."""
        try:
            event = self.events.get(timeout=timeout)
        finally:
            while self.asked:
                self.round.ask(self.asked.popleft())
        with turn:
            return event()

    def read(self, document: Document, heard: Heard, now: float) -> None:
        """Have a document parsed beside the sweep, with others that come meanwhile; `heard` is called in the line's thread."""
        self.waiting += 1
        if not self.unread:
            self.unread_since = now
        self.unread.append((document, heard))

    def read_all(self, workers: Workers, work: Callable[..., ParsedFeed]) -> None:
        """Send the documents that wait on their way."""
        unread, self.unread = self.unread, []
        futures = workers.submit_all(work, [document for document, _ in unread])
        for future, (_, heard) in zip(futures, unread, strict=True):
            future.add_done_callback(partial(self._read, heard))

    def _read(self, heard: Heard, done: Future[ParsedFeed]) -> None:
        """Runs in a thread of the workers."""
        self.events.put(partial(self._piece, heard, done))

    def _piece(self, work: Callable[[T], Decided | None], what: T) -> Decided | None:
        """An answer or a document: that is getting on. Looking for feeds and finding none is not."""
        decided = work(what)
        self.pulse.beat()
        return decided

    def keep(self, decided: Sequence[Decided]) -> None:
        """They are to be committed with the next batch."""
        self.ready += decided
        self.changes += sum(len(each.changes) for each in decided)

    def is_full(self, feeds: int) -> bool:
        """Whether so many feeds, or enough changes, wait for their commit."""
        return len(self.ready) >= feeds or self.changes >= CHANGES

    def batch(self, feeds: int) -> list[Decided]:
        """The next feeds to be committed, so many at most; a feed is never split over two transactions."""
        taken = changes = 0
        for each in self.ready[:feeds]:
            taken += 1
            changes += len(each.changes)
            if changes >= CHANGES:
                break
        batch, self.ready = self.ready[:taken], self.ready[taken:]
        self.changes -= changes
        return batch

    def give_place(self) -> None:
        """A document is no longer in hand. The fetching side hears of it by the handful: each time it wakes, the line waits."""
        self.given += 1
        if self.given >= HANDFUL:
            self.given = 0
            for _ in range(HANDFUL):
                self.places.put(None)

    def begin(
        self,
        fetcher: Fetcher,
        requests: Callable[[], Iterator[FetchRequest]],
        read: Callable[[Answer], Decided | None],
    ) -> None:
        """Fetch beside the line; each answer is to be read in its thread, and the end comes through the events too."""
        self.waiting += 1
        self.asking += 1
        threading.Thread(target=self._fetch, args=(fetcher, requests, read), name="fetch", daemon=True).start()

    def _fetch(
        self,
        fetcher: Fetcher,
        requests: Callable[[], Iterator[FetchRequest]],
        read: Callable[[Answer], Decided | None],
    ) -> None:
        """Runs beside the sweep, so that a slow host does not keep finished feeds from their commit."""
        try:
            # Closing the iterator cancels what is under way.
            with contextlib.closing(fetcher.fetch_many(self._all(requests()), wanted=self._wanted)) as answers:
                for answer in answers:
                    if not self._has_place():
                        return
                    self.events.put(partial(self._piece, read, answer))
        except BaseException as e:  # noqa: BLE001 - raised again in the sweep's own thread
            self.events.put(lambda e=e: _fail(e))  # type: ignore[misc]
        finally:
            self.events.put(self._end)

    def _all(self, requests: Iterator[FetchRequest]) -> Iterator[FetchRequest]:
        yield from requests
        self.events.put(self._asked_all)

    def _wanted(self, request: FetchRequest) -> bool:
        """Runs in the client's thread: a host may have asked for a pause since its feeds were taken in hand."""
        return not self.resting or urls.host_key(request.url) not in self.resting

    def _asked_all(self) -> None:
        self.asking -= 1

    def _has_place(self) -> bool:
        """Wait until the sweep can take one more document in hand; False when it has ended."""
        while not self.stopped.is_set():
            with contextlib.suppress(queue.Empty):
                self.places.get(timeout=0.5)
                return not self.stopped.is_set()
        return False

    def _end(self) -> None:
        self.waiting -= 1


def report(decided: Decided, outcome: PollOutcome) -> PollReport:
    """What came of a poll, once it is stored."""
    response = decided.answer if isinstance(decided.answer, FetchResponse) else None
    error_class, error = outcome.poll.error_class, outcome.poll.error
    if decided.excuse:
        error_class, error = "local_network", decided.excuse
    return PollReport(
        feed_id=decided.feed.id,
        url=decided.feed.url,
        outcome=decided.outcome,  # type: ignore[arg-type]
        status=response.status if response else 0,
        entries_new=sum(isinstance(c.change, NewEntry) for c in outcome.changes),
        entries_revised=sum(isinstance(c.change, RevisedEntry) for c in outcome.changes),
        matches=sum(len(c.matches) for c in outcome.changes),
        error_class=error_class if decided.outcome == "failed" else "",
        error=error if decided.outcome == "failed" else "",
        next_poll_at=outcome.poll.next_poll_at,
        elapsed=decided.answer.elapsed,
        bytes=len(response.body) if response else 0,
        events=outcome.events,
        gap=outcome.gap,
    )


def _places(count: int) -> queue.SimpleQueue[None]:
    """A semaphore; the one of `threading` costs ten times as much."""
    made: queue.SimpleQueue[None] = queue.SimpleQueue()
    for _ in range(count):
        made.put(None)
    return made


def _fail(error: BaseException) -> None:
    raise error
