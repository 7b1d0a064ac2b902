"""New entries -> stories: the same address, the same headline over a like text, or the same text, within 72 hours.

A story is compared by its first entry alone, never by any later member: chains of half-like copies would join what
does not belong together.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from itertools import chain
from typing import NamedTuple

from aggregator import urls
from aggregator.model import ParsedEntry, StoryCandidate, StoryChoice, StoryKey
from aggregator.stories import shingles
from aggregator.tokens import tokenize

WINDOW = timedelta(hours=72)
TITLE_WORDS = 4
LIKE_TEXT = 0.3
SAME_TEXT = 0.9
COPIED_TEXT = 0.5
COPIED_HEAD = 0.5
"""Of the shorter text without what its feed always says, so much stands in the other: one is copied from the other. And of the
first third of one of them, or two reports share a background at their end and nothing else."""
SHARED_MARKS = 2
FEWEST_NUMBERS, MANY_NUMBERS = 2, 4
"""One number may be a year in the last line, or that of a picture; of many, half may agree by chance."""
SAME_NEWS = 0.8
"""A text that a feed puts up again under its headline is an update of it."""
SAID = 30
"""Texts of a batch that show what a feed always says; on its first poll there are no others."""
MOST_LOOKED_AT = 5
"""Stories that are compared by their texts with one entry, those with the most marks in common first."""
NEVER = datetime.min.replace(tzinfo=UTC)
TITLE_ALONE = 0.5
"""The score of a headline that no text could confirm."""

_PREFIX = re.compile(
    r"^\W*(?:(?:update|upd|corrected|correction|breaking(?: news)?|exclusive|urgent|live|watch|video|photos?|"
    r"срочно|молния|обновлено|дополнено|исправлено|эксклюзив|видео|фото|"
    r"тэрмінова|абноўлена|дапоўнена|выпраўлена|відэа|фота|терміново|оновлено|доповнено|відео)"
    r"(?:\s*[-–—]?\s*\d{1,2})?\s*[:.!|—–-]\s*)+",
    re.IGNORECASE,
)
_SIGN = re.compile("[:.!|–—-]")
"""A headline with none of these has nothing before it or behind it."""
_BAR = re.compile(r"\s+\|\s+[^|]{1,60}$")
_DASH = re.compile(r"\s+[-–—]\s+([^-–—]{2,40})$")
_SMALL = frozenset({"of", "the", "and", "in", "на", "и", "в", "de", "la"})


def keys(entry: ParsedEntry, *, text: bool) -> tuple[StoryKey, ...]:
    """Under which names later copies find this entry's story: its address, its headline unless that is short.

    With `text` also the marks of its body; an entry older than the window is copied by nobody, and needs none.
    """
    named = _named(entry.link, entry.title)
    return (*named, *_marked(entry.body)) if text else named


def assign(
    entries: Sequence[tuple[str, ParsedEntry, datetime]],
    candidates: Sequence[StoryCandidate],
    window: timedelta = WINDOW,
    *,
    since: datetime = NEVER,
    texts: Callable[[str], Sequence[str]] = lambda _: (),
) -> list[StoryChoice]:
    """Where each of a batch's new entries belongs, in the order given.

    Args:
        entries: (feed id, new entry, its moment), of all feeds of a batch.
        candidates: stored stories under the keys of these entries.
        window: how far apart in time two tellings of one story may be.
        since: entries before this are not compared by their texts.
        texts: the last texts of a feed, which tell what it always says.
    """
    shelf = _Shelf(candidates, window, since, texts)
    return [shelf.place(feed_id, entry, when) for feed_id, entry, when in entries]


def said(
    entries: Sequence[tuple[str, ParsedEntry, datetime]], stored: Callable[[str], Sequence[str]]
) -> Callable[[str], Sequence[str]]:
    """The last texts of each feed: some of those that a batch brings, and the stored ones."""
    brought: defaultdict[str, list[ParsedEntry]] = defaultdict(list)
    for feed_id, entry, _ in entries:
        brought[feed_id].append(entry)
    return lambda feed_id: (*_news(brought.get(feed_id, ())), *stored(feed_id))


def _news(entries: Sequence[ParsedEntry]) -> Iterator[str]:
    """The texts under the first headlines, an update counting as one with what it updates."""
    under: dict[str, list[str]] = {}
    for entry in entries:
        earlier = under.setdefault(_headline(entry.title), [])
        if len(under) <= SAID and not _updates(entry.body, earlier):
            earlier.append(entry.body)
    return chain.from_iterable(under.values())


def _updates(body: str, earlier: Sequence[str]) -> bool:
    """Whether a text says what an earlier one under its headline says: that is news put up again, and no habit."""
    return any(shingles.containment(_text(body).shingles, _text(other).shingles) >= SAME_NEWS for other in earlier)


# -- keys ------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def _named(link: str, title: str) -> tuple[StoryKey, ...]:
    """Asked twice for each entry of a batch: to look for stories, and to place it."""
    return tuple(_keys(link, title))


@lru_cache(maxsize=1024)
def _marked(body: str) -> tuple[StoryKey, ...]:
    return tuple(StoryKey("text", mark) for mark in shingles.marks(tokenize(body).folded))


def _keys(link: str, title: str) -> Iterator[StoryKey]:
    address = urls.canonical(link)
    if address:
        yield StoryKey("url", address)
    words = tokenize(_headline(title)).folded
    if len(words) >= TITLE_WORDS:
        yield StoryKey("title", " ".join(words))


def _headline(title: str) -> str:
    """The headline without "UPDATE 2 -" before it and " - Source" behind it."""
    if not _SIGN.search(title):
        return title
    bare = _PREFIX.sub("", title) or title
    shorter = _BAR.sub("", bare)
    found = _DASH.search(shorter)
    if found and _is_source(found.group(1)):
        shorter = shorter[: found.start()]
    return shorter if len(shorter.split()) >= TITLE_WORDS else bare


def _is_source(tail: str) -> bool:
    """Whether it looks like the name of an outlet: up to three words, all with a capital or a dot (Reform.news)."""
    words = [word for word in tail.split() if word.casefold() not in _SMALL]
    return 0 < len(words) <= 3 and all(w[:1].isupper() or w[:1].isdigit() or "." in w.strip(".") for w in words)


# -- stories ------------------------------------------------------------------------------------------------------------


@dataclass
class _Place:
    """A story under one key: who already stands there, and the text of its first entry."""

    story_id: int
    draft: int
    key: StoryKey
    feed_ids: set[str]
    seen_at: datetime
    body: str

    @property
    def age(self) -> tuple[datetime, bool, int, int]:
        """Sorts the oldest first, and stored stories before those of the batch."""
        return self.seen_at, not self.story_id, self.story_id, self.draft

    @cached_property
    def text(self) -> _Text:
        return _text(self.body)


class _Text(NamedTuple):
    """What texts are compared by."""

    shingles: shingles.Shingles
    head: shingles.Shingles
    numbers: frozenset[str]


@lru_cache(maxsize=256)
def _text(body: str) -> _Text:
    folded = tokenize(body).folded
    return _Text(shingles.of(folded), shingles.head(folded), shingles.numbers(folded))


@dataclass(frozen=True)
class _New:
    """An entry that looks for its story."""

    feed_id: str
    when: datetime
    body: str
    keys: tuple[StoryKey, ...]
    title: str = ""

    @property
    def is_update(self) -> bool:
        """Whether its headline says so; asked for few."""
        return _PREFIX.match(self.title) is not None

    @property
    def text(self) -> _Text:
        return _text(self.body)


MOST_PLACES = 50
"""Stories remembered under one key: a feed whose items share one title and link must not cost their square."""


MOST_MARKED = 20
"""The same under one mark of texts; one that so many stories have is a form."""


class _Shelf:
    """All stories that the entries of a batch may join, stored ones and the batch's own."""

    def __init__(
        self,
        candidates: Sequence[StoryCandidate],
        window: timedelta,
        since: datetime,
        texts: Callable[[str], Sequence[str]],
    ) -> None:
        self._window = window
        self._since = since
        self._texts = texts
        self._habits: dict[str, shingles.Shingles] = {}
        self._outlets: defaultdict[tuple[int, int], set[str]] = defaultdict(set)
        self._drafts = 0
        self._places: defaultdict[StoryKey, list[_Place]] = defaultdict(list)
        for c in candidates:
            feeds = self._outlets[c.story_id, 0] if c.key.kind == "text" else set()
            feeds |= c.feed_ids
            self._places[c.key].append(_Place(c.story_id, 0, c.key, feeds, c.seen_at, c.body))

    def place(self, feed_id: str, entry: ParsedEntry, when: datetime) -> StoryChoice:
        """Find or found the story of one entry, and let later entries find it there."""
        new = _New(feed_id, when, entry.body, keys(entry, text=when >= self._since), entry.title)
        place, reason, score = self._joined(new)
        if place is None:
            self._drafts += 1
            place, reason = _Place(0, self._drafts, StoryKey("url", ""), set(), when, entry.body), "first"
        self._remember(new, place)
        return StoryChoice(place.story_id, place.draft, reason, score, new.keys)

    def _joined(self, new: _New) -> tuple[_Place | None, str, float]:
        """Rule by rule; within one the best score, then the oldest story."""
        for key in new.keys:
            if key not in self._places or key.kind == "text":
                continue
            score, best = _best((self._score(new, place), place) for place in self._near(new, key))
            if best is not None:
                return best, key.kind, score
        score, best = _best((self._share(new, place), place) for place in self._copied(new))
        return best, "text" if best is not None else "first", score

    def _copied(self, new: _New) -> Iterator[_Place]:
        """The stories of other feeds whose first text shares the most marks with a new one.

        One's own feed says the same of everything ("Read more on our site ..."), and so does whoever fills a mark.
        """
        found: dict[tuple[int, int], _Place] = {}
        shared: Counter[tuple[int, int]] = Counter()
        for key in new.keys:
            if key.kind != "text" or len(self._places.get(key, ())) >= MOST_MARKED:
                continue
            for place in self._near(new, key):
                if new.feed_id in place.feed_ids:  # under another headline a feed does not copy itself
                    continue
                found[place.story_id, place.draft] = place
                shared[place.story_id, place.draft] += 1
        for name, count in shared.most_common(MOST_LOOKED_AT):
            if count >= SHARED_MARKS:
                yield found[name]

    def _share(self, new: _New, place: _Place) -> float:
        """How much of the shorter text stands in the other, without what their feeds always say; 0 when it is no copy."""
        always = frozenset().union(*map(self._always, {new.feed_id, *place.feed_ids}))
        one, other = new.text.shingles - always, place.text.shingles - always
        if min(len(one), len(other)) < shingles.ENOUGH or not self._same_numbers(new.text, place.text):
            return 0.0
        heads = shingles.share(new.text.head - always, other), shingles.share(place.text.head - always, one)
        share = shingles.containment(one, other) if max(heads) >= COPIED_HEAD else 0.0
        return share if share >= COPIED_TEXT else 0.0

    def _always(self, feed_id: str) -> shingles.Shingles:
        if feed_id not in self._habits:
            self._habits[feed_id] = shingles.habits(_text(body).shingles for body in self._texts(feed_id))
        return self._habits[feed_id]

    @staticmethod
    def _same_numbers(one: _Text, other: _Text) -> bool:
        """Rates, scores and quakes fill one form with other numbers: half of the fewer must be the same, of many more than half."""
        fewer = min(len(one.numbers), len(other.numbers))
        same = 2 * len(one.numbers & other.numbers)
        return fewer < FEWEST_NUMBERS or same > fewer or (same == fewer and fewer < MANY_NUMBERS)

    def _near(self, new: _New, key: StoryKey) -> list[_Place]:
        return [place for place in self._places.get(key, ()) if abs(new.when - place.seen_at) <= self._window]

    def _score(self, new: _New, place: _Place) -> float:
        """How well an entry fits a story it shares a key with; 0 when it must not join.

        One feed may link all its entries to one page, and repeats headlines such as "Daily briefing": there an address
        is no evidence, and a headline only over the very same text; one that says to be an update needs half of it.
        """
        if place.key.kind == "url":
            return 0.0 if new.feed_id in place.feed_ids else 1.0
        if new.feed_id in place.feed_ids:
            return self._alike(new, place, COPIED_TEXT if new.is_update else SAME_TEXT)
        if self._recurs(new, place.key):
            return self._alike(new, place, LIKE_TEXT)
        if not new.body or not place.body:
            return TITLE_ALONE
        return self._alike(new, place, LIKE_TEXT)

    def _alike(self, new: _New, place: _Place, least: float) -> float:
        if not new.body or not place.body:
            return 0.0
        share = shingles.containment(new.text.shingles, place.text.shingles)
        return share if share >= least and self._same_numbers(new.text, place.text) else 0.0

    def _recurs(self, new: _New, key: StoryKey) -> bool:
        return any(new.feed_id in place.feed_ids for place in self._places.get(key, ()))

    def _remember(self, new: _New, place: _Place) -> None:
        outlets = self._outlets[place.story_id, place.draft]
        outlets.add(new.feed_id)
        for key in new.keys:
            marked = key.kind == "text"
            places = self._places[key]
            there = next((p for p in places if (p.story_id, p.draft) == (place.story_id, place.draft)), None)
            if there is not None:
                there.feed_ids.add(new.feed_id)
            elif len(places) < (MOST_MARKED if marked else MOST_PLACES):
                feeds = outlets if marked else {new.feed_id}
                places.append(_Place(place.story_id, place.draft, key, feeds, place.seen_at, place.body))


def _best(fits: Iterable[tuple[float, _Place]]) -> tuple[float, _Place | None]:
    """The best score that is one, then the oldest story."""
    return min((fit for fit in fits if fit[0] > 0), key=lambda fit: (-fit[0], *fit[1].age), default=(0.0, None))
