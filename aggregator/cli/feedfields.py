"""All that is known of one feed, for programs: the fields of `feeds show --json`."""

from __future__ import annotations

from typing import Any

from aggregator import feedview
from aggregator.access import Access
from aggregator.cli import output
from aggregator.model import Feed


def fields(feed: Feed, access: Access | None, homepage: str, past: feedview.Past) -> dict[str, Any]:
    """The fields of `feeds list --json` and more."""
    poll, access = feed.poll, access or Access()
    return output.feed(feed) | {
        "interval": str(feed.spec.interval),
        "articles": feed.spec.articles,
        "hints": feed.spec.hints,
        "homepage": output.masked(homepage),
        "username": access.username,
        "headers": [name for name, _ in access.headers],
        "proxy": output.masked(access.proxy),
        "etag": poll.etag,
        "last_modified": poll.last_modified,
        "held_until": output.when(poll.held_until),
        "http_status": poll.http_status,
        "asks_for": feedview.asks_for(feed),
        "rhythm_seconds": None if poll.rhythm is None else round(poll.rhythm.total_seconds()),
        "quiet_polls": poll.quiet_polls,
        "news_at": output.when(poll.news_at),
        "looked_at": output.when(poll.looked_at),
        "frozen_at": output.when(poll.frozen_at),
        "move_target": output.masked(poll.move_target),
        "move_polls": poll.move_polls,
        "missed": [output.gap(gap) for gap in past.gaps[: feedview.SHOWN_GAPS]],
        "events": [output.event(event) for event in past.events],
    }
