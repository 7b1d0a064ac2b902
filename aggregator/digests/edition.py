"""From waiting matches to an edition: each story once, told by as many outlets as told it, the most prominent first."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

from aggregator import levels, licence
from aggregator.digests import excerpt, prominence, updates, windows
from aggregator.levels import Prominence, Threshold
from aggregator.model import Entry, Revised, Span, Story, Watchlist
from aggregator.publication import (
    Checked,
    Digest,
    Edition,
    EditionMatch,
    EditionStory,
    Excerpt,
    Outlet,
    Schedule,
    UpdatedStory,
    Window,
)

CAP = 1000
"""Stories an edition holds; the rest is counted in `more`. A mail shows fewer of them (render.MAIL_STORIES)."""
REASONS = 4
"""Sentences of `why` a story shows."""

_PLACES = {"title": "the title", "body": "the text", "article": "the article page"}
_PASSING = {**_PLACES, "body": "the text, further down"}
_ORDER = ("title", "body", "article")


def compose(  # noqa: PLR0917 - an edition is made of all of these
    digest: Digest,
    window: Window,
    waiting: Sequence[EditionMatch],
    watchlists: Mapping[str, Watchlist],
    checked: Checked,
    now: datetime,
    *,
    kind: Literal["alert", "digest"],
    threshold: Threshold = "any",
    revised: Sequence[Revised] = (),
    cap: int = CAP,
) -> Edition:
    """The edition of a digest for a window and a threshold; the same arguments give the same edition.

    Stories that an earlier edition told stand in `continued`, with the outlets that are new. `entries` counts the matched
    entries of all untold stories, those beyond the cap too. Stories below the threshold are not in it. `revised` are entries
    told before and changed since; what in them is worth telling stands in `updated`.
    """
    spec = digest.spec
    if kind == "digest":
        waiting = [replace(item, story=_until(item.story, window.end)) for item in waiting]
    groups = [(group, _standing(group, threshold)) for group in _by_story(waiting)]
    again = {one.entry.id for one in revised}
    told = [_others(group, again) for group, standing in groups if standing == "told"]
    fresh = [group for group, standing in groups if standing == "news"]
    stories = sorted((_story(group, spec.watchlists, watchlists, threshold) for group in fresh), key=_rank)
    continued = sorted((_continued(group, spec.watchlists, watchlists) for group in told if group), key=_rank)
    matched = [entry for group in fresh for entry in _entries(group)]
    return Edition(
        digest_id=spec.id,
        title=spec.title,
        key=_key(digest, window, [item for group in fresh for item in group] or waiting, kind, threshold),
        kind=kind,
        window=window,
        timezone=spec.schedule.timezone,
        stories=tuple(stories[:cap]),
        continued=tuple(continued),
        entries=len(matched),
        more=max(0, len(stories) - cap),
        checked=checked,
        queries=tuple((watchlists[w].title, watchlists[w].query) for w in spec.watchlists if w in watchlists),
        composed_at=now,
        prominence=threshold,
        feeds=len({entry.feed_id for entry in matched}),
        updated=_updated(revised, {group[0].story.id for group in fresh}, spec.watchlists, watchlists, threshold)[:cap],
    )


def held(waiting: Sequence[EditionMatch], threshold: Threshold) -> dict[int, bool]:
    """The stories that an edition of this threshold holds, by id, and whether it tells them as news."""
    standing = {group[0].story.id: _standing(group, threshold) for group in _by_story(waiting)}
    return {story_id: is_so == "news" for story_id, is_so in standing.items() if is_so != "below"}


def urgent(waiting: Sequence[EditionMatch], schedule: Schedule) -> list[EditionMatch]:
    """What may break through quiet hours: the matches of stories that are news at the level that is urgent."""
    if schedule.quiet is None or schedule.quiet.urgent == "none":
        return []
    breaking = held(waiting, schedule.quiet.urgent)
    return [item for item in waiting if breaking.get(item.story.id)]


def _updated(
    revised: Sequence[Revised],
    fresh: Collection[int],
    wanted: Sequence[str],
    watchlists: Mapping[str, Watchlist],
    threshold: Threshold,
) -> tuple[UpdatedStory, ...]:
    """The told stories with a change worth telling, each once, by the first of its entries that has one; the newest last.

    Not those that this edition tells as news all the same.
    """
    found: dict[int, UpdatedStory] = {}
    for one in sorted(revised, key=lambda one: one.entry.id):
        story_id = one.entry.story_id
        if story_id in found or story_id in fresh or not levels.reaches(one.told, threshold):
            continue
        if updates.is_news(one):
            lone = Story(story_id, one.entry.title, one.entry.first_seen_at, (one.entry,))
            group = [EditionMatch(match, one.entry, lone, one.told) for match in one.matches]
            before = _headline(licence.limited(replace(one.entry, title=one.title, body=one.body)), ())[0]
            found[story_id] = UpdatedStory(_story(group, wanted, watchlists), before)
    return tuple(found.values())


def _others(group: Sequence[EditionMatch], again: Collection[int]) -> list[EditionMatch]:
    """Of a story told before, what is new: a revision of an entry that was told itself is no other outlet."""
    return [item for item in group if item.entry.id not in again]


def _key(digest: Digest, window: Window, waiting: Sequence[EditionMatch], kind: str, threshold: Threshold) -> str:
    """One of a stricter threshold than its digest's comes out beside that, and needs a name of its own."""
    apart = "" if threshold == digest.spec.prominence else f"-{threshold}"
    if kind == "alert" and waiting:
        return windows.alert_key(min(item.match.id for item in waiting), window.end) + apart
    return windows.edition_key(digest.spec, window) + apart


