"""The page of a story: who told it first and who followed when, what was changed, who did not carry it, who was told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fastapi import HTTPException, Response
from fastapi.responses import RedirectResponse

from aggregator import licence
from aggregator.digests import edition, excerpt
from aggregator.feeds import pace
from aggregator.model import Entry, Match, Story
from aggregator.readers import rhythm
from aggregator.reading import Version
from aggregator.web import changes
from aggregator.web.changes import Amount, Kind
from aggregator.web.frame import Frame
from aggregator.web.routes import Routes

WINDOW = timedelta(hours=72)
"""How long other feeds had to carry it too."""
SHOWN = 300
"""Feeds that are named, outlets on the timeline, changes; whoever has more of them reads the number."""
EXCERPT = 300
LARGEST = 2**63 - 1
REASONS: Mapping[str, str] = {
    "first": "began the story",
    "url": "the same address",
    "title": "the same headline",
    "text": "the same text",
    "merged": "put here by hand",
    "split": "split off by hand",
}


@dataclass(frozen=True, slots=True)
class Outlet:
    """An entry on the timeline: how long after the first, what it is called, and why it is here."""

    entry: Entry
    lag: str
    headline: str
    reason: str
    dated: bool


@dataclass(frozen=True, slots=True)
class Change:
    """A change by a publisher: the headline in pieces where that is another, and how much of the text is."""

    entry: Entry
    at: datetime
    title: tuple[tuple[Kind, str], ...]
    body: Amount | None


@dataclass(frozen=True, slots=True)
class Kept:
    """A watchlist that the story is in: the words that were found, each said once."""

    id: str
    title: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Absent:
    """Feeds without an entry in a story: those that were read in its time, and those whose silence says nothing.

    `forgotten`: entries of its time may have been pruned, so that nobody is named.
    """

    silent: tuple[str, ...]
    unread: tuple[str, ...]
    over: bool
    forgotten: bool = False


def add(routes: Routes) -> None:
    """Add the route."""
    routes.page("story", Stories(routes.frame).show)


class Stories:
    """What the route answers."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._app = frame.app

    def show(self, story: str) -> Response:
        """One story; what was merged into another leads there, for as long as it is."""
        number = int(story) if story.isascii() and story.isdecimal() and len(story) < 20 else 0
        found = self._app.stores.stories.get(number) if 0 < number <= LARGEST else None
        if found is None:
            raise HTTPException(404)
        if found.id != number or str(number) != story:
            # A split by hand may take it back: nobody is to remember it unasked.
            return RedirectResponse(self._frame.link("story", story=found.id), 308, {"Cache-Control": "no-cache"})
        absent = self._absent(found)
        watchlists = [one.id for one in self._app.configuration.watchlists]
        return self._frame.kept(("story", number, absent), watchlists, lambda: (self._page(found, absent), [number]))

    def _absent(self, story: Story) -> Absent:
        """The feeds that were there when it was first seen and have no entry in it."""
        end, now = story.first_seen_at + WINDOW, self._app.clock.now()
        if self._is_forgotten(story, now):
            return Absent((), (), over=end <= now, forgotten=True)
        beside = self._app.stores.reading.beside(story.id, story.first_seen_at)
        read = set(self._app.stores.attention.read_between(story.first_seen_at, min(end, now)))
        return Absent(
            silent=tuple(title for feed_id, title in beside.items() if feed_id in read),
            unread=tuple(title for feed_id, title in beside.items() if feed_id not in read),
            over=end <= now,
        )

    def _is_forgotten(self, story: Story, now: datetime) -> bool:
        """Whether a feed's entry in it may be gone: those that no watchlist found are pruned after a time."""
        keep, pruned = self._app.configuration.settings.retention.entries, self._app.stores.reading.pruned_before()
        if pruned is not None and story.first_seen_at < pruned:
            return True
        return keep is not None and now - story.first_seen_at > keep

    def _page(self, story: Story, absent: Absent) -> str:
        stores = self._app.stores.reading
        versions = stores.versions(story.id)
        entries = sorted(story.entries, key=lambda entry: (entry.sort_at, entry.id))
        return self._frame.text(
            "story.html.j2",
            title=headline(story, versions),
            lead=entries[0],
            excerpt=excerpt.clip(excerpt.around(licence.allowed(entries[0]), ()), EXCERPT).text,
            outlets=timeline(entries[:SHOWN]),
            left=len(entries[SHOWN:]),
            feeds=story.outlets,
            entries=len(entries),
            kept=self._kept(story, stores.matched(story.id), versions),
            changes=told_changes(story.entries, versions)[:SHOWN],
            absent=absent,
            since=story.first_seen_at,
            shown=SHOWN,
            editions=[one for one in stores.told(story.id) if not rhythm.is_readers(one.digest_id)],
        )

    def _kept(self, story: Story, matches: Iterable[Match], versions: Sequence[Version]) -> list[Kept]:
        """The watchlists of the configuration; readers' own queries are nobody else's."""
        texts = {entry.id: entry for entry in story.entries}
        older = {(one.entry_id, one.revision): one for one in versions}
        found: dict[str, dict[str, str]] = {}
        for match in matches:
            entry = _as_matched(texts[match.entry_id], match, older)
            said = found.setdefault(match.watchlist_id, {})
            for reason in edition.reasons(entry, match.spans) if entry else ():
                said.setdefault(reason.partition("”")[0].casefold(), reason)
        every = self._app.configuration.watchlists
        return [Kept(one.id, one.title, tuple(found[one.id].values())) for one in every if one.id in found]


