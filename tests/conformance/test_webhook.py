"""Webhooks over real HTTP: what is signed and sent, and what every answer, or none, makes of the message."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

import pytest

from aggregator.clock import SetClock
from aggregator.delivery.webhook import WebhookTransport
from aggregator.errors import GiveUp, Quarantine, Retry
from aggregator.fetch import Client
from tests.conformance.fetching import NOW, SMALL, names, opened
from tests.conformance.hooks import OK, Hook, Said

KEY, OLD_KEY = b"k" * 24, b"o" * 32
ID = "<alert.abcdefgh@news.example>"
BODY = json.dumps({"type": "alert", "data": {"subject": "ОДКБ: talks"}}, ensure_ascii=False).encode()


@pytest.fixture
def client() -> Iterator[Client]:
    with opened(SMALL) as client:
        yield client


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook() as hook:
        yield hook


def transport(client: Client, url: str, clock: SetClock | None = None, timeout: float = 5.0) -> WebhookTransport:
    return WebhookTransport(
        "newsdesk", url, (KEY, OLD_KEY), poster=client, clock=clock or SetClock(NOW), timeout=timeout
    )


def hand_over(to: WebhookTransport, body: bytes = BODY) -> str:
    session = to.open()
    session.prepare("channel:newsdesk")
    try:
        return session.deliver(body, ID)
    finally:
        session.close()


def test_a_delivery_is_signed_with_every_key_over_id_time_and_body(client: Client, hook: Hook) -> None:
    assert hand_over(transport(client, hook.url)) == "200 thanks"
    [came] = hook.deliveries
    assert came.body == BODY
    assert came.headers["content-type"] == "application/json"
    assert came.headers["content-length"] == str(len(BODY))
    assert "transfer-encoding" not in came.headers
    assert came.headers["user-agent"].startswith("aggregator/")
    assert came.headers["webhook-id"] == "alert.abcdefgh@news.example"
    assert came.headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    signed = f"{came.headers['webhook-id']}.{came.headers['webhook-timestamp']}.".encode() + came.body
    wanted = [base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode() for key in (KEY, OLD_KEY)]
    assert came.headers["webhook-signature"] == f"v1,{wanted[0]} v1,{wanted[1]}"


def test_a_retry_keeps_the_id_and_has_a_fresh_time_and_signature(client: Client, hook: Hook) -> None:
    answers = iter([(503, {}, b"busy"), OK])
    hook.answer = lambda _: next(answers)
    clock = SetClock(NOW)
    to = transport(client, hook.url, clock)
    with pytest.raises(Retry):
        hand_over(to)
    clock.advance(timedelta(minutes=5))
    hand_over(to)
    first, second = hook.deliveries
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 300
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_every_2xx_takes_the_message(client: Client, hook: Hook, status: int) -> None:
    hook.answer = lambda _: (status, {}, b"")
    assert hand_over(transport(client, hook.url)) == str(status)


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 599])
def test_a_refusal_of_the_moment_is_tried_again(client: Client, hook: Hook, status: int) -> None:
    hook.answer = lambda _: (status, {}, b"not\r\n\x1b[31mnow")
    with pytest.raises(Retry) as caught:
        hand_over(transport(client, hook.url))
    assert caught.value.code == status
    assert caught.value.retry_after is None
    assert str(caught.value) == f"channel newsdesk (127.0.0.1) cannot take it now: {status} not [31mnow"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 422, 301, 302, 307, 308])
def test_any_other_refusal_is_final(client: Client, hook: Hook, status: int) -> None:
    hook.answer = lambda _: (status, {"Location": hook.url + "/elsewhere"}, b"no")
    with pytest.raises(GiveUp) as caught:
        hand_over(transport(client, hook.url))
    assert caught.value.code == status
    assert caught.value.error_class != "gone"
    assert [came.path for came in hook.deliveries] == ["/hook"], "a redirect is never followed"


def test_410_says_that_the_channel_wants_no_more(client: Client, hook: Hook) -> None:
    hook.answer = lambda _: (410, {}, b"")
    with pytest.raises(GiveUp) as caught:
        hand_over(transport(client, hook.url))
    assert caught.value.error_class == "gone"


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("120", timedelta(minutes=2)),
        ("Tue, 24 Nov 2026 09:40:00 GMT", timedelta(minutes=10)),
        ("Tue, 24 Nov 2020 09:40:00 GMT", timedelta(0)),
        ("99999999999", timedelta(days=7)),
        ("soon", None),
        ("Tue, 24 Nov 2026 09:40:00 -0000", None),
        ("-5", None),
    ],
)
def test_a_retry_after_is_carried_in_either_form(
    client: Client, hook: Hook, said: str, wanted: timedelta | None
) -> None:
    hook.answer = lambda _: (429, {"Retry-After": said}, b"")
    with pytest.raises(Retry) as caught:
        hand_over(transport(client, hook.url))
    assert caught.value.retry_after == wanted


@pytest.mark.parametrize("how", ["drop", "hang"])
def test_a_connection_lost_after_the_body_leaves_it_unknown(client: Client, hook: Hook, how: str) -> None:
    hook.answer = lambda _: how
    with pytest.raises(Quarantine) as caught:
        hand_over(transport(client, hook.url, timeout=1.0))
    assert caught.value.error_class == ("timeout" if how == "hang" else "reset")
    assert len(hook.deliveries) == 1, "it is not repeated by itself"


def test_where_nobody_listens_nothing_was_sent(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Retry) as caught:
        hand_over(transport(client, f"http://127.0.0.1:{port}/hook"))
    assert caught.value.error_class == "connect"
    assert caught.value.code == 0


def test_a_private_address_is_refused_unless_it_is_allowed(hook: Hook) -> None:
    with opened(replace(SMALL, allow_private=())) as client:
        with pytest.raises(Retry, match=r"network\.allow_private") as caught:
            hand_over(transport(client, hook.url))
        assert caught.value.error_class == "blocked_address"
    assert hook.deliveries == []


def test_a_name_that_resolves_to_a_private_address_is_refused(hook: Hook) -> None:
    limits = replace(SMALL, allow_private=(ip_network("10.9.9.9/32"),))
    with opened(limits, lambda: names({"inside.example": ["127.0.0.1"]})) as client:
        with pytest.raises(Retry) as caught:
            hand_over(transport(client, f"http://inside.example:{hook.port}/hook"))
        assert caught.value.error_class == "blocked_address"
    assert hook.deliveries == []


def test_no_cookie_is_kept_and_a_long_answer_is_not_read_to_its_end(client: Client, hook: Hook) -> None:
    hook.answer = lambda _: (200, {"Set-Cookie": "a=b"}, b"x" * 5_000_000)
    to = transport(client, hook.url)
    assert len(hand_over(to)) < 300
    hand_over(to)
    assert "cookie" not in hook.deliveries[1].headers


def test_an_answer_that_is_not_http_leaves_it_unknown(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def babble() -> None:
            wire, _ = listener.accept()
            with wire:
                wire.recv(65_536)
                wire.sendall(b"nonsense\r\n\r\n")

        threading.Thread(target=babble, daemon=True).start()
        with pytest.raises(Quarantine):
            hand_over(transport(client, f"http://127.0.0.1:{listener.getsockname()[1]}/"))


def test_closing_the_client_ends_a_delivery_that_hangs(hook: Hook) -> None:
    hook.answer = lambda _: "hang"
    with opened(SMALL) as client:
        caught: list[Exception] = []

        def deliver() -> None:
            try:
                hand_over(transport(client, hook.url, timeout=60))
            except Quarantine as error:
                caught.append(error)

        thread = threading.Thread(target=deliver)
        thread.start()
        with came_in(hook):
            client.close()
        thread.join(5)
        assert not thread.is_alive()
        assert len(caught) == 1


@contextmanager
def came_in(hook: Hook) -> Iterator[None]:
    """When the hook has its delivery."""
    pause = threading.Event()
    for _ in range(200):
        if hook.deliveries:
            break
        pause.wait(0.02)
    assert hook.deliveries
    yield


def test_the_url_stands_in_no_name_and_no_error(client: Client, hook: Hook) -> None:
    def answer(_: object) -> Said:
        return (404, {}, b"")

    hook.answer = answer
    to = transport(client, hook.url + "/T0PSECRET?token=T0PSECRET")
    with pytest.raises(GiveUp) as caught:
        hand_over(to)
    assert "T0PSECRET" not in f"{to.name} {caught.value} {to!r}"
