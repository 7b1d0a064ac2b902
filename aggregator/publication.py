"""What is published, and for whom: digest -> edition -> message -> attempt, as frozen dataclasses.

The continuation of `model`, whose rules hold here too: no field is "None until later", every datetime is aware UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Literal

from aggregator.errors import Fault
from aggregator.levels import Level, Prominence, Threshold
from aggregator.model import Entry, Match, Story
from aggregator.reading import EditionSignal

MessageState = Literal["waiting", "claimed", "sent", "unknown", "dead", "cancelled"]
Phase = Literal["queued", "connect", "data"]


# -- digests and editions ----------------------------------------------------------------------------------------------

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Quiet:
    """The hours in which an alert is not sent: from `start` to `end` on the digest's clock, over midnight where `end` is earlier.

    `urgent` is the level that breaks through all the same; "none": nothing does.
    """

    start: time
    end: time
    urgent: Threshold | Literal["none"] = "none"


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a digest comes out: `every` instant or hourly, or at wall-clock times in an IANA zone on some days.

    Of an instant one, `wait` is how long its first story waits for company, `most` how many alerts an hour it sends before it
    collects (0: no limit), and `quiet` the hours in which it collects.
    """

    every: Literal["instant", "hourly", "at"]
    timezone: str = "UTC"
    at: tuple[time, ...] = ()
    days: tuple[Weekday, ...] = WEEKDAYS
    wait: timedelta = timedelta(0)
    most: int = 0
    quiet: Quiet | None = None


DigestOrigin = Literal["config", "reader"]
"""Who asked for a digest: digests.yaml, or readers who chose a watchlist and a rhythm."""


@dataclass(frozen=True, slots=True)
class DigestSpec:
    """A regular publication; `stricter` are (address, threshold) of those in `to` that want to be told of less.

    `to` holds mail addresses and channels (`channel:newsdesk`); `zones` are (address, IANA zone) of those that read another clock.
    """

    id: str
    title: str
    watchlists: tuple[str, ...]
    schedule: Schedule
    to: tuple[str, ...] = ()
    empty: Literal["send", "skip"] = "send"
    prominence: Threshold = "any"
    stricter: tuple[tuple[str, Threshold], ...] = ()
    zones: tuple[tuple[str, str], ...] = ()
    origin: DigestOrigin = "config"


@dataclass(frozen=True, slots=True)
class Digest:
    """A digest as stored: its specification, where the last window ended and when the next edition is due.

    `next_at` of an instant digest is the distant past whenever a match waits for it.
    """

    spec: DigestSpec
    covered_until: datetime
    next_at: datetime


@dataclass(frozen=True, slots=True)
class Window:
    """The span of time an edition covers, half open: start <= matched < end. An alert's window is zero long."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class EditionMatch:
    """A match that waits for an edition, with all that is needed to show it.

    `told` is the highest level at which earlier editions of the same digest told its story for its watchlist; "" for not at all.
    """

    match: Match
    entry: Entry
    story: Story
    told: Level | Literal[""]


@dataclass(frozen=True, slots=True)
class Outlet:
    """One feed's copy of a story."""

    feed_id: str
    feed_title: str
    entry_id: int
    title: str
    link: str
    language: str
    published_at: datetime | None
    first_seen_at: datetime


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A few sentences around the match; `marks` are (start, end) character offsets in `text` to highlight.

    `source` names the outlet whose text it is, where that is not the headline's.
    """

    text: str
    marks: tuple[tuple[int, int], ...] = ()
    field: str = "body"
    source: str = ""


@dataclass(frozen=True, slots=True)
class EditionStory:
    """One story as an edition shows it: once, with its outlets and the reasons it is there.

    `why` holds plain sentences such as "ОДКБ in the title (@csto)"; `continued` says an earlier edition told it already;
    `prominence` is that of its most prominent matched entry.
    """

    story_id: int
    headline: str
    headline_marks: tuple[tuple[int, int], ...]
    link: str
    language: str
    outlets: tuple[Outlet, ...]
    watchlist_ids: tuple[str, ...]
    watchlist_titles: tuple[str, ...]
    excerpt: Excerpt
    why: tuple[str, ...]
    at: datetime
    prominence: Prominence
    continued: bool = False


@dataclass(frozen=True, slots=True)
class UpdatedStory:
    """A story told before whose text its publisher has changed since: as it stands now, and the headline it was told under."""

    story: EditionStory
    before: str


@dataclass(frozen=True, slots=True)
class LateStory:
    """A story of an edition that could not be delivered to this reader when it was news."""

    headline: str
    link: str
    language: str
    source: str
    at: datetime
    edition_at: datetime


@dataclass(frozen=True, slots=True)
class LateMessage:
    """A message that was given up because time ran out, and the subscription of the same reader that may tell it now.

    `content` names what it carried (edition and variant); `data` is that of the edition, one string for all who were sent it.
    """

    message_id: int
    reader_id: int
    content: str
    composed_at: datetime
    data: str


@dataclass(frozen=True, slots=True)
class Missed:
    """A feed that may have told something between two moments that we never saw."""

    feed_id: str
    title: str
    after: datetime
    before: datetime


@dataclass(frozen=True, slots=True)
class FailingFeed:
    """A feed that could not be read while an edition was made."""

    feed_id: str
    title: str
    since: datetime | None
    error: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What was checked for an edition: `ok` of `feeds` were read; the rest is named. `missed` is what was found since its window began."""

    feeds: int
    ok: int
    failing: tuple[FailingFeed, ...] = ()
    missed: tuple[Missed, ...] = ()


