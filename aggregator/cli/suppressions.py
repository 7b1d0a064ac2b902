"""`aggregator subscriptions suppressions ...`."""

from __future__ import annotations

import csv
import re
import sys
from datetime import UTC, datetime
from typing import TextIO

import click

from aggregator.cli import output
from aggregator.cli.context import Context, Group, json_option, pass_context, talk
from aggregator.errors import UsageError
from aggregator.readership import Suppressed

HASH = re.compile(r"[0-9a-f]{64}")


@click.group("suppressions", cls=Group)
def command() -> None:
    """Addresses that are never written to, as keyed hashes: the list names nobody."""


@command.command("list")
@json_option
@pass_context
def suppressed(context: Context, as_json: bool) -> None:
    """Every hash with its reason.

    Example: aggregator subscriptions suppressions list
    """
    with context.app(reads=True) as app:
        found = app.stores.suppressions.list()
    rows = [["hash", "reason", "since"]]
    for one in found:
        if as_json:
            output.line({"hash": one.address_hmac, "reason": one.reason, "since": output.when(one.created_at)})
        rows.append([one.address_hmac, one.reason, output.short(one.created_at)])
    if not as_json:
        output.table(rows, limits=[64, 40, 16])


@command.command("add")
@click.argument("address")
@pass_context
def suppress(context: Context, address: str) -> None:
    """Never write to an address again, whoever asks.

    Example: aggregator subscriptions suppressions add anna@example.org
    """
    plain = plain_address(address)
    with context.app() as app:
        store = app.stores.suppressions
        new = store.add([Suppressed(store.hash(plain), "added by the operator", app.clock.now())])
    talk(f"{plain} is never written to" if new else f"{plain} was on the list already")


@command.command("remove")
@click.argument("address", metavar="ADDRESS|HASH")
@pass_context
def lift(context: Context, address: str) -> None:
    """Take an address, or a hash as listed, off the list.

    Example: aggregator subscriptions suppressions remove anna@example.org
    """
    with context.app() as app:
        store = app.stores.suppressions
        if not store.remove(store.hash(plain_address(address)) if "@" in address else address):
            raise UsageError(f"{address} is not on the list")
    talk(f"{address} may be written to again")


@command.command("export")
@pass_context
def carry_out(context: Context) -> None:
    """Print the list as CSV; it is of use where the same var/secret is.

    Example: aggregator subscriptions suppressions export > suppressions.csv
    """
    with context.app(reads=True) as app:
        found = app.stores.suppressions.list()
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["hash", "reason", "since"])
    writer.writerows([one.address_hmac, one.reason, output.when(one.created_at)] for one in found)


@command.command("import")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@pass_context
def bring_in(context: Context, file: TextIO) -> None:
    """Add the hashes of a CSV file that `export` printed; `-` reads standard input.

    Example: aggregator subscriptions suppressions import suppressions.csv
    """
    with context.app() as app:
        entries = _read(file, app.clock.now())
        new = app.stores.suppressions.add(entries)
    talk(f"{output.many(new, 'address', 'addresses')} added, {len(entries) - new} there already")


def _read(file: TextIO, now: datetime) -> list[Suppressed]:
    """The entries of a CSV file; `reason` and `since` may be missing. Raises UsageError naming the line."""
    found, name = [], str(getattr(file, "name", "standard input"))
    try:
        for number, row in enumerate(csv.reader(file), 1):
            if not row or (number == 1 and row[0] == "hash"):
                continue
            if not HASH.fullmatch(row[0]):
                raise UsageError(f"{name}:{number}: {row[0][:40]!r} is no hash of 64 digits, as `export` prints them")
            found.append(Suppressed(row[0], (row[1:2] or ["imported"])[0], _moment(row[2:3], now)))
    except (csv.Error, UnicodeDecodeError) as e:
        raise UsageError(f"{name}: {e}; it should be a CSV file that `export` printed") from None
    return found


def _moment(cell: list[str], now: datetime) -> datetime:
    try:
        found = datetime.fromisoformat(cell[0])
    except (ValueError, IndexError):
        return now
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def plain_address(text: str) -> str:
    """A mail address; UsageError says why a text is none."""
    from aggregator import settings

    try:
        return settings.address(text)
    except ValueError as e:
        raise UsageError(f"{text}: {e}") from None
