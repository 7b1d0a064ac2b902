"""Outages of our own network, as the poll line meets them: failures wait until it is known whose they are."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

from aggregator.feeds import rounds
from aggregator.model import FetchFailure, FetchResponse
from aggregator.ports import Clock
from aggregator.stores import Stores
from aggregator.sweep import Decided, Sweep


class Outages:
    """What one process knows of its network; that it is down is a row, so that a restart knows it too."""

    def __init__(self, stores: Stores, clock: Clock) -> None:
        self._stores = stores
        self._clock = clock
        self._streak = rounds.Streak()

    @property
    def down(self) -> bool:
        """Whether our network is known to be down."""
        return self._stores.network.outage() is not None

    def probes(self) -> list[str]:
        """While our network is down a handful of feeds is asked each minute, not the whole list; [] when it is too early."""
        now = self._clock.now()
        if not self._streak.time_to_probe(now):
            return []
        self._streak.probed_at = now
        return rounds.probes(self._stores.feeds.list(), now)

    def sweep(self, stop: threading.Event, *, probing: bool) -> Sweep:
        """A sweep that begins now."""
        round_ = rounds.Round(self._streak.hosts, down=self.down)
        return Sweep(self._clock.now(), stop, since=self._clock.monotonic(), round=round_, probing=probing)

    def hear(self, sweep: Sweep, decided: Decided) -> None:
        """What may be our own network's fault waits for the verdict; the rest is ready."""
        if decided.outcome == "withdrawn":
            sweep.keep([decided])
            return
        if isinstance(decided.answer, FetchFailure) and decided.answer.error_class == "local_network":
            sweep.keep([self._forgiven(decided)])
            return
        sign = rounds.sign(decided.answer, decided.poll.error_class if decided.outcome == "failed" else "")
        sweep.round.hear(rounds.host(decided.feed.url), sign, failing=bool(decided.feed.poll.failures))
        if not sign.doubtful:
            sweep.keep([decided])
            return
        if not sweep.held:
            sweep.held_since = self._clock.monotonic()
        sweep.held.append(_light(decided))

    def judge(self, sweep: Sweep) -> bool:
        """Release or forgive the failures that wait, as soon as it is known whose they are.

        True when our network turned out to be back after probes alone: now everything that is due shall be asked.
        """
        if sweep.waiting and not sweep.held and not sweep.round.down:
            return False
        late = bool(sweep.held) and self._clock.monotonic() - sweep.held_since > rounds.PATIENCE
        verdict = sweep.round.verdict(final=late or not sweep.waiting)
        if verdict == "open":
            return False
        held, sweep.held = sweep.held, []
        if verdict == "good" and not sweep.round.down:
            self._count(sweep, held)
            sweep.keep(held)
            return False
        sweep.keep([self._forgiven(d) for d in held])
        return self._begin(sweep) if verdict == "void" else self._end(sweep)

    def _begin(self, sweep: Sweep) -> bool:
        if not sweep.round.down:
            self._stores.network.begin_outage(self._clock.now(), self._streak.end())
            self._streak.probed_at = self._clock.now()
            sweep.round.down = True
        return False

    def _end(self, sweep: Sweep) -> bool:
        self._stores.network.end_outage()
        sweep.round.down = False
        again = sweep.probing and not sweep.over()
        sweep.probing, sweep.now = False, self._clock.now()
        return again

    def _count(self, sweep: Sweep, held: Sequence[Decided]) -> None:
        """Failures that are counted while nobody is heard may turn out to be an outage's first ones."""
        if sweep.round.heard:
            self._streak.end()
            return
        for decided in held:
            if not decided.feed.poll.failures or decided.feed.id in self._streak:
                self._streak.add(decided.feed, decided.poll)

    def _forgiven(self, decided: Decided) -> Decided:
        poll = rounds.postponed(decided.feed.poll, self._clock.now())
        return replace(decided, poll=poll, excuse=rounds.excuse(decided.poll.error))


def _light(decided: Decided) -> Decided:
    """Without the body: a failure that waits needs none."""
    answer = decided.answer
    return replace(decided, answer=replace(answer, body=b"") if isinstance(answer, FetchResponse) else answer)
