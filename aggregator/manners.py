"""How the hosts of article pages are treated: their robots.txt, whose turn it is, and who asked to be left alone.

A part of the enrich line that outlives its runs, and the reading of a changed configuration. It is kept in memory: after a
start, each robots.txt is asked once more, and what a host must rest is in the rows of its pages.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from aggregator.feeds import robots
from aggregator.feeds.robots import Rules
from aggregator.model import FetchRequest
from aggregator.ports import Fetcher

FRESH = timedelta(hours=24)
"""How long a robots.txt is believed (RFC 9309 §2.4)."""
AGAIN = timedelta(hours=1)
"""How long one that could not be had is not asked for again."""


@dataclass(frozen=True, slots=True)
class _Span:
    """A time; one that begins in the future is of a clock that has jumped, and is over."""

    start: datetime
    end: datetime

    def holds(self, now: datetime) -> bool:
        return self.start <= now < self.end


class Manners:
    """What this process knows of hosts, by `urls.host_key`. For one thread."""

    def __init__(self) -> None:
        self._rules: dict[str, tuple[Rules | None, _Span]] = {}
        self._turns: dict[str, _Span] = {}
        self._rests: dict[str, _Span] = {}

    def rules(self, hosts: Collection[str], fetcher: Fetcher, now: datetime) -> dict[str, Rules | None]:
        """The rules of these hosts, asked for where they are not known; None where they could not be had for now."""
        self._forget(now)
        missing = sorted({*hosts} - self._rules.keys())
        requests = [FetchRequest(host, f"{host}/robots.txt", kind="robots") for host in missing]
        for answer in fetcher.fetch_many(requests):
            rules = robots.told(answer)
            self._rules[answer.request.ref] = rules, _Span(now, now + (AGAIN if rules is None else FRESH))
        return {host: self._rules[host][0] if host in self._rules else None for host in hosts}

    def asked(self, host: str, now: datetime, spacing: timedelta) -> None:
        """A page of the host was asked for: the next one has to wait, as long as robots.txt asks for if that is longer."""
        rules = self._rules[host][0] if host in self._rules else None
        pause = max(spacing, rules.delay if rules is not None else spacing)
        self._turns[host] = _Span(now, now + pause)

    def rest(self, host: str, now: datetime, until: datetime) -> None:
        """The host asked to be left alone."""
        self._rests[host] = _Span(now, until)

    def resting(self, now: datetime) -> set[str]:
        """The hosts that are not asked for anything."""
        return {host for host, span in self._rests.items() if span.holds(now)}

    def waiting(self, now: datetime) -> set[str]:
        """The hosts whose next page has to wait a little."""
        return {host for host, span in self._turns.items() if span.holds(now)}

    def rests(self, now: datetime) -> dict[str, datetime]:
        """Until when each of them has to wait: so long no other process asks it, either."""
        return {host: span.end for host, span in self._turns.items() if span.holds(now)}

    def turn(self, hosts: Iterable[str], now: datetime) -> timedelta | None:
        """How long until one of these hosts may be asked for its next page; None when none of them may before long."""
        free = {*hosts} - self.resting(now)
        waits = [self._turns[host].end - now if host in self.waiting(now) else timedelta(0) for host in free]
        return min(waits, default=None)

    def _forget(self, now: datetime) -> None:
        """Drop what has passed: over the years a process meets many hosts."""
        self._rules = {host: known for host, known in self._rules.items() if known[1].holds(now)}
        self._turns = {host: span for host, span in self._turns.items() if span.holds(now)}
        self._rests = {host: span for host, span in self._rests.items() if span.holds(now)}
