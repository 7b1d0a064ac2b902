"""What differs between the recipients of one edition, made once and stored in the message's row."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import Literal

from aggregator.publication import DigestSpec, Edition

TOKEN_LENGTH = 26
"""128 bits in base32 without padding."""
TAG_LENGTH = 26
"""At most, of a return path: eight bytes of the number, eight of the mark."""
_MARK = 8


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


def thread_id(secret: bytes, edition: Edition, domain: str, by: Literal["story", "watchlist", "none"]) -> str:
    """A Message-ID that is never sent, which all mail of one story (or of one digest) refers to; "" for no thread.

    Programs thread by References to one id, whether they have seen it or not. A digest is of many stories: it has no thread,
    and neither has an alert that tells several, unless the thread is the watchlist's.
    """
    if by == "none" or edition.kind != "alert" or (by == "story" and len(edition.stories) != 1):
        return ""
    what = f"story {edition.stories[0].story_id}" if by == "story" else "digest"
    mark = hmac.new(secret, f"thread\n{edition.digest_id}\n{what}".encode(), hashlib.sha256).digest()[:20]
    return f"<thread.{_base32(mark)}@{domain}>"


def list_name(spec: DigestSpec) -> str:
    """What stands in front of the domain in List-Id (RFC 2919): a reader's own rhythm is still the watchlist's list."""
    return f"{spec.watchlists[0]}.watch" if spec.origin == "reader" else spec.id


def return_path(secret: bytes, subscription_id: int, base: str) -> str:
    """Where one subscription's mail comes back to: `bounce+tag@domain` (VERP), so that a bounce says itself whom it is about.

    The tag is the number and a mark that only we can make (HMAC-SHA256 cut to 64 bits), in base32, which survives servers that
    change case: nobody can end another reader's mail with a bounce made up. It is the same in every message.
    """
    number = subscription_id.to_bytes(max(1, (subscription_id.bit_length() + 7) // 8), "big")
    local, _, domain = base.rpartition("@")
    return f"{local}+{_base32(number + _mark(secret, number))}@{domain}"


def read_return_path(secret: bytes, address: str) -> int:
    """The subscription that a return path of ours names; 0 for any other address, and for a tag that is not ours."""
    local = address.strip().strip("<>").rpartition("@")[0]
    tag = local.rpartition("+")[2].upper()
    if "+" not in local or len(tag) > TAG_LENGTH or not tag.isascii():
        return 0
    try:
        raw = base64.b32decode(tag + "=" * (-len(tag) % 8))
    except ValueError:
        return 0
    number, mark = raw[:-_MARK], raw[-_MARK:]
    genuine = bool(number) and hmac.compare_digest(mark, _mark(secret, number))
    return int.from_bytes(number, "big") if genuine else 0


def _mark(secret: bytes, number: bytes) -> bytes:
    return hmac.new(secret, b"return path:" + number, hashlib.sha256).digest()[:_MARK]


def letter_id(secret: bytes, kind: str, token: str, domain: str) -> str:
    """The Message-ID of a letter; it follows from its token, and the token cannot be read from it."""
    mark = hmac.new(secret, f"letter\n{kind}\n{token}".encode(), hashlib.sha256).digest()[:20]
    return f"<{kind}.{_base32(mark)}@{domain}>"


def _base32(raw: bytes) -> str:
    return base64.b32encode(raw).decode("ascii").rstrip("=").lower()
