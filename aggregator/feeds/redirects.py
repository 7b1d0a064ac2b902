"""Where a feed lives: permanent redirects are believed when they agree (polling-and-identity.md P9, P10, P13).

A chain of 301 and 308 alone that ends in a feed is a vote for its target. Three votes in a row move the feed; one poll that
says something else, or fails, begins the count anew: a captive portal or a proxy in a hotel never owns a feed. A 302, 303 or
307 anywhere makes the whole chain temporary. feeds.yaml is the operator's and is not edited.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from aggregator import urls
from aggregator.model import Feed, FetchResponse, PollState

AGREEING = 3
PERMANENT = frozenset({301, 308})


def counted(feed: Feed, answer: FetchResponse) -> tuple[str, int]:
    """The target that this answer votes for and how many polls in a row have done so; "" and 0 when it does not."""
    target = answer.url.partition("#")[0]
    if not answer.redirects or target == feed.url or any(hop.status not in PERMANENT for hop in answer.redirects):
        return "", 0
    return target, feed.poll.move_polls + 1 if target == feed.poll.move_target else 1


def wanted(feed: Feed, poll: PollState, *, bound: bool = False) -> str:
    """The address to which enough polls agree the feed has moved, or "".

    Not one that a person took back. Not away from an address with a password in it, which the redirect leaves out; and where
    the feed is `bound` by other secrets, not to another server, which must not see them (RFC 9110 §15.4).
    """
    target = settled(poll)
    if not target:
        return ""
    secret = "@" in urlsplit(feed.url).netloc or (bound and urls.host_key(target) != urls.host_key(feed.url))
    return "" if secret else target


def settled(poll: PollState) -> str:
    """The address to which enough polls agree although the feed has not moved there, unless a person took it back; or ""."""
    return poll.move_target if poll.move_polls >= AGREEING and poll.move_target != poll.move_refused else ""


def moved(feed: Feed, poll: PollState) -> PollState:
    """The feed at its new address. Validators belong to the old one (RFC 9111 §4); its entries and their keys stay."""
    home = poll.move_target == feed.spec.url
    return poll.but(
        moved_url="" if home else poll.move_target,
        move_target="",
        move_polls=0,
        etag="",
        last_modified="",
        frozen_at=None,
    )
