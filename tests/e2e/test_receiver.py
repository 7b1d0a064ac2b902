"""The receiver that docs/webhooks.md shows, as printed, against real deliveries."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

import pytest

from aggregator.clock import SetClock, SystemClock
from aggregator.delivery.webhook import WebhookTransport
from aggregator.errors import GiveUp
from aggregator.fetch import Client
from tests.conformance.fetching import SMALL, opened

PAGE = Path(__file__).parents[2] / "docs/webhooks.md"
KEY, OTHER = b"k" * 32, b"o" * 32


def body(subject: str) -> bytes:
    return json.dumps({"type": "alert", "data": {"subject": subject}}).encode()


class Receiver:
    """The example as a process."""

    def __init__(self, out: IO[str]) -> None:
        self.out = out
        self.url = f"http://127.0.0.1:{out.readline().split()[-1]}/news"

    def says(self) -> str:
        return self.out.readline().rstrip("\n")


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    [code] = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert len(code.strip().splitlines()) <= 32
    file = tmp_path_factory.mktemp("receiver") / "receiver.py"
    file.write_text(code, "utf-8")
    environ = os.environ | {"WEBHOOK_SECRET": "whsec_" + base64.b64encode(KEY).decode()}
    with subprocess.Popen(
        [sys.executable, str(file), "0"], env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        yield Receiver(process.stdout)
        process.terminate()


@pytest.fixture
def client() -> Iterator[Client]:
    with opened(SMALL) as client:
        yield client


def test_a_good_delivery_is_taken_once_however_often_it_comes(receiver: Receiver, client: Client) -> None:
    to = WebhookTransport("desk", receiver.url, (OTHER, KEY), poster=client, clock=SystemClock())
    assert to.deliver(body("first"), "<1@news.example>") == "204"
    assert to.deliver(body("first"), "<1@news.example>") == "204"
    assert to.deliver(body("second"), "<2@news.example>") == "204"
    assert [receiver.says(), receiver.says()] == ["first", "second"]


@pytest.mark.parametrize("age", [timedelta(minutes=6), timedelta(minutes=-6)])
def test_an_old_timestamp_is_refused_and_one_from_the_future(
    receiver: Receiver, client: Client, age: timedelta
) -> None:
    then = datetime.now(UTC) - age  # noqa: TID251 - the receiver lives in the real present
    to = WebhookTransport("desk", receiver.url, (KEY,), poster=client, clock=SetClock(then))
    with pytest.raises(GiveUp) as caught:
        to.deliver(body("old"), "<3@news.example>")
    assert caught.value.code == 401


def test_a_delivery_of_somebody_else_is_refused(receiver: Receiver, client: Client) -> None:
    to = WebhookTransport("desk", receiver.url, (OTHER,), poster=client, clock=SystemClock())
    with pytest.raises(GiveUp):
        to.deliver(body("forged"), "<4@news.example>")


def test_a_body_or_id_that_was_tampered_with_is_refused(receiver: Receiver, client: Client) -> None:
    class Meddler:
        """Stands between us and the receiver, and changes one thing."""

        def __init__(self, name: str, text: bytes) -> None:
            self.name, self.text = name, text

        def post(self, url: str, headers: dict[str, str], _: bytes, timeout: float) -> tuple[int, object, bytes]:
            return client.post(url, headers | {"webhook-id": self.name}, self.text, timeout)

    good = body("tampered")
    for meddler in (Meddler("5@news.example", good.replace(b"tampered", b"tampereD")), Meddler("6@news.example", good)):
        to = WebhookTransport("desk", receiver.url, (KEY,), poster=meddler, clock=SystemClock())  # type: ignore[arg-type]
        with pytest.raises(GiveUp) as caught:
            to.deliver(good, "<5@news.example>")
        assert caught.value.code == 401
