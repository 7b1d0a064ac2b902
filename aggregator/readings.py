"""What the pages, the programming interface and the alarms ask of the store: counts, signals, portions, rights. The continuation of `stores`.

The rules of stores.py hold.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

from aggregator.model import (
    Entry,
    Match,
    Story,
)
from aggregator.publication import (
    StoredEdition,
)
from aggregator.reading import (
    By,
    Cell,
    Credential,
    DayCount,
    FeedDay,
    Found,
    Headline,
    Hours,
    News,
    Part,
    Portion,
    Right,
    Scope,
    Selection,
    Signal,
    Telling,
    Version,
    Voice,
)


class AttentionStore(Protocol):
    """Counts by day and hour. They are made as entries and matches come, and stay when entries are pruned."""

    def days(self, watchlist_id: str, since: date, until: date) -> list[DayCount]:
        """Every day from `since` to `until`, both included, in order; days without entries too."""
        ...

    def parts(self, watchlist_id: str, since: date, until: date, by: By, limit: int = 20) -> list[Part]:
        """The same days' entries by feed, language or country, most first; "" is what is not known."""
        ...

    def cells(self, watchlist_id: str, since: date, until: date) -> list[Cell]:
        """The same days' entries by day, feed and language, in that order: all that the other counts add up."""
        ...

    def all(self, since: date, until: date) -> int:
        """All entries of these days, of whatever feed: what shares are shares of."""
        ...

    def hours(self, watchlist_id: str, since: datetime, *, feeds_since: datetime | None = None) -> Hours:
        """A watchlist's entries by the hour.

        With `feeds_since` only those of feeds that were added until then: a new feed is no news.
        """
        ...

    def hours_of_feed(self, feed_id: str, since: datetime) -> Hours:
        """The same of a feed's stored entries."""
        ...

    def answers(self, since: datetime) -> Mapping[datetime, int]:
        """Beginning of an hour -> polls that were answered in it; hours without polls are not there."""
        ...

    def feed(self, feed_id: str, since: date, until: date) -> list[FeedDay]:
        """Every day of a feed from `since` to `until`, both included, in order."""
        ...

    def read_between(self, since: datetime, until: datetime) -> builtins.list[str]:
        """The feeds that answered between two moments, by id: only their silence says anything. Days are as near as is known."""
        ...

    def headlines(self, watchlist_id: str, since: date, until: date, limit: int) -> builtins.list[Headline]:
        """The newest titles of a watchlist's entries dated on these days; with "" of all entries, whatever it found in them."""
        ...


class SignalStore(Protocol):
    """Bursts and silences, each once, and each told once by a digest (`EditionStore.commit_editions`)."""

    def watched(self) -> Mapping[str, datetime]:
        """The watchlists in force and since when each asks what it asks, by id."""
        ...

    def voices(self, since: date) -> builtins.list[Voice]:
        """The feeds that answered when they were last polled and have entries, with how many are dated since then."""
        ...

    def waiting(self, digest_id: str, since: datetime, until: datetime) -> builtins.list[Signal]:
        """What was found of a digest's watchlists in a time, and after the digest was added, that it has not told; by id.

        Silences that are over are not told.
        """
        ...

    def begin(self, signal: Signal) -> int:
        """Store it; its id, or 0 where one of that kind and subject lasts already."""
        ...

    def end(self, signal_id: int, now: datetime) -> bool:
        """It is over; False when it was."""
        ...

    def list(self, since: datetime | None = None, *, lasting: bool = False) -> builtins.list[Signal]:
        """Newest first; found at or after `since`, or only those that last."""
        ...


