"""Signed moments: a form that is sent back says when it was shown, so that a machine that fills forms in at once, or
one shown yesterday, is known. Signed values of a session are made the same way.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

SOONEST = timedelta(seconds=2)
LATEST = timedelta(hours=4)


def stamp(secret: bytes, now: datetime) -> str:
    """The moment a form is shown, signed."""
    seconds = str(int(now.timestamp()))
    return f"{seconds}.{sign(secret, 'form', seconds)}"


def is_fresh(secret: bytes, text: str, now: datetime) -> bool:
    """Whether a form was shown by us, and neither a moment ago nor hours ago."""
    shown = _shown(secret, text)
    return shown is not None and SOONEST <= now - shown <= LATEST


def is_ours(secret: bytes, text: str, now: datetime) -> bool:
    """Whether a form was shown by us, within a day."""
    shown = _shown(secret, text)
    return shown is not None and now - shown <= timedelta(days=1)


def _shown(secret: bytes, text: str) -> datetime | None:
    """When a form was shown by us; None where it was not."""
    seconds, _, mark = text.partition(".")
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) < 13):
        return None
    if not hmac.compare_digest(sign(secret, "form", seconds).encode(), mark.encode("utf-8", "replace")):
        return None
    return datetime.fromtimestamp(int(seconds), UTC)


def seal(secret: bytes, digest_id: str, key: str) -> str:
    """What the link in an edition's mail ends with where the pages are closed: it opens that edition, and nothing else."""
    return sign(secret, "edition", f"{digest_id}/{key}")


def sign(secret: bytes, purpose: str, text: str) -> str:
    """A mark that only we can make: HMAC-SHA256 (RFC 2104), 128 bits in hex."""
    return hmac.new(secret, f"{purpose}:{text}".encode(), hashlib.sha256).hexdigest()[:32]
