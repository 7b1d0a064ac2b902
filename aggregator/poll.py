"""The poll line: due feeds -> fetch -> parse -> sanitize -> identity -> story -> match => one commit for a batch."""

from __future__ import annotations

import contextlib
import hashlib
import queue
import random
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypedDict

from aggregator import judge, tokens
from aggregator.access import Access
from aggregator.errors import FetchErrorClass, StoreError, WorkError
from aggregator.feeds import arrival, gaps, history, hosts, pace, parse, politeness
from aggregator.model import (
    EntryChange,
    Feed,
    FeedEvent,
    FetchFailure,
    FetchRequest,
    FetchResponse,
    Gap,
    NewEntry,
    NewMatch,
    ParsedFeed,
    PollOutcome,
    PollReport,
    PollState,
    RevisedEntry,
    SameEntry,
    StoredChange,
    StoryChoice,
)
from aggregator.outages import Outages
from aggregator.ports import Clock, Fetcher, Workers
from aggregator.progress import QUIET, Pulse
from aggregator.stores import Stores
from aggregator.stories import assign, language
from aggregator.sweep import LINGER, TOGETHER, Decided, Sweep, report
from aggregator.tally import TALLY, Tally
from aggregator.watch import documents, match
from aggregator.watch.index import WatchIndex

LOOK_AGAIN = 1.0
"""Seconds after which a sweep that is kept by slow hosts looks for feeds that have fallen due meanwhile."""
CLAIMS = 50
"""Feeds taken in hand at once."""
RENEW = 240.0
"""Seconds after which the claims on what is in hand are renewed, before half of their time is over: hosts may keep us waiting."""
TURN = 120.0
"""Seconds that a batch waits at most until other processes have decided theirs."""
GRACE = 3.0
"""Seconds that a stopped sweep waits for what is under way; the rest is released and polled next time."""


@dataclass(frozen=True, slots=True)
class PollRules:
    """What the operator decides about polling.

    Attributes:
        initial: of a feed's first poll, entries published within this may enter the next digest.
        batch: feeds in one transaction at most; fewer where they bring much (`sweep.CHANGES`).
        batch_seconds: a decided feed waits no longer than this for its commit.
        spacing: the pause between two requests to a host, which another process keeps, too.
    """

    politeness: politeness.Rules
    initial: timedelta = timedelta(days=1)
    batch: int = 250
    batch_seconds: float = 2.0
    spacing: timedelta = timedelta(0)


class _Terms(TypedDict):
    """What every decision about politeness is given: the rules and a die."""

    rules: politeness.Rules
    jitter: float