@dataclass(frozen=True, slots=True)
class Edition:
    """One issue of a digest; an alert is an edition whose window is zero.

    Attributes:
        key: what makes it unique within its digest: the local time of its end, of an alert its time and first match (digests.windows).
        entries, feeds: how many matched entries its untold stories hold, and in how many feeds.
        more: stories beyond the cap, not shown.
        queries: (watchlist title, query text) of every watchlist it covers.
        prominence: what its stories reach at least.
        updated, signals: stories told before whose text was changed in the window; watchlists out of their own rhythm.
        late, held: what could not be delivered to its reader before; why the stories of an alert come together, or "".
        list_name, thread: for List-Id, `morning` or `csto.watch`; for References, a Message-ID that is never sent, or "".
        next_at: when the digest comes next; None for one that does not come by the clock.
    """

    digest_id: str
    title: str
    key: str
    kind: Literal["alert", "digest"]
    window: Window
    timezone: str
    stories: tuple[EditionStory, ...]
    continued: tuple[EditionStory, ...]
    entries: int
    more: int
    checked: Checked
    queries: tuple[tuple[str, str], ...]
    composed_at: datetime
    prominence: Threshold = "any"
    feeds: int = 0
    updated: tuple[UpdatedStory, ...] = ()
    late: tuple[LateStory, ...] = ()
    held: Literal["", "quiet", "storm"] = ""
    list_name: str = ""
    thread: str = ""
    next_at: datetime | None = None
    signals: tuple[EditionSignal, ...] = ()


@dataclass(frozen=True, slots=True)
class RenderedEdition:
    """An edition's final bytes, rendered once.

    Attributes:
        mail: the whole MIME message with fixed-length placeholders for what differs between recipients.
        page: the archive page, HTML.
        text: the plain text part, for people at a terminal.
        data: the same facts as JSON.
    """

    subject: str
    mail: bytes
    page: str
    text: str
    data: str


@dataclass(frozen=True, slots=True)
class StoredEdition:
    """An edition in the archive, as sent."""

    id: int
    digest_id: str
    title: str
    key: str
    kind: str
    window: Window
    subject: str
    stories: int
    entries: int
    composed_at: datetime
    rendered: RenderedEdition


# -- the outbox ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewMessage:
    """What differs between the recipients of one edition.

    `token` ends the subscription in one click (128 random bits, base32); `message_id` is derived, so every retry of the
    same message carries the same one. The bytes follow from the edition's mail and this row alone. `tells` are the messages that
    came too late and whose stories are in this one.
    """

    subscription_id: int
    address: str
    token: str
    message_id: str
    variant: str = ""
    tells: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """What a message carries, the same for all who get it: mail with placeholders, and the edition as JSON ("" of a letter)."""

    mail: bytes
    data: str = ""


@dataclass(frozen=True, slots=True)
class NewEdition:
    """An edition on its way into the store, with its messages, and by name its mails for other clocks or with what came late."""

    edition: Edition
    rendered: RenderedEdition
    messages: tuple[NewMessage, ...] = ()
    variants: tuple[tuple[str, Content], ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """A message in the outbox: of an edition in one of its variants, or a letter (the other id is 0); of a notice nobody has a subscription (0).

    `address` may name a channel: `channel:newsdesk`. How long it is worth sending counts from `patient_since`: when it was made, or
    when a person asked for another try.
    """

    id: int
    edition_id: int
    letter_id: int
    variant: str
    digest_id: str
    kind: str
    subject: str
    subscription_id: int
    address: str
    token: str
    message_id: str
    state: MessageState
    phase: Phase
    attempts: int
    next_attempt_at: datetime
    created_at: datetime
    patient_since: datetime
    settled_at: datetime | None
    error: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one try at handing a message to a transport ended, and what the outbox rule made of it.

    `status` and `fault` are what a mail server's no said: its enhanced status, and whether the address is to blame. `late`: it was
    given up because time ran out, and a later edition shall tell its stories.
    """

    message_id: int
    started_at: datetime
    ended_at: datetime
    outcome: Literal["sent", "retry", "dead", "unknown", "cancelled"]
    phase: Phase
    code: int
    detail: str
    next_attempt_at: datetime
    state: MessageState
    status: str = ""
    fault: Fault = ""
    late: bool = False


@dataclass(frozen=True, slots=True)
class FailingRelay:
    """A destination that fails as a whole, `mail` or `channel:newsdesk`; `failures` in a row."""

    name: str
    failures: int
    since: datetime
    until: datetime
    error_class: str
    error: str
