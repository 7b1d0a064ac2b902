"""`aggregator` by a wall clock that the test sets: it is the machine's, and as many seconds more as a file says. Run as a script.

In: the file's name, and then what the command line is given.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import apscheduler.schedulers.base

from aggregator.cli import main
from aggregator.clock import SystemClock


class Wall(datetime):
    """The wall clock as it has been set."""

    file = Path()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Wall:
        moment = datetime.now(tz) + timedelta(seconds=float(cls.file.read_text()))  # noqa: TID251 - the machine's own clock
        return cls(*moment.timetuple()[:6], moment.microsecond, tzinfo=tz)


def now(self: SystemClock) -> datetime:  # noqa: ARG001 - a method in place of another
    """What the whole program takes for the present."""
    moment = Wall.now(UTC)
    return datetime.combine(moment.date(), moment.timetz())


if __name__ == "__main__":
    Wall.file = Path(sys.argv[1])
    SystemClock.now = now  # type: ignore[method-assign]
    apscheduler.schedulers.base.datetime = Wall
    sys.exit(main(sys.argv[2:]))
