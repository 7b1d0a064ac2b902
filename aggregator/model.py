"""The values that travel the route: frozen dataclasses, one per stage of an entry's life.

    FeedSpec -> Feed -> FetchRequest -> FetchResponse | FetchFailure -> ParsedFeed of ParsedEntry
             -> NewEntry | RevisedEntry | SameEntry -> Entry -> Match -> Edition -> RenderedEdition -> Message -> Attempt

No field is "None until later": what is not known yet is a field of a later type. Every datetime is aware UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from aggregator.access import Access
from aggregator.errors import FetchErrorClass
from aggregator.levels import Level

FeedState = Literal["new", "ok", "failing", "gone", "paused"]
Articles = Literal["never", "matched", "short", "all"]
Reach = Literal["alert", "digest", "none"]
"""How far a match may travel: alerts and digests, digests only (first polls), or nowhere (the silent baseline)."""


# -- feeds ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FeedSpec:
    """A feed as the operator names it in feeds.yaml.

    `hints` says whether what the publisher asks for (ttl, sy:, skipHours, Cache-Control) may make the interval longer;
    `excerpt` how many characters of a text may be shown to others (licence.py), None for all.
    """

    id: str
    url: str
    title: str = ""
    language: str = ""
    country: str = ""
    tags: tuple[str, ...] = ()
    interval: timedelta = timedelta(hours=1)
    articles: Articles = "never"
    hints: bool = True
    excerpt: int | None = None


@dataclass(frozen=True, slots=True)
class Hints:
    """How often a document asks to be polled.

    Attributes:
        ttl: how long a copy may be kept (RSS).
        update: the time between two updates (mod_syndication).
        skip_hours, skip_days: hours of GMT (0 to 23) and days (Monday is 0) without news (RSS); empty when it names all.
    """

    ttl: timedelta | None = None
    update: timedelta | None = None
    skip_hours: frozenset[int] = frozenset()
    skip_days: frozenset[int] = frozenset()


@dataclass(frozen=True)
class PollState:
    """What polling a feed has taught us so far; one poll turns one PollState into the next.

    Attributes:
        next_poll_reason: why the next poll is when it is, one sentence for a person.
        hints: what the last document that was read asks for.
        news_at: when a poll last brought a new or a revised entry.
        looked_at: when the server last gave a body, or was last asked for one without condition.
        frozen_at: when its validators were caught vouching for a document that had changed; None while they are trusted.
        quiet_polls: polls in a row that were answered and brought no news.
        rhythm: the usual gap between two entries, None while unknown.
        window: how long an entry stays in the document at that rhythm, None while unknown.
        moved_url: where the feed lives now, "" for where feeds.yaml says.
        move_target, move_polls: where permanent redirects lead, and how many polls in a row said so.
        move_refused: a target that a person has taken back; it is not moved to again.
        held_until: the server's own word (Retry-After, 410): nobody polls before it, not even `poll --all`.
        malformed: why the last document was not well-formed, or "".
        items: how many items the last document held.
        title, language: what the document says of itself, used where feeds.yaml is silent.
        certificate_until: when the certificate of its server runs out, as it was last shown; None without TLS.
        format: the form of the last document that was read: RSS, Atom, RDF or JSON Feed; "" while unknown.
    """

    next_poll_at: datetime
    state: FeedState = "new"
    etag: str = ""
    last_modified: str = ""
    body_hash: str = ""
    failures: int = 0
    failing_since: datetime | None = None
    error_class: FetchErrorClass | Literal[""] = ""
    error: str = ""
    http_status: int = 0
    last_poll_at: datetime | None = None
    last_ok_at: datetime | None = None
    held_until: datetime | None = None
    malformed: str = ""
    title: str = ""
    language: str = ""
    next_poll_reason: str = ""
    hints: Hints = Hints()
    news_at: datetime | None = None
    looked_at: datetime | None = None
    frozen_at: datetime | None = None
    quiet_polls: int = 0
    rhythm: timedelta | None = None
    window: timedelta | None = None
    moved_url: str = ""
    move_target: str = ""
    move_polls: int = 0
    move_refused: str = ""
    items: int = 0
    certificate_until: datetime | None = None
    format: str = ""

    def but(self, **changes: object) -> PollState:
        """The same with some values changed; `dataclasses.replace` takes five times as long, and each poll asks thrice."""
        assert changes.keys() <= self.__dict__.keys(), changes
        made = object.__new__(PollState)
        made.__dict__.update(self.__dict__, **changes)
        return made


@dataclass(frozen=True, slots=True)
class HostHold:
    """A host that asked twice to be left alone: none of its feeds is polled before `held_until`.

    `said_by` is the feed whose poll was told so last.
    """

    host: str
    held_until: datetime
    said_by: str
    said_at: datetime


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed as stored: what the operator says and what polling has taught.

    `gaps` counts the stored gaps; `hold` is the last hold of its host, which may be over. Neither is read for a claim.
    `interrupted` says that whoever polled it last did not come to an end.
    """

    spec: FeedSpec
    poll: PollState
    entries: int = 0
    gaps: int = 0
    hold: HostHold | None = None
    interrupted: bool = False

    @property
    def id(self) -> str:
        """The stable name."""
        return self.spec.id

    @property
    def url(self) -> str:
        """Where it is polled: where it has moved to, else where feeds.yaml says."""
        return self.poll.moved_url or self.spec.url

    @property
    def title(self) -> str:
        """The name people see: the operator's, else the document's own, else the id."""
        return self.spec.title or self.poll.title or self.spec.id

    @property
    def language(self) -> str:
        """The declared language: the operator's word goes before the document's."""
        return self.spec.language or self.poll.language

    @property
    def is_trusted(self) -> bool:
        """Whether nothing is wrong with it: its documents neither fail nor were in hand when a process fell."""
        return not self.interrupted and not self.poll.failures