@dataclass(frozen=True, kw_only=True)
class PollLine:
    """Polls due feeds. One instance serves one process; `owner` names its claims, `chance` is its die, `turn` is the client's."""

    stores: Stores
    fetcher: Fetcher
    workers: Workers
    clock: Clock
    watch: Callable[[], WatchIndex]
    rules: PollRules
    owner: str
    outages: Outages
    chance: Callable[[], float] = random.random
    access: Callable[[str], Access | None] = lambda _: None
    turn: threading.Lock = field(default_factory=threading.Lock)
    tally: Tally = TALLY

    def sweep(
        self,
        *,
        ids: Collection[str] = (),
        everything: bool = False,
        stop: threading.Event | None = None,
        keep_looking: bool = False,
        pulse: Pulse = QUIET,
    ) -> Iterator[PollReport]:
        """Poll every due feed once, yielding a report for each as its batch is committed.

        While our own network is down a handful of them is asked, once a minute, and all when it is back.

        Args:
            ids: only these feeds.
            everything: also feeds that are not due yet, but for those held by the server's own word.
            stop: when set, no further feed is claimed and what is under way is finished.
            keep_looking: take up feeds that fall due while others are under way: a slow host must not keep them waiting.
            pulse: told of each piece of work.
        """
        probing = not ids and not everything and self.outages.down
        if probing:
            ids = self.outages.probes()
            if not ids:
                return
        sweep = replace(self.outages.sweep(stop or threading.Event(), probing=probing), pulse=pulse)
        self._begin(sweep, ids, everything=everything)
        try:
            yield from self._drain(sweep, keep_looking=keep_looking)
        finally:
            sweep.stopped.set()
            if sweep.stop.is_set() or sweep.feeds:
                with contextlib.suppress(StoreError):  # else what it had in hand waits until its claim runs out
                    self.stores.feeds.release(self.owner, rest_until=self.clock.now() + self.rules.spacing)

    def _begin(self, sweep: Sweep, ids: Collection[str] = (), *, everything: bool = False) -> None:
        """Fetch beside the sweep; its end comes back through the events."""
        sweep.begin(self.fetcher, partial(self._requests, sweep, ids, everything), partial(self._answer, sweep))

    def _drain(self, sweep: Sweep, *, keep_looking: bool) -> Iterator[PollReport]:
        deadline = float("inf")
        look = self.clock.monotonic() + LOOK_AGAIN if keep_looking else float("inf")
        renew = self.clock.monotonic() + RENEW
        while self.clock.monotonic() < deadline:
            if self.outages.judge(sweep):
                self._begin(sweep)
            if not sweep.waiting:
                break
            try:
                decided = sweep.next(self._patience(sweep), self.turn)
            except queue.Empty:
                decided = None
            if sweep.unread and self.clock.monotonic() - sweep.unread_since >= LINGER:
                sweep.read_all(self.workers, parse.document)
            if decided is not None:
                sweep.give_place()
                self.outages.hear(sweep, decided)
            if self._full(sweep) or (decided is not None and hosts.held_by(decided.answer, decided.poll)):
                yield from self._commit(sweep)
            if sweep.stop.is_set() and deadline == float("inf"):
                deadline = self.clock.monotonic() + GRACE
            if self.clock.monotonic() >= renew:
                renew = self.clock.monotonic() + RENEW
                self.stores.feeds.renew(self.owner, self.clock.now())
            if self.clock.monotonic() >= look and sweep.may_look():
                look = self.clock.monotonic() + LOOK_AGAIN
                sweep.now = self.clock.now()
                sweep.resting = frozenset(hold.host for hold in self.stores.network.holds(sweep.now))
                self._begin(sweep)
        yield from self._commit(sweep)

    def _patience(self, sweep: Sweep) -> float:
        """How long to wait for the next event; short enough to notice a stop."""
        if sweep.unread:
            return LINGER
        if not sweep.ready:
            return 0.5
        return max(0.01, self.rules.batch_seconds - (self.clock.monotonic() - sweep.since))

    def _full(self, sweep: Sweep) -> bool:
        late = self.clock.monotonic() - sweep.since >= self.rules.batch_seconds
        return sweep.is_full(self.rules.batch) or (late and bool(sweep.ready))

    # -- fetch ---------------------------------------------------------------------------------------------------

    def _requests(self, sweep: Sweep, ids: Collection[str], everything: bool) -> Iterator[FetchRequest]:
        # Those that are due come first in their index; among all feeds each claim looks at those that have been asked, too.
        limit = CLAIMS * (10 if everything else 1)
        while not sweep.over():
            feeds = self.stores.feeds.claim_due(self.owner, limit, sweep.now, ids=ids, everything=everything)
            if not feeds:
                return
            for feed in feeds:
                if sweep.over():
                    return
                if feed.id not in sweep.feeds:  # else our own claim ran out while its host keeps us waiting
                    yield sweep.ask(feed, self.access(feed.id))

    def _answer(self, sweep: Sweep, answer: FetchResponse | FetchFailure) -> Decided | None:
        feed = sweep.feeds[answer.request.ref]
        if not sweep.ready:
            sweep.since = self.clock.monotonic()
        if isinstance(answer, FetchFailure) and answer.error_class == "withdrawn":
            return Decided(feed, feed.poll, answer, "withdrawn")
        if isinstance(answer, FetchFailure):
            return self._failed(feed, answer, answer.error_class, answer.message)
        if answer.status == 304:
            poll = politeness.not_modified(feed, answer, self.clock.now(), **self._terms())
            return Decided(feed, poll, answer, "not_modified")
        refused = politeness.classify(answer)
        if refused is not None:
            return self._failed(feed, answer, *refused)
        digest = hashlib.sha256(answer.body).hexdigest()
        if digest == feed.poll.body_hash:
            same = politeness.unchanged(feed, answer, self.clock.now(), **self._terms())
            return Decided(feed, same, answer, "unchanged")
        reading = judge.look(feed, answer, digest, self.stores.polls)
        if (at_once := judge.at_once(reading)) is not None:
            return self._judged(sweep, reading, at_once)
        self._parse(sweep, reading)
        return None

    def _parse(self, sweep: Sweep, reading: judge.Reading) -> None:
        """Have a document, or the unseen part of it, parsed beside the sweep."""
        content_type = reading.answer.headers.get("content-type", "")
        document = reading.document(), reading.answer.url, content_type
        sweep.read(document, partial(self._parsed, sweep, reading), self.clock.monotonic())
        if len(sweep.unread) >= TOGETHER:
            sweep.read_all(self.workers, parse.document)

    # -- decide --------------------------------------------------------------------------------------------------

    def _terms(self) -> _Terms:
        return {"rules": self.rules.politeness, "jitter": self.chance()}

    def _failed(
        self, feed: Feed, answer: FetchResponse | FetchFailure, error_class: FetchErrorClass, message: str
    ) -> Decided:
        poll = politeness.failed(feed, answer, error_class, message, self.clock.now(), **self._terms())
        return Decided(feed, poll, answer, "failed")

    def _parsed(self, sweep: Sweep, reading: judge.Reading, done: Future[ParsedFeed]) -> Decided | None:
        sweep.waiting -= 1
        if not sweep.ready:
            sweep.since = self.clock.monotonic()
        try:
            parsed = done.result()
        except CancelledError:
            # The workers are closing: no failure of the feed, it is polled again next time.
            sweep.give_place()
            return None
        except WorkError as e:
            if reading.recalled is not None:
                self._parse(sweep, reading.whole())
                return None
            return self._failed(reading.feed, reading.answer, e.error_class, e.message)
        return self._judged(sweep, reading, parsed)

    def _judged(self, sweep: Sweep, reading: judge.Reading, parsed: ParsedFeed) -> Decided | None:
        found = judge.judge(reading, parsed, self.stores.polls)
        if found is None:
            self._parse(sweep, reading.whole())
            return None
        feed, answer, now = reading.feed, reading.answer, self.clock.now()
        fresh = tuple(c for c in found.changes if not judge.is_idle(c))
        poll = politeness.succeeded(
            replace(feed, poll=history.read(feed.poll, parsed, found.count)),
            answer,
            now,
            body_hash=reading.digest,
            malformed=parsed.malformed,
            title=parsed.title,
            language=parsed.language,
            brought=pace.brought(parsed.hints, found.count, fresh, now),
            **self._terms(),
        )
        first = feed.poll.last_ok_at is None and not found.known
        return Decided(
            feed,
            poll,
            answer,
            "new",
            fresh,
            first,
            gap=None if found.standing else self._gap(feed, found.changes),
            events=found.events,
            recall=found.recall,
            archive=arrival.archive(found.items, fresh, feed.poll.last_ok_at, now),
        )

    def _gap(self, feed: Feed, changes: Sequence[EntryChange]) -> Gap | None:
        if not gaps.suspected(feed, changes):
            return None
        return gaps.between(feed, changes, self.stores.polls.newest_entry(feed.id), self.clock.now())

    # -- stories, matches, commit ----------------------------------------------------------------------------------

    def _commit(self, sweep: Sweep) -> Iterator[PollReport]:
        sweep.since = self.clock.monotonic()
        while sweep.ready:
            yield from self._store(sweep, sweep.batch(self.rules.batch))

    def _store(self, sweep: Sweep, ready: list[Decided]) -> Iterator[PollReport]:
        # Alone: a story that another process begins meanwhile would be begun twice.
        with self.stores.agenda.turn("decide", TURN) as mine:
            if not mine:
                raise StoreError(
                    f"other processes decide for more than {TURN:.0f} s; what was fetched is asked again", "locked"
                )
            now = self.clock.now()
            outcomes = self._outcomes(ready, now)
            stored = self.stores.polls.commit_polls(outcomes, self.owner, now, rest=self.rules.spacing)
        if any(outcome.held_by for outcome in outcomes):
            sweep.resting = frozenset(hold.host for hold in self.stores.network.holds(now))
        for decided, outcome in zip(ready, outcomes, strict=True):
            sweep.feeds.pop(decided.feed.id, None)
            # Whoever took over the claim meanwhile has polled the feed, and tells of it.
            if decided.feed.id in stored and decided.outcome != "withdrawn":
                yield report(decided, outcome)

    def _outcomes(self, ready: list[Decided], now: datetime) -> list[PollOutcome]:
        """The whole batch decided: stories across its feeds, matches, and what enrich shall fetch."""
        stories = self._stories(ready, now)
        index = self.watch()
        outcomes: list[PollOutcome] = []
        taken: dict[str, str] = {}
        for each in ready:
            at = partial(self.stores.history.living_at, but=each.feed.id)
            access = self.access(each.feed.id)
            poll, happened = history.settle(each.feed, each.poll, at, taken, bound=bool(access and access.secret))
            stored: list[StoredChange] = []
            if each.changes:
                # With the title and the language that this poll has brought: queries may ask for them.
                told = replace(each, feed=replace(each.feed, poll=each.poll))
                stored = [self._stored(c, told, story=stories.get(id(c)), index=index, now=now) for c in each.changes]
                # Ids grow with sort_at inside a document, so that "newest first by id" reads well.
                stored.sort(key=lambda s: s.sort_at)
            outcomes.append(_outcome(each, poll, tuple(stored), each.events + happened))
        return outcomes

    def _stories(self, ready: list[Decided], now: datetime) -> dict[int, StoryChoice]:
        fresh = [
            (decided.feed.id, change.entry, arrival.sort_at(change.entry, now), id(change))
            for decided in ready
            for change in decided.changes
            if judge.is_news(change)
        ]
        fresh.sort(key=lambda f: f[2])
        since, polls = now - assign.WINDOW, self.stores.polls
        keys = {key for _, entry, when, _ in fresh for key in assign.keys(entry, text=when >= since)}
        candidates = polls.story_candidates(keys, since)
        entries = [each[:3] for each in fresh]
        choices = assign.assign(entries, candidates, since=since, texts=assign.said(entries, polls.last_texts))
        return {each[3]: choice for each, choice in zip(fresh, choices, strict=True)}

    def _stored(
        self, change: EntryChange, decided: Decided, *, story: StoryChoice | None, index: WatchIndex, now: datetime
    ) -> StoredChange:
        if isinstance(change, SameEntry):
            return StoredChange(change, now)
        entry = change.entry
        sort_at = arrival.sort_at(entry, now)
        archived = isinstance(change, NewEntry) and decided.archive.holds(entry)
        reach = arrival.reach(sort_at, now, initial=self.rules.initial, first=decided.first, archived=archived)
        article = change.article if isinstance(change, RevisedEntry) and not change.reused else ""
        told = language.of(entry, decided.feed.language)
        document = documents.of_parsed(entry, decided.feed, told, article)
        with self.tally.timed("match", self.clock):
            found = match.find(document, index)
        wanted = arrival.wants_article(decided.feed, entry, reach, first=decided.first, matched=bool(found))
        return StoredChange(
            change=change,
            sort_at=sort_at,
            index_title=tokens.index_text(document.title),
            index_body=tokens.index_text(document.body),
            language=told,
            story=story,
            matches=tuple(NewMatch(f.watchlist_id, f.spans, reach) for f in found),
            article=reach if wanted and judge.is_news(change) else "",
        )


def _outcome(
    decided: Decided, poll: PollState, changes: tuple[StoredChange, ...], events: tuple[FeedEvent, ...]
) -> PollOutcome:
    return PollOutcome(
        feed_id=decided.feed.id,
        poll=poll,
        changes=changes,
        redirects=decided.answer.redirects,
        events=events,
        recall=decided.recall,
        held_by=hosts.held_by(decided.answer, poll),
        gap=decided.gap,
    )
