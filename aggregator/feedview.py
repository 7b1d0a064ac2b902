"""A feed as people read it, on the command line and on the pages: what its state means, what went wrong, what to do about it.

Sentences name moments; `say` spells one. The command line's is `utc`, the pages have their own zone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from aggregator import urls
from aggregator.access import Access
from aggregator.errors import FetchErrorClass
from aggregator.feeds import pace
from aggregator.model import Feed, Gap, StoredEvent
from aggregator.plain import short
from aggregator.publication import WEEKDAYS
from aggregator.settings import show_duration

Say = Callable[[datetime], str]
FORBIDDEN = 403
SHOWN_GAPS = 10
LONG_URL = 48
"""Characters of an address inside a sentence; the rest is cut."""
LONG_DETAIL = 400
LONG_NOTE = 200
"""Characters of what happened, and of what is said of it in a list."""
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
REASONS: dict[FetchErrorClass, str] = {
    "dns": "the name of its host is not known",
    "connect": "its host takes no connection",
    "tls": "its host has no valid certificate",
    "timeout": "its host does not answer in time",
    "reset": "its host breaks the connection off",
    "truncated": "the document breaks off before its end",
    "too_large": "the document is too large",
    "bomb": "the document would blow up to something far too large",
    "header_too_large": "its host sends too much before the document",
    "bad_http": "what its host answers is garbled",
    "redirect_loop": "its redirects lead nowhere",
    "blocked_address": "its host is not on the public internet",
    "bad_scheme": "its address is none that can be asked",
    "auth": "its host wants a name and a password",
    "http_4xx": "its host refuses",
    "gone": "it was taken away for good",
    "rate_limited": "its host asks us to come less often",
    "http_5xx": "its host is in trouble",
    "not_a_feed": "what stands there is no feed",
    "parse_error": "the document cannot be read",
    "parse_timeout": "the document takes too long to read",
    "empty": "the document is empty",
    "withdrawn": "it was left for later",
    "local_network": "our own network is down",
    "internal": "a fault of this program",
}
"""What went wrong, by error class, for whoever may read: without names, addresses and numbers."""
UNANSWERED: frozenset[FetchErrorClass] = frozenset(
    ("dns", "connect", "tls", "timeout", "reset", "bad_http", "blocked_address", "bad_scheme", "local_network")
)
"""Where nothing was said by the other side, or nothing that can be understood."""


def utc(moment: datetime) -> str:
    """The same with its zone."""
    return f"{short(moment)} UTC"


# -- what went wrong ---------------------------------------------------------------------------------------------------


def trouble(feed: Feed) -> str:
    """What went wrong last, short enough for a table: without the feed's own address, long addresses cut; "" if nothing."""
    poll = feed.poll
    if poll.error:
        return _cut(_PLACE.sub("", poll.error))
    return f"read, but not written correctly: {poll.malformed}" if poll.malformed else ""


def note(feed: Feed, now: datetime, say: Say = utc) -> str:
    """The one thing to know of a feed in a table."""
    fault = trouble(feed) if feed.poll.error else moved(feed) or trouble(feed)
    resting = held(feed, now, say) if feed.hold is not None else ""
    return "; ".join(text for text in (resting, _fit(fault, LONG_NOTE)) if text)


def moved(feed: Feed) -> str:
    """That a feed has moved, short enough for a table; "" when it has not."""
    where = urls.mask(feed.poll.moved_url)
    return where and f"moved; put the new address into feeds.yaml: {where}"


def advice(feed: Feed) -> str:
    """What to do about it; "" when nothing is wrong."""
    poll, url = feed.poll, feed.spec.url
    if not poll.error_class or poll.state == "paused":
        return ""
    if poll.http_status == FORBIDDEN:
        return "ask the publisher to let this program in; network.user_agent_contact tells them whom to write to"
    if poll.error_class == "not_a_feed" and "it offers" in poll.error and urls.mask(url) == url:
        return f"`aggregator feeds discover {url}` lists what it offers; correct the address in feeds.yaml"
    return ADVICE[poll.error_class].replace("{id}", feed.id)


