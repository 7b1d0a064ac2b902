"""Who may send now: one request at a time and a pause for each host, so many at once over all hosts.

A request that waits for its host holds nothing that others need, so a stuck host delays only its own feeds. One that
keeps us waiting for its answer steps aside after a second and lends its place to others, so that a few hosts that hang
do not keep everybody waiting until they time out. All of it runs on the event loop's thread; there are no locks.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TypeVar

T = TypeVar("T")
SLOW = 1.0
"""Seconds on the wire after which a request steps aside; as many may stand there as have places."""


class Lane:
    """One call of fetch_many: how many of its requests may be under way or waiting for the caller to take the answer."""

    __slots__ = ("blocked", "room")

    def __init__(self, room: int) -> None:
        self.room = room
        self.blocked: dict[Gate, None] = {}


class Gate:
    """One host: who waits for it, and how many of its turns are taken (a turn lasts until the pause after it is over)."""

    __slots__ = ("host", "taken", "waiting")

    def __init__(self, host: str) -> None:
        self.host = host
        self.taken = 0
        self.waiting: dict[Lane, deque[asyncio.Future[Turn]]] = {}


class Turn:
    """One request's right to be on the wire; `aside` when others have its place meanwhile."""

    __slots__ = ("aside", "gate", "lane", "timer")

    def __init__(self, gate: Gate, lane: Lane) -> None:
        self.gate = gate
        self.lane = lane
        self.aside = False
        self.timer: asyncio.TimerHandle | None = None


class Traffic:
    """The lights for every request of one client.

    Args:
        concurrency: requests on the wire at once, over all hosts; those that stand aside, as many again, not counted.
        host_connections: requests on the wire at once for one host.
        host_spacing: seconds between the end of a request and the start of the next for the same host.
        keep_alive: seconds that a connection stays open after its request.
    """

    def __init__(self, concurrency: int, host_connections: int, host_spacing: float, keep_alive: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._keep_alive = keep_alive
        self._used: dict[str, float] = {}
        self._concurrency = concurrency
        self._host_connections = host_connections
        self._host_spacing = host_spacing
        self._running = 0
        self._aside = 0
        self._slow: dict[Turn, None] = {}
        self._gates: dict[str, Gate] = {}
        self._blocked: dict[Gate, None] = {}

    async def enter(self, host: str, lane: Lane) -> Turn:
        """Wait for a turn at `host`; `leave` must follow."""
        gate = self._gates.setdefault(host, Gate(host))
        turn: asyncio.Future[Turn] = self._loop.create_future()
        gate.waiting.setdefault(lane, deque()).append(turn)
        self._pump(gate)
        try:
            return await turn
        except asyncio.CancelledError:
            self._give_up(gate, lane, turn)
            raise

    def leave(self, turn: Turn, *, answered: bool, asked: bool = True) -> None:
        """End the turn. An answered request keeps its room in the lane until the answer is taken.

        When the host was not asked after all, it needs no pause.
        """
        self._loop.call_later(self._host_spacing if asked else 0, self._rested, turn.gate)
        if asked:
            self._used.pop(turn.gate.host, None)
            self._used[turn.gate.host] = self._loop.time()
        if turn.timer is not None:
            turn.timer.cancel()
        self._slow.pop(turn, None)
        if turn.aside:
            self._come_back(turn, answered=answered)
        else:
            self._running -= 1
            if not answered:
                self.give(turn.lane)
        self._pump_blocked()

    def _step_aside(self, turn: Turn) -> None:
        """Lend the place, and the room in the lane, to others."""
        if self._aside >= self._concurrency:
            self._slow[turn] = None
            return
        turn.aside = True
        self._aside += 1
        self._running -= 1
        self.give(turn.lane)
        self._pump_blocked()

    def _come_back(self, turn: Turn, *, answered: bool) -> None:
        """A request that stood aside is done; the next slow one may stand there."""
        self._aside -= 1
        if answered:
            turn.lane.room -= 1
        if self._slow:
            self._step_aside(_pop_first(self._slow))

    def _pump_blocked(self) -> None:
        while self._blocked and self._running < self._concurrency:
            self._pump(_pop_first(self._blocked))

    def give(self, lane: Lane, count: int = 1) -> None:
        """Answers were taken: the lane has room for as many more."""
        lane.room += count
        while lane.blocked and lane.room > 0:
            self._pump(_pop_first(lane.blocked))

    def others_wait(self, host: str) -> bool:
        """Whether somebody will ask this host next, so that keeping the connection pays."""
        gate = self._gates.get(host)
        return gate is not None and bool(gate.waiting)

    def crowded(self, hosts: int) -> bool:
        """Whether more than `hosts` hosts may still have a kept connection."""
        horizon = self._loop.time() - self._keep_alive
        while self._used and next(iter(self._used.values())) < horizon:
            del self._used[next(iter(self._used))]
        return len(self._used) > hosts

    def _pump(self, gate: Gate) -> None:
        while gate.waiting and gate.taken < self._host_connections:
            if self._running >= self._concurrency:
                self._blocked[gate] = None
                return
            lane = next((lane for lane in gate.waiting if lane.room > 0), None)
            if lane is None:
                for full in gate.waiting:
                    full.blocked[gate] = None
                return
            self._start(gate, lane)

    def _start(self, gate: Gate, lane: Lane) -> None:
        turns = gate.waiting.pop(lane)
        turn = turns.popleft()
        if turns:
            gate.waiting[lane] = turns  # behind the other lanes: they take turns
        if not turn.done():
            gate.taken += 1
            self._running += 1
            lane.room -= 1
            begun = Turn(gate, lane)
            begun.timer = self._loop.call_later(SLOW, self._step_aside, begun)
            turn.set_result(begun)

    def _rested(self, gate: Gate) -> None:
        gate.taken -= 1
        self._pump(gate)
        self._forget(gate)

    def _give_up(self, gate: Gate, lane: Lane, turn: asyncio.Future[Turn]) -> None:
        if turn.done() and not turn.cancelled():
            self.leave(turn.result(), answered=False)
            return
        turns = gate.waiting.get(lane, deque())
        if turn in turns:
            turns.remove(turn)
        if not turns:
            gate.waiting.pop(lane, None)
        self._forget(gate)

    def _forget(self, gate: Gate) -> None:
        if not gate.waiting and not gate.taken:
            self._gates.pop(gate.host, None)


def _pop_first(waiting: dict[T, None]) -> T:
    first = next(iter(waiting))
    del waiting[first]
    return first
