"""What the conformance suite of the store is built from: small values with every field that a test does not care about."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from aggregator import tokens
from aggregator.care import Keep
from aggregator.levels import Level, Settled
from aggregator.model import (
    EntryKey,
    FeedSpec,
    NewEntry,
    NewMatch,
    ParsedEntry,
    PollOutcome,
    PollState,
    Reach,
    RevisedEntry,
    SameEntry,
    Span,
    StoredChange,
    StoryChoice,
    StoryKey,
    Watchlist,
)
from aggregator.publication import (
    Attempt,
    Checked,
    DigestSpec,
    Edition,
    Message,
    MessageState,
    NewEdition,
    NewMessage,
    Phase,
    RenderedEdition,
    Schedule,
    Window,
)
from aggregator.stores import Stores

NOW = datetime(2023, 2, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
"""Of a test about files, which the other engine does not have."""
POSTGRES = pytest.mark.parametrize("backend", ["postgres"], indirect=True)
"""Of a test about several who write at once, which the other engine does not let happen."""
INITIAL = timedelta(days=1)
ME = "host:1:me"
OTHER = "host:2:other"
NEVER = datetime(9000, 1, 1, tzinfo=UTC)

_numbers = itertools.count(1)


def spec(feed_id: str, url: str = "", **more: Any) -> FeedSpec:
    return FeedSpec(feed_id, url or f"https://{feed_id}.example/rss", **more)


def poll(at: datetime = NOW, **more: Any) -> PollState:
    """A poll that went well at `at`; the next is due an hour later."""
    usual: dict[str, Any] = {
        "state": "ok",
        "last_poll_at": at,
        "last_ok_at": at,
        "next_poll_at": at + HOUR,
        "etag": '"e"',
    }
    return PollState(**(usual | more))


def parsed(title: str = "Talks", body: str = "The council met.", **more: Any) -> ParsedEntry:
    usual: dict[str, Any] = {"guid": f"guid-{title}", "link": f"https://a.example/{title}", "summary": f"<p>{body}</p>"}
    return ParsedEntry(title=title, body=body, **(usual | more))


def match(watchlist_id: str = "csto", reach: Reach = "alert") -> NewMatch:
    return NewMatch(watchlist_id, (Span("title", 0, 5, "=ОДКБ", "csto"),), reach)


def first(draft: int, *keys: StoryKey) -> StoryChoice:
    """A story that this batch makes."""
    return StoryChoice(0, draft, "first", 1.0, keys)


def joins(story_id: int, *keys: StoryKey, reason: str = "url", score: float = 0.5) -> StoryChoice:
    return StoryChoice(story_id, 0, reason, score, keys)


def _stored(change: NewEntry | RevisedEntry, **more: Any) -> StoredChange:
    usual: dict[str, Any] = {
        "sort_at": change.entry.published_at or NOW,
        "index_title": tokens.index_text(tokens.tokenize(change.entry.title)),
        "index_body": tokens.index_text(tokens.tokenize(change.entry.body)),
        "language": change.entry.language,
    }
    return StoredChange(change, **(usual | more))


def new(
    title: str = "Talks",
    body: str = "The council met.",
    *,
    keys: Sequence[EntryKey] = (),
    entry: Any = None,
    **more: Any,
) -> StoredChange:
    """A new entry whose only key is its title, unless told otherwise; it begins a story of its own."""
    entry = parsed(title, body) if entry is None else entry
    usual: dict[str, Any] = {"story": first(next(_numbers))}
    change = NewEntry(entry, tuple(keys) or (EntryKey("id", entry.title),), f"print-{entry.title}")
    return _stored(change, **(usual | more))


def revised(
    entry_id: int, revision: int, title: str, body: str = "Again.", *, keys: Sequence[EntryKey] = (), **more: Any
) -> StoredChange:
    return _stored(RevisedEntry(entry_id, revision, parsed(title, body), tuple(keys), f"print-{title}"), **more)


def same(entry_id: int, *keys: EntryKey) -> StoredChange:
    return StoredChange(SameEntry(entry_id, keys), NOW)


def digest(digest_id: str, *watchlists: str, every: str = "at", **more: Any) -> DigestSpec:
    schedule: dict[str, Schedule] = {
        "at": Schedule("at", "Europe/Minsk", (time(7, 30),)),
        "hourly": Schedule("hourly"),
        "instant": Schedule("instant"),
    }
    return DigestSpec(digest_id, digest_id.title(), watchlists or ("csto",), schedule[every], **more)


def edition(digest_id: str, end: datetime, key: str = "", *, start: datetime | None = None, **more: Any) -> Edition:
    """An edition without stories; the store does not look at them."""
    usual: dict[str, Any] = {
        "title": digest_id.title(),
        "key": key or end.isoformat(),
        "kind": "digest",
        "timezone": "UTC",
        "stories": (),
        "continued": (),
        "entries": 3,
        "more": 2,
        "checked": Checked(1, 1),
        "queries": (("CSTO", "csto"),),
        "composed_at": end,
    }
    return Edition(digest_id=digest_id, window=Window(start or end, end), **(usual | more))


RENDERED = RenderedEdition("Тема", b"Subject: x\r\n\r\n\xff\x00body", "<p>page</p>", "text", '{"a": 1}')


def message(subscription_id: int, address: str, mark: str = "") -> NewMessage:
    number = mark or str(next(_numbers))
    return NewMessage(
        subscription_id, address, f"token{number:>21}".replace(" ", "x"), f"<digest.{number}@news.example>"
    )


def attempt(
    settled: Message,
    state: MessageState,
    at: datetime = NOW,
    *,
    phase: Phase = "data",
    next_at: datetime | None = None,
    detail: str = "said so",
) -> Attempt:
    outcomes: dict[str, Any] = {"waiting": "retry"}
    outcome = outcomes.get(state, state)
    return Attempt(settled.id, at, at + MINUTE, outcome, phase, 250, detail, next_at or at + HOUR, state)


class Scene:
    """A store and short words for what the lines do with it."""

    def __init__(self, stores: Stores) -> None:
        self.stores = stores

    def furnished(self) -> Scene:
        self.feeds("a", "b")
        self.watchlists("csto", "energy")
        self.digests(digest("morning", "csto", "energy"), digest("now", "csto", every="instant"))
        return self

    def feeds(self, *ids: str, now: datetime = NOW) -> None:
        self.stores.feeds.sync([spec(i) for i in ids], now)

    def watchlists(self, *ids: str, now: datetime = NOW) -> None:
        self.stores.watch.sync([Watchlist(i, i.upper(), i) for i in ids], now)

    def digests(self, *specs: DigestSpec, now: datetime = NOW, due: datetime | None = None) -> None:
        self.stores.editions.sync(specs, {s.id: due or now + HOUR for s in specs}, now)

    def poll(self, feed_id: str, *changes: StoredChange, now: datetime = NOW, **state: Any) -> list[int]:
        """One poll of one feed: claimed, decided, committed; ids of its new entries."""
        feed = self.stores.feeds.get(feed_id)
        assert feed is not None
        self.stores.feeds.claim_due(ME, 1, max(now, feed.poll.next_poll_at), ids=[feed_id])
        outcome = PollOutcome(feed_id, poll(now, **({"next_poll_at": now} | state)), changes)
        return self.stores.polls.commit_polls([outcome], ME, now)[feed_id]

    def entry(self, title: str = "", *matches: NewMatch, now: datetime = NOW, feed: str = "a", **more: Any) -> int:
        """One new entry with these matches; its id."""
        return self.poll(feed, new(title or f"t{next(_numbers)}", matches=matches, **more), now=now)[0]

    def matched(self, reach: Reach = "alert", watchlist: str = "csto", now: datetime = NOW, **more: Any) -> int:
        """One new entry with one match; the match's id."""
        entry_id = self.entry("", match(watchlist, reach), now=now, **more)
        return self.stores.watch.matches(entry_id=entry_id)[0].id

    def waiting(self, digest_id: str, until: datetime = NEVER) -> list[int]:
        return [w.match.id for w in self.stores.editions.waiting(digest_id, until)]

    def tell(
        self,
        digest_id: str,
        matches: Iterable[int],
        end: datetime,
        messages: Sequence[NewMessage] = (),
        *,
        level: Level = "title",
        passed: Iterable[int] = (),
        **more: Any,
    ) -> int:
        """One edition that tells matches of this level, and passes others over; its id, or 0."""
        made = NewEdition(edition(digest_id, end, **more), RENDERED, tuple(messages))
        settled = [Settled(m, 0, level) for m in matches] + [Settled(m, -1, "mention") for m in passed]
        return next(iter(self.stores.editions.commit_editions([made], settled, end + HOUR)), 0)

    def message(self, address: str = "desk@example.org", digest_id: str = "morning", at: datetime = NOW) -> Message:
        """One waiting message to an active subscription."""
        subscription = self.stores.subscriptions.add(digest_id, address, at)
        self.tell(digest_id, [], at, [message(subscription.id, address)], key=f"k{next(_numbers)}")
        return self.stores.outbox.list(limit=1)[0]

    def claimed(self, address: str = "desk@example.org", owner: str = ME, now: datetime = NOW) -> Message:
        """One message that `owner` carries now."""
        waiting = self.message(address, at=now)
        return self.stores.outbox.claim_due(owner, 1, now, only=[waiting.id])[0]


def prune(stores: Stores, now: datetime, keep: timedelta) -> Mapping[str, int]:
    """Remove what is older and needed by nobody, as upkeep does in the end: of entries and stories, how many."""
    rules = Keep(keep, {})
    gone = stores.retention.prune(now, rules)
    stores.retention.forget(now, rules)
    return gone