# -- the wire ------------------------------------------------------------------------------------------------------

FetchKind = Literal["feed", "article", "robots", "page"]


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """One thing to GET. `ref` is the caller's own name for it and comes back untouched.

    `etag` and `last_modified` are echoed byte for byte (RFC 9110 §13.1); "" sends no condition.
    """

    ref: str
    url: str
    etag: str = ""
    last_modified: str = ""
    kind: FetchKind = "feed"
    access: Access | None = None


@dataclass(frozen=True, slots=True)
class Redirect:
    """One hop: the status that sent us on and the absolute URL it named."""

    status: int
    url: str


@dataclass(frozen=True, slots=True)
class FetchResponse:
    """An answer from the server, whatever its status. `body` is decoded (gzip, br, zstd undone), "" for a 304.

    `headers` has lower-case names; of a repeated header the last value, but all of X-Robots-Tag, a line each. `url` is where the chain ended,
    `certificate_until` when the certificate shown there runs out; None where there was none.
    """

    request: FetchRequest
    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes
    redirects: tuple[Redirect, ...]
    fetched_at: datetime
    elapsed: float
    certificate_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class FetchFailure:
    """No usable answer: the connection, the guard or a limit said no. `message` is one line for a person."""

    request: FetchRequest
    error_class: FetchErrorClass
    message: str
    fetched_at: datetime
    elapsed: float = 0.0
    redirects: tuple[Redirect, ...] = ()


# -- entries -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A file that an entry carries; `length` in bytes, 0 when unknown."""

    url: str
    type: str = ""
    length: int = 0


@dataclass(frozen=True, slots=True)
class ParsedEntry:
    """One item of a document, cleaned: nothing here can hurt a page, a mail or a database.

    `title` and `author` are plain text; `summary` and `content` are safe HTML; `body` is their plain text, the one
    that matching and search read. Dates are as published, or None where the document gives none that is usable.
    """

    guid: str
    link: str
    title: str
    summary: str = ""
    content: str = ""
    body: str = ""
    author: str = ""
    categories: tuple[str, ...] = ()
    enclosures: tuple[Enclosure, ...] = ()
    language: str = ""
    published_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ParsedFeed:
    """A whole document. `malformed` says why it was not well-formed (its entries are still good), or ""."""

    title: str
    link: str
    language: str
    version: str
    entries: tuple[ParsedEntry, ...]
    malformed: str = ""
    hints: Hints = Hints()


class EntryKey(NamedTuple):
    """One of the names by which an entry is recognised in its feed; kind is id, idnorm, link, hash, titledate or text.

    A tuple, since millions of them are looked up: its hash costs a fifth.
    """

    kind: str
    key: str


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """All that identity asks of an item but its text: strings and one number, so that they can be kept (`astuple`).

    Attributes:
        guid, link: as parsed.
        norm: the guid as an address in the form of `urls.identity`, or "".
        address: the link in that form, or as it is.
        title: folded.
        published: `published_at` in ISO form, or "".
        hash: the digest of address, title and text.
        text: the digest of title and text, or "" where they are too short to be a name.
        fingerprint: the digest of what readers see.
        moment: the later of the two dates in ISO form, or ""; with `length`, that of the text, it ranks two copies.
    """

    guid: str
    norm: str
    link: str
    address: str
    title: str
    published: str
    hash: str
    text: str
    fingerprint: str
    moment: str
    length: int


