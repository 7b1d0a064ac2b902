"""Moments as people read them: in the digest's zone, in English, whatever the machine's locale is."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


class Calendar:
    """Writes moments in one zone, as short as `today` (the day of the edition) allows.

    Attributes:
        today: the moment of the edition, on the zone's clock.
        zone: its name.
    """

    def __init__(self, timezone: str, today: datetime) -> None:
        self._zone = ZoneInfo(timezone)
        self.today = self.local(today)
        self.zone = zone_name(timezone)

    def local(self, moment: datetime) -> datetime:
        """The moment on the zone's clock."""
        return moment.astimezone(self._zone)

    def offset(self, moment: datetime) -> str:
        """`UTC+3`, `UTC+10:30`, `UTC`."""
        minutes = int((self.local(moment).utcoffset() or timedelta()).total_seconds() // 60)
        hours, rest = divmod(abs(minutes), 60)
        sign = "-" if minutes < 0 else "+"
        return "UTC" + (f"{sign}{hours}" if minutes else "") + (f":{rest:02}" if rest else "")

    def day(self, moment: datetime) -> str:
        """`Thu 2 Feb`, with the year when it is not this one."""
        at = self.local(moment)
        year = f" {at.year}" if at.year != self.today.year else ""
        return f"{_DAYS[at.weekday()][:3]} {at.day} {_MONTHS[at.month - 1][:3]}{year}"

    def clock(self, moment: datetime) -> str:
        """`07:30`."""
        return self.local(moment).strftime("%H:%M")

    def moment(self, moment: datetime) -> str:
        """`Thu 2 Feb, 07:30`."""
        return f"{self.day(moment)}, {self.clock(moment)}"

    def since(self, moment: datetime) -> str:
        """`03:10` today, else `Wed 1 Feb, 03:10`."""
        same_day = self.local(moment).date() == self.today.date()
        return self.clock(moment) if same_day else self.moment(moment)

    def heading(self, moment: datetime) -> str:
        """`Thursday 2 February 2023, 16:00 Minsk time (UTC+3)`."""
        at, offset = self.local(moment), self.offset(moment)
        note = f" ({offset})" if self.zone != offset else ""
        day = f"{_DAYS[at.weekday()]} {at.day} {_MONTHS[at.month - 1]} {at.year}"
        return f"{day}, {self.clock(moment)} {self.zone}{note}"

    def iso(self, moment: datetime) -> str:
        """For machines: RFC 3339 with the zone's offset."""
        return self.local(moment).isoformat(timespec="seconds")


def zone_name(timezone: str) -> str:
    """`Europe/Minsk` -> `Minsk time`, `UTC` and its other names -> `UTC`."""
    area, _, place = timezone.rpartition("/")
    if area in {"", "Etc"}:
        return "UTC" if place in {"UTC", "UCT", "GMT", "Universal", "Zulu", "Greenwich"} else timezone
    return place.replace("_", " ") + " time"
