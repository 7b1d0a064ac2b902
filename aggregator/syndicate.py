"""The syndication line: stored matches, editions or results -> a listing for feed readers. It stores nothing.

Shown is what may be told: a silent baseline is in no listing, and of an entry's text a plain excerpt of 300 characters at most,
and no more than its feed's licence allows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any
from urllib.parse import quote

from aggregator import licence
from aggregator.digests import excerpt
from aggregator.listing import ListedOutlet, ListedStory, Listing
from aggregator.model import Entry, Span, Story, Watchlist
from aggregator.publication import DigestSpec
from aggregator.stores import Stores

STORIES = 50
EXCERPT = 300
MATCHES = 1_000
"""Matches, or results of a search, that are looked at for so many stories."""
EDITIONS = 50
WORDS = 5
Found = tuple[Entry, Sequence[Span]]


def of_watchlist(stores: Stores, watchlist: Watchlist) -> Listing:
    """The newest stories that a watchlist has found."""
    found = stores.watch.newest(watchlist.id, MATCHES)
    entries = ((stores.entries.get(match.entry_id), match.spans) for match in found)
    told = _stories(stores, ((entry, spans) for entry, spans in entries if entry), ((watchlist.id, watchlist.title),))
    return Listing(f"/watchlists/{watchlist.id}", "", watchlist.title, f"What is found for {watchlist.query}", told)


def of_search(stores: Stores, text: str, results: Iterable[Found]) -> Listing:
    """The newest stories that satisfy a query; `results` come newest first."""
    told = _stories(stores, islice(results, MATCHES), ())
    return Listing("/search", f"q={quote(text, safe='')}", text, f"What is found for {text}", told)


def of_digest(stores: Stores, digest: DigestSpec) -> Listing:
    """The stories of a digest's last editions, each as it was told last."""
    titles = {watchlist.id: watchlist.title for watchlist in stores.watch.list()}
    told: dict[int, ListedStory] = {}
    for edition in stores.editions.editions(digest.id, EDITIONS):
        for story in json.loads(edition.rendered.data)["stories"]:
            told.setdefault(story["story_id"], _told(story, edition.composed_at, titles))
    about = f"What {digest.title} has told"
    return Listing(f"/digests/{digest.id}", "", digest.title, about, _newest(told.values()))


def shown(text: str, marks: Iterable[tuple[int, int]] = ()) -> str:
    """The only place that says how much of an entry's text a listing shows."""
    return excerpt.shorten(excerpt.around(text, marks).text, EXCERPT)


def _stories(stores: Stores, found: Iterable[Found], tags: tuple[tuple[str, str], ...]) -> tuple[ListedStory, ...]:
    """The stories of entries, newest entry first; each shows its first outlet that was found."""
    first: dict[int, Found] = {}
    for entry, spans in found:
        if entry.story_id not in first and len(first) == STORIES:
            break
        first[entry.story_id] = (entry, spans)
    whole = ((stores.stories.get(story_id), *one) for story_id, one in first.items())
    return _newest(_listed(story, entry, spans, tags) for story, entry, spans in whole if story)


def _newest(stories: Iterable[ListedStory]) -> tuple[ListedStory, ...]:
    return tuple(sorted(stories, key=lambda one: (one.updated_at, one.id), reverse=True)[:STORIES])


def _listed(story: Story, entry: Entry, spans: Sequence[Span], tags: tuple[tuple[str, str], ...]) -> ListedStory:
    others = (other for other in story.entries if other.feed_id != entry.feed_id)
    outlets = {one.feed_id: one for one in (entry, *others)}
    body = licence.limited(entry).body
    return ListedStory(
        id=story.id,
        title=excerpt.squeeze(entry.title)[0] or excerpt.first_words(body) or entry.link or entry.guid,
        language=entry.language,
        excerpt=shown(body, [(s.start, s.end) for s in spans if s.field == "body" and s.end <= len(body)]),
        why=tuple(islice(_words(entry, spans), WORDS)),
        tags=tags,
        outlets=tuple(ListedOutlet(o.feed_id, o.feed_title or o.feed_id, o.title, o.link) for o in outlets.values()),
        published_at=entry.sort_at,
        updated_at=max(one.first_seen_at for one in (entry, *story.entries)),
    )


def _words(entry: Entry, spans: Sequence[Span]) -> Iterator[str]:
    """The words that were found, each once: “ОДКБ” in the title."""
    seen = set()
    for span in spans:
        text = {"title": entry.title, "body": entry.body}.get(span.field, "")[span.start : span.end]
        word = excerpt.first_words(text, 60)
        if word and word.casefold() not in seen:
            seen.add(word.casefold())
            yield f"“{word}” in the {'text' if span.field == 'body' else span.field}"


def _told(story: Mapping[str, Any], at: datetime, titles: Mapping[str, str]) -> ListedStory:
    """A story of an edition's data."""
    return ListedStory(
        id=story["story_id"],
        title=story["headline"],
        language=story["language"],
        excerpt=shown(story["excerpt"]["text"], [(a, b) for a, b in story["excerpt"]["marks"]]),
        why=tuple(story["why"]),
        tags=tuple((name, titles.get(name, name)) for name in story["watchlist_ids"]),
        outlets=tuple(ListedOutlet(o["feed_id"], o["feed_title"], o["title"], o["link"]) for o in story["outlets"]),
        published_at=datetime.fromisoformat(story["at"]),
        updated_at=at,
    )
