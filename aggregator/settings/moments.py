"""Moments as people ask for them: on the command line and in the addresses of pages."""

from __future__ import annotations

from datetime import UTC, datetime

from aggregator.settings.fields import duration


def moment(text: str, now: datetime) -> datetime:
    """`2023-02-02`, `2023-02-02T12:00+03:00`, or an age: `36h`, `7d`. Raises ValueError when it is neither."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        try:
            return now - duration(text)
        except (ValueError, OverflowError):
            raise ValueError(f"{text!r} is neither a date such as 2023-02-02 nor an age such as 7d") from None
    try:
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is beyond the calendar") from None
