"""What must come of a simulated wire: its stories, and what each edition must tell of which; and how far what came agrees."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from math import comb
from operator import attrgetter
from typing import Any, Literal

from tests.e2e.wire import Publisher, Telling

INITIAL = timedelta(days=1)
"""Of a feed's first poll, what is younger than this may enter a digest and raises no alert."""
Section = Literal["stories", "continued"]
Lines = dict[tuple[datetime, int, Section], frozenset[str]]
"""(moment of the edition, event, section) -> the outlets named there."""


@dataclass(frozen=True)
class Sighting:
    """A telling, and when it was first served to us; `first` on the first look at its feed."""

    telling: Telling
    at: datetime
    first: bool

    @property
    def event(self) -> int:
        return self.telling.event.number

    @property
    def reach(self) -> str:
        """How far a match of it may travel."""
        if not self.first:
            return "alert"
        return "digest" if self.telling.published >= self.at - INITIAL else "none"


def sightings(publishers: Iterable[Publisher]) -> list[Sighting]:
    """Everything that was served, in order of time."""
    found = [
        Sighting(telling, publisher.served[telling.guid], publisher.served[telling.guid] == publisher.read_at)
        for publisher in publishers
        for telling in publisher.tellings
        if telling.guid in publisher.served
    ]
    return sorted(found, key=attrgetter("at"))


# -- stories -----------------------------------------------------------------------------------------------------------


@dataclass
class Pairs:
    """Pairs of tellings: in one true story, in one of ours, in both."""

    true: int = 0
    ours: int = 0
    both: int = 0
    split: set[int] = field(default_factory=set)
    mixed: set[int] = field(default_factory=set)

    @property
    def precision(self) -> float:
        return self.both / self.ours if self.ours else 1.0

    @property
    def recall(self) -> float:
        return self.both / self.true if self.true else 1.0

    @property
    def wrong(self) -> set[int]:
        """Events whose story has other members than it should."""
        return self.split | self.mixed


def pairs(seen: Sequence[Sighting], story_of: Mapping[str, int]) -> Pairs:
    """Our stories against the true ones, by guid."""
    both = Counter((s.event, story_of[s.telling.guid]) for s in seen)
    events, stories = defaultdict[int, set[int]](set), defaultdict[int, set[int]](set)
    for event, story in both:
        events[event].add(story)
        stories[story].add(event)
    return Pairs(
        _pairs(Counter(s.event for s in seen)),
        _pairs(Counter(story_of[s.telling.guid] for s in seen)),
        _pairs(both),
        {event for event, found in events.items() if len(found) > 1},
        {event for found in stories.values() if len(found) > 1 for event in found},
    )


def _pairs(sizes: Mapping[Any, int]) -> int:
    return sum(comb(size, 2) for size in sizes.values())


# -- editions ----------------------------------------------------------------------------------------------------------


def alerts(seen: Sequence[Sighting], watchlist: str) -> Lines:
    """What the alerts of a watchlist must tell: each event once, as soon as the word was seen, with all outlets seen by then.

    What an alert goes on to say of events that were told before is here for every moment; it needs another event to be said.
    """
    lines: Lines = {}
    told: set[int] = set()
    for now, group in groupby(seen, attrgetter("at")):
        waiting = [s for s in group if s.reach == "alert" and watchlist in s.telling.holds]
        lines |= _lines(now, waiting, told, [s for s in seen if s.at <= now])
        told |= {s.event for s in waiting}
    return lines


def digest(
    seen: Sequence[Sighting], watchlists: Collection[str], editions: Sequence[tuple[datetime, datetime]]
) -> Lines:
    """What a digest must tell whose editions end and are composed at these moments."""
    lines: Lines = {}
    told: set[int] = set()
    start = datetime.min.replace(tzinfo=editions[0][0].tzinfo) if editions else None
    for end, now in editions:
        known = [s for s in seen if s.at < end]
        waiting = [
            s
            for s in known
            if s.reach != "none" and s.telling.holds.intersection(watchlists) and (not start or s.at >= start)
        ]
        lines |= _lines(now, waiting, told, known)
        told |= {s.event for s in waiting}
        start = end
    return lines


def _lines(now: datetime, waiting: Sequence[Sighting], told: set[int], known: Sequence[Sighting]) -> Lines:
    lines: Lines = {}
    for event in {s.event for s in waiting}:
        section: Section = "continued" if event in told else "stories"
        tellings = waiting if event in told else known
        lines[now, event, section] = frozenset(s.telling.outlet.id for s in tellings if s.event == event)
    return lines


@dataclass
class Tally:
    """What editions said against what they should have said."""

    due: int = 0
    missed: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    undue: list[str] = field(default_factory=list)
    outlets: int = 0
    unnamed: list[str] = field(default_factory=list)
    misnamed: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        return [*self.missed, *self.doubled, *self.undue, *self.unnamed, *self.misnamed]


def tally(
    due: Lines, said: Iterable[tuple[datetime, int, Section, frozenset[str]]], moments: Collection[datetime]
) -> Tally:
    """Line by line: events told, and the outlets named with each. Only what goes on in an edition that exists is due."""
    found = Tally()
    wanted = {key: outlets for key, outlets in due.items() if key[2] == "stories" or key[0] in moments}
    told: set[int] = set()
    for now, event, section, outlets in said:
        if section == "stories" and event in told:
            found.doubled.append(f"event {event} told again at {now}")
        if section == "stories":
            told.add(event)
        if (now, event, section) not in wanted:
            found.undue.append(f"event {event} told at {now} ({section}), which was not due")
        right = wanted.pop((now, event, section), frozenset())
        found.outlets += len(right)
        found.unnamed += [f"{o} missing with event {event} at {now} ({section})" for o in sorted(right - outlets)]
        found.misnamed += [f"{o} wrong with event {event} at {now} ({section})" for o in sorted(outlets - right)]
    found.missed = [f"event {event} missing at {now} ({section})" for now, event, section in sorted(wanted)]
    found.due = sum(section == "stories" for _, _, section in due)
    return found


def without(lines: Lines, events: Collection[int]) -> Lines:
    """All but what is said of these events."""
    return {key: outlets for key, outlets in lines.items() if key[1] not in events}


def firsts(seen: Sequence[Sighting], watchlist: str) -> Iterator[tuple[int, frozenset[str]]]:
    """Each watched event and the outlets that were seen first with the word; those of one sweep are first together."""
    watched = [s for s in seen if s.reach == "alert" and watchlist in s.telling.holds]
    for event in {s.event for s in watched}:
        mine = [s for s in watched if s.event == event]
        yield event, frozenset(s.telling.outlet.id for s in mine if s.at == mine[0].at)