@dataclass(frozen=True, slots=True)
class Recall:
    """What is kept of a feed's last document, so that the next one's known items need no parsing (feeds.slice).

    Attributes:
        head: a digest of all that decides about every item alike.
        settled: whether judging that document again would change nothing.
        items: what is known of its items, in order, packed.
        fresh: (number, entry id) of the items that were new; filled in by the store.
    """

    head: str
    settled: bool
    items: bytes
    fresh: tuple[tuple[int, int], ...] = ()


NO_RECALL = Recall("", settled=False, items=b"")
"""Nothing may be recalled: the next document is parsed whole."""


@dataclass(frozen=True, slots=True)
class KnownEntry:
    """What identity needs to know of a stored entry."""

    id: int
    guid: str
    link: str
    title: str
    fingerprint: str
    revision: int
    published_at: datetime | None
    body: str
    article: str = ""


@dataclass(frozen=True, slots=True)
class NewEntry:
    """An item never seen in this feed before.

    `number` is its place in the document, so that it can be recalled; -1 where another entry has one of its names.
    """

    entry: ParsedEntry
    keys: tuple[EntryKey, ...]
    fingerprint: str
    number: int = -1


@dataclass(frozen=True, slots=True)
class RevisedEntry:
    """A known entry whose text changed; `revision` is the number it gets, `article` its article page's stored text.

    `reused` says that its publisher has given the id to other news: it looks for a story of its own, and may be told again.
    """

    entry_id: int
    revision: int
    entry: ParsedEntry
    keys: tuple[EntryKey, ...]
    fingerprint: str
    article: str = ""
    reused: bool = False


@dataclass(frozen=True, slots=True)
class SameEntry:
    """A known entry met again; `keys` are the ones it did not have yet."""

    entry_id: int
    keys: tuple[EntryKey, ...]


EntryChange = NewEntry | RevisedEntry | SameEntry


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """Something that happened to a feed as a whole, for its history. `detail` is for people.

    kind is ids_changed, moved, moved_onto, move_undone, gone, back, frozen_validators or format_changed.
    """

    kind: str
    detail: str


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A FeedEvent as stored."""

    id: int
    feed_id: str
    at: datetime
    kind: str
    detail: str


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as stored, in its current revision.

    `article` is the text of the article page where `enrich` fetched it, else "". `sort_at` is the published time where
    it can be believed, else the time of first sight. `story_reason` and `story_score` (0..1) say why it is in its story.
    `excerpt` is its feed's limit on text that is shown to others (licence.py); None: there is none.
    """

    id: int
    feed_id: str
    feed_url: str
    feed_title: str
    guid: str
    link: str
    title: str
    summary: str
    content: str
    body: str
    article: str
    author: str
    categories: tuple[str, ...]
    language: str
    published_at: datetime | None
    updated_at: datetime | None
    sort_at: datetime
    first_seen_at: datetime
    revisions: int
    story_id: int
    story_reason: str = "first"
    story_score: float = 0.0
    excerpt: int | None = None


# -- stories -------------------------------------------------------------------------------------------------------


class StoryKey(NamedTuple):
    """What may make two entries one story: kind is url (canonical), title (folded words) or text (a mark of the body)."""

    kind: Literal["url", "title", "text"]
    key: str


@dataclass(frozen=True, slots=True)
class StoryCandidate:
    """A stored story that shares a key with a new entry, with the text of its first entry; of those seen together, of the
    one published first.

    `feed_ids` are the feeds that already have an entry under this key (a title seen before in the same feed recurs).
    """

    story_id: int
    key: StoryKey
    feed_ids: frozenset[str]
    seen_at: datetime
    body: str


