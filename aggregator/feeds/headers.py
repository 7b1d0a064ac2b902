"""What the headers of an answer say about time: Retry-After, freshness, HTTP dates. The server's own clock counts."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from aggregator.model import FetchResponse

ZERO = timedelta(0)
_MAX_AGE = re.compile(r"""(?i)(?:^|,)\s*max-age\s*=\s*"?([0-9]+)"?\s*(?=,|$)""")
_WEEKDAY_FIRST = re.compile(r"(?i)^(mon|tue|wed|thu|fri|sat|sun)")


def retry_after(response: FetchResponse) -> timedelta | None:
    """Retry-After (RFC 9110 §10.2.3): seconds, or a date in any of the three forms, relative to the answer's Date."""
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return _seconds(value)
    date = http_date(value)
    return None if date is None else max(ZERO, date - _date(response))


def freshness(response: FetchResponse) -> timedelta:
    """How long the answer stays fresh for a private cache (RFC 9111 §4.2): max-age, or Expires without it, less Age.

    no-cache and no-store ask for nothing here: we keep no copy that could be stale.
    """
    control = response.headers.get("cache-control", "")
    max_age = _MAX_AGE.search(control)
    if max_age is not None:
        lifetime = _seconds(max_age[1])
    else:
        expires = http_date(response.headers.get("expires", ""))
        lifetime = ZERO if expires is None else expires - _date(response)
    if re.search(r"(?i)\bno-(cache|store)\b", control):
        return ZERO
    age = response.headers.get("age", "").strip()
    return max(ZERO, lifetime - (_seconds(age) if age.isascii() and age.isdigit() else ZERO))


def freshness_name(response: FetchResponse) -> str:
    """The header that `freshness` follows, for a person."""
    return "Cache-Control" if _MAX_AGE.search(response.headers.get("cache-control", "")) else "Expires"


def http_date(value: str) -> datetime | None:
    """An HTTP-date in one of its three forms (RFC 9110 §5.6.7), or None."""
    if not _WEEKDAY_FIRST.match(value.strip()):
        return None
    try:
        date = parsedate_to_datetime(value.strip())
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _date(response: FetchResponse) -> datetime:
    """The server's own clock, so that ours may be wrong."""
    return http_date(response.headers.get("date", "")) or response.fetched_at


def _seconds(digits: str) -> timedelta:
    """Delta-seconds; what is too large to count is a very long time (RFC 9111 §1.2.2)."""
    return timedelta(seconds=min(int(digits.lstrip("0")[:10] or 0), 2**31))
