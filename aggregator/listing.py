"""The words of syndication: a watchlist, a digest or a search as a list of stories for feed readers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ListedOutlet:
    """One outlet's copy of a story; `feed_id` names it in ids."""

    feed_id: str
    name: str
    title: str
    link: str


@dataclass(frozen=True, slots=True)
class ListedStory:
    """A story as a list shows it: once, under the headline of its first outlet.

    Attributes:
        excerpt: plain text, as much of it as may be shown.
        tags: (id, title) of the watchlists it is in.
        updated_at: when its last copy was first seen, or it was told last.
    """

    id: int
    title: str
    language: str
    excerpt: str
    why: tuple[str, ...]
    tags: tuple[tuple[str, str], ...]
    outlets: tuple[ListedOutlet, ...]
    published_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of stories, newest first.

    Attributes:
        path: where it is served, less its ending: `/watchlists/csto`.
        query: what stands behind a `?` there, encoded, or "".
        about: one line for people.
    """

    path: str
    query: str
    title: str
    about: str
    stories: tuple[ListedStory, ...]
