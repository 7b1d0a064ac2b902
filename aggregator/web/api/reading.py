"""What can be read: entries, stories, search, watchlists and their attention, matches, editions.

The operator's own files decide what there is: readers' own watchlists and digests are nobody else's. Of a text no more is shown
than its feed's licence allows (licence.py): a token may lie in another program, on another machine.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import Query, Request, Response
from starlette.exceptions import HTTPException

from aggregator import licence, plain, search, topwords
from aggregator.app import App
from aggregator.digests import excerpt
from aggregator.model import Entry, Story, Watchlist
from aggregator.publication import StoredEdition
from aggregator.readers import rhythm
from aggregator.reading import Found, Selection
from aggregator.render.payload import facts, payload
from aggregator.web.api import answers, asking
from aggregator.web.api.asking import (
    Cursor,
    DigestId,
    FeedId,
    Language,
    Limit,
    Name,
    NameCursor,
    Number,
    Question,
    Since,
    Until,
    WatchlistId,
)
from aggregator.web.links import Links

SEARCHES = 3
"""At a time: the other threads are for whoever reads the pages."""
EXCERPT = 300
"""Characters of a text that a list shows."""
ENTRIES = 50
"""Entries of a story that a list shows."""
DAYS = 1_096
TEXTS = ("summary", "content")

Fields = Annotated[
    Literal["usual", "full"],
    Query(description="`full`: with the texts `summary`, `content` (safe HTML) and `text` (plain)."),
]
Days = Annotated[int, Query(ge=1, le=DAYS, description="How many days, the last of which is today (UTC).")]
Apart = Annotated[
    Literal["feed", "language", "country", "word"] | None,
    Query(description="By what the same days are taken apart besides."),
]


class Reading:
    """What each call answers."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._searches = threading.BoundedSemaphore(SEARCHES)

    # -- entries and stories -------------------------------------------------------------------------------------------

    def list_entries(
        self, request: Request, *, limit: Limit = asking.USUAL, cursor: Cursor = "", since: Since = None, until: Until = None,
        feed: FeedId = "", watchlist: WatchlistId = "", language: Language = "", fields: Fields = "usual",
    ) -> Response:  # fmt: skip
        """Stored entries, the newest first.

        In a language few entries are in, a portion may hold fewer than `limit` and still name a next one.
        """
        if watchlist:
            self._watchlist(watchlist)
        asked = self._selection(limit, cursor, since, until)
        asked = replace(asked, feed_id=feed, watchlist_id=watchlist, language=language)
        found = self._app.stores.portions.entries(asked)
        return answers.portion(request, found, lambda one: entry(one, full=fields == "full"))

    def get_entry(self, request: Request, entry_id: Number) -> Response:
        """One entry, with its texts."""
        found = self._app.stores.entries.get(entry_id)
        if found is None:
            raise HTTPException(404, f"there is no entry {entry_id}")
        return answers.answer(request, entry(found, full=True))

    def list_stories(
        self,
        request: Request,
        limit: Limit = asking.USUAL,
        cursor: Cursor = "",
        since: Since = None,
        until: Until = None,
    ) -> Response:
        """Stories, the newest first: entries, usually of several feeds, that tell the same news.

        Of a story with more than 50 entries the first 50 are listed.
        """
        found = self._app.stores.portions.stories(self._selection(limit, cursor, since, until))
        return answers.portion(request, found, story)

    def get_story(self, request: Request, story_id: Number) -> Response:
        """One story: its outlets by the time that each gives, how long after the first, and why each belongs to it.

        The number of a story that was merged into another gives that other.
        """
        found = self._app.stores.stories.get(story_id)
        if found is None:
            raise HTTPException(404, f"there is no story {story_id}")
        entries = sorted(found.entries, key=lambda one: (one.sort_at, one.id))
        members = [plain.member(one, entries[0]) for one in entries]
        return answers.answer(request, plain.story(found) | {"entries": members})

    def search_entries(
        self, request: Request, q: Question, *, limit: Limit = asking.USUAL, cursor: Cursor = "", since: Since = None,
        until: Until = None, feed: FeedId = "", language: Language = "", fields: Fields = "usual",
    ) -> Response:  # fmt: skip
        """Stored entries that satisfy a query, the newest first, with the places that make them.

        A search that takes long is broken off: the portion holds fewer than `limit`, and its `next` goes on from there.
        """
        query = self._app.query(q)
        asked = replace(self._selection(limit, cursor, since, until), feed_id=feed, language=language)
        over = self._app.patience()
        with self._one_of_a_few():
            found = search.portion(self._app.stores, query, asked, over)
            return answers.portion(
                request, found, lambda one: entry(one.entry, full=fields == "full") | _spans(one.spans)
            )

    # -- watchlists and matches ------------------------------------------------------------------------------------------

    def list_watchlists(self, request: Request, *, limit: Limit = asking.USUAL, cursor: NameCursor = "") -> Response:
        """The watchlists of the operator, by id."""
        found = sorted(self._app.configuration.watchlists, key=lambda one: one.id)
        return answers.named(request, [watchlist(one) for one in found], limit, cursor)

    def get_watchlist(self, request: Request, watchlist_id: Name) -> Response:
        """One watchlist."""
        return answers.answer(request, watchlist(self._watchlist(watchlist_id)))

    def get_attention(self, request: Request, watchlist_id: Name, days: Days = 30, by: Apart = None) -> Response:
        """How many entries a watchlist got, day by day (UTC), of how many in all; and from where.

        Days are those that entries are dated to. What has been pruned still counts.
        """
        found = self._watchlist(watchlist_id)
        until = self._app.clock.now().date()
        since = until - timedelta(days=days - 1)
        attention = self._app.stores.attention
        parts = attention.parts(found.id, since, until, by) if by and by != "word" else []
        words = topwords.top(self._app.stores, found.id, since, until) if by == "word" else []
        return answers.answer(request, {
            "watchlist_id": found.id,
            "since": since.isoformat(),
            "until": until.isoformat(),
            "days": [{"day": d.day.isoformat(), "entries": d.entries, "all": d.all, "share": round(d.share, 6)}
                     for d in attention.days(found.id, since, until)],
            "by": by,
            "parts": [{"key": p.key, "title": p.title, "entries": p.entries, "all": p.all} for p in parts],
            "words": [{"word": w.word, "entries": w.entries, "elsewhere": w.elsewhere} for w in words],
        })  # fmt: skip

    def list_matches(
        self, request: Request, *, limit: Limit = asking.USUAL, cursor: Cursor = "", since: Since = None, until: Until = None,
        watchlist: WatchlistId = "",
    ) -> Response:  # fmt: skip
        """What watchlists have found, the newest find first, with its entry and the places that make it."""
        if watchlist:
            self._watchlist(watchlist)
        asked = replace(self._selection(limit, cursor, since, until), watchlist_id=watchlist)
        return answers.portion(request, self._app.stores.portions.matches(asked), match)

    # -- editions ----------------------------------------------------------------------------------------------------------

    def list_editions(
        self, request: Request, *, limit: Limit = asking.USUAL, cursor: Cursor = "", since: Since = None, until: Until = None,
        digest: DigestId = "",
    ) -> Response:  # fmt: skip
        """Past editions of the operator's digests, the newest first."""
        if digest and (rhythm.is_readers(digest) or digest not in {one.id for one in self._app.configuration.digests}):
            raise HTTPException(404, f"there is no digest {digest!r}")
        asked = replace(self._selection(limit, cursor, since, until), digest_id=digest)
        return answers.portion(request, self._app.stores.portions.editions(asked), self._edition)

    def get_edition(self, request: Request, digest_id: Name, key: Name) -> Response:
        """One edition, as sent: its plain text, and its stories as webhooks get them (docs/webhooks.md)."""
        found = [] if rhythm.is_readers(digest_id) else self._app.stores.editions.editions(digest_id, 1, key)
        if not found:
            raise HTTPException(404, "there is no such edition")
        [edition] = found
        shown = self._edition(edition)
        told = json.loads(payload(facts(edition.rendered.data), "", shown["archive"]))["data"]
        return answers.answer(request, shown | {"text": edition.rendered.text, "told": told})

    def _edition(self, edition: StoredEdition) -> dict[str, Any]:
        """The fields of `editions --json`, and where its page is; "" where nobody has said how the pages are reached."""
        public = self._app.configuration.settings.web.public_url
        path = Links()("edition", digest=edition.digest_id, key=edition.key)
        return plain.edition(edition) | {"archive": public and public + path}

    # -- what calls share ----------------------------------------------------------------------------------------------------

    def _watchlist(self, watchlist_id: str) -> Watchlist:
        found = next((one for one in self._app.configuration.watchlists if one.id == watchlist_id), None)
        if found is None:
            raise HTTPException(404, f"there is no watchlist {watchlist_id!r}")
        return found

    @staticmethod
    def _selection(limit: int, cursor: str, since: str | None, until: str | None) -> Selection:
        moments = asking.moment("since", since), asking.moment("until", until)
        return Selection(limit, int(cursor or 0), *moments)

    @contextmanager
    def _one_of_a_few(self) -> Iterator[None]:
        """Let a few search at a time. Raises HTTPException 429."""
        if not self._searches.acquire(blocking=False):
            raise HTTPException(429, f"{SEARCHES} searches are under way; ask again in a moment", {"Retry-After": "2"})
        try:
            yield
        finally:
            self._searches.release()


