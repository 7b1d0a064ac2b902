"""What the lines ask of the store, by the tables its parts look after. A Protocol's docstring is the contract its conformance suite tests.

The rules of ports.py hold; each method is one transaction, and when it raises nothing of it is stored. Long listings (the
iterators) are read in pages and hold nothing open between them. A store may be used from several threads.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from aggregator.canary import Copy
from aggregator.care import AgendaStore, MeasureStore, Moments, NoticeStore, RetentionStore, Upkeep
from aggregator.fellows import WorkerStore
from aggregator.levels import Settled, Threshold, Wanted
from aggregator.model import (
    ArticleOutcome,
    ArticleTask,
    Counted,
    Entry,
    EntryKey,
    Feed,
    FeedSpec,
    Gap,
    HostHold,
    KnownEntry,
    Match,
    NewMatch,
    PollOutcome,
    Recall,
    Revised,
    StoredEvent,
    Story,
    StoryCandidate,
    StoryKey,
    SyncReport,
    Watchlist,
)
from aggregator.overview import Overview
from aggregator.publication import (
    Attempt,
    Content,
    Digest,
    DigestSpec,
    EditionMatch,
    FailingRelay,
    LateMessage,
    Message,
    NewEdition,
    StoredEdition,
    Window,
)
from aggregator.query import Need, Proposed
from aggregator.readership import (
    Asked,
    Asker,
    Bounce,
    NewLetter,
    NewToken,
    Purpose,
    Reading,
    Subscription,
    Suppressed,
    Tidied,
    Wish,
)
from aggregator.readings import AttentionStore, CredentialStore, PortionStore, ReadingStore, SignalStore


class FeedStore(Protocol):
    """Feeds: what the operator names, what polling taught, and who may poll them now."""

    def sync(self, specs: Sequence[FeedSpec], now: datetime) -> SyncReport:
        """Make the stored feeds those of `specs`.

        A new feed is due at once. A feed whose id changed but not its URL keeps its entries and validators under the new
        id, also when two feeds swap; only where another feed keeps that id it is a change of URL. A changed URL drops
        the validators and is due at once. A feed no longer named stays with its entries and is polled no more; named again,
        it is due and counts as added. A new id or URL and a removal end the claim: what is under way then is left out.
        """
        ...

    def claim_due(
        self, owner: str, limit: int, now: datetime, *, ids: Collection[str] = (), everything: bool = False
    ) -> builtins.list[Feed]:
        """Claim up to `limit` feeds whose next_poll_at is not later than `now`, oldest due first.

        With `everything`, feeds that are not due yet too, except those held by the server's own word or not polled
        since `now` already. `ids` narrows it. Paused and removed feeds are never claimed; nor is one that somebody else
        holds (nor one's own again), nor any of a host that is held, or that another process asks: a host is claimed with its feeds. A claim lasts 10 minutes;
        `commit_polls` and `release` end it. `Feed.entries` is not counted here.
        """
        ...

    def renew(self, owner: str, now: datetime) -> int:
        """Have the claims on feeds of `owner`, and on their hosts, last 10 minutes from now; how many feeds."""
        ...

    def release(
        self, owner: str, *, fallen: bool = False, sure: bool = True, rest_until: datetime | None = None
    ) -> int:
        """End all claims (feeds, articles, messages) of a process that stops or is no more; returns how many.

        A message that was in phase data becomes unknown; where it is not `sure` that the process is no more, it may be handing
        that over just now, and keeps it until its claim runs out. Where the process has `fallen`, its feeds are `interrupted`
        until a document of theirs has been read; so is a feed whose claim ran out. Hosts of what it had in hand stay its own
        `rest_until`; those that rest already do so to the end.
        """
        ...

    def owners(self) -> builtins.list[str]:
        """Who holds claims, also such as have run out, by name."""
        ...

    def list(self) -> builtins.list[Feed]:
        """Every feed in the configuration, by id."""
        ...

    def get(self, feed_id: str) -> Feed | None:
        """One feed, or None."""
        ...

    def pause(self, feed_id: str, now: datetime) -> bool:
        """Poll it no more until resumed; False when there is no such feed."""
        ...

    def resume(self, feed_id: str, now: datetime) -> bool:
        """Poll it again, now, with a clean slate of failures; False when there is no such feed.

        It also lifts the server's word (`held_until`), and the hold of its host: it is how a person says that a gone
        feed is back.
        """
        ...

    def hasten(self, feed_id: str, at: datetime) -> bool:
        """Make it due at `at` where it would be later; whatever holds it still does. False for a paused feed, or none."""
        ...


class HistoryStore(Protocol):
    """What happened to feeds as a whole, and where they live."""

    def events(self, feed_id: str = "", limit: int = 50) -> list[StoredEvent]:
        """What happened, newest first; of one feed where it is named."""
        ...

    def living_at(self, url: str, but: str) -> str:
        """The id of a feed in the configuration, other than `but`, whose URL this is or that has moved there; "" for none."""
        ...

    def undo_move(self, feed_id: str, now: datetime) -> bool:
        """Take a move back: polled again, now, where feeds.yaml says, without validators, and never moved there again.

        False when there is no such feed, or it has not moved. What is under way is left out.
        """
        ...


class PollStore(Protocol):
    """What the poll line reads and its one write."""

    def known_entries(self, feed_id: str, keys: Collection[EntryKey]) -> dict[EntryKey, KnownEntry]:
        """Which of these keys name stored entries of the feed; the key of a pruned entry names an entry with id 0."""
        ...

    def recall(self, feed_id: str) -> Recall | None:
        """What was kept of the feed's last document, or None."""
        ...

    def story_candidates(self, keys: Collection[StoryKey], since: datetime) -> list[StoryCandidate]:
        """Stories first seen at or after `since` that hold an entry under one of the keys: one for each story and key.

        A mark of texts that more than 100 entries of many stories have tells nothing, and finds none. `feed_ids` are all
        feeds with the key; of a mark, all feeds of the story.
        """
        ...

    def last_texts(self, feed_id: str) -> list[str]:
        """The bodies of a feed's last entries, one of each story and twelve at most: what it always says stands in several."""
        ...

    def commit_polls(
        self, outcomes: Sequence[PollOutcome], owner: str, now: datetime, *, rest: timedelta = ...
    ) -> dict[str, list[int]]:
        """Write the outcomes in ONE transaction and end their claims: feed id -> ids of its new entries, in order.

        Validators, entries, keys, stories, matches, events and the index of one feed are stored together or not at all. A feed
        whose claim `owner` no longer holds is left out: whoever holds it now will write it; a claim that ran out and was
        taken by nobody still counts. A pause by the operator stands. Drafts of stories are shared by the whole batch. A
        revision keeps the text before it, and its match reaches nobody where an earlier revision has been matched. Changes
        of entries that were pruned meanwhile are dropped; a key that is known already keeps its entry.

        Hosts of which the process has nothing in hand any more stay its own for the time of their `rest`.

        An outcome with `held_by` holds its feed; when another feed waits by the same host's word at `now`, the whole host is
        held, until the later of the two.
        """
        ...

    def newest_entry(self, feed_id: str) -> datetime | None:
        """The latest `sort_at` among the feed's stored entries, or None when there is none."""
        ...

    def gaps(self, feed_id: str = "", since: datetime | None = None) -> list[Gap]:
        """What may have been missed, newest first; of one feed of the configuration or all; found at or after `since`."""
        ...


class NetworkStore(Protocol):
    """What is known of hosts as a whole, and of our own network."""

    def holds(self, now: datetime) -> list[HostHold]:
        """The hosts that are held at `now`, by name."""
        ...

    def outage(self) -> datetime | None:
        """Since when our own network seems to be down, or None."""
        ...

    def begin_outage(self, now: datetime, counted: Sequence[Counted] = ()) -> bool:
        """Our own network is down; False when that is known already.

        Failures that were counted meanwhile are taken back: a feed whose state is still the one they led to gets the one
        before, and is due.
        """
        ...

    def end_outage(self) -> datetime | None:
        """It is back; since when it was down, or None when it was not."""
        ...


class EntryStore(Protocol):
    """Stored entries, for reading, and their article pages."""

    def get(self, entry_id: int) -> Entry | None:
        """One entry, or None."""
        ...

    def entries(self, feed_id: str = "", since: datetime | None = None) -> Iterator[Entry]:
        """Every stored entry, oldest first by id; of one feed; first seen at or after `since`."""
        ...

    def propose(
        self, need: Need, since: datetime | None = None, before: int = 0, *, stop: Callable[[], bool] | None = None
    ) -> Iterator[Proposed]:
        """Entries that may satisfy a query with this need, newest first by id; never leaves out one that does.

        Only those first seen at or after `since`, and behind the entry `before`. Any text is taken as text: there is no syntax in
        a token. What is `certain` has been found to satisfy the need, every part of it. Once `stop()` says so no more come; it is asked
        while the index is at work, too.
        """
        ...

    def reindex(self, limit: int) -> bool:
        """Where the index is of an older tokeniser: bring the next entries into a new one, so many at most; whether there are more.

        Meanwhile the old one proposes, and what its tokens differ in may be missed; nothing it proposes is `certain`.
        """
        ...

    def claim_articles(self, owner: str, limit: int, now: datetime, *, but: Collection[str] = ()) -> list[ArticleTask]:
        """Claim entries whose article page is due, newest first, one of a host at most, with that host; a claim lasts 10 minutes.

        None whose link leads to one of the hosts in `but` (`urls.host_key`).
        """
        ...

    def article_hosts(self, now: datetime) -> list[str]:
        """The hosts (`urls.host_key`) with an article page that is due and not claimed, by name."""
        ...

    def article_unread(self, entry_id: int) -> str:
        """Why there is no text of an entry's article page though it is wanted: its turn has not come, or what failed; else ""."""
        ...

    def commit_articles(
        self, outcomes: Sequence[ArticleOutcome], owner: str, now: datetime, *, rests: Mapping[str, datetime] = ...
    ) -> None:
        """Store texts, their index and matches, and end the claims, in one transaction; without the claim nothing.

        A host of which the process has nothing in hand any more stays its own until the moment in `rests`.
        """
        ...


class StoryStore(Protocol):
    """Stories, and what a person does to them by hand, which holds for copies that come later."""

    def list(self, since: datetime | None = None) -> Iterator[Story]:
        """Every story, oldest first by id; first seen at or after `since`."""
        ...

    def get(self, story_id: int) -> Story | None:
        """One story, or None; the id of one that was merged into another gives that other."""
        ...

    def merge(self, story_id: int, others: Collection[int], now: datetime) -> bool:
        """Take the others into a story; False, and nothing done, when one of them is no story or named twice.

        Their ids mean this story from then on. A copy of any of them that comes later joins it, and its title stays.
        """
        ...

    def founder(self, story_id: int) -> int:
        """The entry that founded a story: the first of its own, not of one merged into it; 0 for no story."""
        ...

    def split(self, story_id: int, entry_ids: Collection[int]) -> int:
        """Give entries of a story one of their own; its id, or 0, and nothing done, when they are none of it or its founder is among them.

        Entries that are all of a story merged into this one get that story back. A later copy joins the story whose
        first entry it is more like. What was told of the entries as copies was told of the other story: theirs is untold.
        """
        ...


class WatchStore(Protocol):
    """Watchlists and matches."""

    def sync(
        self, watchlists: Sequence[Watchlist], now: datetime, found: Sequence[tuple[int, NewMatch]] = ()
    ) -> SyncReport:
        """Make the stored watchlists those given; a removed one keeps its matches and matches no more.

        `found` are matches of stored entries (entry id, match), stored in the same transaction as `add_matches` would.
        """
        ...

    def list(self) -> builtins.list[Watchlist]:
        """The watchlists in force, by id."""
        ...

    def of_readers(self) -> builtins.list[Watchlist]:
        """Those of them that are readers' own queries; `sync` leaves them alone."""
        ...

    def turn(self) -> int:
        """A number that grows whenever `of_readers` becomes another list, whichever process did it. Cheap to ask."""
        ...

    def matches(self, watchlist_id: str = "", entry_id: int = 0, since: datetime | None = None) -> builtins.list[Match]:
        """Stored matches, oldest first."""
        ...

    def each_match(self, watchlist_id: str = "", since: datetime | None = None) -> Iterator[Match]:
        """The same one by one, however many: no snapshot is held open between pages."""
        ...

    def newest(self, watchlist_id: str, limit: int) -> builtins.list[Match]:
        """The newest matches of a watchlist that somebody may be told of, newest first; none of a silent baseline."""
        ...

    def add_matches(self, found: Sequence[tuple[int, NewMatch]], now: datetime) -> int:
        """Store matches of already stored entries (entry id, match), each (watchlist, entry, revision) once.

        How many were new; entries that are not there are passed over.
        """
        ...


class EditionStore(Protocol):
    """Digests, their windows and their editions."""

    def sync(self, specs: Sequence[DigestSpec], due: Mapping[str, datetime], now: datetime) -> SyncReport:
        """Make the stored digests those of `specs`; `due` gives the next edition's time for new or changed schedules.

        An edition that is overdue when its schedule changes stays due.

        The first window of a new instant digest starts at `now`; that of another looks back as far as the store was
        told (`initial`, a day), and what matched in it may enter when its reach says so. A digest that was removed and
        comes back does not cover again what it has covered. Times of digests that did not change stay as they are.
        """
        ...

    def digests(self) -> list[Digest]:
        """Digests in the configuration, by id."""
        ...

    def due(self, now: datetime) -> list[Digest]:
        """Digests whose next edition is not later than `now`; instant ones when a match or a signal waits for an alert."""
        ...

    def waiting(self, digest_id: str, until: datetime) -> list[EditionMatch]:
        """Matches of the digest's watchlists, matched before `until`, not yet assigned to one of its editions, by id.

        An instant digest takes those that reach alerts, whatever `until` says; others take reach digest too.

        Spans and entry belong together: of an entry revised since, the spans are those of the current revision where it
        still matches, else the entry has the text of the revision that matched.
        """
        ...

    def revised(self, digest_id: str, window: Window) -> list[Revised]:
        """Entries that an edition of the digest has told and that were changed in the window, after it was composed; by id.

        Each as it stood at the window's end, beside its text before the window's first change: windows that join tell
        every change once. None for a window without length.
        """
        ...

    def commit_editions(self, made: Sequence[NewEdition], settled: Sequence[Settled], next_at: datetime) -> list[int]:
        """Store the editions of one digest and moment, settle its matches, queue messages and move the window on, in ONE transaction.

        Returns their ids. When an edition with this digest and one of these keys exists already, only the window moves on and
        none is returned; when one of the matches has been settled by this digest meanwhile, or somebody else has moved the window on, told, tried again or
        dropped what a message tells as late, or told one of the signals, nothing is written and none is returned.
        The signals of the first are told with it.
        A match that is passed over does not make its story told. Who has left, paused or moved meanwhile gets no message.
        """
        ...

    def skip(self, digest_id: str, matches: Sequence[int], window_end: datetime, next_at: datetime) -> None:
        """Move the window on without an edition; `matches` are passed over (later copies, or none prominent enough)."""
        ...

    def editions(
        self, digest_id: str = "", limit: int = 50, key: str = "", *, whole: bool = True, before: int = 0
    ) -> list[StoredEdition]:
        """Past editions, newest first, behind the edition `before`; with a digest and a key, the one edition they name.

        Not `whole`: without their bytes, for a list; `rendered` has its subject alone then. A hundred whole ones are tens of megabytes.
        """
        ...

    def edition(self, edition_id: int) -> StoredEdition | None:
        """One edition as sent, or None."""
        ...


class AlertStore(Protocol):
    """What alerts wait for, when the last ones came, and which messages came too late to be sent as they were."""

    def hold(self, digest_id: str, until: datetime, seen: int) -> None:
        """Let what waits for an instant digest wait until then; it is due before only when more has come than match `seen`."""
        ...

    def sent_since(self, digest_id: str, since: datetime) -> list[datetime]:
        """When alerts of a digest were composed, at or after `since`, oldest first."""
        ...

    def late(self, digest_id: str) -> list[LateMessage]:
        """Messages that came too late, not told since, that an edition of this digest may tell their readers, oldest first.

        Those of the digest itself; of a digest that comes by the clock, its readers' alerts too.
        """
        ...

    def stranded(self) -> dict[str, list[LateMessage]]:
        """What came too late for readers of alerts and no digest that comes by the clock will tell them, by their own digest.

        Nothing for a reader while a mail that tells of late alerts is still on its way to it: one is enough.
        """
        ...


class CanaryStore(Protocol):
    """Copies of digests in the mailbox that shows whether mail arrives."""

    def arrived(self, address: str, message_id: str, at: datetime) -> Copy | None:
        """Note that the copy with this Message-ID was seen in the mailbox of `address`; the first time counts.

        Which copy it is, also of one that is noted already; None of any other mail.
        """
        ...

    def copies(self, address: str) -> builtins.list[Copy]:
        """The newest that a mail server took for this address, the newest first."""
        ...


class RelayStore(Protocol):
    """What fails as a whole: a mail server, a channel; and until when it is left in peace.

    The destination of a message is `mail`, or its channel: `channel:newsdesk`.
    """

    def failing(self) -> builtins.list[FailingRelay]:
        """Those that failed when they were last tried, by name."""
        ...

    def pause(self, failing: FailingRelay) -> None:
        """Note that one fails, and until when it is not tried."""
        ...

    def works(self, name: str) -> None:
        """It took something: forget that it failed. An empty name: whatever failed is tried again."""
        ...

    def expire(self, given_up: Mapping[str, datetime], now: datetime) -> int:
        """Give up what is not sent and older than its kind's moment (`alert`, `digest`), so that a later edition tells it; how many.

        Such a message is dead and late. Letters (`confirm`, `manage`) of that age are dead alone. Held messages stay.
        """
        ...


class OutboxStore(Protocol):
    """Messages that are not settled, and what became of the rest."""

    def claim_due(
        self,
        owner: str,
        limit: int,
        now: datetime,
        *,
        only: Collection[int] = (),
        but: Collection[str] = (),
        settled: Sequence[Attempt] = (),
    ) -> builtins.list[Message]:
        """Claim messages due at `now` (waiting, or unknown), alerts and letters before digests, oldest first; a claim lasts 15 minutes.

        `but` names destinations (`mail`, `channel:newsdesk`) that are left in peace. `settled` is recorded first, as `settle`
        would, in the same transaction.

        A message of an ended subscription or a suppressed address, and an edition of a paused one, becomes cancelled instead, in the same transaction. A
        claim that has run out is free again: waiting, or unknown when it was in phase data. `only` narrows it. Held messages
        stay.
        """
        ...

    def enter_data(self, message_id: int, owner: str, now: datetime) -> bool:
        """Commit phase "data" before the body is handed over; False when the claim is no longer `owner`'s.

        The claim lasts 15 minutes from here: nobody takes over a message whose body is on its way.
        """
        ...

    def settle(self, attempts: Sequence[Attempt], owner: str) -> None:
        """Record how attempts ended and free or end their messages; a sent or cancelled one forgets its token.

        An attempt whose fault is the address's counts as a bounce (`BounceStore.record`). A message that is sent clears what came
        back before, if that was more than three days ago: by then a report on an earlier one would have come.
        Without the claim nothing is recorded, but for one thing: what was sent is sent, and nobody sends it again.
        """
        ...

    def list(self, states: Collection[str] = (), limit: int = 200) -> builtins.list[Message]:
        """Messages in these states (all when empty), newest first."""
        ...

    def get(self, message_id: int) -> Message | None:
        """One message, or None."""
        ...

    def content(self, message: Message) -> Content | None:
        """What the message carries, with placeholders; None when its edition is gone, or its letter forgotten."""
        ...

    def retry(self, message_id: int, now: datetime) -> bool:
        """Make a waiting, unknown, dead or dropped message due now, held or not.

        False when it is sent, under way, not there, or cancelled because its reader is gone.
        """
        ...

    def drop(self, message_id: int, now: datetime) -> bool:
        """Cancel a waiting, unknown or dead message; False for any other. `retry` brings it back."""
        ...

    def release_held(self, now: datetime) -> int:
        """Free the messages that a restore is holding back; returns how many."""
        ...


class SubscriptionStore(Protocol):
    """Who wants which digest."""

    def sync(self, wanted: Sequence[Wanted], now: datetime) -> SyncReport:
        """Make the active subscriptions of origin `config` those, each with its threshold.

        One of another origin keeps its own. One that its reader ended stays ended, whatever the file says, and a suppressed address is not added; one no longer
        named ends, and lives again when it is named again. Addresses that differ in case alone are one.
        """
        ...

    def list(self, digest_id: str = "", states: Collection[str] = ()) -> builtins.list[Subscription]:
        """Subscriptions, by digest and address."""
        ...

    def add(self, digest_id: str, address: str, now: datetime, prominence: Threshold | None = None) -> Subscription:
        """An active subscription of origin `operator`; an ended one of the same pair lives again.

        One that is there keeps its threshold unless another is given.
        """
        ...

    def end(self, subscription_id: int, reason: str, now: datetime) -> bool:
        """End it and cancel its queued messages; False when there is none, or it had ended."""
        ...

    def find_token(self, token: str) -> Subscription | None:
        """The subscription that an unsubscribe token belongs to; works for years."""
        ...

    def export(self, address: str) -> dict[str, Any]:
        """All that is stored about an address, as plain data."""
        ...

    def erase(self, address: str, now: datetime) -> int:
        """Remove an address everywhere; subscriptions end, what was sent keeps no address. Returns rows changed.

        The address is suppressed from then on, as a keyed hash, until `add` names it.
        """
        ...


class BounceStore(Protocol):
    """Mail that came back, and whom it stops."""

    def record(self, subscription_id: int, bounce: Bounce, now: datetime) -> int | None:
        """Note that mail to this subscription's address came back; how many subscriptions that stopped, None without such an address.

        A hard bounce suspends every subscription of the address: it is paused until somebody resumes it (one that was never
        confirmed ends), what waits for it is cancelled, and the address is suppressed. So does a soft one on the fifth day of
        fourteen. A complaint ends them instead. `OutboxStore.settle` does the same where the server blames the address at once.
        """
        ...

    def of_message(self, message_id: str) -> int:
        """The subscription that a message with this Message-ID went to, or 0."""
        ...

    def lift(self, address: str) -> bool:
        """Take an address off the suppression list and forget what came back from it; whether there was anything.

        Its subscriptions stay as they are.
        """
        ...

    def recent(self, since: datetime) -> Mapping[str, int]:
        """Kind of bounce -> how many addresses had one since then."""
        ...


class SignupStore(Protocol):
    """How readers come: requests, letters and tokens."""

    def asked(self, address: str, network: str, now: datetime) -> Asked:
        """How many letters went out lately that the limits count. Spellings of one mailbox are one; "" is no network."""
        ...

    def turn_away(self, address: str, asker: Asker, now: datetime) -> None:
        """Note a request that gets no letter; nothing but keyed hashes is stored."""
        ...

    def request(self, wish: Wish, letter: NewLetter, asker: Asker, now: datetime, detail: str) -> int:
        """A pending subscription to the wish's digest, and the letter that asks to confirm it, in ONE transaction; its id.

        The digest and the reader's own watchlist sleep until somebody confirms. A subscription that lives stays as it is.
        """
        ...

    def remind(self, letter: NewLetter, asker: Asker, now: datetime) -> bool:
        """A letter to an address that has a subscription; False, with the request noted, when it has none that is active or paused."""
        ...

    def of(self, address: str = "", subscription_id: int = 0) -> builtins.list[Reading]:
        """Every subscription of an address, or of the reader that a subscription belongs to; ended ones too."""
        ...

    def look(self, token: str, purpose: Purpose, now: datetime) -> Reading | None:
        """The subscription that a token of this purpose belongs to; None when it has none, or has run out. Used ones are found."""
        ...

    def issue(self, subscription_id: int, tokens: Sequence[NewToken], now: datetime) -> None:
        """Store the hashes of tokens for a subscription."""
        ...

    def refuse(self, token: str, asker: Asker, now: datetime) -> bool:
        """Never write again to the address that a token "refuse" belongs to: suppressed, its subscriptions ended. False for no token."""
        ...


class ReaderStore(Protocol):
    """What becomes of readers' subscriptions. Every step is written down with its asker; `due` is when the digest comes out next."""

    def add(self, address: str, wish: Wish, asker: Asker, now: datetime) -> Subscription:
        """An active subscription to the digest of a choice, which wakes; one to the same watchlist at another rhythm moves here.

        The operator's word lifts a suppression.
        """
        ...

    def activate(self, token: str, due: datetime, asker: Asker, now: datetime) -> Subscription | None:
        """Confirm a pending subscription, as `add`; a token does it once. None when it is used, has run out, or mail was refused."""
        ...

    def move(self, subscription_id: int, wish: Wish, asker: Asker, now: datetime) -> Subscription | None:
        """Give an active or paused subscription another choice; None when it is neither, or its digest is the operator's.

        What waits for it in the old digest waits in the new one, and nothing that was told is told again.
        """
        ...

    def pause(self, subscription_id: int, until: datetime | None, asker: Asker, now: datetime) -> bool:
        """Send nothing until then, or until resumed, nor what is queued; False when there is nothing to pause."""
        ...

    def resume(self, subscription_id: int, asker: Asker, now: datetime) -> bool:
        """End a pause; False when there is none."""
        ...

    def end(self, subscription_ids: Sequence[int], reason: str, asker: Asker, now: datetime) -> int:
        """End subscriptions as SubscriptionStore.end does; digests that nobody reads any more sleep. How many had not ended."""
        ...

    def take_back(self, token: str, fresh: Sequence[str], asker: Asker, now: datetime) -> builtins.list[Subscription]:
        """Undo the end that a token "undo" was given for, of every subscription that ended with it; none when it is too late.

        What the end cancelled is queued again, each with one of the `fresh` tokens.
        """
        ...

    def tidy(self, now: datetime) -> Tidied:
        """Do what time asks for: end pauses, join readers of the same choice, forget what was not confirmed in a week."""
        ...


class SuppressionStore(Protocol):
    """Addresses that we must not write to, as keyed hashes."""

    def list(self) -> builtins.list[Suppressed]:
        """All of them, oldest first."""
        ...

    def hash(self, address: str) -> str:
        """What the list holds of an address."""
        ...

    def reason(self, address: str) -> str:
        """Why an address is on the list; "" when it is not."""
        ...

    def add(self, entries: Sequence[Suppressed]) -> int:
        """Put hashes on the list; how many were new."""
        ...

    def remove(self, address_hmac: str) -> bool:
        """Take one off the list; False when it is not there."""
        ...


class Stores(Protocol):
    """The whole store, by the tables its parts look after."""

    @property
    def feeds(self) -> FeedStore:
        """Feeds and claims."""
        ...

    @property
    def history(self) -> HistoryStore:
        """What happened to feeds."""
        ...

    @property
    def polls(self) -> PollStore:
        """The poll line's reads and write."""
        ...

    @property
    def network(self) -> NetworkStore:
        """Hosts that are held, and outages of our own."""
        ...

    @property
    def entries(self) -> EntryStore:
        """Entries and article texts."""
        ...

    @property
    def stories(self) -> StoryStore:
        """Stories."""
        ...

    @property
    def watch(self) -> WatchStore:
        """Watchlists and matches."""
        ...

    @property
    def editions(self) -> EditionStore:
        """Digests and editions."""
        ...

    @property
    def alerts(self) -> AlertStore:
        """What alerts wait for, and what came too late."""
        ...

    @property
    def canary(self) -> CanaryStore:
        """Copies in the canary's mailbox."""
        ...

    @property
    def relays(self) -> RelayStore:
        """What fails as a whole."""
        ...

    @property
    def outbox(self) -> OutboxStore:
        """Messages and attempts."""
        ...

    @property
    def subscriptions(self) -> SubscriptionStore:
        """Subscribers and their subscriptions."""
        ...

    @property
    def bounces(self) -> BounceStore:
        """Mail that came back."""
        ...

    @property
    def signups(self) -> SignupStore:
        """Requests, letters and tokens."""
        ...

    @property
    def readers(self) -> ReaderStore:
        """Readers' subscriptions."""
        ...

    @property
    def suppressions(self) -> SuppressionStore:
        """Who is never written to."""
        ...

    @property
    def notices(self) -> NoticeStore:
        """What the operator is told of."""
        ...

    @property
    def measures(self) -> MeasureStore:
        """Numbers for metrics."""
        ...

    @property
    def retention(self) -> RetentionStore:
        """What goes in time."""
        ...

    @property
    def upkeep(self) -> Upkeep:
        """The database as a whole."""
        ...

    @property
    def moments(self) -> Moments:
        """What a wrong clock wrote."""
        ...

    @property
    def attention(self) -> AttentionStore:
        """Counts by day and hour."""
        ...

    @property
    def signals(self) -> SignalStore:
        """Bursts and silences."""
        ...

    @property
    def reading(self) -> ReadingStore:
        """What pages show."""
        ...

    @property
    def overview(self) -> Overview:
        """What the operator's pages show."""
        ...

    @property
    def portions(self) -> PortionStore:
        """Long lists in portions."""
        ...

    @property
    def credentials(self) -> CredentialStore:
        """Who may do what."""
        ...

    @property
    def agenda(self) -> AgendaStore:
        """When the lines have something to do."""
        ...

    @property
    def workers(self) -> WorkerStore:
        """Who works on a database that several share."""
        ...
