"""When editions are due, and the window each one covers.

A digest names wall-clock times in an IANA zone (RFC 9557 calls the zone's rules the intent, not an offset), so the
moments are found in local time and told in UTC. Two days a year are odd: a local time that the change to summer time
leaves out stands for the first instant after the gap; a local time that comes twice stands for its first.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from aggregator.publication import WEEKDAYS, Digest, DigestSpec, Schedule, Window

NEVER = datetime(9999, 1, 1, tzinfo=UTC)
"""When an instant digest is due by the clock: never. Waiting matches make it due."""

_QUARTER = timedelta(minutes=15)
_SECOND = timedelta(seconds=1)
_REACH = 9
"""Days to look ahead or back: a week, one day skipped at the date line, and the difference of local and UTC dates."""


def next_due(schedule: Schedule, after: datetime) -> datetime:
    """The first moment strictly after `after` at which an edition is due; NEVER for an instant digest."""
    if schedule.every == "instant":
        return NEVER
    zone = ZoneInfo(schedule.timezone)
    if schedule.every == "hourly":
        return _hour_after(zone, after)
    moments = _moments(schedule, zone, _local_date(zone, after), range(-1, _REACH))
    return next((moment for moment in moments if moment > after), NEVER)


def latest_due(schedule: Schedule, now: datetime) -> datetime | None:
    """The last moment not later than `now` at which an edition was due; None when there is none (instant digests)."""
    if schedule.every == "instant":
        return None
    zone = ZoneInfo(schedule.timezone)
    if schedule.every == "hourly":
        return _hour_until(zone, now)
    moments = _moments(schedule, zone, _local_date(zone, now), range(-_REACH, 2))
    return max((moment for moment in moments if moment <= now), default=None)


def window(digest: Digest, now: datetime) -> Window:
    """The window of the edition to compose at `now`: from where the last one ended to the latest scheduled moment.

    Editions missed while the machine slept are told in this one. A window of no length at `covered_until` means that
    nothing is due (the clock went back); a window of no length at `now` is an alert's.
    """
    if digest.spec.schedule.every == "instant":
        return Window(now, now)
    end = latest_due(digest.spec.schedule, now)
    start = digest.covered_until
    return Window(start, max(start, end) if end else start)


def edition_key(spec: DigestSpec, span: Window) -> str:
    """What makes an edition unique within its digest: the local time of its window's end, `2023-02-02T16:00+03:00`.

    With the offset, because autumn has one local hour twice, and a digest may move to another zone. An edition made
    between the times, on command, shows milliseconds, so that one may follow another.
    """
    local = span.end.astimezone(ZoneInfo(spec.schedule.timezone))
    exact = local.second == 0 and local.microsecond == 0
    return local.isoformat(timespec="minutes" if exact else "milliseconds")


def alert_key(match_id: int, moment: datetime) -> str:
    """What makes an alert unique within its digest: the first match it tells, and when.

    With the time, because after a restore the database gives the same numbers to other matches.
    """
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%S}Z-match-{match_id}"


def instant_of(wall: datetime, zone: tzinfo) -> datetime:
    """The UTC instant of a local wall-clock time: the first of a doubled one, the first valid one after a missing one."""
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None, fold=0) == wall:
        return first
    return _end_of_gap(wall.replace(tzinfo=zone, fold=1).astimezone(UTC), first, zone)


def _end_of_gap(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """The instant between two at which the offset changes: PEP 495's two readings of a missing time lie around it."""
    old = before.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = (before + (after - before) / 2).replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after


def _moments(schedule: Schedule, zone: tzinfo, around: date, days: range) -> Iterator[datetime]:
    """The scheduled instants of the allowed days around a local date, in order."""
    for day in (around + timedelta(days=n) for n in days):
        if WEEKDAYS[day.weekday()] in schedule.days:
            yield from (instant_of(datetime.combine(day, at), zone) for at in sorted(schedule.at))


def _local_date(zone: tzinfo, moment: datetime) -> date:
    return moment.astimezone(zone).date()


def _hour_after(zone: tzinfo, after: datetime) -> datetime:
    """The next moment at which the zone's clock shows a full hour; offsets are whole quarters of an hour since 1972."""
    moment = _floor(after) + _QUARTER
    while moment.astimezone(zone).minute:
        moment += _QUARTER
    return moment


def _hour_until(zone: tzinfo, now: datetime) -> datetime:
    moment = _floor(now)
    while moment.astimezone(zone).minute:
        moment -= _QUARTER
    return moment


def _floor(moment: datetime) -> datetime:
    """The quarter of an hour that `moment` is in, in UTC."""
    utc = moment.astimezone(UTC)
    return utc.replace(minute=utc.minute // 15 * 15, second=0, microsecond=0)
