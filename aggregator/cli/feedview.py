"""A feed as people read it: what its state means, what went wrong in plain words, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aggregator.access import Access
from aggregator.cli import feedpace, output
from aggregator.errors import FetchErrorClass
from aggregator.model import Feed, Gap, StoredEvent
from aggregator.settings import show_duration

FORBIDDEN = 403
SHOWN_GAPS = 10
LONG_URL = 48
"""Characters of an address inside a sentence; the rest is cut."""
_URL = re.compile(r"https?://[^\s,;]+")
_PLACE = re.compile(r"^https?://\S+: ")
_WAIT = "nothing: it is tried again by itself"
_TELL = "tell the publisher, if it lasts"
ADVICE: dict[FetchErrorClass, str] = {
    "dns": "check the spelling of the address, and whether this machine reaches the internet",
    "connect": _WAIT,
    "tls": "nothing, unless it lasts: the publisher has to put the certificate right",
    "timeout": _WAIT,
    "reset": _WAIT,
    "truncated": _WAIT,
    "too_large": "raise limits.body in config/aggregator.yaml, if the feed is worth it",
    "bomb": _TELL,
    "header_too_large": _TELL,
    "bad_http": _TELL,
    "redirect_loop": _TELL,
    "blocked_address": "if this address is meant, add its network to network.allow_private in config/aggregator.yaml",
    "bad_scheme": "correct the address in feeds.yaml",
    "auth": "check `username` and `password_file` (or `headers`) of this feed in feeds.yaml",
    "http_4xx": "look for its new address: `aggregator feeds discover` with the address of the publisher's page",
    "gone": "remove it (`aggregator feeds remove {id}`), or `aggregator feeds resume {id}` to ask again",
    "rate_limited": "nothing: it is asked again as late as the server wishes",
    "http_5xx": _WAIT,
    "not_a_feed": "find the feed: `aggregator feeds discover` with the address of the publisher's page",
    "parse_error": "nothing: the next copy may be whole; the entries we have stay",
    "parse_timeout": _TELL,
    "empty": _WAIT,
    "withdrawn": _WAIT,
    "local_network": "check this machine's connection to the internet",
    "internal": "report it: this is a bug in the program",
}
"""What a person can do, by error class."""


def trouble(feed: Feed) -> str:
    """What went wrong last, short enough for a table: without the feed's own address, long addresses cut; "" if nothing."""
    poll = feed.poll
    if poll.error:
        return _cut(_PLACE.sub("", poll.error))
    return f"read, but not written correctly: {poll.malformed}" if poll.malformed else ""


def note(feed: Feed, now: datetime) -> str:
    """The one thing to know of a feed in a table."""
    held = output.held(feed, now) if feed.hold is not None else ""
    fault = trouble(feed) if feed.poll.error else feedpace.note(feed) or trouble(feed)
    return "; ".join(text for text in (held, fault) if text)


def advice(feed: Feed) -> str:
    """What to do about it; "" when nothing is wrong."""
    poll, url = feed.poll, feed.spec.url
    if not poll.error_class or poll.state == "paused":
        return ""
    if poll.http_status == FORBIDDEN:
        return "ask the publisher to let this program in; network.user_agent_contact tells them whom to write to"
    if poll.error_class == "not_a_feed" and "it offers" in poll.error and output.masked(url) == url:
        return f"`aggregator feeds discover {url}` lists what it offers; correct the address in feeds.yaml"
    return ADVICE[poll.error_class].replace("{id}", feed.id)


def state(feed: Feed, now: datetime) -> str:
    """The state in a sentence: since when, how often, and when and why it is asked again."""
    poll = feed.poll
    due = "is due now" if poll.next_poll_at <= now else f"next try {output.short(poll.next_poll_at)} UTC"
    if poll.state == "paused":
        return f"paused by hand; `aggregator feeds resume {feed.id}` starts it again"
    if poll.state == "gone":
        since = f" since {output.short(poll.failing_since)} UTC" if poll.failing_since else ""
        return f"gone{since}: the server says it was taken away for good; it is looked at once a week, {due}"
    if poll.state == "failing":
        times = "once" if poll.failures == 1 else f"{poll.failures} times in a row"
        return f"failing since {output.short(poll.failing_since)} UTC, {times}; {due}{_why(feed, now)}"
    if poll.last_poll_at is None:
        return f"new: not asked yet, {due}"
    return f"{poll.state}: last read {output.short(poll.last_ok_at)} UTC, {due}{_why(feed, now)}"


