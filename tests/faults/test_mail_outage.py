"""The mail server is away for hours, or says no, or nothing: each mail comes once when it is back, and no other waits for it."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path

import pytest

from tests import counts
from tests.e2e.test_told_once import DAILY, DESK, NOW, Desk, desk

MINUTE = timedelta(minutes=1)
READERS = [DESK, "anna@example.org", "boris@example.org"]


def arrived(it: Desk) -> Counter[tuple[str, str]]:
    """What arrived: to whom, and which message."""
    return Counter((m.recipients[0], str(message_from_bytes(m.content)["Message-ID"])) for m in it.sink.messages)


@pytest.mark.parametrize("way", ["421", "connection refused"])
def test_after_three_hours_without_a_mail_server_each_mail_comes_once(tmp_path: Path, way: str) -> None:
    with desk(tmp_path, [NOW | {"to": READERS}, DAILY]) as it:
        if way == "421":
            it.sink.mode = "421"
        else:
            it.sink.__exit__(None, None, None)
        tried = 0
        for minute in range(180):
            if minute % 60 == 0:
                it.publish(f"CSTO meets for the {minute // 60 + 1}. time", f"Of {minute}.")
            it.clock.advance(MINUTE)
            it.app.compose.run()
            tried += bool(it.app.send.run().error)
        assert not it.sink.messages
        assert tried <= 25, "a relay that is away is asked a few times an hour"
        it.sink.mode = "ok"
        if way != "421":
            it.sink.__enter__()
            with_port(it)
        for _ in range(16):
            it.clock.advance(MINUTE)
            it.tick()
        got = arrived(it)
        assert {to for to, _ in got} == set(READERS)
        assert len(got) == 9
        assert set(got.values()) == {1}
        counts.report(f"mails after three hours of {way}", len(got), 0, "each once, none before")


def with_port(it: Desk) -> None:
    """The server came back at another port of the machine: the transport is told."""
    object.__setattr__(it.app.transport, "_port", it.sink.port)


def test_a_no_to_one_reader_ends_that_one_alone_and_a_slow_server_gets_its_mail(tmp_path: Path) -> None:
    with desk(tmp_path, [NOW | {"to": READERS}]) as it:
        it.sink.mailboxes = {"anna@example.org": "550 5.1.1 nobody", "boris@example.org": "450 4.2.1 later"}
        it.publish("CSTO meets", "It does.")
        it.tick()
        it.clock.advance(timedelta(hours=1))
        it.sink.mailboxes = {"anna@example.org": "550 5.1.1 nobody"}
        it.sink.mode = "slow"
        it.tick()
        assert Counter(to for to, _ in arrived(it)) == {DESK: 1, "boris@example.org": 1}
        states = {m.address: m.state for m in it.app.stores.outbox.list()}
        assert states["anna@example.org"] == "dead"
        assert states[DESK] == states["boris@example.org"] == "sent"