def held(feed: Feed, now: datetime, say: Say = utc) -> str:
    """Who asked that a feed be left alone, and until when; "" when nobody does."""
    if feed.hold is not None and feed.hold.held_until > now:
        until, by = say(feed.hold.held_until), feed.hold.said_by
        return f"its host {feed.hold.host} asked for a pause until {until} (told to {by} and others)"
    if feed.poll.held_until is not None and feed.poll.held_until > now:
        return f"the server asked to wait until {say(feed.poll.held_until)}"
    return ""


def missed(gap: Gap) -> str:
    """What may have been missed."""
    return f"possibly missed between {short(gap.after_at)} and {utc(gap.before_at)}"


# -- the state ---------------------------------------------------------------------------------------------------------


def condition(feed: Feed, say: Say) -> str:
    """The state in plain words for whoever may read: since when, and why; nothing of hosts and addresses."""
    poll = feed.poll
    since = f" since {say(poll.failing_since)}" if poll.failing_since else ""
    match poll.state:
        case "paused":
            return "paused by hand"
        case "gone":
            return f"gone{since}: {REASONS['gone']}"
        case "failing":
            reason = REASONS[poll.error_class] if poll.error_class else "it cannot be read"
            silent = poll.error_class in UNANSWERED
            return f"{'no answer' if silent else 'not read'}{since}: {reason}"
        case _:
            return "not asked yet" if poll.last_ok_at is None else f"last read {say(poll.last_ok_at)}"


def state(feed: Feed, now: datetime, say: Say = utc) -> str:
    """The state in a sentence: since when, how often, and when and why it is asked again."""
    poll = feed.poll
    due = "is due now" if poll.next_poll_at <= now else f"next try {say(poll.next_poll_at)}"
    if poll.state == "paused":
        return f"paused by hand; `aggregator feeds resume {feed.id}` starts it again"
    if poll.state == "gone":
        since = f" since {say(poll.failing_since)}" if poll.failing_since else ""
        return f"gone{since}: the server says it was taken away for good; it is looked at once a week, {due}"
    since = say(poll.failing_since) if poll.failing_since else "-"
    if poll.state == "failing":
        times = "once" if poll.failures == 1 else f"{poll.failures} times in a row"
        return f"failing since {since}, {times}; {due}{_why(feed, now, say)}"
    if poll.last_poll_at is None:
        return f"new: not asked yet, {due}"
    return f"{poll.state}: last read {say(poll.last_ok_at) if poll.last_ok_at else '-'}, {due}{_why(feed, now, say)}"


def _why(feed: Feed, now: datetime, say: Say) -> str:
    """Why a feed is asked no earlier."""
    poll = feed.poll
    if poll.next_poll_at <= now:
        return ""
    if poll.failures == 0 or poll.next_poll_reason:
        return ""
    if poll.held_until and poll.held_until > now:
        return f", because the server asks to wait until {say(poll.held_until)}"
    return ", because each failure makes the pause longer" if poll.failures > 1 else ", after its usual interval"


# -- all of it ---------------------------------------------------------------------------------------------------------


def rows(feed: Feed, access: Access | None, homepage: str, now: datetime, say: Say = utc) -> list[tuple[str, str]]:
    """All that is known of one feed, a label and a text a line; what is empty is left out."""
    poll, spec = feed.poll, feed.spec
    until = f"{say(poll.held_until)}, by the server's own word" if poll.held_until else ""
    found = [
        ("feed", feed.id),
        ("title", feed.title),
        ("address", urls.mask(spec.url)),
        ("homepage", urls.mask(homepage)),
        ("state", state(feed, now, say)),
        ("what happened", f"{trouble(feed)} ({poll.error_class})" if poll.error_class else trouble(feed)),
        ("what to do", advice(feed)),
        ("entries", f"{feed.entries:,}"),
        ("last asked", say(poll.last_poll_at) if poll.last_poll_at else ""),
        ("last read", say(poll.last_ok_at) if poll.last_ok_at else ""),
        ("next try", say(poll.next_poll_at) if poll.state != "paused" else ""),
        ("held until", until),
        ("its host", held(feed, now, say) if feed.hold is not None else ""),
        ("last answer", str(poll.http_status) if poll.http_status else ""),
        ("interval", show_duration(spec.interval) + ("" if spec.hints else ", whatever the publisher hints")),
        ("language", feed.language),
        ("country", spec.country),
        ("tags", ", ".join(spec.tags)),
        ("articles", spec.articles),
        ("may be shown", _licence(spec.excerpt)),
        *_ways_in(access),
        ("validators", validators(feed)),
        ("etag", poll.etag),
        ("last modified", poll.last_modified),
        *_pace(feed, say),
    ]
    return [(label, text) for label, text in found if text]