def _why(feed: Feed, now: datetime) -> str:
    """Why a feed is asked no earlier."""
    poll = feed.poll
    if poll.next_poll_at <= now:
        return ""
    if poll.failures == 0 or poll.next_poll_reason:
        return ""
    if poll.held_until and poll.held_until > now:
        return f", because the server asks to wait until {output.short(poll.held_until)} UTC"
    return ", because each failure makes the pause longer" if poll.failures > 1 else ", after its usual interval"


def rows(feed: Feed, access: Access | None, homepage: str, now: datetime) -> list[tuple[str, str]]:
    """All that is known of one feed, a label and a text a line; what is empty is left out."""
    poll, spec = feed.poll, feed.spec
    found = [
        ("feed", feed.id),
        ("title", feed.title),
        ("address", output.masked(spec.url)),
        ("homepage", output.masked(homepage)),
        ("state", state(feed, now)),
        ("what happened", f"{trouble(feed)} ({poll.error_class})" if poll.error_class else trouble(feed)),
        ("what to do", advice(feed)),
        ("entries", f"{feed.entries:,}"),
        ("last asked", _moment(poll.last_poll_at)),
        ("last read", _moment(poll.last_ok_at)),
        ("next try", _moment(poll.next_poll_at) if poll.state != "paused" else ""),
        ("held until", _moment(poll.held_until) and f"{_moment(poll.held_until)}, by the server's own word"),
        ("its host", output.held(feed, now) if feed.hold is not None else ""),
        ("last answer", str(poll.http_status) if poll.http_status else ""),
        ("interval", show_duration(spec.interval) + ("" if spec.hints else ", whatever the publisher hints")),
        ("language", feed.language),
        ("country", spec.country),
        ("tags", ", ".join(spec.tags)),
        ("articles", spec.articles),
        *_ways_in(access),
        ("etag", poll.etag),
        ("last modified", poll.last_modified),
    ]
    return [(label, text) for label, text in found if text] + feedpace.rows(feed)


def _ways_in(access: Access | None) -> list[tuple[str, str]]:
    """How it is asked, the secrets left out."""
    if access is None:
        return []
    return [
        ("signs in as", access.username and f"{access.username}, with {'a' if access.password else 'no'} password"),
        ("headers", ", ".join(f"{name} (hidden)" for name, _ in access.headers)),
        ("proxy", output.masked(access.proxy)),
    ]


@dataclass(frozen=True, slots=True)
class Past:
    """What has happened to a feed: what may have been missed, and other events, newest first."""

    gaps: Sequence[Gap]
    events: Sequence[StoredEvent]


def happened(past: Past) -> Iterator[str]:
    """What has happened to a feed, a line each."""
    for gap in past.gaps[:SHOWN_GAPS]:
        yield f"{output.short(gap.found_at)}  {output.missed(gap)}"
    yield from feedpace.happened(past.events)


def fields(feed: Feed, access: Access | None, homepage: str, past: Past) -> dict[str, Any]:
    """All that is known of one feed, for programs: the fields of `feeds list --json` and more."""
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
        **feedpace.fields(feed),
        "missed": [output.gap(gap) for gap in past.gaps[:SHOWN_GAPS]],
        "events": [output.event(event) for event in past.events],
    }


def _moment(moment: datetime | None) -> str:
    return f"{output.short(moment)} UTC" if moment else ""


def _cut(text: str) -> str:
    """The text with its long addresses cut."""
    return _URL.sub(lambda found: output.fit(found.group(), LONG_URL), text)
