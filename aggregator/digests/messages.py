"""What differs between the recipients of one edition, made once and stored in the message's row."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

from aggregator.publication import Edition

TOKEN_LENGTH = 26
"""128 bits in base32 without padding."""


def new_token() -> str:
    """A token that ends one subscription: 128 random bits in lower-case base32 (RFC 4648 §6), 26 characters.

    Short, so that `List-Unsubscribe` stays one line: folding or encoding it breaks one-click unsubscribing (RFC 8058).
    """
    return _base32(secrets.token_bytes(16))


def message_id(secret: bytes, edition: Edition, subscription_id: int, address: str, domain: str) -> str:
    """The Message-ID of one recipient's message, `<kind.digest@domain>` (RFC 5322 §3.6.4).

    It is derived (HMAC-SHA256, RFC 2104), so every retry carries the same one and stores that know it drop the copy; the
    address cannot be read from it. The part before the domain is as long for every message of a kind.
    """
    facts = (edition.kind, edition.digest_id, edition.key, str(subscription_id), address)
    mark = hmac.new(secret, "\n".join(facts).encode(), hashlib.sha256).digest()[:20]
    return f"<{edition.kind}.{_base32(mark)}@{domain}>"


def _base32(raw: bytes) -> str:
    return base64.b32encode(raw).decode("ascii").rstrip("=").lower()