class ReadingStore(Protocol):
    """What pages show, read in the order and the portions in which they show it."""

    def news(
        self,
        watchlist_ids: Sequence[str],
        since: datetime,
        each: int,
        *,
        until: datetime | None = None,
        most: int | None = None,
    ) -> list[News]:
        """What each watchlist got from `since` on, before `until`, silent baselines left out, with its newest stories.

        A story is led by the first of its entries that the watchlist got in that time, as in a digest. `each` stories of a watchlist at most. With `most`, so many of all together, to which each watchlist gives one in turn, and
        each story once: with the first watchlist that got it.
        """
        ...

    def watched(
        self, story_ids: Sequence[int], since: datetime, until: datetime | None = None
    ) -> Mapping[int, Sequence[str]]:
        """Story -> the watchlists, by id, that got entries of it in that time, silent baselines left out; readers' own too."""
        ...

    def began(self) -> datetime | None:
        """When the earliest match was found; None where there is none."""
        ...

    def last_edition(self, digest_ids: Sequence[str]) -> tuple[str, str, datetime] | None:
        """The last edition of these digests that is no alert: digest, key, and the end of its window."""
        ...

    def found(self, watchlist_id: str, limit: int, before: int = 0) -> list[Found]:
        """Matches of a watchlist with their entries, newest first by the match's id, behind the match `before`; each entry once."""
        ...

    def copies(self, story_ids: Sequence[int]) -> Mapping[int, Sequence[str]]:
        """Story -> the titles of the feeds that carry it, in the order in which they brought it."""
        ...

    def version(self) -> int:
        """Another number once anybody else has stored anything; it is compared within one thread. Cheaper than any mark."""

    def matched(self, story_id: int) -> list[Match]:
        """Of each watchlist and entry of the story the match of its latest revision, by the match's id."""
        ...

    def versions(self, story_id: int) -> list[Version]:
        """The earlier texts of a story's entries, by entry, oldest first; not those of other news under the same id."""
        ...

    def told(self, story_id: int) -> list[Telling]:
        """The editions that told a story, readers' own too, oldest first."""
        ...

    def beside(self, story_id: int, since: datetime) -> Mapping[str, str]:
        """The feeds of the configuration, added before `since`, without an entry in the story: id -> title, by id."""
        ...

    def pruned_before(self) -> datetime | None:
        """Before when entries that no watchlist found may have been pruned; None where none were."""
        ...

    def mark(self, watchlist_ids: Sequence[str] = (), story_ids: Sequence[int] = ()) -> str:
        """A text that is another one whenever matches of these watchlists, entries of these stories, editions, signals or gaps changed.

        Of the feeds of those entries also what they are called, and how much of their text may be shown.

        Cheap to ask; what a page shows besides needs a mark of its own.
        """
        ...


class PortionStore(Protocol):
    """Long lists in portions, newest first by id: what comes meanwhile moves nothing. Each is read in bounded time."""

    def entries(self, selection: Selection) -> Portion[Entry]:
        """Entries; of a feed, of those that a watchlist has found, in a language."""
        ...

    def stories(self, selection: Selection) -> Portion[Story]:
        """Stories with their entries."""
        ...

    def matches(self, selection: Selection) -> Portion[Found]:
        """Matches with their entries; of one watchlist, or of all that the operator's files name."""
        ...

    def editions(self, selection: Selection) -> Portion[StoredEdition]:
        """Past editions without their bytes; of one digest, or of all that the operator's files name."""
        ...


class CredentialStore(Protocol):
    """Who may do what; only hashes of what is held out are kept."""

    def issue(
        self,
        right: Right,
        token: str,
        name: str,
        now: datetime,
        *,
        scopes: Sequence[Scope] = (),
        expires_at: datetime | None = None,
    ) -> int:
        """A new credential; its id."""
        ...

    def find(self, right: Right, token: str, now: datetime) -> Credential | None:
        """The credential that a token is for; None when there is none, or it has run out, was ended, or was a link that is used."""
        ...

    def use(self, credential_id: int, now: datetime) -> bool:
        """Note that it was used; False for a link that had been, and for anything that is not there or over."""
        ...

    def list(self, now: datetime, right: Right | None = None) -> builtins.list[Credential]:
        """Those that `find` would find at `now`, by id."""
        ...

    def end(self, credential_id: int, now: datetime) -> bool:
        """Take it back; False when there is none, or it is over."""
        ...

    def tidy(self, now: datetime) -> int:
        """Forget what ran out or was ended a week ago; how many."""
        ...