@dataclass(frozen=True, slots=True)
class StoryChoice:
    """Where one new entry belongs: an existing story, or a story first named in this batch.

    Attributes:
        story_id: the stored story, or 0 for one that this batch makes.
        draft: the number of the batch's own story when `story_id` is 0; equal numbers share a story.
        reason: "first", "url" or "title".
        score: the measure behind the reason, 0..1.
        keys: the keys under which later copies will find the story through this entry.
    """

    story_id: int
    draft: int
    reason: str
    score: float
    keys: tuple[StoryKey, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """Entries, usually of several feeds, telling the same news; `entries` in order of first sight, the lead first."""

    id: int
    title: str
    first_seen_at: datetime
    entries: tuple[Entry, ...]

    @property
    def outlets(self) -> int:
        """How many feeds tell it."""
        return len({entry.feed_id for entry in self.entries})


# -- matches -------------------------------------------------------------------------------------------------------


class Span(NamedTuple):
    """Where a leaf of a query stands in an entry.

    `start` and `end` are character offsets in the field's text; `term` is the leaf in canonical form (`=ОДКБ`);
    `alias` is the name it came through (`csto`), or "".
    """

    field: str
    start: int
    end: int
    term: str
    alias: str = ""


@dataclass(frozen=True, slots=True)
class Watchlist:
    """A named, owned query as configured; `query` is its text."""

    id: str
    title: str
    query: str


@dataclass(frozen=True, slots=True)
class KnownItem:
    """An example text of a watchlist, and whether its query must find it or must not.

    `where` is `file:line: place`, for whoever is told that it does not hold.
    """

    watchlist: Watchlist
    must: bool
    where: str
    title: str = ""
    body: str = ""
    source: str = ""
    language: str = ""
    url: str = ""
    author: str = ""
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NewMatch:
    """A watchlist and why an entry satisfies it, before it is stored."""

    watchlist_id: str
    spans: tuple[Span, ...]
    reach: Reach


@dataclass(frozen=True, slots=True)
class Match:
    """The fact that a revision of an entry satisfies a watchlist."""

    id: int
    watchlist_id: str
    entry_id: int
    revision: int
    spans: tuple[Span, ...]
    reach: Reach
    matched_at: datetime


@dataclass(frozen=True, slots=True)
class Revised:
    """An entry that a digest has told and its publisher has changed since, in a window.

    Attributes:
        entry: as it stood at the window's end.
        matches: those that were told, with the spans that hold in that text.
        title, body: as it stood before the window's first change.
        told: the highest level at which it was told.
    """

    entry: Entry
    matches: tuple[Match, ...]
    title: str
    body: str
    told: Level


# -- the poll's one write --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoredChange:
    """One change with everything that was decided about it; what a commit writes for one item.

    `language` is the one that its text told, or the declared one.
    `article` says that the article page shall be fetched, and how far a match found only there may travel; "" for no.
    """

    change: EntryChange
    sort_at: datetime
    index_title: str = ""
    index_body: str = ""
    language: str = ""
    story: StoryChoice | None = None
    matches: tuple[NewMatch, ...] = ()
    article: Reach | Literal[""] = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which a feed may have told what we never saw: its document held nothing that was known.

    `after_at` is the last sight of what was known, `before_at` the time of the document's oldest entry.
    """

    feed_id: str
    after_at: datetime
    before_at: datetime
    found_at: datetime


@dataclass(frozen=True, slots=True)
class PollOutcome:
    """All that one poll of one feed will write, in one transaction: its next state, entries, stories and matches.

    Attributes:
        recall: replaces what was kept of the last document; None leaves it.
        held_by: the host whose own word `poll.held_until` is (429 or 503 with Retry-After), else "".
        gap: what this poll may have missed.
    """

    feed_id: str
    poll: PollState
    changes: tuple[StoredChange, ...] = ()
    redirects: tuple[Redirect, ...] = ()
    events: tuple[FeedEvent, ...] = ()
    recall: Recall | None = None
    held_by: str = ""
    gap: Gap | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """A failure that was counted against a feed before it was known to be our own network's: its state before, and after."""

    feed_id: str
    before: PollState
    after: PollState


@dataclass(frozen=True, slots=True)
class PollReport:
    """What a poll did, for people: `outcome` is new, unchanged (same bytes), not_modified (304) or failed."""

    feed_id: str
    url: str
    outcome: Literal["new", "unchanged", "not_modified", "failed"]
    status: int
    entries_new: int
    entries_revised: int
    matches: int
    error_class: str
    error: str
    next_poll_at: datetime
    elapsed: float
    bytes: int
    events: tuple[FeedEvent, ...] = ()
    gap: Gap | None = None


# -- article pages ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ArticleTask:
    """An entry whose article page is due, and how far a match found there may travel.

    `etag` and `last_modified` are those of a page that was read in vain.
    """

    entry: Entry
    attempts: int
    reach: Reach
    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True, slots=True)
class ArticleOutcome:
    """What fetching one article page leads to: text and matches, or another time, or never again.

    `revision` is the one that was matched; when a poll has made another meanwhile, the page stays due.
    """

    entry_id: int
    revision: int
    text: str
    index_body: str
    matches: tuple[NewMatch, ...]
    state: Literal["done", "retry", "given_up"]
    error: str = ""
    next_at: datetime | None = None
    etag: str = ""
    last_modified: str = ""


# -- upkeep ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What reading the configuration changed in the database."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing `doctor` found: what, and what to do. `about` names it the same as long as it lasts, such as `feed:belta-en:failing`."""

    what: str
    do: str
    level: Literal["error", "warning"] = "warning"
    about: str = ""
