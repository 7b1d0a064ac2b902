"""Webhooks by Standard Webhooks 1.0.0: an edition as JSON, posted and signed, with an id by which copies are known.

What is signed is `id.timestamp.body` (HMAC-SHA256), once with each key. The id is the message's own on every try; the
timestamp is that of the try. A 2xx takes the message, and nothing else does.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal, NoReturn
from urllib.parse import urlsplit

from aggregator import replies
from aggregator.errors import FetchErrorClass, GiveUp, Retry
from aggregator.ports import Clock, Poster

TIMEOUT = 20.0
LONGEST_WAIT = timedelta(days=7)
"""How far a Retry-After is believed."""
PASSING = frozenset({408, 409, 425, 429})
"""Refusals of the moment among the 4xx."""


class WebhookTransport:
    """Implements ports.Transport on one URL; it is its own session, for each message has a connection of its own.

    Attributes:
        keys: every delivery is signed with each of them.
        timeout: seconds for one delivery.
    """

    def __init__(
        self,
        channel_id: str,
        url: str,
        keys: Sequence[bytes],
        *,
        poster: Poster,
        clock: Clock,
        timeout: float = TIMEOUT,
    ) -> None:
        self._url = url
        self._poster = poster
        self._clock = clock
        self.keys = tuple(keys)
        self.timeout = timeout
        self.name = f"channel {channel_id} ({urlsplit(url).hostname})"
        self.form: Literal["data"] = "data"

    def open(self) -> WebhookTransport:
        """Nothing to connect to yet."""
        return self

    def prepare(self, address: str, sender: str = "") -> None:
        """The channel is the address, and nothing comes back."""

    def deliver(self, body: bytes, message_id: str) -> str:
        """Post the body, signed. Raises Retry, GiveUp and Quarantine as ports.TransportSession says."""
        name = message_id.strip("<>")
        at = int(self._clock.now().timestamp())
        headers = {
            "Content-Type": "application/json",
            "webhook-id": name,
            "webhook-timestamp": str(at),
            "webhook-signature": signature(self.keys, name, at, body),
        }
        try:
            status, said, first = self._poster.post(self._url, headers, body, self.timeout)
        except Retry as error:
            away = Retry(error.error_class, f"{self.name}: {error.message}", message_id)
            away.scope = "relay"
            raise away from error
        if not 200 <= status <= 299:
            self._refused(status, said, first, message_id)
        return f"{status} {_line(first)}".strip()

    def close(self) -> None:
        """Nothing is held."""

    def _refused(self, status: int, said: Mapping[str, str], first: bytes, message_id: str) -> NoReturn:
        if status >= 500 or status in PASSING:
            kind: FetchErrorClass = "rate_limited" if status == 429 else "http_5xx" if status >= 500 else "http_4xx"
            later = Retry(kind, f"{self.name} cannot take it now: {status} {_line(first)}".strip(), message_id)
            later.code = status
            later.retry_after = _wait(said.get("retry-after", ""), self._clock.now())
            later.scope = "relay" if status in {429, 503} else "message"
            raise later
        never = GiveUp(*self._never(status, first), message_id)
        never.code = status
        raise never

    def _never(self, status: int, first: bytes) -> tuple[FetchErrorClass, str]:
        """Why it is no use to try again."""
        if status == 410:
            return "gone", f"{self.name} wants no more deliveries: 410 Gone"
        if 300 <= status <= 399:
            return (
                "bad_http",
                f"{self.name} redirects ({status}); deliveries follow nobody, put the new URL into digests.yaml",
            )
        return "http_4xx", f"{self.name} refuses the delivery: {status} {_line(first)}".strip()


def signature(keys: Sequence[bytes], name: str, at: int, body: bytes) -> str:
    """The webhook-signature header: `v1,` and base64 for each key, a space between."""
    signed = f"{name}.{at}.".encode() + body
    return " ".join("v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys)


def _wait(text: str, now: datetime) -> timedelta | None:
    """A Retry-After (RFC 9110 §10.2.3) as a wait, or None when it says nothing that can be used."""
    if text.strip().isdecimal() and len(text) < 12:
        return min(timedelta(seconds=int(text)), LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(text)
        return max(timedelta(0), min(until - now, LONGEST_WAIT))
    except (TypeError, ValueError, OverflowError):
        return None


def _line(text: bytes) -> str:
    """The beginning of an answer on one line."""
    return replies.one_line(text)[:200]