def headline(story: Story, versions: Sequence[Version] = ()) -> str:
    """What a story is called; of a feed whose texts may not be shown, a headline and no text."""
    lead = story.entries[0]
    titles = {entry.title for entry in story.entries} | {one.title for one in versions}
    if story.title in titles or lead.excerpt is None:
        return excerpt.squeeze(story.title)[0] or named(lead)
    return named(lead)


def named(entry: Entry) -> str:
    """An entry's headline; the first words of its text, as far as they may be shown, where it has none."""
    return excerpt.squeeze(entry.title)[0] or excerpt.first_words(licence.allowed(entry)) or entry.link or entry.guid


def timeline(entries: Sequence[Entry]) -> list[Outlet]:
    """Entries, the earliest first, each with how long after that it came."""
    first = entries[0]
    return [
        Outlet(
            entry=entry,
            lag="" if entry is first else f"+{pace.spell(entry.sort_at - first.sort_at)}",
            headline=named(entry),
            reason=reason(entry),
            dated=entry.published_at is not None and entry.sort_at != entry.first_seen_at,
        )
        for entry in entries
    ]


def reason(entry: Entry) -> str:
    """Why an entry is in its story, in words."""
    known = REASONS.get(entry.story_reason, entry.story_reason)
    shares = {"title": f", {entry.story_score:.0%} of the text", "text": f", {entry.story_score:.0%} of it"}
    return known + shares.get(entry.story_reason, "")


def told_changes(entries: Iterable[Entry], versions: Sequence[Version]) -> list[Change]:
    """What was changed, oldest first; a revision whose words are the same says nothing."""
    found = []
    for entry in entries:
        texts = [(one.title, one.body) for one in versions if one.entry_id == entry.id] + [(entry.title, entry.body)]
        times = [one.replaced_at for one in versions if one.entry_id == entry.id]
        for at, before, now in zip(times, texts, texts[1:], strict=False):
            change = _change(entry, at, before, now)
            found += [change] if change.title or change.body else []
    return sorted(found, key=lambda change: change.at)


def _change(entry: Entry, at: datetime, before: tuple[str, str], now: tuple[str, str]) -> Change:
    titles = [excerpt.squeeze(text)[0] for text in (before[0], now[0])]
    body = changes.amount(before[1], now[1]) if before[1] != now[1] else None
    return Change(
        entry=entry,
        at=at,
        title=tuple(changes.diff(*titles)) if titles[0] != titles[1] else (),
        body=body if body and (body.out or body.put) else None,
    )


def _as_matched(entry: Entry, match: Match, older: Mapping[tuple[int, int], Version]) -> Entry | None:
    """The entry with the text that a match's spans count in; None where that is not known any more."""
    if match.revision == entry.revisions:
        return entry
    known = older.get((entry.id, match.revision))
    return None if known is None else replace(entry, title=known.title, body=known.body)
