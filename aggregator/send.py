"""The send line: due messages -> transport -> outbox rule => attempt settled. At most two commits a message."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from aggregator.digests import outbox
from aggregator.errors import Retry, WorkError
from aggregator.ports import Clock, Renderer, Stores, Transport, TransportSession
from aggregator.publication import Attempt, Content, Message

BATCH = 20


@dataclass(frozen=True, slots=True)
class SendReport:
    """What became of the messages that were due."""

    sent: int = 0
    retry: int = 0
    dead: int = 0
    unknown: int = 0
    cancelled: int = 0
    error: str = ""

    @property
    def troubled(self) -> bool:
        """Whether some message was not handed over for sure."""
        return bool(self.retry or self.dead or self.unknown)

    def plus(self, attempt: Attempt) -> SendReport:
        """The report with one more attempt in it."""
        counts = {n: getattr(self, n) for n in ("sent", "retry", "dead", "unknown", "cancelled")}
        counts[attempt.outcome] += 1
        return SendReport(**counts, error=self.error or (attempt.detail if attempt.outcome != "sent" else ""))


class SendLine:
    """Hands due messages to the transport, one recipient each, and settles how that went."""

    def __init__(self, *, stores: Stores, transport: Transport, renderer: Renderer, clock: Clock, owner: str) -> None:
        self._stores = stores
        self._transport = transport
        self._renderer = renderer
        self._clock = clock
        self._owner = owner

    def run(self, stop: threading.Event | None = None) -> SendReport:
        """Send what is due now; a relay that cannot be reached is asked once."""
        report = SendReport()
        now = self._clock.now()
        while stop is None or not stop.is_set():
            messages = self._stores.outbox.claim_due(self._owner, BATCH, now)
            if not messages:
                break
            for attempt in self._batch(messages, stop):
                report = report.plus(attempt)
        return report

    def _batch(self, messages: list[Message], stop: threading.Event | None) -> list[Attempt]:
        try:
            session = self._transport.open()
        except WorkError as e:
            return self._postponed(messages, e)
        contents: dict[tuple[int, int, str], Content | None] = {}
        attempts: list[Attempt] = []
        try:
            for position, message in enumerate(messages):
                if stop is not None and stop.is_set():
                    self._stores.feeds.release(self._owner)
                    break
                what = (message.edition_id, message.letter_id, message.variant)
                if what not in contents:
                    contents[what] = self._stores.outbox.content(message)
                attempt, error = self._one(session, message, contents[what])
                self._stores.outbox.settle([attempt], self._owner)
                attempts.append(attempt)
                if error is not None and _relay_is_gone(error):
                    return attempts + self._postponed(messages[position + 1 :], error)
        finally:
            session.close()
        return attempts

    def _postponed(self, messages: list[Message], error: WorkError) -> list[Attempt]:
        """A relay that cannot be reached is asked once for a batch, not once for each message."""
        now = self._clock.now()
        attempts = [outbox.failed(m, now, now, error, "connect") for m in messages]
        self._stores.outbox.settle(attempts, self._owner)
        return attempts

    def _one(
        self, session: TransportSession, message: Message, content: Content | None
    ) -> tuple[Attempt, WorkError | None]:
        """One message handed over, and what went wrong on the way."""
        started = self._clock.now()
        if content is None:
            return outbox.cancelled(message, started, "its edition is gone"), None
        try:
            body = self._renderer.message(content.mail, message.address, message.token, message.message_id)
            session.prepare(message.address)
        except WorkError as e:
            return outbox.failed(message, started, self._clock.now(), e, "connect"), e
        # From here on a crash may leave a copy with the reader: say so in the database before the body moves.
        if not self._stores.outbox.enter_data(message.id, self._owner, self._clock.now()):
            return outbox.cancelled(message, started, "its subscription has ended, or another process has it"), None
        try:
            answer = session.deliver(body, message.message_id)
        except WorkError as e:
            return outbox.failed(message, started, self._clock.now(), e, "data"), e
        return outbox.accepted(message, started, self._clock.now(), answer), None


def _relay_is_gone(error: WorkError) -> bool:
    """No answer at all, or none that speaks of the message: the next one would fare no better."""
    return isinstance(error, Retry) and not getattr(error, "code", 0)
