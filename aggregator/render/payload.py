"""An edition for programs and for chat: the JSON that a webhook gets, and a note of a few lines.

Both are made from the edition's stored data, so every retry sends the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aggregator.errors import GiveUp
from aggregator.render.columns import plain
from aggregator.render.view import web_link
from aggregator.render.wording import cut

HEADLINES = 5
NOTE_BYTES = 4_000
"""ntfy takes 4,096 bytes, Telegram as many characters."""
_OUTLET = ("feed_id", "feed_title", "title", "language", "published_at", "first_seen_at")


def facts(data: str) -> dict[str, Any]:
    """An edition's data. Raises GiveUp when there is none: a letter has a reader, and a channel is none."""
    try:
        found = json.loads(data)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise GiveUp("internal", "this message has no data that a channel could be told")
    return found


def payload(edition: Mapping[str, Any], message_id: str, archive: str) -> bytes:
    """`{"type", "timestamp", "id", "data"}` in UTF-8; texts of entries stay where they are."""
    told = {
        "type": edition["kind"],
        "timestamp": edition["composed_at"],
        "id": message_id.strip("<>"),
        "data": {
            **{key: edition.get(key) for key in ("digest_id", "key", "title", "subject", "window", "timezone")},
            "archive": archive,
            "stories": [_story(story) for story in edition["stories"]],
            "continued": [_story(story) for story in edition["continued"]],
            "updated": [{"before": one["before"], **_story(one["story"])} for one in edition.get("updated", ())],
            "late": [one | {"link": web_link(one["link"])} for one in edition.get("late", ())],
            "signals": list(edition.get("signals", ())),
            "more": edition["more"],
            "checked": edition["checked"],
        },
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _story(story: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": story["story_id"],
        "headline": story["headline"],
        "link": web_link(story["link"]),
        "language": story["language"],
        "at": story["at"],
        "watchlists": story["watchlist_ids"],
        "why": story["why"],
        "outlets": [
            {key: outlet[key] for key in _OUTLET} | {"link": web_link(outlet["link"])} for outlet in story["outlets"]
        ],
    }


def note(edition: Mapping[str, Any], archive: str) -> bytes:
    """The subject, what is out of its rhythm, at most five headlines with their links, how many more there are, and the archive page."""
    stories = [*edition["stories"], *(one["story"] for one in edition.get("updated", ()))]
    lines = [plain(edition["subject"])]
    signals = [plain(one["text"]) for one in edition.get("signals", ())]
    lines += [line for one in signals[:HEADLINES] if one not in lines for line in ("", one)]
    for story in stories[:HEADLINES]:
        link = web_link(story["link"])
        lines += ["", cut(plain(story["headline"]), 300) or "(no title)", *([link] if link else [])]
    more = len(stories[HEADLINES:]) + edition["more"]
    lines += ["", f"{more} more"] if more else []
    lines += ["", archive] if archive else []
    return _whole_lines(lines)


def _whole_lines(lines: list[str]) -> bytes:
    """The lines as far as they fit."""
    kept, used = [], 0
    for line in lines:
        raw = line.encode("utf-8", "replace") + b"\n"
        used += len(raw)
        if used > NOTE_BYTES:
            break
        kept.append(raw)
    return b"".join(kept).rstrip(b"\n")
