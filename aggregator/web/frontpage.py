"""What stands on a page of news: the stories of watchlists, each story once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aggregator.model import Watchlist
from aggregator.reading import Found, News
from aggregator.web.lines import Line

NAMED = 5
"""Other outlets of a story, and other watchlists that got it, that are named."""


@dataclass(frozen=True, slots=True)
class Told:
    """A story under the first watchlist that got it: its other outlets and the other watchlists that got it, and how many more there are."""

    line: Line
    outlets: tuple[str, ...]
    outlets_left: int
    also: tuple[Watchlist, ...]
    also_left: int


@dataclass(frozen=True, slots=True)
class Section:
    """A watchlist with what it got; `left` of its stories stand neither here nor under another watchlist."""

    watchlist: Watchlist
    entries: int
    stories: int
    told: tuple[Told, ...]
    left: int


@dataclass(frozen=True, slots=True)
class Front:
    """Sections in the order of the watchlists, and the watchlists that got nothing."""

    sections: tuple[Section, ...]
    nothing: tuple[Watchlist, ...]

    @property
    def told(self) -> list[int]:
        """The stories on the page."""
        return [told.line.story for section in self.sections for told in section.told]

    @property
    def left(self) -> bool:
        """Whether there are stories that are not on the page."""
        return any(section.left for section in self.sections)


def arrange(
    watchlists: Sequence[Watchlist],
    news: Sequence[News],
    copies: Mapping[int, Sequence[str]],
    watched: Mapping[int, Sequence[str]],
    line: Callable[[Watchlist, Found], Line],
) -> Front:
    """Put each story under the first watchlist that got it.

    `copies` are the titles of the feeds that carry a story, `watched` the watchlists that got it.
    """
    titles = {watchlist.id: watchlist for watchlist in watchlists}
    shown: dict[int, Told] = {}
    placed: list[tuple[Watchlist, News, tuple[Told, ...]]] = []
    for watchlist, got in zip(watchlists, news, strict=True):
        fresh = [found for found in got.newest if found.entry.story_id not in shown]
        told = {f.entry.story_id: _told(line(watchlist, f), watchlist, copies, watched, titles) for f in fresh}
        shown |= told
        placed.append((watchlist, got, tuple(told.values())))
    return Front(
        tuple(
            Section(w, n.entries, n.stories, told, _left(w, n, shown, watched)) for w, n, told in placed if n.entries
        ),
        tuple(watchlist for watchlist, got, _ in placed if not got.entries),
    )


def _told(
    line: Line,
    watchlist: Watchlist,
    copies: Mapping[int, Sequence[str]],
    watched: Mapping[int, Sequence[str]],
    titles: Mapping[str, Watchlist],
) -> Told:
    others = [title for title in copies.get(line.story, ()) if title != line.source]
    also = [titles[name] for name in watched.get(line.story, ()) if name in titles and name != watchlist.id]
    return Told(line, tuple(others[:NAMED]), len(others[NAMED:]), tuple(also[:NAMED]), len(also[NAMED:]))


def _left(watchlist: Watchlist, got: News, shown: Mapping[int, Told], watched: Mapping[int, Sequence[str]]) -> int:
    """How many of its stories are nowhere on the page."""
    return max(0, got.stories - sum(watchlist.id in watched.get(story, ()) for story in shown))
