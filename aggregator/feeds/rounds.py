"""When most hosts fail at once it is our own network: the round is void, and nothing is held against a feed.

A round is what one sweep hears. Hosts are told apart by name alone, since one machine that is down is one, whatever its
ports. Each answer is a sign: the host spoke (*well*), could not be reached (*lost*), or a *page* came that is no feed;
the same page in the name of several hosts is a captive portal. Other answers say nothing (*mute*).
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from aggregator import urls
from aggregator.model import Counted, Feed, FetchFailure, FetchResponse, PollState

HOSTS = 5
"""Hosts from which on a verdict about our own network can be had."""
WELLS = 2
"""Hosts that must speak before the others' failures are theirs: one may stand beside us, inside the same dead network."""
AGAIN = timedelta(minutes=2)
"""After a void round a feed is due again this soon."""
PROBES = 5
"""Feeds that are asked, all of different hosts, to see whether our network is back."""
PROBE_EVERY = timedelta(minutes=1)
PATIENCE = 60.0
"""Seconds that a failure waits for the verdict at most; longer than any request takes."""

LOST = frozenset({"dns", "connect", "timeout", "reset", "tls"})
SAYS_NOTHING = frozenset({"bad_scheme", "internal", "redirect_loop", "blocked_address"})
NETWORK_LOGIN = 511
"""Network Authentication Required (RFC 6585 §6): a captive portal that says so."""

Verdict = Literal["open", "good", "void"]


@dataclass(frozen=True, slots=True)
class Sign:
    """What one answer says of our own network; `page` names what came instead of the feed."""

    kind: Literal["well", "lost", "page", "mute"]
    page: str = ""

    @property
    def doubtful(self) -> bool:
        """Whether it may be our own network's fault: the failure waits for the verdict."""
        return self.kind in ("lost", "page")


def host(url: str) -> str:
    """The name that a URL asks, without scheme and port."""
    return urls.host_key(url).partition("://")[2].rpartition(":")[0]


# -- signs -----------------------------------------------------------------------------------------------------------


def sign(answer: FetchResponse | FetchFailure, error_class: str) -> Sign:
    """Read an answer; `error_class` is what it was found to be, or "" for a good one."""
    if not error_class:
        return Sign("well")
    elsewhere = _elsewhere(answer)
    if elsewhere:
        return Sign("page", elsewhere)
    if isinstance(answer, FetchFailure):
        return Sign("lost") if _lost(answer) else Sign("mute" if error_class in SAYS_NOTHING else "well")
    if answer.status == NETWORK_LOGIN:
        return Sign("lost")
    return Sign("page", hashlib.sha256(answer.body).hexdigest()) if error_class == "not_a_feed" else Sign("well")


def _elsewhere(answer: FetchResponse | FetchFailure) -> str:
    """The other host that a chain of redirects ended at, or "". A portal's login often lies where the guard says no."""
    last = answer.redirects[-1].url if answer.redirects else ""
    return "" if host(last) == host(answer.request.url) else urls.host_key(last)


def _lost(failure: FetchFailure) -> bool:
    """A name that leads inside although it should not is a portal's doing; an address that does is the operator's."""
    if failure.error_class == "blocked_address":
        return not _is_address(host(failure.request.url))
    return failure.error_class in LOST


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


# -- the verdict -----------------------------------------------------------------------------------------------------