def entry(value: Entry, *, full: bool = False) -> dict[str, Any]:
    """The fields of `entries --json`; the texts only when they are asked for, the beginning of them always."""
    shown = licence.limited(value)
    text = shown.body if shown.body.strip() else shown.article
    found = plain.entry(shown) | {"feed_title": shown.feed_title, "excerpt": excerpt.first_words(text, EXCERPT)}
    return found | {"text": text} if full else {name: said for name, said in found.items() if name not in TEXTS}


def story(value: Story) -> dict[str, Any]:
    """The fields of `stories --json`."""
    shown = plain.story(value)
    return shown | {"entries": shown["entries"][:ENTRIES]}


def watchlist(value: Watchlist) -> dict[str, Any]:
    """A watchlist: those of `watch list --json` that cost nothing."""
    return {"id": value.id, "title": value.title, "query": value.query}


def match(value: Found) -> dict[str, Any]:
    """A match and its entry; where the entry was revised since, the places count in the text of `revision`."""
    found = value.match
    return {
        "id": found.id,
        "watchlist_id": found.watchlist_id,
        "revision": found.revision,
        "reach": found.reach,
        "matched_at": plain.when(found.matched_at),
        **_spans(found.spans),
        "entry": entry(value.entry),
    }


def _spans(spans: Any) -> dict[str, Any]:
    return {"spans": [plain.span(one) for one in spans]}
