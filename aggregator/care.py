"""What those who look after an installation ask of the store; the rules of stores.py hold."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from aggregator.errors import StoreError
from aggregator.measures import Measures
from aggregator.model import EntryKey, Problem
from aggregator.notice import Changed, Notice, NoticeLetter
from aggregator.publication import Checked


@dataclass(frozen=True, slots=True)
class BackupState:
    """What the database knows of its backups: the last good one (moment, path), the last try, and what kept that from being good."""

    made_at: datetime | None = None
    file: str = ""
    tried_at: datetime | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Recalled:
    """What the log of what was sent says of the time since a backup.

    Attributes:
        whole: the log reaches back to the backup without a gap; where not, every edition waits for a person.
        editions: told since, for people: which, and to how many readers.
        sent: messages that the backup holds as unsent, and that were sent since.
        stopped, suppressed: subscriptions that ended or paused since; addresses that must not be written to since.
    """

    whole: bool
    editions: tuple[str, ...]
    sent: int
    stopped: int
    suppressed: int


@dataclass(frozen=True, slots=True)
class Held:
    """What waits for a person after a restore: messages; `since` when every edition does, None where only those do."""

    messages: int
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Keep:
    """How long things are kept; None: for ever.

    Attributes:
        entries: an entry that no match and no edition needs, from its first sight on.
        feeds: the same by feed id, where a feed has an age of its own.
        messages: a settled message with its address, attempts and letter.
        editions: the text of an edition; what it told is known for ever.
        log: the log of what was sent.
    """

    entries: timedelta | None
    feeds: Mapping[str, timedelta | None]
    messages: timedelta | None = None
    editions: timedelta | None = None
    log: timedelta = timedelta(days=400)


class RetentionStore(Protocol):
    """What goes in time. `pause` is called between two short transactions; where it gives False, the rest is left."""

    def prunable(self, now: datetime, keep: Keep) -> Mapping[str, int]:
        """How many entries of each feed `prune` would remove now; feeds that lose none are left out."""
        ...

    def prune(self, now: datetime, keep: Keep, pause: Callable[[], bool] = ...) -> Mapping[str, int]:
        """Remove entries that are old and that no match and no edition needs, and stories left empty: table -> rows.

        Their keys stay, so that they do not come back as new, and so do counts of them.
        """
        ...

    def forget(self, now: datetime, keep: Keep, pause: Callable[[], bool] = ...) -> Mapping[str, int]:
        """Remove settled messages, the texts of old editions, and what nobody asks for after so long: table -> rows.

        When feeds were read and what happened to them is known for 400 days at least.
        """
        ...

    def forget_keys(
        self, feed_id: str, but: Collection[EntryKey], now: datetime, keep: Keep, pause: Callable[[], bool] = ...
    ) -> int:
        """Remove the names of a feed's pruned entries that were first seen twice as long ago as they are kept; how many.

        `but` are those that its document still shows: they must never come back as new.
        """
        ...

    def note_day(self, now: datetime, keep: Keep) -> bool:
        """Note which entries are older than this day, by which `forget_keys` goes; whether it was not noted yet."""
        ...


class Upkeep(Protocol):
    """Care of the whole database."""

    def migrate(self) -> list[str]:
        """Bring the schema up to date, all steps or none; their names. A database that holds something is copied before.

        Raises StoreError when it is from the future.
        """
        ...

    def check(self, *, deep: bool = False) -> list[str]:
        """What `examine` finds, one line each; empty when sound."""
        ...

    def examine(self, *, deep: bool = False) -> list[Problem]:
        """Problems found in the database, each with what to do; empty when sound.

        `deep` reads all of it and looks whether what must always hold does; that takes minutes of a million entries and holds
        up writers.
        """
        ...

    @property
    def reading(self) -> bool:
        """Whether it was opened to be read alone, for it cannot be written."""
        ...

    def trouble(self) -> StoreError | None:
        """What this process was refused last; None since a write went well. After damage nothing is written, and it stays."""
        ...

    def size(self) -> int:
        """How many bytes the database takes, without its log."""
        ...

    def log_bytes(self) -> int:
        """How long the log beside the database is, of what is not in the file yet."""
        ...

    def log_holders(self) -> Sequence[str]:
        """The processes (`1234 sqlite3`) that keep it from being emptied: they read an older state, or write just now."""
        ...

    def fold_log(self, seconds: float) -> bool:
        """Empty that log, waiting so long for readers; whether that could be done. Raises StoreError."""
        ...

    def backup(self, target: Path, now: datetime | None = None) -> None:
        """Write a verified copy to `target` while others go on working; `target` appears only when it is whole.

        With `now` the copy and the log of what was sent carry the same mark: a restore then knows what came after it.
        """
        ...

    def backups(self) -> BackupState:
        """When the last backup was made, and how the last try ended."""
        ...

    def note_backup(self, now: datetime, file: str = "", error: str = "") -> None:
        """Write down a try at a backup: the file where it is good, else what was wrong."""
        ...

    def forget_texts(self, before: datetime) -> int:
        """Drop the marks of texts first seen before this, which no copy can meet any more; how many."""
        ...

    def merge_index(self, now: datetime) -> bool:
        """Once a week: a step of giving back what the search index keeps of entries that are gone; whether more are to come.

        A step holds up writers for a fraction of a second; those of one merge need not come in one run.
        """
        ...

    def stats(self, now: datetime) -> dict[str, Any]:
        """Numbers people ask for: feeds by state, entries, stories, matches by watchlist, messages by state.

        `alert_seconds` is what alerts of the last week took from match to mailbox: median and 95th percentile.
        """
        ...

    def checked(self, since: datetime | None = None) -> Checked:
        """How many feeds were read at their last poll, and which were not; in an outage of ours, none since it began.

        With `since` also what was found since then to be possibly missed, the latest first.
        """
        ...

    def recall(self, log: Path, now: datetime) -> Recalled:
        """After a restore: bring the database up to what the log in this folder knows of the time since the backup.

        What was sent is sent, what was told is no news when it is polled again, who left has left. Where the log is not whole,
        every edition is held until a person releases it.
        """
        ...

    def hold_outbox(self, now: datetime, *, editions: bool = False) -> int:
        """After a restore: hold every unsent message until a person releases it, and `editions` to come; returns how many messages."""
        ...

    def held(self) -> Held:
        """What a restore holds back now."""
        ...

    def close(self) -> None:
        """Close every connection; safe to call twice."""
        ...


class Moments(Protocol):
    """What waits for a moment, when the clock that set it was wrong."""

    def set_right(self, now: datetime, step: timedelta = timedelta(0)) -> int:
        """Let nothing wait longer than it can have been meant to; how many did.

        A feed, a claim, a message or a relay that waits for a moment further ahead than its longest pause waits no more, and
        what was issued in the future (a link, a session, a reader's pause) holds for its own time from now on. `step` is by how
        much the clock was set just now, when that is known: what waits then goes on waiting for as long as before.
        """
        ...

    def latest(self) -> datetime | None:
        """When a feed was polled last, paused ones aside; None before the first poll. Later than now: the clock was set back."""
        ...

    def believed(self, now: datetime) -> datetime:
        """The moment by which what is old may be removed: now, but a day more than at the last asking at most.

        A clock that is years ahead would else make everything old at once.
        """
        ...


class NoticeStore(Protocol):
    """What the operator is told of: a row for each problem while it lasts, and until its end was told."""

    def see(self, found: Sequence[Problem], now: datetime) -> Changed:
        """Note what is found now, by `about`: what is new begins, what is not found any more ends.

        What comes back has never ended, unless nobody was told of it and it was over for an hour: then it begins anew.
        """
        ...

    def list(self) -> builtins.list[Notice]:
        """All of them, the oldest first."""
        ...

    def told_at(self) -> datetime | None:
        """When a daily mail was last due, whether it was sent or had nothing to say."""
        ...

    def tell(
        self, told: Sequence[str], over: Sequence[str], letter: NoticeLetter | None, due: datetime, now: datetime
    ) -> bool:
        """In one transaction: the mail into the outbox (None: nothing is to be told), what stands in it told, what is over forgotten.

        False, with nothing stored, when what was due then has been seen to by somebody else. Old notices that were sent go, too.
        """
        ...


class MeasureStore(Protocol):
    """What metrics are made of."""

    def look(self, watchlist_ids: Collection[str], now: datetime) -> Measures:
        """The numbers of this moment; `matches` of these watchlists. Costs the same however much is stored."""
        ...


class AgendaStore(Protocol):
    """When there may be something to do: what a process asks that has nothing to do."""

    def version(self) -> int:
        """A number that is another one once anybody else has changed the database since this thread last asked; costs no reading.

        What is only claimed need not count.
        """
        ...

    def next(self, now: datetime) -> Mapping[str, datetime]:
        """By line, when something of it may fall due: `poll`, `compose`, `send` and `enrich`, those that have any.

        What is there at `now` and waits for nothing but a line to look is not among it: that came with a change. Never later than the
        moment at which the line would find something; it may be earlier.
        """
        ...

    def turn(self, line: str, seconds: float = 0.0) -> AbstractContextManager[bool]:
        """Whether this thread alone, of all processes on the database, runs a line now; it waits so long at most for its turn.

        What it reads meanwhile, others who ask for the same turn do not change. Where a database has one daemon it is
        always True.
        """
        ...

    def may_write(self, seconds: float) -> None:
        """Try whether the database takes a transaction of ours, waiting so long for others.

        Raises:
            StoreError: it does not, or its schema is not the one this program knows.
        """
        ...
