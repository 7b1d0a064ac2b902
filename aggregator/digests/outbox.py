"""The outbox rule: how an attempt ended -> what becomes of the message (DESIGN §7 gives the numbers)."""

from __future__ import annotations

from datetime import datetime, timedelta

from aggregator.errors import GiveUp, Quarantine, WorkError
from aggregator.publication import Attempt, Message, Phase

FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(hours=1)
PATIENCE = {"alert": timedelta(hours=6), "digest": timedelta(hours=48)}


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
    code = int(getattr(error, "code", 0) or 0)
    next_at = ended + backoff(message.attempts)
    # A wrong password is the operator's to mend, not the end of every message that meets it.
    final = isinstance(error, GiveUp) and error.error_class != "auth"
    if final or next_at > message.created_at + PATIENCE.get(message.kind, PATIENCE["digest"]):
        return Attempt(message.id, started, ended, "dead", phase, code, str(error), ended, "dead")
    if isinstance(error, Quarantine):
        return Attempt(message.id, started, ended, "unknown", "data", code, str(error), next_at, "unknown")
    return Attempt(message.id, started, ended, "retry", phase, code, str(error), next_at, "waiting")


def backoff(attempts: int) -> timedelta:
    """How long to wait after this many attempts before the one that failed now."""
    return min(LONGEST_RETRY, FIRST_RETRY * int(2 ** min(attempts, 12)))
