"""Feeds of different rhythms for simulated years: agencies, papers, weeklies, quarterlies, copies of a wire, dead, moving and faulty ones.

What they publish follows from the seed, the feed's name and the moment alone, so nothing is kept but what was shown. Every
entry has a code of its own in its title (copies of one wire report have the same), by which it is known again in a mail.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache, lru_cache
from typing import NamedTuple

from tests.conformance import feedserver
from tests.conformance.feedserver import Behaviour, Call
from tests.e2e.homes import Item, rss

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TOPICS = tuple(f"{a}{b}" for a in ("Zarv", "Quel", "Hylm", "Vekt", "Ompr") for b in ("ent", "istan", "ogra", "uria"))
"""What twenty watchlists look for, and nobody else writes."""
PLANTED = 0.015
"""The share of entries that one of them is in."""
FAULT = 0.02
"""How often a feed that is well answers badly."""
MOVES = timedelta(days=3)
"""After so long a moving feed is somewhere else."""
_SYLLABLES = [a + b for a in "bklmnrstv" for b in "aeio"]


class Rhythm(NamedTuple):
    """A kind of feed: the time between its entries, how many its document holds, its `interval`, how often it fails."""

    name: str
    every: timedelta
    items: int
    interval: str
    fault: float = FAULT
    wire: bool = False


AGENCY = Rhythm("agency", timedelta(minutes=36), 120, "6h")
PAPER = Rhythm("paper", 6 * HOUR, 30, "12h")
WIRE = Rhythm("wire", 4 * HOUR, 30, "8h", wire=True)
RHYTHMS: tuple[Rhythm, ...] = (
    AGENCY,
    *itertools.repeat(PAPER, 5),
    *itertools.repeat(Rhythm("weekly", 3.5 * DAY, 20, "12h"), 5),
    *itertools.repeat(Rhythm("quarterly", 90 * DAY, 20, "24h"), 3),
    WIRE,
    WIRE,
    Rhythm("dead", HOUR, 1, "6h"),
    Rhythm("moving", 6 * HOUR, 30, "12h"),
    Rhythm("faulty", 6 * HOUR, 30, "6h", fault=0.3),
)
"""Twenty feeds are so mixed: some 80 entries and 40 polls a day."""
FAULTS: tuple[Behaviour, ...] = (
    feedserver.status(500),
    feedserver.status(503, headers=[("Retry-After", "3600")]),
    feedserver.status(200, b"<!doctype html><title>Welcome</title><p>Please sign in.</p>", [("Content-Type", "text/html")]),
    feedserver.status(200, b""),
    feedserver.status(200, b"<rss><channel><item>" + b"<x>" * 400),
    feedserver.slow(feedserver.status(502), 0.05),
    feedserver.reset(),
    feedserver.hang_up(),
    feedserver.cut(b"<rss><channel>", 5_000),
)  # fmt: skip


@cache
def _vocabulary() -> tuple[str, ...]:
    """Some thousand words of two to four syllables."""
    die = random.Random(1)
    return tuple(sorted({"".join(die.choices(_SYLLABLES, k=die.choice((2, 3, 3, 4)))) for _ in range(9_000)}))


def prose(die: random.Random, count: int) -> str:
    """Running text: some words are much more frequent than others, as in any language."""
    known = _vocabulary()
    return " ".join(known[int(len(known) * die.random() ** 3)] for _ in range(count))


@lru_cache(maxsize=40_000)
def report(author: str, number: int) -> tuple[str, str, str]:
    """Title, text and topic ("" for most) of an author's report of this number."""
    die = random.Random(f"{author} {number}")
    topic = die.choice(TOPICS) if die.random() < PLANTED else ""
    title = f"{prose(die, 7).capitalize()} {topic} {author}x{number}"
    return " ".join(title.split()), f"{prose(die, 50)} {topic} {prose(die, 10)}.", topic


@dataclass
class Shown:
    """What a feed has shown: each entry's guid, its code and its topic, when first, and whether in its first document."""

    feed: str
    guid: str
    code: str
    topic: str
    at: datetime
    first: bool


@dataclass
class Source:
    """One feed; `clock` tells the moment, `down` whether nobody on the network can be reached."""

    name: str
    rhythm: Rhythm
    began: datetime
    clock: Callable[[], datetime]
    down: Callable[[], bool]
    die: random.Random
    fresh: list[Shown] = field(default_factory=list)
    newest: int | None = None
    polls: int = 0
    moves_to: str = ""

    def __call__(self, call: Call) -> None:
        self.polls += 1
        if self.down():
            feedserver.reset()(call)
        elif self.rhythm.name == "dead" and self.clock() > self.began + DAY:
            call.respond(404)
        elif self.moves_to and self.clock() > self.began + MOVES and not call.request.path.endswith("/new"):
            call.respond(301, headers=[("Location", self.moves_to)])
        elif self.die.random() < self.rhythm.fault and self.newest is not None:
            self.die.choice(FAULTS)(call)
        else:
            self._answer(call)

    def _answer(self, call: Call) -> None:
        last = self.last()
        tag = f'"{last}"'
        if call.request.headers.get("if-none-match") == tag:
            call.respond(304, headers=[("ETag", tag)])
            return
        numbers = range(max(0, last - self.rhythm.items + 1), last + 1)
        items = list(map(self._item, reversed(numbers)))
        self._note(numbers)
        call.respond(200, rss(*items), [("ETag", tag), ("Content-Type", "application/rss+xml")])

    def last(self) -> int:
        """The number of the newest entry: a document is full from the first day on."""
        return self.rhythm.items - 1 + int((self.clock() - self.began) / self.rhythm.every)

    def _item(self, number: int) -> Item:
        title, text, _ = report(self._author, number)
        own = f"{text} {self.name} reports more of it every day." if self.rhythm.wire else text
        at = self.began + (number - self.rhythm.items + 1) * self.rhythm.every
        return Item(f"{self.name}-{number}", title, own, at, f"https://{self.name}.example/{number}")

    @property
    def _author(self) -> str:
        """Whose reports they are; outlets of the wire have all of them from it."""
        return "wire" if self.rhythm.wire else self.name

    def _note(self, numbers: range) -> None:
        """Remember what is shown for the first time."""
        for number in numbers:
            if self.newest is None or number > self.newest:
                topic = report(self._author, number)[2]
                code = f"{self._author}x{number}"
                self.fresh.append(
                    Shown(self.name, f"{self.name}-{number}", code, topic, self.clock(), self.newest is None)
                )
        self.newest = numbers[-1]

    def took(self) -> Iterator[Shown]:
        """What was shown since this was last asked."""
        fresh, self.fresh = self.fresh, []
        yield from fresh
