"""The outbox rule: what becomes of a message after an attempt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

from aggregator.digests import outbox
from aggregator.errors import FetchErrorClass, GiveUp, Quarantine, Retry, WorkError
from aggregator.publication import Message
from aggregator.send import SendReport

NOW = datetime(2023, 2, 2, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=3)


def message(attempts: int = 0, age: timedelta = timedelta(0), kind: Literal["alert", "digest"] = "digest") -> Message:
    return Message(
        id=7,
        edition_id=1,
        letter_id=0,
        variant="",
        digest_id="morning",
        kind=kind,
        subject="s",
        subscription_id=1,
        address="a@example.org",
        token="a" * 26,
        message_id="<x@example.org>",
        state="claimed",
        phase="queued",
        attempts=attempts,
        next_attempt_at=NOW,
        created_at=NOW - age,
        patient_since=NOW - age,
        settled_at=None,
        error="",
    )


def retry(error_class: FetchErrorClass = "connect") -> Retry:
    return Retry(error_class, "not now", "mail.example:25")


def test_a_message_that_was_taken_is_sent() -> None:
    attempt = outbox.accepted(message(), NOW, LATER, "250 ok")
    assert (attempt.state, attempt.outcome, attempt.phase, attempt.detail) == ("sent", "sent", "data", "250 ok")


def test_what_a_run_says_for_the_log_names_no_address() -> None:
    no = GiveUp("internal", "mail.example said 550 5.1.1 <a@example.org>: no such user")
    attempt = outbox.failed(message(), NOW, LATER, no, "connect")
    assert SendReport().plus(attempt).error == "mail.example said 550 5.1.1 (address): no such user"


def test_one_that_nobody_wants_any_more_is_cancelled() -> None:
    assert outbox.cancelled(message(), NOW, "ended").state == "cancelled"


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(0, 30), (1, 60), (2, 120), (6, 1920), (7, 3600), (8, 3600), (40, 3600), (10_000, 3600)]
)
def test_the_pause_doubles_to_an_hour(attempts: int, seconds: int) -> None:
    assert outbox.backoff(attempts) == timedelta(seconds=seconds)
    attempt = outbox.failed(message(attempts), NOW, LATER, retry(), "connect")
    assert (attempt.state, attempt.outcome) == ("waiting", "retry")
    assert attempt.next_attempt_at == LATER + timedelta(seconds=seconds)


@pytest.mark.parametrize(("kind", "patience"), [("alert", timedelta(hours=6)), ("digest", timedelta(hours=48))])
def test_a_message_is_given_up_when_it_is_no_longer_worth_sending(
    kind: Literal["alert", "digest"], patience: timedelta
) -> None:
    almost = message(8, patience - timedelta(hours=2), kind)
    assert outbox.failed(almost, NOW, LATER, retry(), "connect").state == "waiting"
    too_late = message(8, patience - timedelta(minutes=59), kind)
    attempt = outbox.failed(too_late, NOW, LATER, retry(), "connect")
    assert (attempt.state, attempt.outcome, attempt.next_attempt_at) == ("dead", "dead", LATER)


def test_a_no_for_good_ends_it_but_a_wrong_password_does_not() -> None:
    no = GiveUp("internal", "550 no such mailbox")
    assert outbox.failed(message(), NOW, LATER, no, "data").state == "dead"
    password = GiveUp("auth", "535 wrong")
    password.scope = "relay"
    assert outbox.failed(message(), NOW, LATER, password, "connect").state == "waiting"


def test_a_no_to_all_that_we_send_keeps_the_message() -> None:
    policy = GiveUp("internal", "550 5.7.515 no DMARC")
    policy.scope = "relay"
    assert outbox.failed(message(), NOW, LATER, policy, "data").state == "waiting"
    assert outbox.failed(message(0, timedelta(hours=49)), NOW, LATER, policy, "data").state == "dead"


def test_what_may_have_arrived_is_unknown_and_tried_again() -> None:
    lost = Quarantine("reset", "no answer after the body")
    attempt = outbox.failed(message(), NOW, LATER, lost, "data")
    assert (attempt.state, attempt.outcome, attempt.phase) == ("unknown", "unknown", "data")
    assert attempt.next_attempt_at == LATER + timedelta(seconds=30)


def test_the_code_of_the_answer_is_kept() -> None:
    error: WorkError = retry()
    assert outbox.failed(message(), NOW, LATER, error, "connect").code == 0
    error.code = 451
    assert outbox.failed(message(), NOW, LATER, error, "connect").code == 451