class Round:
    """What one sweep has asked and heard.

    Args:
        earlier: hosts that failed in sweeps before this one, with nobody heard since.
        down: whether our network is known to be down; it takes good answers to believe that it is back.
    """

    def __init__(self, earlier: Iterable[str] = (), *, down: bool = False) -> None:
        self.down = down
        self._earlier = frozenset(earlier)
        self._asked: set[str] = set()
        self._well: set[str] = set()
        self._lost: set[str] = set()
        self._mute: set[str] = set()
        self._pages: dict[str, set[str]] = {}

    @property
    def heard(self) -> bool:
        """Whether any host spoke."""
        return bool(self._well)

    def ask(self, name: str) -> None:
        """A request for this host goes out."""
        self._asked.add(name)

    def hear(self, name: str, told: Sign, *, failing: bool = False) -> None:
        """An answer in its name. That a host which was failing already does so again says nothing."""
        if told.kind == "well":
            self._well.add(name)
        elif told.kind == "mute" or failing:
            self._mute.add(name)
        elif told.kind == "lost":
            self._lost.add(name)
        else:
            self._pages.setdefault(told.page, set()).add(name)

    def verdict(self, *, final: bool) -> Verdict:
        """Whether the failures heard so far are the hosts' own (good), ours (void), or not known yet (open).

        Before the end only a good end can be told: when more than a fifth of those asked have spoken, and two at least.
        `final` says that no more is waited for: the round is void when 80 % of at least five hosts were lost, and in an
        outage until it would be good by that first rule.
        """
        well = len(self._well)
        if well >= WELLS and well > 0.2 * len(self._asked - self._silent()):
            return "good"
        if not final:
            return "open"
        lost = self._lost_hosts()
        total = well + len(lost)
        if self.down:
            return "good" if well and well >= min(WELLS, total) and well > 0.2 * total else "void"
        return "void" if total >= HOSTS and len(lost) >= 0.8 * total else "good"

    def _silent(self) -> set[str]:
        return self._mute - self._well - self._lost

    def _lost_hosts(self) -> set[str]:
        """Those that could not be reached, and those in whose name the one page came that several sent."""
        portal = max(self._pages.values(), key=len, default=set())
        lost = self._lost | (portal if len(portal) > 1 else set())
        return (lost if self._well else lost | self._earlier) - self._well


# -- from sweep to sweep -----------------------------------------------------------------------------------------------


class Streak:
    """Failures one by one over several sweeps, with nobody heard in between: an outage when few feeds are due at a time.

    They were counted; when it turns out that they were our own network's, they are taken back. `probed_at` is when the
    network was last tried.
    """

    def __init__(self) -> None:
        self.probed_at: datetime | None = None
        self._counted: dict[str, Counted] = {}
        self._hosts: dict[str, str] = {}

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts that failed."""
        return frozenset(self._hosts.values())

    def add(self, feed: Feed, after: PollState) -> None:
        """A failure of a feed was counted."""
        known = self._counted.get(feed.id)
        self._counted[feed.id] = Counted(feed.id, known.before if known else feed.poll, after)
        self._hosts[feed.id] = host(feed.url)

    def __contains__(self, feed_id: str) -> bool:
        return feed_id in self._counted

    def end(self) -> tuple[Counted, ...]:
        """Somebody was heard, or it is known to be an outage: what was counted, forgotten here."""
        counted = tuple(self._counted.values())
        self._counted, self._hosts = {}, {}
        return counted

    def time_to_probe(self, now: datetime) -> bool:
        """Whether a minute has passed since the last look, by a clock that may have been set back."""
        return self.probed_at is None or not self.probed_at <= now < self.probed_at + PROBE_EVERY


def probes(feeds: Iterable[Feed], now: datetime) -> list[str]:
    """A handful of due feeds, the longest due first, each of another host: enough to see whether our network is back."""
    found: dict[str, str] = {}
    for feed in sorted((f for f in feeds if _may_be_asked(f, now)), key=lambda f: (f.poll.next_poll_at, f.id)):
        found.setdefault(host(feed.url), feed.id)
    return list(found.values())[:PROBES]


def _may_be_asked(feed: Feed, now: datetime) -> bool:
    held = [feed.poll.held_until, feed.hold.held_until if feed.hold else None]
    return feed.poll.state != "paused" and feed.poll.next_poll_at <= now and all(h is None or h <= now for h in held)


def postponed(poll: PollState, now: datetime) -> PollState:
    """What a void round leaves of a poll: the same, due again soon, but not before it would have been due anyway."""
    return poll.but(last_poll_at=now, next_poll_at=max(poll.next_poll_at, now + AGAIN))


def excuse(message: str) -> str:
    """The line for a person."""
    return f"our own network seems to be down, nothing is held against the feed ({message})"
