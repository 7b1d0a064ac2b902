"""A feed's pace and whereabouts as people read them: why it is polled when it is, where it lives, what has happened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aggregator.cli import output
from aggregator.model import Feed, StoredEvent
from aggregator.publication import WEEKDAYS


def note(feed: Feed) -> str:
    """That a feed has moved, short enough for a table; "" when it has not."""
    moved = output.masked(feed.poll.moved_url)
    return moved and f"moved; put the new address into feeds.yaml: {moved}"


def fields(feed: Feed) -> dict[str, Any]:
    """What its polls have taught of it, for programs."""
    poll = feed.poll
    return {
        "asks_for": _asks_for(feed),
        "rhythm_seconds": None if poll.rhythm is None else round(poll.rhythm.total_seconds()),
        "quiet_polls": poll.quiet_polls,
        "news_at": output.when(poll.news_at),
        "looked_at": output.when(poll.looked_at),
        "frozen_at": output.when(poll.frozen_at),
        "move_target": output.masked(poll.move_target),
        "move_polls": poll.move_polls,
    }


def rows(feed: Feed) -> list[tuple[str, str]]:
    """The same for people, a label and a text a line; what is empty is left out."""
    from aggregator.feeds import pace

    poll = feed.poll
    votes = output.many(poll.move_polls, "poll")
    found = [
        ("moved to", output.masked(poll.moved_url)),
        ("redirects to", poll.move_target and f"{output.masked(poll.move_target)}, for {votes} in a row"),
        ("why then", poll.next_poll_reason),
        ("asks for", "; ".join(_asks_for(feed))),
        ("rhythm", "" if poll.rhythm is None else f"usually one entry in {pace.spell(poll.rhythm)}"),
        ("last news", poll.news_at and f"{output.short(poll.news_at)}, {output.many(poll.quiet_polls, 'poll')} ago"),
        ("last document", output.short(poll.looked_at) if poll.looked_at else ""),
        ("frozen since", poll.frozen_at and f"{output.short(poll.frozen_at)}: its validators vouch for old news"),
    ]
    return [(label, text) for label, text in found if text]


def happened(events: Sequence[StoredEvent]) -> list[str]:
    """The history, a line each."""
    return [f"{output.short(e.at)}  {e.kind.replace('_', ' ')}: {output.fit(e.detail, 400)}" for e in events]


def _asks_for(feed: Feed) -> list[str]:
    from aggregator.feeds import pace

    hints = feed.poll.hints
    found = [d.why.removeprefix("the feed asks for ") for d in pace.asked(feed, hints)]
    if not feed.spec.hints:
        return found
    if hints.skip_hours:
        found.append(f"no polls in the hours {' '.join(map(str, sorted(hints.skip_hours)))} GMT (skipHours)")
    if hints.skip_days:
        found.append(f"no polls on {' '.join(WEEKDAYS[d] for d in sorted(hints.skip_days))} (skipDays)")
    return found
