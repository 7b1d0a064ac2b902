"""What happened to a feed as a whole, told from its state before and after a poll: one event each time, never again."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from aggregator import urls
from aggregator.feeds import redirects
from aggregator.model import Feed, FeedEvent, ParsedFeed, PollState


def settle(
    feed: Feed, poll: PollState, living_at: Callable[[str], str], taken: dict[str, str], *, bound: bool = False
) -> tuple[PollState, tuple[FeedEvent, ...]]:
    """Move the feed where its redirects agree to, unless another feed lives there, and tell all that happened to it.

    `living_at` names the feed at an address; `taken` holds the addresses that feeds of the same batch have moved to.
    `bound` says that the feed is asked with secrets that only its own server may see.
    """
    holder, target = "", redirects.wanted(feed, poll, bound=bound)
    if target:
        holder = taken.get(target) or living_at(target)
        if not holder:
            poll = redirects.moved(feed, poll)
            taken[target] = feed.id
    return poll, tuple(events(feed, poll, holder))


def read(poll: PollState, parsed: ParsedFeed, items: int) -> PollState:
    """The state with what a document shows of itself: how many items, and in which form; a part of one keeps the form."""
    return poll.but(items=items, format=form(parsed.version) or poll.format)


def form(version: str) -> str:
    """What people call a version of feedparser's, such as `rss20` or `atom10`; "" where it is none."""
    if version in ("rss090", "rss10"):
        return "RDF"
    names = {"rss": "RSS", "atom": "Atom", "cdf": "CDF", "json": "JSON Feed"}
    return next((name for start, name in names.items() if version.startswith(start)), "")


def events(feed: Feed, after: PollState, holder: str = "") -> Iterator[FeedEvent]:
    """The events of one poll.

    Args:
        feed: as it was before.
        after: what the poll has made of it.
        holder: the id of another feed that lives where this one's redirects lead, or "".
    """
    before = feed.poll
    if after.state == "gone" and before.state != "gone":
        yield FeedEvent("gone", f"{after.error}; it is looked at once a week")
    if before.state == "gone" and after.state == "ok":
        yield FeedEvent("back", "the server gives the feed again")
    if after.moved_url != before.moved_url:
        target = after.moved_url or feed.spec.url
        yield FeedEvent("moved", f"from {urls.mask(feed.url)} to {urls.mask(target)}")
    if holder and before.move_polls < redirects.AGREEING <= after.move_polls:
        yield FeedEvent("moved_onto", f"redirects lead to {urls.mask(after.move_target)}, which is the feed {holder}")
    if after.frozen_at is not None and before.frozen_at is None:
        validators = "the ETag" if before.etag else "the Last-Modified date"
        yield FeedEvent("frozen_validators", f"{validators} stayed the same although the document had changed")
    if before.format and after.format and after.format != before.format:
        yield FeedEvent("format_changed", f"from {before.format} to {after.format}")
