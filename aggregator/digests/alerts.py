"""When an alert comes out: at once but for company, not in quiet hours, and not more often than somebody can read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo

from aggregator.digests import windows
from aggregator.publication import Quiet, Schedule

PATIENCE = 6
"""A story waits for company this many times `Schedule.wait` at most, however many more keep coming."""
CROWD = 5
"""More stories than this that wait together are a storm: they are collected for a minute, whatever `wait` says."""
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
LOOK_BACK = 2 * HOUR
"""How far back the rule must know of earlier alerts: an hour from where the first waiting story began to wait."""

Held = Literal["", "quiet", "storm"]


@dataclass(frozen=True, slots=True)
class Release:
    """What may go out now.

    Attributes:
        now: all that waits ("all"), what is urgent alone ("urgent"), or nothing ("none").
        until: when to look again at what stays; None when nothing stays.
        held: why what goes out now was held back, "" when it was not.
    """

    now: Literal["all", "urgent", "none"]
    until: datetime | None = None
    held: Held = ""


def release(schedule: Schedule, arrivals: Sequence[datetime], earlier: Sequence[datetime], now: datetime) -> Release:
    """What of an instant digest may go out at `now`.

    `arrivals` are the moments at which the stories that wait were first matched, one at least; `earlier` those of the alerts
    sent since LOOK_BACK. A story dated after `now` (the clock went back) has waited long enough.
    """
    ahead = now - PATIENCE * schedule.wait
    moments = [moment if moment <= now else ahead - MINUTE for moment in arrivals]
    first, last = min(moments), max(moments)
    quiet = schedule.quiet
    if quiet is not None and (morning := quiet_until(quiet, schedule.timezone, now)) is not None:
        return Release("none" if quiet.urgent == "none" else "urgent", morning)
    crowd = len(moments) > CROWD and bool(schedule.wait)
    together = min(last + schedule.wait, first + PATIENCE * schedule.wait)
    if crowd:
        together = max(together, first + MINUTE)
    if together > now:
        return Release("none", together)
    calm = _calm(schedule, earlier, now)
    if calm is not None:
        return Release("none", calm)
    if quiet is not None and quiet_until(quiet, schedule.timezone, first) is not None:
        return Release("all", held="quiet")
    return Release("all", held="storm" if crowd or _calm(schedule, earlier, together) is not None else "")


def quiet_until(quiet: Quiet, timezone: str, moment: datetime) -> datetime | None:
    """When the quiet hours that `moment` is in end; None when it is in none.

    They are the digest's wall-clock hours, so a change of the clock makes a night of them an hour longer or shorter; an end
    that comes twice is the first, else the hour after it would wait for the end of the next night.
    """
    zone = ZoneInfo(timezone)
    day = moment.astimezone(zone).date()
    nights = (_hours(quiet, zone, day + timedelta(days=n)) for n in (-1, 0, 1))
    return next((end for start, end in nights if start <= moment < end), None)


def _hours(quiet: Quiet, zone: tzinfo, day: date) -> tuple[datetime, datetime]:
    """The quiet hours that begin on a local date; of no length where both are the same."""
    last = day + timedelta(days=quiet.end < quiet.start)
    start, end = datetime.combine(day, quiet.start), datetime.combine(last, quiet.end)
    return windows.instant_of(start, zone), windows.instant_of(end, zone)


def _calm(schedule: Schedule, earlier: Sequence[datetime], moment: datetime) -> datetime | None:
    """When the hour has room for another alert; None when it has at `moment`."""
    if not schedule.most:
        return None
    hour = sorted(one for one in earlier if moment - HOUR < one <= moment)
    return hour[-schedule.most] + HOUR if len(hour) >= schedule.most else None
