"""The send line: due messages -> transport -> outbox rule => attempt settled. At most two commits a message."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial, reduce

from aggregator import replies
from aggregator.digests import outbox
from aggregator.errors import GiveUp, WorkError
from aggregator.lanes import Lanes
from aggregator.ports import Clock, Renderer, Transport, TransportSession
from aggregator.progress import QUIET, Pulse
from aggregator.publication import Attempt, Content, Message
from aggregator.stores import RelayStore, Stores

BATCH = 100
LOOK = 0.5
"""Seconds after which the outbox is asked again while a slow target has messages under way."""


@dataclass(frozen=True, slots=True)
class SendReport:
    """What became of the messages that were due; `late` were given up because time ran out, and are told later."""

    sent: int = 0
    retry: int = 0
    dead: int = 0
    unknown: int = 0
    cancelled: int = 0
    late: int = 0
    error: str = ""

    @property
    def troubled(self) -> bool:
        """Whether some message was not handed over for sure."""
        return bool(self.retry or self.dead or self.unknown or self.late)

    def plus(self, attempt: Attempt) -> SendReport:
        """The report with one more attempt in it."""
        counts = {n: getattr(self, n) for n in ("sent", "retry", "dead", "unknown", "cancelled", "late")}
        counts["late" if attempt.late else attempt.outcome] += 1
        # It is logged: no address stands in a log. The outbox has the server's own words.
        said = replies.nameless(attempt.detail) if attempt.outcome != "sent" else ""
        return SendReport(**counts, error=self.error or said)


class SendLine:
    """Hands due messages to their transports, one recipient each, and settles how that went."""

    def __init__(
        self,
        *,
        stores: Stores,
        route: Callable[[str], Transport],
        renderer: Renderer,
        clock: Clock,
        owner: str,
        return_path: Callable[[int], str] = lambda _: "",
    ) -> None:
        """Every part it needs.

        `route` gives the transport of an address, and raises GiveUp where there is none any more; `return_path` says where a
        subscription's mail comes back to.
        """
        self._stores = stores
        self._route = route
        self._renderer = renderer
        self._clock = clock
        self._owner = owner
        self._return_path = return_path

    def run(self, stop: threading.Event | None = None, *, patient: bool = True, pulse: Pulse = QUIET) -> SendReport:
        """Send what is due, each destination in a lane of its own; what falls due meanwhile is sent too.

        A destination that fails as a whole is asked once, and then left in peace for a while; without `patient`, one that is
        left in peace is asked all the same.
        """
        now = self._clock.now()
        report = SendReport(late=self._stores.relays.expire(outbox.given_up(now), now))
        relays = _Relays(self._stores.relays, self._clock, patient=patient)
        last: list[Attempt] = []
        with Lanes[_Done]() as lanes:
            while True:
                messages = self._next(relays.paused | lanes.busy, last, stop)
                for name in dict.fromkeys(map(outbox.destination, messages)):
                    group = [message for message in messages if outbox.destination(message) == name]
                    # Beside the line: one that hangs is noticed though the others get on.
                    lanes.give(name, partial(self._group, name, group, relays, stop, pulse.part(name)))
                if not messages and not lanes.busy:
                    break
                finished = lanes.finished(0 if messages else LOOK)
                pulse.beat()
                last = [attempt for done in finished for attempt in done.last]
                report = reduce(SendReport.plus, [attempt for done in finished for attempt in done.attempts], report)
        if _is_set(stop):
            self._stores.feeds.release(self._owner)
        return report

    def _next(self, but: Collection[str], settled: Sequence[Attempt], stop: threading.Event | None) -> list[Message]:
        """The next messages; settling the last of some and claiming the next is one commit."""
        if _is_set(stop):
            self._stores.outbox.settle(settled, self._owner)
            return []
        return self._stores.outbox.claim_due(self._owner, BATCH, self._clock.now(), but=but, settled=settled)

    def _group(
        self, name: str, messages: Sequence[Message], relays: _Relays, stop: threading.Event | None, pulse: Pulse
    ) -> _Done:
        """A batch of one destination, in order, each settled but for the last; after its failure as a whole the rest at once."""
        done = _Done()
        with pulse.work():
            for attempts, error in self._attempts(messages, stop):
                judged = relays.judged(name, attempts, error)
                done.attempts += judged
                if len(done.attempts) < len(messages):
                    # At once: while the next is handed over, a crash must not leave this one in doubt, too.
                    self._stores.outbox.settle(judged, self._owner)
                else:
                    done.last = judged
                pulse.beat()
        return done

    def _attempts(
        self, messages: Sequence[Message], stop: threading.Event | None
    ) -> Iterator[tuple[list[Attempt], WorkError | None]]:
        """The attempts as they are made, and what went wrong."""
        if _is_set(stop):
            return
        try:
            transport = self._route(messages[0].address)
            session = transport.open()
        except WorkError as error:
            yield self._failed(messages, error), error
            return
        contents: dict[tuple[int, int, str], Content | None] = {}
        try:
            for position, message in enumerate(messages):
                if _is_set(stop):
                    return
                what = (message.edition_id, message.letter_id, message.variant)
                if what not in contents:
                    contents[what] = self._stores.outbox.content(message)
                attempt, wrong = self._one(transport, session, message, contents[what])
                if wrong is not None and wrong.scope == "relay":
                    yield [attempt, *self._failed(messages[position + 1 :], wrong)], wrong
                    return
                yield [attempt], wrong
        finally:
            session.close()

    def _failed(self, messages: Sequence[Message], error: WorkError) -> list[Attempt]:
        """A destination that cannot be reached is asked once for all of them, not once for each message."""
        now = self._clock.now()
        return [outbox.failed(message, now, now, error, "connect") for message in messages]

    def _one(
        self, transport: Transport, session: TransportSession, message: Message, content: Content | None
    ) -> tuple[Attempt, WorkError | None]:
        """One message handed over, and what went wrong on the way."""
        started = self._clock.now()
        if content is None:
            return outbox.cancelled(message, started, "its edition is gone, or its letter forgotten"), None
        try:
            body = self._body(transport, content, message)
            session.prepare(message.address, self._return_path(message.subscription_id))
        except WorkError as e:
            return outbox.failed(message, started, self._clock.now(), e, "connect"), e
        # From here on a crash may leave a copy with the reader: say so in the database before the body moves.
        if not self._stores.outbox.enter_data(message.id, self._owner, self._clock.now()):
            return outbox.cancelled(message, started, "its subscription has ended, or another process has it"), None
        try:
            answer = session.deliver(body, message.message_id)
        except WorkError as e:
            if isinstance(e, GiveUp) and e.error_class == "gone":
                self._stores.subscriptions.end(message.subscription_id, str(e), self._clock.now())
            return outbox.failed(message, started, self._clock.now(), e, "data"), e
        return outbox.accepted(message, started, self._clock.now(), answer), None

    def _body(self, transport: Transport, content: Content, message: Message) -> bytes:
        """The bytes in the form that the transport carries."""
        if transport.form == "data":
            return self._renderer.payload(content.data, message.message_id)
        if transport.form == "note":
            return self._renderer.note(content.data)
        return self._renderer.message(content.mail, message.address, message.token, message.message_id)


@dataclass
class _Done:
    """What a lane did with a piece of work; `last` is not settled yet."""

    attempts: list[Attempt] = field(default_factory=list)
    last: list[Attempt] = field(default_factory=list)


class _Relays:
    """What fails as a whole during one run, and is left in peace. Lanes share it; each speaks of its own destination.

    Attributes:
        paused: the destinations that nothing is claimed for.
    """

    def __init__(self, store: RelayStore, clock: Clock, *, patient: bool) -> None:
        self._store = store
        self._clock = clock
        self._failing = {one.name: one for one in store.failing()}
        now = clock.now()
        self.paused = frozenset(name for name, one in self._failing.items() if patient and one.until > now)

    def judged(self, name: str, attempts: list[Attempt], error: WorkError | None) -> list[Attempt]:
        """Attempts at one destination, put off where it failed as a whole; what took a message works again."""
        if error is not None and error.scope == "relay":
            self._failing[name] = outbox.pause(self._failing.get(name), name, error, self._clock.now())
            self._store.pause(self._failing[name])
            self.paused |= {name}
            return [outbox.postponed(attempt, self._failing[name].until) for attempt in attempts]
        if name in self._failing and any(attempt.outcome == "sent" for attempt in attempts):
            self._store.works(name)
            del self._failing[name]
        return attempts


def _is_set(stop: threading.Event | None) -> bool:
    return stop is not None and stop.is_set()
