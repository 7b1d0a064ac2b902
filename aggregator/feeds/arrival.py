"""What an entry's arrival means: its place in time, how far a match may travel, whether its article page is wanted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from aggregator.model import EntryChange, Feed, ItemFacts, NewEntry, ParsedEntry, Reach

OLD = timedelta(days=7)
"""What a feed brings anew although it is older than this is no alert: an archive was announced again."""
MANY = 20
"""New entries up to this number are never taken for an archive."""
HABIT = 3
"""An archive brings more than so many times what the feed is seen to bring at once."""
LATE = timedelta(days=1)
AT_ONCE = timedelta(minutes=10)
LATELY = timedelta(hours=6)
SHORT_TEXT = 200
_CUT = re.compile(
    r"(?i)(?:…|\.\.\.|(?:read|see|learn) more|continue reading|full story|(?:читать|чытаць) (?:далее|далей|полностью|цалкам)|"
    r"подробнее|падрабязней)[\]\W]*$"
)
AHEAD = timedelta(hours=1)
FIRST = datetime(1990, 1, 1, tzinfo=UTC)


def sort_at(entry: ParsedEntry, now: datetime) -> datetime:
    """The published time where it can be believed, else the moment of first sight (polling-and-identity.md F12, F13)."""
    published = entry.published_at or entry.updated_at
    if published is None or published > now + AHEAD or published < FIRST:
        return now
    return published


@dataclass(frozen=True, slots=True)
class Archive:
    """Which new entries of a document are an archive rather than news.

    Attributes:
        before: those published before it.
        spans: those published inside one of these, ends included.
        undated: those without a published time.
    """

    before: datetime = FIRST
    spans: tuple[tuple[datetime, datetime], ...] = ()
    undated: bool = False

    def holds(self, entry: ParsedEntry) -> bool:
        """Whether a new entry belongs to it."""
        when = entry.published_at
        if when is None:
            return self.undated
        return when < self.before or any(start <= when <= end for start, end in self.spans)


NO_ARCHIVE = Archive()


def archive(
    items: Sequence[ItemFacts], changes: Sequence[EntryChange], read_at: datetime | None, now: datetime
) -> Archive:
    """What of a document is an archive put up anew, whose matches may enter a digest but raise no alert.

    - More than 20 new entries published over a day before the feed was last read: they were there, and were not shown.
    - More than 20 new entries published within ten minutes, and more than three times what the known items of the same
      document have in any ten minutes: re-dated. A feed that always comes in bunches shows it by its known items.
    - As many new entries without dates, when the feed was read within six hours; later they may be the night's news.

    Where no item is known, we may have missed some: such a gap is told as news, and only the first rule holds. See
    docs/decisions/0010.

    Args:
        items: all items of the document.
        changes: what they are.
        read_at: when the feed was last read, None for never (then `reach` decides alone).
        now: the present.
    """
    new = [change.entry.published_at for change in changes if isinstance(change, NewEntry)]
    if read_at is None or len(new) <= MANY:
        return NO_ARCHIVE
    late = sum(when is not None and when < read_at - LATE for when in new)
    before = read_at - LATE if late > MANY else FIRST
    known = list((Counter(i.published for i in items) - Counter(w.isoformat() if w else "" for w in new)).elements())
    if not known:
        return Archive(before)
    seen = (datetime.fromisoformat(text) for text in known if text)
    usual = max((size for _, _, size in _bunches(seen)), default=0)
    dated = (when for when in new if when is not None)
    spans = [(start, end) for start, end, size in _bunches(dated) if size > max(MANY, HABIT * usual)]
    undated = now - read_at <= LATELY and new.count(None) > max(MANY, HABIT * known.count(""))
    return Archive(before, tuple(_joined(spans)), undated)


def _bunches(times: Iterable[datetime]) -> Iterator[tuple[datetime, datetime, int]]:
    """For each time: it, the last within ten minutes after it, and how many these are."""
    ordered = sorted(times)
    end = 0
    for start, first in enumerate(ordered):
        while end < len(ordered) and ordered[end] - first <= AT_ONCE:
            end += 1
        yield first, ordered[end - 1], end - start


def _joined(spans: Iterable[tuple[datetime, datetime]]) -> Iterator[tuple[datetime, datetime]]:
    """Overlapping spans as one."""
    whole: tuple[datetime, datetime] | None = None
    for start, end in spans:
        if whole is not None and start <= whole[1]:
            whole = whole[0], max(whole[1], end)
            continue
        if whole is not None:
            yield whole
        whole = start, end
    if whole is not None:
        yield whole


def reach(moment: datetime, now: datetime, *, initial: timedelta, first: bool, archived: bool = False) -> Reach:
    """How far a match of a new entry may travel.

    Args:
        moment: the entry's `sort_at`.
        now: the present.
        initial: of a feed's first poll, entries younger than this may enter the next digest; the rest is baseline.
        first: whether this is the feed's first poll.
        archived: whether the entry belongs to an archive put up anew.
    """
    if first:
        return "digest" if moment >= now - initial else "none"
    return "alert" if moment >= now - OLD and not archived else "digest"


def wants_article(feed: Feed, entry: ParsedEntry, how_far: Reach, *, first: bool, matched: bool) -> bool:
    """Whether `enrich` shall fetch the page. Pages are fetched for news: none of the silent baseline, none of an archive.

    Args:
        feed: whose `articles` says which.
        entry: as parsed.
        how_far: what `reach` says of it.
        first: whether this is the feed's first poll; at a later one, what raises no alert is of an archive.
        matched: whether what the feed says of it satisfies a watchlist.
    """
    wanted = feed.spec.articles
    archived = how_far == "digest" and not first
    if how_far == "none" or archived or not entry.link or wanted == "never":
        return False
    if wanted == "matched":
        return matched
    return wanted == "all" or len(entry.body) < SHORT_TEXT or _CUT.search(entry.body) is not None