def validators(feed: Feed) -> str:
    """What its polls cost its server, as far as validators tell; "" while it was never read."""
    if feed.poll.last_ok_at is None:
        return ""
    kinds = [name for name, given in (("an ETag", feed.poll.etag), ("a date", feed.poll.last_modified)) if given]
    if not kinds:
        return "it sends none: each poll costs its server the whole document"
    return f"it sends {' and '.join(kinds)}: while nothing is new a poll costs its server next to nothing"


def _licence(excerpt: int | None) -> str:
    if excerpt is None:
        return ""
    return f"{excerpt:,} characters of a text, by its licence" if excerpt else "its titles alone, by its licence"


def _ways_in(access: Access | None) -> list[tuple[str, str]]:
    """How it is asked, the secrets left out."""
    if access is None:
        return []
    return [
        ("signs in as", access.username and f"{access.username}, with {'a' if access.password else 'no'} password"),
        ("headers", ", ".join(f"{name} (hidden)" for name, _ in access.headers)),
        ("proxy", urls.mask(access.proxy)),
    ]


def _pace(feed: Feed, say: Say) -> list[tuple[str, str]]:
    """What its polls have taught of it."""
    poll = feed.poll
    votes, quiet = _polls(poll.move_polls), _polls(poll.quiet_polls)
    return [
        ("moved to", urls.mask(poll.moved_url)),
        ("redirects to", poll.move_target and f"{urls.mask(poll.move_target)}, for {votes} in a row"),
        ("why then", poll.next_poll_reason),
        ("asks for", "; ".join(asks_for(feed))),
        ("rhythm", "" if poll.rhythm is None else f"usually one entry in {pace.spell(poll.rhythm)}"),
        ("last news", f"{say(poll.news_at)}, {quiet} ago" if poll.news_at else ""),
        ("last document", say(poll.looked_at) if poll.looked_at else ""),
        ("frozen since", f"{say(poll.frozen_at)}: its validators vouch for old news" if poll.frozen_at else ""),
    ]


def asks_for(feed: Feed) -> list[str]:
    """What its last document asks for, in words."""
    hints = feed.poll.hints
    found = [d.why.removeprefix("the feed asks for ") for d in pace.asked(feed, hints)]
    if not feed.spec.hints:
        return found
    if hints.skip_hours:
        found.append(f"no polls in the hours {' '.join(map(str, sorted(hints.skip_hours)))} GMT (skipHours)")
    if hints.skip_days:
        found.append(f"no polls on {' '.join(WEEKDAYS[d] for d in sorted(hints.skip_days))} (skipDays)")
    return found


@dataclass(frozen=True, slots=True)
class Past:
    """What has happened to a feed: what may have been missed, and other events, newest first."""

    gaps: Sequence[Gap]
    events: Sequence[StoredEvent]


def happened(past: Past) -> Iterator[str]:
    """What has happened to a feed, a line each."""
    for gap in past.gaps[:SHOWN_GAPS]:
        yield f"{short(gap.found_at)}  {missed(gap)}"
    for event in past.events:
        yield f"{short(event.at)}  {told(event)}"


def told(event: StoredEvent) -> str:
    """What happened, without its moment."""
    return f"{event.kind.replace('_', ' ')}: {event.detail[:LONG_DETAIL]}"


def _polls(count: int) -> str:
    return f"{count:,} {'poll' if count == 1 else 'polls'}"


def _cut(text: str) -> str:
    """The text with its long addresses cut."""
    return _URL.sub(lambda found: _fit(found.group(), LONG_URL), text)


def _fit(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
