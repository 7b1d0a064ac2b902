"""The outbox rule: how an attempt ended -> what becomes of the message (DESIGN §7 gives the numbers)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from aggregator import channel
from aggregator.errors import GiveUp, Quarantine, WorkError
from aggregator.publication import Attempt, FailingRelay, Message, Phase

FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(hours=1)
LONGEST_PAUSE = timedelta(minutes=15)
"""Of a destination as a whole: asking costs it one connection, and an alert is worth sending for six hours only."""
PATIENCE = {
    "alert": timedelta(hours=6),
    "digest": timedelta(hours=48),
    "confirm": timedelta(hours=24),
    "manage": timedelta(hours=1),
    "notice": timedelta(hours=48),
}
"""How long a message is worth sending. What an alert or a digest told goes into a later edition then."""


def accepted(message: Message, started: datetime, ended: datetime, answer: str) -> Attempt:
    """The transport took it."""
    return Attempt(message.id, started, ended, "sent", "data", 250, answer, ended, "sent")


def cancelled(message: Message, now: datetime, why: str) -> Attempt:
    """Nobody wants it any more."""
    return Attempt(message.id, now, now, "cancelled", "queued", 0, why, now, "cancelled")


def failed(message: Message, started: datetime, ended: datetime, error: WorkError, phase: Phase) -> Attempt:
    """The transport said no, or nothing.

    Retry waits 30 s, doubling to 1 h, while the message is worth sending; GiveUp ends it; Quarantine means that the
    other side may have taken it: it is sent again with the same Message-ID, for loss is worse than a copy.
    """
    code, blame = error.code, (error.status, error.fault)
    next_at = ended + max(backoff(message.attempts), error.retry_after or timedelta(0))
    # A relay that wants nothing from us is the operator's to mend, not the end of every message that meets it.
    final = isinstance(error, GiveUp) and error.scope != "relay"
    over = next_at > message.patient_since + PATIENCE[message.kind]
    if final or over:
        late = not final and not message.letter_id
        return Attempt(message.id, started, ended, "dead", phase, code, str(error), ended, "dead", *blame, late)
    if isinstance(error, Quarantine):
        return Attempt(message.id, started, ended, "unknown", "data", code, str(error), next_at, "unknown", *blame)
    return Attempt(message.id, started, ended, "retry", phase, code, str(error), next_at, "waiting", *blame)


def destination(message: Message) -> str:
    """What takes a message and may fail as a whole: `mail`, or its channel."""
    return message.address if channel.named(message.address) else "mail"


def postponed(attempt: Attempt, until: datetime) -> Attempt:
    """An attempt that failed because its destination did: it waits for that, and is not the worse for it."""
    return replace(attempt, next_attempt_at=until) if attempt.outcome == "retry" else attempt


def given_up(now: datetime) -> dict[str, datetime]:
    """By kind, the moment before which a message is too old to be sent at `now`."""
    return {kind: now - patience for kind, patience in PATIENCE.items()}


def pause(before: FailingRelay | None, name: str, error: WorkError, now: datetime) -> FailingRelay:
    """A destination that has failed as a whole is left in peace for 30 s, doubling with each failure in a row."""
    failures = before.failures if before else 0
    since = before.since if before else now
    until = now + max(min(LONGEST_PAUSE, backoff(failures)), error.retry_after or timedelta(0))
    return FailingRelay(name, failures + 1, since, until, error.error_class, str(error))


def backoff(attempts: int) -> timedelta:
    """How long to wait after this many attempts before the one that failed now."""
    return min(LONGEST_RETRY, FIRST_RETRY * int(2 ** min(attempts, 12)))
