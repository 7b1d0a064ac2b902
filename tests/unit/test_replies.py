"""What a mail server's no means: whom it concerns, and whether the address is to blame."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator import replies
from aggregator.replies import Refusal, Step


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("5.1.1 No such user", "5.1.1"),
        ("5.7.515 Access denied", "5.7.515"),
        ("4.2.2", "4.2.2"),
        ("05.1.1 x", ""),
        ("5.1.1.1 x", ""),
        ("192.0.2.1 is listed", ""),
        ("no such user 5.1.1", ""),
        ("", ""),
    ],
)
def test_the_status_is_read_from_the_start_of_a_reply(text: str, status: str) -> None:
    assert replies.status(text) == status


@pytest.mark.parametrize(
    ("code", "text", "step", "scope", "fault"),
    [
        # there is no such mailbox
        (550, "5.1.1 nobody", "recipient", "recipient", "hard"),
        (551, "5.1.6 moved", "recipient", "recipient", "hard"),
        (553, "5.1.3 bad syntax", "recipient", "recipient", "hard"),
        (550, "5.1.1 nobody", "data", "recipient", "hard"),
        (550, "5.1.10 null MX", "recipient", "recipient", "hard"),
        (550, "5.2.1 disabled", "recipient", "recipient", "hard"),
        # it takes nothing just now
        (552, "5.2.2 over quota", "recipient", "recipient", "soft"),
        (452, "4.2.2 over quota", "data", "recipient", "soft"),
        (452, "mailbox full", "recipient", "recipient", "soft"),
        (550, "User unknown", "recipient", "recipient", "soft"),
        (550, "5.4.1 Access denied", "recipient", "recipient", "soft"),
        # this message alone
        (450, "4.2.1 busy", "recipient", "message", ""),
        (451, "4.7.1 greylisted", "data", "message", ""),
        (451, "4.3.0 lookup failure", "recipient", "message", ""),
        (552, "5.3.4 too long", "data", "message", ""),
        (552, "5.2.3 too long", "data", "message", ""),
        (552, "5.3.4 too long", "mail", "message", ""),
        (554, "5.6.0 malformed", "data", "message", ""),
        (550, "5.7.2 not to the list", "recipient", "message", ""),
        (554, "Transaction failed", "data", "message", ""),
        # the relay as a whole
        (421, "4.3.2 closing", "data", "relay", ""),
        (421, "", "recipient", "relay", ""),
        (452, "4.3.1 disk full", "recipient", "relay", ""),
        (554, "go away", "greeting", "relay", ""),
        (451, "later", "mail", "relay", ""),
        (554, "5.7.1 not you", "mail", "relay", ""),
        (554, "5.7.1 Relay access denied", "recipient", "relay", ""),
        (550, "relay not permitted", "recipient", "relay", ""),
        (550, "5.7.515 no DMARC", "data", "relay", ""),
        (550, "5.7.26 unauthenticated", "data", "relay", ""),
        (553, "5.1.8 bad sender", "recipient", "relay", ""),
        (554, "5.3.0 out of order", "data", "relay", ""),
        (530, "5.7.0 sign in first", "mail", "relay", ""),
        (530, "", "recipient", "relay", ""),
        (535, "5.7.8 wrong password", "auth", "relay", ""),
        (454, "4.7.0 busy", "auth", "relay", ""),
    ],
)
def test_a_no_concerns_the_message_its_address_or_the_relay(
    code: int, text: str, step: Step, scope: str, fault: str
) -> None:
    found = replies.refusal(code, text, step)
    assert (found.scope, found.fault, found.final) == (scope, fault, code >= 500)


def test_only_a_no_about_who_we_are_asks_for_a_person() -> None:
    assert replies.refusal(535, "5.7.8 no", "auth").signing_in
    assert replies.refusal(530, "", "mail").signing_in
    assert not replies.refusal(550, "5.7.1 no", "data").signing_in


@given(st.integers(-1, 999), st.text(max_size=40), st.sampled_from(["greeting", "auth", "mail", "recipient", "data"]))
def test_an_address_is_blamed_only_where_it_was_the_subject(code: int, text: str, step: Step) -> None:
    found: Refusal = replies.refusal(code, text, step)
    assert not found.fault or found.scope == "recipient"
    assert found.fault != "hard" or found.final