def _by_story(waiting: Sequence[EditionMatch]) -> list[list[EditionMatch]]:
    """Waiting matches of each story, in the order of the matches; of an entry's revisions only the latest counts."""
    latest: dict[tuple[int, str], EditionMatch] = {}
    for item in sorted(waiting, key=lambda item: (item.match.revision, item.match.id)):
        latest[item.entry.id, item.match.watchlist_id] = item
    groups: dict[int, list[EditionMatch]] = {}
    for item in sorted(latest.values(), key=lambda item: item.match.id):
        groups.setdefault(item.story.id, []).append(item)
    return list(groups.values())


def _until(story: Story, end: datetime) -> Story:
    """A story as it was at the end of a window: what came later the next edition tells, and nobody twice."""
    return replace(story, entries=tuple(entry for entry in story.entries if entry.first_seen_at < end))


def _standing(group: Sequence[EditionMatch], threshold: Threshold) -> Literal["news", "told", "below"]:
    """News where it reaches the threshold for a watchlist that such an edition has not told it for; told before; or neither."""
    untold = [item for item in group if not levels.reaches(item.told, threshold)]
    if any(levels.reaches(_prominence(item).level, threshold) for item in untold):
        return "news"
    return "told" if len(untold) < len(group) else "below"


def _prominence(item: EditionMatch) -> Prominence:
    return prominence.of(item.entry, item.match.spans)


def _rank(story: EditionStory) -> tuple[int, int, float, float, int]:
    """Of the highest level first, then with most outlets, then with the higher score, then the latest."""
    level, score = prominence.rank(story.prominence)
    return (-level, -len(story.outlets), -score, -story.at.timestamp(), story.story_id)


def _entries(group: Sequence[EditionMatch], threshold: Threshold = "any") -> list[Entry]:
    """The matched entries of a story: those that reach the threshold before others, the lead before its copies."""
    found = {item.entry.id: item.entry for item in group}
    enough = {i.entry.id for i in group if threshold == "any" or levels.reaches(_prominence(i).level, threshold)}
    order = {entry.id: place for place, entry in enumerate(group[0].story.entries)}
    return sorted(
        found.values(), key=lambda e: (e.id not in enough, order.get(e.id, len(order)), e.first_seen_at, e.id)
    )


