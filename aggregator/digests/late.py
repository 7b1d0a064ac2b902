"""What came too late to be sent as it was: the stories of such messages, for a later edition to tell."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from aggregator.publication import LateMessage, LateStory


def stories(messages: Iterable[LateMessage]) -> tuple[LateStory, ...]:
    """The stories of messages in their order, each once, with those that were late in them already."""
    found = [story for message in messages for story in _of(message)]
    return tuple({(story.headline, story.link): story for story in reversed(found)}.values())[::-1]


def _of(message: LateMessage) -> Iterator[LateStory]:
    data = json.loads(message.data)
    for again in data.get("late", ()):
        yield LateStory(
            **{name: again[name] for name in ("headline", "link", "language", "source")},
            at=datetime.fromisoformat(again["at"]),
            edition_at=datetime.fromisoformat(again["edition_at"]),
        )
    for one in data.get("signals", ()):
        at = datetime.fromisoformat(one["found_at"])
        yield LateStory(one["text"], "", "en", one["watchlist_title"], at, message.composed_at)
    for story in data["stories"]:
        yield _story(story, message.composed_at)


def _story(story: dict[str, Any], composed_at: datetime) -> LateStory:
    outlets = story["outlets"]
    return LateStory(
        headline=story["headline"],
        link=story["link"],
        language=story["language"],
        source=outlets[0]["feed_title"] if outlets else "",
        at=datetime.fromisoformat(story["at"]),
        edition_at=composed_at,
    )
