"""Chat and push through Apprise, against an HTTP server on loopback that takes what ntfy takes."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest

from aggregator.channel import SCHEMES
from aggregator.delivery.notify import NotifyTransport
from aggregator.errors import Quarantine, Retry
from tests.conformance.hooks import Hook

apprise = pytest.importorskip("apprise", reason="the extra [notify] is not installed; `make install` brings it")
NOTE = "CSTO: ОДКБ meets\n\nCSTO meets in Minsk\nhttps://belta.example/1".encode()
ID = "<alert.abcdefgh@news.example>"


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook(lambda _: (200, {"Content-Type": "application/json"}, b"{}")) as hook:
        yield hook


def url(hook: Hook, more: str = "") -> str:
    return f"ntfy://127.0.0.1:{hook.port}/T0PSECRET?format=text{more}"


def hand_over(to: NotifyTransport) -> str:
    session = to.open()
    session.prepare("channel:phone")
    try:
        return session.deliver(NOTE, ID)
    finally:
        session.close()


def test_a_note_arrives_with_its_first_line_as_the_title(hook: Hook) -> None:
    to = NotifyTransport("phone", url(hook))
    assert hand_over(to) == "taken"
    assert hand_over(to) == "taken"
    came = json.loads(hook.deliveries[0].body)
    assert len(hook.deliveries) == 2
    assert came["topic"] == "T0PSECRET"
    assert came["title"] == "CSTO: ОДКБ meets"
    assert came["message"] == "CSTO meets in Minsk\nhttps://belta.example/1"


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 503])
def test_a_refusal_is_tried_again_and_shows_no_secret(
    hook: Hook, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    hook.answer = lambda _: (status, {}, b"no")
    with caplog.at_level(logging.DEBUG), pytest.raises(Retry) as caught:
        hand_over(NotifyTransport("phone", url(hook)))
    assert str(caught.value) == "channel phone (ntfy) did not take it (failure)"
    assert len(hook.deliveries) == 1, "the outbox tries again, not the library"
    assert "T0PSECRET" not in caplog.text


def test_no_answer_in_time_leaves_it_unknown(hook: Hook) -> None:
    hook.answer = lambda _: "hang"
    with pytest.raises(Quarantine) as caught:
        hand_over(NotifyTransport("phone", url(hook, "&rto=30"), timeout=0.5))
    assert caught.value.error_class == "timeout"
    assert "T0PSECRET" not in str(caught.value)


def test_a_redirect_is_not_followed(hook: Hook) -> None:
    hook.answer = lambda _: (307, {"Location": f"http://127.0.0.1:{hook.port}/elsewhere"}, b"")
    with pytest.raises(Retry):
        hand_over(NotifyTransport("phone", url(hook)))
    assert len(hook.deliveries) == 1


@pytest.mark.parametrize("bad", ["tgram://T0PSECRET", "slack://T0PSECRET/x"])
def test_a_url_that_the_service_cannot_have_is_the_operators_to_mend(bad: str) -> None:
    with pytest.raises(Retry) as caught:
        hand_over(NotifyTransport("phone", bad))
    assert "Apprise does not understand the URL" in str(caught.value)
    assert "T0PSECRET" not in str(caught.value)


def test_every_scheme_that_may_be_used_is_known_to_the_library() -> None:
    services = apprise.Apprise().details()["schemas"]
    known = {name for one in services for key in ("protocols", "secure_protocols") for name in one.get(key) or ()}
    assert sorted(SCHEMES - known) == []


LIGHT = """
import sys
from aggregator.delivery.notify import NotifyTransport
NotifyTransport("phone", "ntfy://127.0.0.1/topic")
assert not {"apprise", "requests"} & set(sys.modules)
"""


def test_the_library_is_loaded_at_the_first_delivery_only() -> None:
    subprocess.run([sys.executable, "-c", LIGHT], check=True)