def _story(
    group: Sequence[EditionMatch],
    wanted: Sequence[str],
    watchlists: Mapping[str, Watchlist],
    threshold: Threshold = "any",
) -> EditionStory:
    """A story as the edition shows it: the lead of the entries that belong there speaks for it, every outlet is named."""
    entries = _entries(group, threshold)
    lead, story = entries[0], group[0].story
    spans = _spans(group)
    headline, marks = _headline(lead, spans[lead.id])
    ids = _watchlist_ids(group, wanted)
    prominent = prominence.best(_prominence(item) for item in group)
    return EditionStory(
        story_id=story.id,
        headline=headline,
        headline_marks=marks,
        link=lead.link,
        language=lead.language,
        outlets=_outlets(lead, [*story.entries, *entries]),
        watchlist_ids=ids,
        watchlist_titles=tuple(watchlists[w].title if w in watchlists else w for w in ids),
        excerpt=_excerpt([*entries, *_unmatched(story, entries)], spans),
        why=_why(entries, spans, _PASSING if prominent.level == "mention" else _PLACES),
        at=lead.sort_at,
        prominence=prominent,
    )


def _continued(
    group: Sequence[EditionMatch], wanted: Sequence[str], watchlists: Mapping[str, Watchlist]
) -> EditionStory:
    """A story told before, under the headline it is known by, with the outlets that came since."""
    entries = _entries(group)
    known = _lead(group[0].story, entries)
    headline, _ = _headline(known, ())
    return replace(
        _story(group, wanted, watchlists),
        headline=headline,
        headline_marks=(),
        link=known.link,
        language=known.language,
        outlets=_outlets(entries[0], entries),
        excerpt=Excerpt(""),
        at=max(entry.sort_at for entry in entries),
        continued=True,
    )


def _lead(story: Story, entries: Sequence[Entry]) -> Entry:
    return story.entries[0] if story.entries else entries[0]


def _unmatched(story: Story, entries: Sequence[Entry]) -> list[Entry]:
    """The copies of a story that did not match themselves: they may have a text to show where no other has."""
    matched = {entry.id for entry in entries}
    return [entry for entry in story.entries if entry.id not in matched]


def _watchlist_ids(group: Sequence[EditionMatch], wanted: Sequence[str]) -> tuple[str, ...]:
    """The watchlists a story is in, in the digest's order."""
    found = {item.match.watchlist_id for item in group}
    return (*(w for w in wanted if w in found), *sorted(found.difference(wanted)))


def _outlets(lead: Entry, entries: Iterable[Entry]) -> tuple[Outlet, ...]:
    """One outlet per feed: the headline's first, then in order of first sight, each with its first entry."""
    by_feed: dict[str, Entry] = {lead.feed_id: lead}
    for entry in entries:
        by_feed.setdefault(entry.feed_id, entry)
    return tuple(_outlet(entry) for entry in by_feed.values())


def _outlet(entry: Entry) -> Outlet:
    return Outlet(
        feed_id=entry.feed_id,
        feed_title=excerpt.squeeze(entry.feed_title)[0] or entry.feed_id,
        entry_id=entry.id,
        title=excerpt.squeeze(entry.title)[0],
        link=entry.link,
        language=entry.language,
        published_at=entry.published_at,
        first_seen_at=entry.first_seen_at,
    )


def _spans(group: Sequence[EditionMatch]) -> dict[int, tuple[Span, ...]]:
    """Every matched entry's spans, of all watchlists together."""
    spans: dict[int, list[Span]] = {}
    for item in group:
        spans.setdefault(item.entry.id, []).extend(item.match.spans)
    return {entry_id: tuple(dict.fromkeys(found)) for entry_id, found in spans.items()}


def _marks(spans: Iterable[Span], field: str) -> list[tuple[int, int]]:
    return [(span.start, span.end) for span in spans if span.field == field]


def _headline(entry: Entry, spans: Sequence[Span]) -> tuple[str, excerpt.Marks]:
    """An entry's title with its marks; the first words of the text, or the link, where there is none."""
    title, marks = excerpt.squeeze(entry.title, _marks(spans, "title"))
    if title:
        return title, marks
    entry = licence.limited(entry)
    return excerpt.first_words(entry.body) or excerpt.first_words(entry.article) or entry.link or entry.guid, ()


