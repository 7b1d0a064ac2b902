"""The shapes of answers as JSON Schema (2020-12), the dialect of OpenAPI 3.1.

Written down rather than derived: they describe what plain.py makes, are built only when somebody asks for the description,
and a test holds every answer to them, key by key. More keys may come; none goes.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]


def _is(kind: str | list[str], about: str, **more: Any) -> Schema:
    return {"type": kind, "description": about, **more}


def _text(about: str, **more: Any) -> Schema:
    return _is("string", about, **more)


def _number(about: str) -> Schema:
    return _is("integer", about, minimum=0)


def _moment(about: str) -> Schema:
    return _text(about, format="date-time")


def _maybe(about: str) -> Schema:
    """A moment, or null."""
    return _is(["string", "null"], about, format="date-time")


def _list(of: Schema, about: str, **more: Any) -> Schema:
    return _is("array", about, items=of, **more)


def _object(about: str, /, **members: Schema) -> Schema:
    return {"type": "object", "description": about, "properties": members, "required": list(members)}


def _named(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _portion(of: str, many: str) -> Schema:
    return _object(
        f"A portion of {many}.",
        items=_list(_named(of), "In order.", maxItems=200),
        next=_is(["string", "null"], "The `cursor` of the next portion; null at the end."),
    )


_SPANS = "The places that make it satisfy the query."
_ENTRY = {
    "id": _number("Its number here."),
    "feed_id": _text("The feed it came from."),
    "feed_url": _text("That feed's address, without its secrets."),
    "feed_title": _text("That feed's name, as people see it."),
    "guid": _text("The publisher's own identifier, verbatim."),
    "link": _text("The publisher's page, absolute; may be empty."),
    "title": _text("Its headline, plain text."),
    "author": _text("Who wrote it, as the feed says."),
    "categories": _list({"type": "string"}, "Its categories, as the feed says."),
    "language": _text("Its language, `en`; empty where unknown."),
    "published_at": _maybe("When it was published, as the feed says."),
    "updated_at": _maybe("When it was updated, as the feed says."),
    "sort_at": _moment("The published time where it can be believed, else that of first sight."),
    "first_seen_at": _moment("When it was first seen here."),
    "revisions": _number("How many versions were seen; the last one is shown."),
    "story_id": _number("The story it tells."),
    "excerpt": _text("The beginning of its text, plain, 300 characters at most."),
}
_TEXTS = {
    "summary": _text("Safe HTML; empty where the feed's licence limits what may be shown."),
    "content": _text("Safe HTML; empty where the feed's licence limits what may be shown."),
    "text": _text("Its text, plain, as far as the feed's licence lets it be shown."),
}
_MEMBER = {
    "id": _number("The entry."),
    "feed_id": _text("The feed it came from."),
    "guid": _text("The publisher's own identifier."),
    "link": _text("The publisher's page."),
    "title": _text("The headline there."),
    "published_at": _maybe("When it was published, as the feed says."),
}
_STORY = {
    "id": _number("Its number; that of a story merged into another means that other."),
    "title": _text("The headline it is told under."),
    "feeds": _number("How many feeds tell it."),
    "first_seen_at": _moment("When it was first seen here."),
}
_FEED = {
    "id": _text("Its stable name."),
    "url": _text("Its address in feeds.yaml, without its secrets."),
    "title": _text("Its name, as people see it."),
    "language": _text("Its language; empty where unknown."),
    "country": _text("Its country, `BY`; empty where unknown."),
    "tags": _list({"type": "string"}, "Words to sort feeds by."),
    "state": _text("How it is.", enum=["new", "ok", "failing", "gone", "paused"]),
    "error_class": _text("The stable word for what went wrong last; empty for nothing."),
    "error": _text("The same for people."),
    "failures": _number("Failed polls in a row."),
    "failing_since": _maybe("Since when."),
    "last_poll_at": _maybe("When it was last asked."),
    "last_ok_at": _maybe("When it was last read."),
    "next_poll_at": _moment("When it is asked next."),
    "next_poll_reason": _text("Why then."),
    "moved_url": _text("Where it lives now, if its server moved it for good."),
    "malformed": _text("Why its last document was not well-formed; empty where it was."),
    "entries": _number("Entries kept of it."),
    "gaps": _number("Times in which something may have been missed."),
    "host_held_until": _maybe("Until when its whole host asked to be left alone."),
}
_EDITION = {
    "id": _number("Its number."),
    "digest_id": _text("The digest it is an issue of."),
    "key": _text("What names it within its digest."),
    "kind": _text("Whether it is an alert or a digest.", enum=["alert", "digest"]),
    "title": _text("The digest's title."),
    "subject": _text("The subject of its mail."),
    "window_start": _moment("The time it covers: from here,"),
    "window_end": _moment("to here."),
    "stories": _number("Stories in it."),
    "entries": _number("Entries of those stories."),
    "composed_at": _moment("When it was made."),
    "archive": _text("Its page; empty where web.public_url is not set."),
}


def schemas() -> dict[str, Schema]:
    """Name -> schema of everything that is answered."""
    named = (
        _entries() | _stories() | _watching() | _editions() | _feeds() | {"Health": _health(), "Problem": _problem()}
    )
    return named | {
        "EntryPortion": _portion("Entry", "entries; each with its texts where `fields=full` asks for them"),
        "StoryPortion": _portion("Story", "stories"),
        "ResultPortion": _portion("Result", "results"),
        "WatchlistPortion": _portion("Watchlist", "watchlists"),
        "MatchPortion": _portion("Match", "matches"),
        "EditionPortion": _portion("Edition", "editions"),
        "FeedPortion": _portion("Feed", "feeds"),
    }


def _entries() -> dict[str, Schema]:
    span = _object(
        "A place that makes an entry satisfy a query.",
        field=_text("title, body, article or another field."),
        start=_number("Its first character."),
        end=_number("The one behind its last."),
        term=_text("The term of the query."),
        alias=_text("The alias it came through; empty for none."),
    )
    result = "An entry that a search found; its texts where `fields=full` asks for them."
    return {
        "Entry": _object("An entry: one published thing as it is kept.", **_ENTRY),
        "FullEntry": _object("An entry with its texts.", **_ENTRY, **_TEXTS),
        "Result": _object(result, **_ENTRY, spans=_list(_named("Span"), _SPANS)),
        "Span": span,
    }


def _stories() -> dict[str, Schema]:
    outlet = _object(
        "An entry of a story, in the order of the times that outlets give.",
        **_MEMBER,
        feed_title=_text("That feed's name, as people see it."),
        first_seen_at=_moment("When it was first seen here."),
        lag_seconds=_number("How long after the first."),
        reason=_text("Why it belongs to the story: first, url, title, text, merged or split."),
        score=_is("number", "The measure behind the reason, 0 to 1."),
    )
    members = _list(_named("StoryEntry"), "In order of first sight.", maxItems=50)
    return {
        "StoryEntry": _object("An entry of a story.", **_MEMBER),
        "Story": _object("A story.", **_STORY, entries=members),
        "Outlet": outlet,
        "FullStory": _object(
            "A story, outlet by outlet.", **_STORY, entries=_list(_named("Outlet"), "The first one first.")
        ),
    }


def _watching() -> dict[str, Schema]:
    watchlist = _object(
        "A named query that new entries are matched against.",
        id=_text("Its stable name."),
        title=_text("Its title."),
        query=_text("Its query."),
    )
    match = _object(
        "The fact that an entry satisfies a watchlist.",
        id=_number("Its number."),
        watchlist_id=_text("The watchlist."),
        revision=_number("The version of the entry that the places count in."),
        reach=_text("How far it may be told; none: a silent baseline.", enum=["alert", "digest", "none"]),
        matched_at=_moment("When it was found."),
        spans=_list(_named("Span"), _SPANS),
        entry=_named("Entry"),
    )
    return {"Watchlist": watchlist, "Attention": _attention(), "Match": match}


def _editions() -> dict[str, Schema]:
    told = _is("object", "What it tells, as webhooks get it (docs/webhooks.md).", additionalProperties=True)
    whole = _object("An edition, as sent.", **_EDITION, text=_text("Its plain text."), told=told)
    return {"Edition": _object("An edition.", **_EDITION), "FullEdition": whole}


def _feeds() -> dict[str, Schema]:
    gap = _object(
        "A time in which something may have been missed.",
        after=_moment("After this,"),
        before=_moment("and before this."),
        found_at=_moment("When that was found."),
    )
    event = _object(
        "Something that happened to a feed.",
        id=_number("Its number."),
        feed_id=_text("The feed."),
        at=_moment("When."),
        kind=_text("moved, gone, back, frozen_validators ..."),
        detail=_text("The same for people."),
    )
    whole = _object(
        "A feed and what happened to it.",
        **_FEED,
        homepage=_text("The publisher's page; empty where unknown."),
        held_until=_maybe("Until when its server asked to be left alone."),
        missed=_list(_named("Gap"), "What may have been missed, the newest first.", maxItems=10),
        events=_list(_named("Event"), "What happened, the newest first.", maxItems=10),
    )
    return {"Feed": _object("A feed.", **_FEED), "Gap": gap, "Event": event, "FullFeed": whole}


def _attention() -> Schema:
    day = _object(
        "A day.",
        day=_text("The day (UTC).", format="date"),
        entries=_number("Entries of the watchlist that are dated to it."),
        all=_number("All entries that are dated to it."),
        share=_is("number", "The one of the other, 0 to 1.", minimum=0, maximum=1),
    )
    part = _object(
        "A feed's, language's or country's part.",
        key=_text("Its id or code; empty for what is not known."),
        title=_text("The same for people."),
        entries=_number("Entries of the watchlist."),
        all=_number("All entries from there."),
    )
    word = _object(
        "A word that headlines of the watchlist have far more often than others.",
        word=_text("The word, folded."),
        entries=_number("Headlines of the watchlist that have it."),
        elsewhere=_is("number", "The share of all newest headlines that have it.", minimum=0, maximum=1),
    )
    return _object(
        "The attention that a watchlist got.",
        watchlist_id=_text("The watchlist."),
        since=_text("The first day (UTC).", format="date"),
        until=_text("The last day (UTC): today.", format="date"),
        days=_list(day, "Every day in order, also those without entries."),
        by=_is(["string", "null"], "By what it is taken apart.", enum=["feed", "language", "country", "word", None]),
        parts=_list(part, "The twenty greatest parts; none where nothing was asked for, nor by word."),
        words=_list(word, "By word, the twenty in most headlines; the words that it asks for left out."),
    )


def _health() -> Schema:
    failing = _object(
        "A feed that could not be read.",
        feed_id=_text("The feed."), title=_text("Its name."), since=_maybe("Since when."), error=_text("Why."),
    )  # fmt: skip
    relay = _object(
        "A mail server or channel that takes nothing.",
        name=_text("`mail` or `channel:ID`."), since=_moment("Since when."), until=_moment("Until when it is left in peace."),
        error=_text("Why."),
    )  # fmt: skip
    signal = _object(
        "A burst or a silence that lasts.",
        kind=_text("What it is.", enum=["burst", "silence"]),
        watchlist_id=_text("The watchlist; empty for none."),
        feed_id=_text("The feed; empty for none."),
        began_at=_moment("Since when."),
        detail=_text("The same for people."),
    )
    return _object(
        "Whether all is well.",
        ok=_is("boolean", "Every feed was read, the network is up, and every relay takes what it gets."),
        version=_text("The program's version."),
        feeds=_number("Feeds that are polled."),
        feeds_ok=_number("Those that were read at their last poll."),
        failing=_list(failing, "The others."),
        outage_since=_maybe("Since when our own network seems to be down."),
        relays=_list(relay, "What takes nothing."),
        signals=_list(signal, "What is out of its own rhythm."),
    )


def _problem() -> Schema:
    where = _object(
        "What is wrong with one parameter.",
        **{"in": _text("query or path."), "name": _text("The parameter."), "detail": _text("What is wrong.")},
    )
    shape = _object(
        "What went wrong (RFC 9457).",
        type=_text("Always about:blank: `status` says what kind it is."),
        title=_text("The name of the status."),
        status=_is("integer", "The status.", minimum=400, maximum=599),
        detail=_text("One line for a person."),
    )
    shape["properties"] |= {
        "errors": _list(where, "Of 400: each parameter that cannot be taken."),
        "query": _text("Of a query that does not parse: its text,"),
        "pos": _number("the character of the fault, counted from 0,"),
        "caret": _text("the query with a caret under it, two lines,"),
        "hint": _text("and what to write instead; may be empty."),
    }
    return shape
