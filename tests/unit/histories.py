"""Histories of a feed that never brings anything new: its items shuffled, marked with trackers, cut off and back again."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from aggregator import urls
from aggregator.model import ParsedEntry

NOON = datetime(2023, 2, 2, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
TEXT = "The Security Council of Belarus met in Minsk on Thursday and named the priorities of its chairmanship."
OTHER = "Heavy snow closed four mountain roads in the north; drivers were asked to wait until Friday morning."
TRACKERS = [
    "utm_source=rss&utm_campaign=x",
    "fbclid=Iw1",
    "yclid=77",
    "from=rss",
    "sid=a81",
    "mc_eid=e4&gclid=1",
    "PHPSESSID=0",
]
STEPS = ("again", "shuffle", "trackers on links", "trackers on ids", "truncation", "some of them")

Document = tuple[ParsedEntry, ...]

items = st.builds(
    ParsedEntry,
    guid=st.sampled_from(
        ["", "", "a", "b", "c", "A", "tag:x.by,2023:1", "https://x.by/1", "https://x.by/p?id=2", "http://x.by/3"]
    ),
    link=st.sampled_from(
        ["", "https://x.by/", "https://x.by/1", "https://x.by/p?id=2", "http://m.x.by/3", "https://x.by/l#4"]
    ),
    title=st.sampled_from(["", "One", "Two", "Погода", "The council named its priorities for the year"]),
    body=st.sampled_from(["", TEXT, OTHER, TEXT + " More.", "Short."]),
    published_at=st.sampled_from([None, NOON, NOON + DAY, NOON - 9 * DAY]),
)
documents = st.lists(items, min_size=1, max_size=8).map(tuple)


@dataclass(frozen=True)
class History:
    """A document and what is done to it, poll by poll; `dice` decide the details."""

    document: Document
    steps: tuple[tuple[str, ...], ...]
    dice: int

    def versions(self) -> list[Document]:
        """The document as it stands at each poll after the first, the last time whole."""
        die = random.Random(self.dice)
        return [*(_changed(self.document, steps, die) for steps in self.steps), self.document]


histories = st.builds(
    History,
    document=documents,
    steps=st.lists(st.lists(st.sampled_from(STEPS), min_size=1, max_size=3).map(tuple), min_size=1, max_size=5).map(
        tuple
    ),
    dice=st.integers(0, 2**16),
)


def _changed(document: Document, steps: Sequence[str], die: random.Random) -> Document:
    shown = list(document)
    borne = Counter(urls.identity(item.guid) for item in set(document))
    for step in steps:
        if step == "shuffle":
            die.shuffle(shown)
        elif step == "trackers on links":
            shown = [replace(item, link=_tracked(item.link, die)) for item in shown]
        elif step == "trackers on ids":
            lone = {item.guid: _tracked(item.guid, die) for item in shown if borne[urls.identity(item.guid)] == 1}
            shown = [replace(item, guid=lone.get(item.guid, item.guid)) for item in shown]
        elif step == "truncation":
            shown = shown[: die.randint(1, len(shown))]
        elif step == "some of them":
            shown = die.sample(shown, die.randint(1, len(shown)))
    return tuple(shown)


def _tracked(address: str, die: random.Random) -> str:
    """The address with a tracker behind it, before its fragment."""
    if not urls.identity(address):
        return address
    bare, mark, fragment = address.partition("#")
    return f"{bare}{'&' if '?' in bare else '?'}{die.choice(TRACKERS)}{mark}{fragment}"