def _excerpt(entries: Sequence[Entry], spans: Mapping[int, Sequence[Span]]) -> Excerpt:
    """Sentences around the first match in the text, or its first ones: the lead's, else of an outlet that has a text to show."""
    for entry in map(licence.limited, entries):
        found = _of_entry(entry, spans.get(entry.id, ()))
        if found.text:
            source = "" if entry.id == entries[0].id else _outlet(entry).feed_title
            return replace(excerpt.clip(found, entry.excerpt), source=source)
    return Excerpt("")


def _of_entry(entry: Entry, spans: Sequence[Span]) -> Excerpt:
    """Sentences around an entry's first match in the text; its first sentences where only the title matched."""
    for field, text in (("body", entry.body), ("article", entry.article)):
        marks = _marks(spans, field)
        if any(end <= len(text) for _, end in marks):
            return excerpt.around(text, marks, field)
    for field, text in (("body", _without_title(entry)), ("article", entry.article)):
        if text.strip():
            return excerpt.around(text, (), field)
    return Excerpt("")


def _without_title(entry: Entry) -> str:
    """The text, less a copy of the title at its start: the headline above has just said it."""
    body, title = entry.body.lstrip(), entry.title.strip()
    if not title or not body.startswith(title):
        return body
    end = re.match(r"[ \t]*(?:[.:;!?—–\n]\s*|$)", body[len(title) :])
    return body[len(title) + end.end() :] if end else body


def _why(entries: Sequence[Entry], spans: Mapping[int, Sequence[Span]], names: Mapping[str, str]) -> tuple[str, ...]:
    """Sentences such as `“ОДКБ” in the title (alias @csto)`: the lead's, then words that only other outlets have."""
    seen: set[str] = set()
    reasons: list[str] = []
    for entry in entries:
        for word, reason in _reasons(entry, spans[entry.id], names):
            if word not in seen:
                seen.add(word)
                elsewhere = f"{reason.partition('”')[0]}” at {excerpt.squeeze(entry.feed_title)[0]}"
                reasons.append(reason if entry is entries[0] else elsewhere)
    return tuple(reasons[:REASONS])


def shown(entry: Entry, spans: Sequence[Span]) -> tuple[str, excerpt.Marks, Excerpt]:
    """One entry as others may see it: its headline with marks, and the sentences around what was found."""
    return *_headline(entry, spans), _excerpt([entry], {entry.id: spans})


def reasons(entry: Entry, spans: Sequence[Span]) -> list[str]:
    """The sentences of one entry: `“ОДКБ” in the title and the text (alias @csto)` for every different word."""
    return [reason for _, reason in _reasons(entry, spans, _PLACES)]


def _reasons(entry: Entry, spans: Sequence[Span], names: Mapping[str, str]) -> list[tuple[str, str]]:
    """(folded word, sentence) for every different word found in an entry, places joined: “CSTO” in the title and the text."""
    shown: dict[str, str] = {}
    places: dict[str, list[str]] = {}
    aliases: dict[str, str] = {}
    for span in sorted(spans, key=_reading_order):
        text = excerpt.first_words(_field(entry, span.field)[span.start : span.end], 60) or span.term
        word = text.casefold()
        shown.setdefault(word, text)
        place = names.get(span.field, f"the {span.field}")
        if place not in places.setdefault(word, []):
            places[word].append(place)
        aliases[word] = aliases.get(word) or span.alias
    return [(word, _reason(shown[word], places[word], aliases[word])) for word in shown]


def _reason(word: str, places: Sequence[str], alias: str) -> str:
    """One sentence of `why`."""
    where = " and ".join(places) if len(places) < 3 else f"{', '.join(places[:-1])} and {places[-1]}"
    return f"“{word}” in {where}" + (f" (alias @{alias})" if alias else "")


def _reading_order(span: Span) -> tuple[int, int, int]:
    place = _ORDER.index(span.field) if span.field in _ORDER else len(_ORDER)
    return (place, span.start, span.end)


def _field(entry: Entry, field: str) -> str:
    texts = {"title": entry.title, "body": entry.body, "article": entry.article, "author": entry.author}
    return texts.get(field, "")
