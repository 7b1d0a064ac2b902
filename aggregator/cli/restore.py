"""`aggregator restore`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from aggregator.cli import output
from aggregator.cli.context import Context, pass_context, talk
from aggregator.errors import UsageError

if TYPE_CHECKING:
    from aggregator.care import Recalled
    from aggregator.restoring import Found

SHOWN = 20


@click.command("restore")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--check", is_flag=True, help="Only say what a restore would find; nothing changes.")
@pass_context
def command(context: Context, file: Path, *, check: bool) -> None:
    """Put a backup in place. The database it replaces is kept beside it; unsent messages are held until you release them.

    What was sent since the backup was made is known from the log in var/sent, and is not sent again; who left since stays away.
    Where that log does not reach back, everything is held until you release it. What came since is polled anew where it still stands
    in the feeds.

    Example: aggregator restore var/backups/aggregator-20261124-030000.tar.gz
    """
    from aggregator import restoring, settings
    from aggregator.instance import InstanceLock

    with context.app(sync=False) as app:
        home, now = app.configuration.home, app.clock.now()
        if home.server and not check:
            raise UsageError(
                f"storage.url names {home.database}: an archive is put in place of a file; "
                "pg_restore restores a server, and docs/howto.md says how to move a restored file there"
            )
        if check:
            found = restoring.verify(home, file, now)
            talk(f"{file}: sound; nothing was changed")
        else:
            settings.prepare(home)
            lock = InstanceLock(home.lock)
            lock.acquire()
            try:
                found = restoring.restore(home, file, now)
            finally:
                lock.release()
            talk(f"restored {file}; the database before it is {home.db}.before-restore")
    tell(found)


def tell(found: Found) -> None:
    """What a restore finds, for people."""
    stats = found.stats
    entries, stories = (
        output.many(stats["entries"], "entry", "entries"),
        output.many(stats["stories"], "story", "stories"),
    )
    talk(f"made {found.made_at:%Y-%m-%d %H:%M:%S} UTC: {entries}, {stories}")
    tell_recalled(found.recalled)
    if found.held:
        messages = output.many(found.held, "unsent message")
        talk(f"{messages} held: look at `aggregator outbox list`, then `aggregator outbox release` or `outbox drop`")


def tell_recalled(recalled: Recalled) -> None:
    """What the log knows of the time since, for people."""
    if recalled.editions:
        talk(f"sent since, by the log, and not sent again: {output.many(len(recalled.editions), 'edition')}")
        for one in recalled.editions[:SHOWN]:
            talk(f"  {one}")
        if len(recalled.editions) > SHOWN:
            talk(f"  and {len(recalled.editions) - SHOWN} more")
    for count, what, many in (
        (recalled.sent, "message that waited was sent since", "messages that waited were sent since"),
        (recalled.stopped, "subscription ended or paused since", "subscriptions ended or paused since"),
        (recalled.suppressed, "address is suppressed since", "addresses are suppressed since"),
    ):
        if count:
            talk(output.many(count, what, many))
    if not recalled.whole:
        talk(
            "the log of what was sent (var/sent) does not reach back to it: every edition is held until `aggregator outbox release`"
        )
