"""What the reading room shows: attention, signals, news of watchlists, who read what, and who may look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Generic, Literal, TypeVar

from aggregator.model import Entry, Match

By = Literal["feed", "language", "country"]
"""By what attention is taken apart."""
Role = Literal["visitor", "operator"]
Right = Literal["link", "session", "api"]
"""What a credential is: a link that signs in once, a session of the pages, a token of the programming interface."""
Scope = Literal["read", "operate", "health"]
LINK, SESSION = timedelta(minutes=15), timedelta(hours=12)
"""How long a link that signs in works, and a session from then on, however often it is used meanwhile."""
T = TypeVar("T")
AT_ONCE = timedelta(days=1)
"""How old a signal may be that an alert still tells."""


Hours = Mapping[datetime, int]
"""Beginning of an hour -> entries dated in it; hours without any are not there."""


@dataclass(frozen=True, slots=True)
class DayCount:
    """How many entries dated on a day (UTC) a watchlist got, of all entries of that day."""

    day: date
    entries: int
    all: int

    @property
    def share(self) -> float:
        """0 to 1; 0 on a day without entries."""
        return self.entries / self.all if self.all else 0.0


@dataclass(frozen=True, slots=True)
class Part:
    """A feed's, language's or country's part of a watchlist's attention; `all` counts everything from there in that time."""

    key: str
    title: str
    entries: int
    all: int


@dataclass(frozen=True, slots=True)
class Cell:
    """A watchlist's entries from a feed in a language, dated on a day (UTC); `all` counts every entry of that feed, language and day."""

    day: date
    feed_id: str
    feed_title: str
    country: str
    language: str
    entries: int
    all: int


@dataclass(frozen=True, slots=True)
class FeedDay:
    """A day (UTC) of a feed: the entries dated on it, how often it was asked on it and how often it answered."""

    day: date
    entries: int
    polls: int
    answered: int


@dataclass(frozen=True, slots=True)
class Signal:
    """Something out of a watchlist's or a feed's own rhythm: far more than usual, or nothing where there is usually something.

    One of `watchlist_id` and `feed_id` is "". Of a burst, `observed` entries came since `began_at` where `expected` are usual;
    of a silence, none did, and `expected` are usual in a day. `detail` may say more: how many sources fail. `id` is 0 until
    it is stored; `ended_at` None while it lasts.
    """

    id: int
    kind: Literal["burst", "silence"]
    watchlist_id: str
    feed_id: str
    began_at: datetime
    found_at: datetime
    observed: int
    expected: float
    detail: str
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class EditionSignal:
    """That a watchlist is out of its own rhythm, as an edition tells it; the numbers are those of `Signal`."""

    signal_id: int
    kind: Literal["burst", "silence"]
    watchlist_id: str
    watchlist_title: str
    began_at: datetime
    found_at: datetime
    observed: int
    expected: float
    detail: str


@dataclass(frozen=True, slots=True)
class Voice:
    """A feed that answers: when it was last read, when its newest entry was first seen, and how many entries it had in a time."""

    feed_id: str
    title: str
    read_at: datetime
    newest_at: datetime
    entries: int


@dataclass(frozen=True, slots=True)
class Headline:
    """The title of an entry; `marks` are (start, end) offsets of what a watchlist found in it."""

    title: str
    marks: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Word:
    """In the headlines of how many of a watchlist's entries a word stands, and in what share (0 to 1) of all newest headlines.

    It stands `times` as often in a headline of the watchlist as in those; 0 where it stands in none of them.
    """

    word: str
    entries: int
    elsewhere: float
    times: float = 0.0


@dataclass(frozen=True, slots=True)
class Found:
    """A match and its entry."""

    match: Match
    entry: Entry


@dataclass(frozen=True, slots=True)
class News:
    """What a watchlist got since a moment: how many entries and stories, and the newest stories, one entry each."""

    watchlist_id: str
    entries: int
    stories: int
    newest: tuple[Found, ...]


@dataclass(frozen=True, slots=True)
class Version:
    """What an entry said until `replaced_at`, when its publisher changed it."""

    entry_id: int
    revision: int
    title: str
    body: str
    replaced_at: datetime


@dataclass(frozen=True, slots=True)
class Telling:
    """An edition that told a story; `title` is its digest's."""

    digest_id: str
    key: str
    title: str
    subject: str
    composed_at: datetime


@dataclass(frozen=True, slots=True)
class Credential:
    """A right to the pages or the programming interface. What it is exercised with is known to its holder alone."""

    id: int
    right: Right
    name: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    expires_at: datetime | None = None
    used_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """Which of a list are asked for, newest first: `limit` of them behind the id `before` (0: from the newest on).

    Since and until run on first sight, of matches on when they were found, of editions on when they were composed: since <= it < until.
    """

    limit: int
    before: int = 0
    since: datetime | None = None
    until: datetime | None = None
    feed_id: str = ""
    watchlist_id: str = ""
    digest_id: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Portion(Generic[T]):
    """A portion of a list; `before` is where the next begins, 0 at the end. There may be fewer than asked for and more to come."""

    items: tuple[T, ...]
    before: int = 0
