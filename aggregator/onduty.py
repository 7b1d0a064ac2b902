"""Who works on an installation, and how its lines are doing: the daemon of the home, or the workers on its database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from aggregator import health, instance
from aggregator.app import App
from aggregator.fellows import LINES, Worker
from aggregator.health import LineHealth
from aggregator.model import Problem
from aggregator.plain import short

SILENT = timedelta(seconds=60)
"""Without a sign of life for so long a worker counts as fallen."""


def workers(app: App) -> Sequence[Worker]:
    """Every worker that has not taken its leave. Raises StoreError."""
    return app.stores.workers.list() if app.configuration.home.server else ()


def lives(worker: Worker, now: datetime) -> bool:
    """Whether it has given a sign of life lately."""
    return abs(now - worker.beat_at) <= SILENT and not instance.is_gone(worker.name)


def name(worker: Worker) -> str:
    """What people know it by."""
    return f"{worker.host}:{worker.pid}"


def here(app: App) -> Sequence[Worker]:
    """The workers of this machine, or of this container, that are not gone. Raises StoreError."""
    return [one for one in workers(app) if instance.is_here(one.name) and not instance.is_gone(one.name)]


def runs(app: App) -> bool:
    """Whether anybody polls the feeds of this home. Raises StoreError."""
    now = app.clock.now()
    return instance.running_pid(app.configuration.home.lock) != 0 or any(
        "poll" in one.lines and lives(one, now) for one in workers(app)
    )


def lines(app: App) -> dict[str, LineHealth]:
    """How each line is doing, by name; where several workers run it, as it is with the one that is worst off. Raises StoreError."""
    home, now, every = app.configuration.home, app.clock.now(), workers(app)
    # Where workers are, what a daemon that was here once has left behind is old.
    found = health.read(home.health) if not every or instance.running_pid(home.lock) else {}
    for worker in every:
        if lives(worker, now):
            for line, one in health.parsed(worker.health).items():
                found[line] = max(found.get(line, one), one, key=_badness)
    return found


def _badness(one: LineHealth) -> tuple[bool, int, str]:
    return bool(one.hung_since), one.failures, one.last_ok_at


def problems(app: App) -> Iterator[Problem]:
    """What is wrong with the workers. Raises StoreError."""
    every, now = workers(app), app.clock.now()
    alive = [one for one in every if lives(one, now)]
    for one in every:
        if one not in alive:
            yield Problem(
                f"worker {name(one)} has given no sign of life since {short(one.beat_at)} UTC",
                "see whether it runs, and whether its clock is right; others take up what it had in hand",
                about=f"worker:{name(one)}:silent",
            )
    if not every or instance.running_pid(app.configuration.home.lock):
        return
    if missing := [line for line in LINES if not any(line in one.lines for one in alive)]:
        yield Problem(
            f"no worker runs {', '.join(missing)}",
            "start one: `aggregator worker` runs every line, but for those that --lines leaves out",
            "error",
            "workers:lines",
        )
    elif not any(one.leads for one in alive):
        yield Problem(
            "no worker looks at the clock: nothing is asked for",
            "see the log of the workers; a pooler between them and the server must leave sessions alone",
            "error",
            "workers:leader",
        )
    versions = sorted({one.version for one in alive})
    if len(versions) > 1:
        yield Problem(
            f"workers of several versions: {', '.join(versions)}",
            "start the older ones anew; until then each version looks after its own queue",
            about="workers:versions",
        )
