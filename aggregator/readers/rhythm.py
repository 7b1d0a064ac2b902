"""Rhythms as people write them, and the digest that follows from a reader's choice.

A digest's id follows from its content, so all who choose the same share one digest and one rendered edition.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import time, timedelta
from zoneinfo import ZoneInfo

from aggregator.errors import UsageError
from aggregator.levels import THRESHOLDS
from aggregator.publication import WEEKDAYS, DigestSpec, Quiet, Schedule, Weekday
from aggregator.readership import Choice

WORKDAYS: tuple[Weekday, ...] = WEEKDAYS[:5]
WAIT = timedelta(seconds=10)
MOST = 10
"""What an alert at a reader's wish has of Schedule.wait and .most."""

_SHAPE = re.compile(r"(?:(daily|weekdays)|weekly ([a-z]{3}))(?: at)? (\d{1,2}):(\d{2})")
_ZONE_LENGTH = 64
"""Characters; a name is looked up as a path, and one of thousands of folders would be walked."""
_HINT = "write instant, hourly, daily 07:30, weekdays 07:30 or weekly mon 07:30"


def parse(text: str, timezone: str, quiet: str = "", urgent: str = "none") -> Schedule:
    """The schedule of `daily 07:30` and the like; `quiet` is `22:00-07:00`, for instant only.

    Raises UsageError saying how it is written.
    """
    words = " ".join(text.lower().split())
    _zone(timezone)
    if words == "instant":
        return Schedule("instant", timezone, wait=WAIT, most=MOST, quiet=parse_quiet(quiet, urgent))
    if quiet.strip():
        raise UsageError("quiet hours go with the rhythm instant only")
    if words == "hourly":
        return Schedule("hourly", timezone)
    found = _SHAPE.fullmatch(words)
    if not found:
        raise UsageError(f"{text[:60]!r} is not a rhythm; {_HINT}")
    return Schedule("at", timezone, (_time(found[3], found[4]),), _days(found[1], found[2]))


def parse_quiet(text: str, urgent: str = "none") -> Quiet | None:
    """Quiet hours from `22:00-07:00`; None for no text."""
    if not text.strip():
        return None
    found = re.fullmatch(r"\s*(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})\s*", text)  # an en dash, too
    if not found:
        raise UsageError(f"{text[:60]!r} are no quiet hours; write them like 22:00-07:00")
    start, end = _time(found[1], found[2]), _time(found[3], found[4])
    if start == end:
        raise UsageError(f"{text!r}: quiet hours must end at another time than they begin")
    if urgent == "none":
        return Quiet(start, end)
    for level in THRESHOLDS:
        if level == urgent:
            return Quiet(start, end, level)
    raise UsageError(f"{urgent[:20]!r}: what breaks through quiet hours is none, any, lead or title")


def show(schedule: Schedule) -> str:
    """A schedule as it is written: `daily 07:30`; one that no reader can choose in words like these."""
    if schedule.every != "at":
        return schedule.every
    times = ", ".join(f"{at:%H:%M}" for at in schedule.at)
    if schedule.days == WEEKDAYS:
        return f"daily {times}"
    if schedule.days == WORKDAYS:
        return f"weekdays {times}"
    return f"weekly {' '.join(schedule.days)} {times}"


def show_quiet(schedule: Schedule) -> str:
    """Quiet hours as they are written; "" for none."""
    quiet = schedule.quiet
    return f"{quiet.start:%H:%M}-{quiet.end:%H:%M}" if quiet else ""


def describe(schedule: Schedule) -> str:
    """A schedule in a line for people: `instant, quiet 22:00-07:00 (Europe/Minsk)`."""
    quiet = show_quiet(schedule)
    return f"{show(schedule)}{', quiet ' + quiet if quiet else ''} ({schedule.timezone})"


def spec(choice: Choice) -> DigestSpec:
    """The digest of a choice. An hour with nothing new is not told; a day with nothing new is."""
    return DigestSpec(
        id=digest_id(choice),
        title=choice.title,
        watchlists=(choice.watchlist_id,),
        schedule=choice.schedule,
        empty="skip" if choice.schedule.every == "hourly" else "send",
        prominence=choice.prominence,
        origin="reader",
    )


def digest_id(choice: Choice) -> str:
    """`csto.daily-0730.europe-minsk`; ids of digests.yaml hold no dot, so none is ever the same."""
    schedule = choice.schedule
    parts = [choice.watchlist_id, show(schedule).replace(" ", "-").replace(":", ""), _plain(schedule.timezone)]
    if schedule.quiet:
        urgent = "" if schedule.quiet.urgent == "none" else f"-{schedule.quiet.urgent}"
        parts.append(f"quiet-{show_quiet(schedule).replace(':', '')}{urgent}")
    if choice.prominence != "any":
        parts.append(choice.prominence)
    return ".".join(parts)


def is_readers(digest: str) -> bool:
    """Whether a digest's id is that of a reader's choice."""
    return "." in digest


def with_threshold(choice: Choice, text: str) -> Choice:
    """The choice with another least prominence."""
    for one in THRESHOLDS:
        if one == text:
            return replace(choice, prominence=one)
    raise UsageError(f"{text!r} is no prominence; write any, lead or title")


def _plain(timezone: str) -> str:
    """A zone as part of an id: no two zones alike (Etc/GMT+5 is another than Etc/GMT-5)."""
    return re.sub(r"[^a-z0-9]", "-", timezone.lower().replace("+", "-plus-"))


def _days(word: str | None, day: str | None) -> tuple[Weekday, ...]:
    if day is None:
        return WEEKDAYS if word == "daily" else WORKDAYS
    chosen = tuple(one for one in WEEKDAYS if one == day)
    if not chosen:
        raise UsageError(f"{day!r} is no day; write mon, tue, wed, thu, fri, sat or sun")
    return chosen


def _time(hour: str, minute: str) -> time:
    if int(hour) > 23 or int(minute) > 59:
        raise UsageError(f"{hour}:{minute} is not a time of day; write it like 07:30")
    return time(int(hour), int(minute))


def _zone(name: str) -> None:
    if len(name) > _ZONE_LENGTH or not _is_zone(name):
        raise UsageError(f"{name[:60]!r} is not an IANA time zone; write it like Europe/Minsk")


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True
