"""What `doctor` says of the database and of the disk it is on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from aggregator import onduty
from aggregator.app import App
from aggregator.errors import AggregatorError, StoreError
from aggregator.model import Problem
from aggregator.plain import many

LONG_LOG = 64 << 20
"""Bytes beyond which something holds the log up."""
TROUBLES = {
    "storage_full": ("no room to write to", "make room; it goes on by itself, and nothing is lost"),
    "storage_locked": ("another program holds the database", "close it; it goes on by itself, and nothing is lost"),
    "storage_corrupt": ("the database is damaged, nothing is written to it", "do what the error says, then start again"),
    "storage_read_only": ("the database cannot be written", "make the folder writable; it goes on by itself"),
    "storage_missing": ("the database is gone from under the daemon", "put it back or restore a backup, then start again"),
    "storage_away": ("the database server does not answer", "see that it runs; it goes on by itself, and nothing is lost"),
    "storage_io": ("the disk refuses", "look at the disk (`dmesg`); it goes on by itself once it is well"),
}  # fmt: skip
"""What the daemon met, and what to do, by the word that health has for it."""
OTHER = ("the database refuses", "see the text")


def refusal(error: AggregatorError) -> Problem:
    """Why there is nothing else to say: the database was asked and refused."""
    if not isinstance(error, StoreError) or error.state not in TROUBLES:
        return Problem(str(error), OTHER[1], "error")
    what, do = TROUBLES[error.state]
    said, _, advice = str(error).partition("; ")
    return Problem(f"{error.state}: {what}: {said}", advice or do, "error", f"storage:{error.state}")


def damage(app: App, *, deep: bool = False) -> Iterator[Problem]:
    """What is wrong with what is stored; `deep` reads every page."""
    found = app.stores.upkeep.examine(deep=deep)
    trouble = app.stores.upkeep.trouble()
    for problem in found:
        do = str(trouble).rpartition("; ")[2] if trouble else problem.do
        yield replace(problem, what=f"database: {problem.what}", do=do, about=problem.about or "storage:damaged")


def problems(app: App) -> Iterator[Problem]:
    """What is wrong with writing, now and as the daemon met it; that costs little."""
    if app.stores.upkeep.reading:
        yield Problem(
            f"{app.configuration.home.var} cannot be written",
            "make it writable for this user",
            "error",
            "storage:reading",
        )
    yield from _met(app)
    size = app.stores.upkeep.log_bytes()
    if size > LONG_LOG:
        holders = app.stores.upkeep.log_holders()
        who = f"process {', '.join(holders)} reads an older state" if holders else "it is not emptied"
        do = "close that program or its transaction" if holders else "start the daemon, or end what reads the database"
        what = f"the log beside the database has {size / (1 << 20):,.1f} MB: {who}"
        yield Problem(what, do, "warning", "storage:log")
    if app.configuration.settings.storage.durability == "normal":
        yield Problem(
            "storage.durability is normal: a power cut may lose the last seconds, mail that went out in them may go out again",
            "full keeps every commit",
            "warning",
            "storage:durability",
        )


def _met(app: App) -> Iterator[Problem]:
    """What the lines ran into, each once."""
    lines: dict[str, list[str]] = {}
    errors: dict[str, str] = {}
    for name, line in onduty.lines(app).items():
        if line.failures and line.state:
            lines.setdefault(line.state, []).append(name)
            errors[line.state] = line.error
    for state, names in lines.items():
        what, do = TROUBLES.get(state, OTHER)
        waits = f"{many(len(names), 'line')} wait" if len(names) > 1 else f"line {names[0]} waits"
        yield Problem(f"{state}: {what}; {waits}: {errors[state]}", do, "error", f"storage:{state}")
