"""A home's data moved from its file to a PostgreSQL database: nothing is lost, and nothing that was sent is sent again.

Nobody writes to the file while its rows are copied, and all of them are stored in one transaction. Once that has ended well the file
is marked, and nobody uses it by mistake. A fall before leaves an empty database; a fall between the two a whole one, which the
same command finds, and marks the file unless it was written to since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from aggregator import adapters, instance
from aggregator.care import Recalled
from aggregator.errors import ConfigError, InstanceError, StoreError, UsageError
from aggregator.model import Problem
from aggregator.plain import many
from aggregator.settings import Configuration
from aggregator.stores import Stores

if TYPE_CHECKING:
    from aggregator.store.postgres.target import Target
    from aggregator.store.sql.copying import Sum
    from aggregator.store.sqlite.source import Source

LARGE = 10_000
"""Rows of a table that is told of while others are still to come."""
LOOK = "`aggregator doctor --deep` says more, `aggregator restore` or `aggregator salvage` mends it"


@dataclass(frozen=True, slots=True)
class Moved:
    """What moved.

    Attributes:
        tables: by name, how many rows, and a sum over all that stands in them.
        replaced: NUL characters, which PostgreSQL does not hold; U+FFFD stands for each.
        found: it was there already, by an earlier call that fell at its very end.
        warnings: what is not as it should be, here as there, and harms nothing.
    """

    tables: Mapping[str, Sum]
    replaced: int
    found: bool
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Returned:
    """What a move that is taken back finds: what the log knows of the time since, and how many messages are held."""

    recalled: Recalled
    held: int


def move(configuration: Configuration, url: str, secret: bytes, now: datetime, told: Callable[[str], None]) -> Moved:
    """Copy everything to the database of this URL, which must be empty, and leave the file. The lock of the home must be held.

    `told` is called with a line for what takes long.

    Raises:
        UsageError: there is nothing to move.
        ConfigError: what speaks to PostgreSQL is not installed.
        InstanceError: a command is at work on the file.
        StoreError: either database cannot be used.
    """
    from aggregator.store.sqlite.source import Source

    home = configuration.home
    if not home.db.is_file():
        raise UsageError(f"{home.db}: there is no such file to be moved")
    stores = adapters.in_file(configuration, secret)
    with closing(stores.upkeep), closing(_target(url, secret, str(home.secret))) as target:
        adapters.recover(stores, now)
        _see_that_it_is_sound(home.database, stores.upkeep.examine())
        source = Source(stores.db)
        mark = target.prepare(source.tables())
        with source.held():
            _see_that_nobody_works(stores)
            moved = _found(source, target, mark) if mark else _copied(source, target, now, told)
            source.leave(target.name, now)
    return moved


def take_back(configuration: Configuration, secret: bytes, now: datetime) -> Returned:
    """Use the file again that was left, as it was then; what came since stays where it is. The lock of the home must be held.

    What was sent since from this machine is known from the log in var/sent and not sent again; everything is held until a person
    releases it.

    Raises:
        UsageError: it was not left.
        StoreError: it cannot be used.
    """
    from aggregator.store.sqlite.source import Source

    home = configuration.home
    stores = adapters.in_file(configuration, secret, moving=True)
    with closing(stores.upkeep):
        source = Source(stores.db)
        if not source.is_left():
            raise UsageError(f"{home.db}: its data has not moved anywhere")
        recalled = stores.upkeep.recall(home.sent, now)
        held = stores.upkeep.hold_outbox(now)
        source.come_back(now)
    return Returned(recalled, held)


def _target(url: str, secret: bytes, kept_in: str) -> Target:
    try:
        from aggregator.store.postgres.target import Target
    except ImportError as e:
        raise ConfigError(f"{e.name or 'psycopg'} is not installed; pip install 'aggregator[postgres]'") from None
    return Target(url, secret, kept_in)


def _see_that_it_is_sound(name: str, problems: Iterable[Problem]) -> None:
    for problem in problems:
        if problem.level == "error":
            raise StoreError(f"{name}: {problem.what}; {LOOK}; nothing was moved", "corrupt")


def _see_that_nobody_works(stores: Stores) -> None:
    """A command that is sending just now could not write down that it did."""
    for name in stores.feeds.owners():
        if pid := instance.living(name):
            raise InstanceError(f"a command is at work here (pid {pid}); wait until it is done; nothing was moved")


def _copied(source: Source, target: Target, now: datetime, told: Callable[[str], None]) -> Moved:
    from aggregator.store.sql.copying import fingerprint

    known, sums = source.tables(), {}
    with target.filling(known) as filling:
        for table in filling.tables:
            if set(table.columns) != set(known[table.name]):
                raise StoreError(f"{target.name}: {table.name} has other columns there; nothing was moved")
            sums[table.name] = filling.copy(table, source.rows(table.name, tuple(table.columns)))
            if sums[table.name].rows >= LARGE:
                told(f"{table.name}: {many(sums[table.name].rows, 'row')}")
        told("copied; the index of words is made now, and all of it is looked through")
        problems = filling.finish(source.given(), fingerprint(sums), now)
        _see_that_it_is_sound(source.name, problems)
    return Moved(sums, filling.intake.replaced, found=False, warnings=tuple(problems))


def _found(source: Source, target: Target, mark: str) -> Moved:
    """What an earlier call has moved there. Raises StoreError where the file holds something else now."""
    from aggregator.store.postgres.target import Intake
    from aggregator.store.sql.copying import Sum, fingerprint

    intake = Intake()
    sums = {
        table.name: Sum.of(intake.rows(table, source.rows(table.name, tuple(table.columns))))
        for table in target.tables(source.tables())
    }
    if fingerprint(sums) != mark:
        raise StoreError(
            f"{target.name}: it has what {source.name} held at an earlier move, and that was written to since; "
            "if nothing uses that database yet, drop it, make an empty one and move again; nothing was changed"
        )
    return Moved(sums, intake.replaced, found=True)
