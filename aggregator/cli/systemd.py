"""`aggregator systemd`."""

from __future__ import annotations

import re
import sys
from importlib import resources
from pathlib import Path

import click

from aggregator.cli.context import Context, pass_context, talk
from aggregator.errors import UsageError

PLAIN = re.compile(r"[\w./+:@-]+")
"""A path that means nothing else in a unit file."""
STATE = "%S/aggregator"
OWN_FOLDER = ("DynamicUser=yes\n", "StateDirectory=aggregator\n", "StateDirectoryMode=0700\n")


@click.command("systemd")
@click.option(
    "--user", default="", help="Run on --home as this user, in place of /var/lib/aggregator as a user of its own."
)
@pass_context
def command(context: Context, user: str) -> None:
    """Print a unit file for this installation: Type=notify, a watchdog, and as few rights as it needs.

    The service's home is /var/lib/aggregator, which systemd makes and gives to a user of its own; with --user it is the present
    home, of which only var/ may be written.

    \b
    Examples:
      aggregator systemd > /etc/systemd/system/aggregator.service
      aggregator --home /srv/news systemd --user news
    """
    program = _plain(Path(sys.prefix) / "bin/aggregator")
    text = (resources.files("aggregator") / "packaging/aggregator.service").read_text("utf-8")
    text = text.replace("/usr/bin/aggregator", program)
    if user:
        if not re.fullmatch(r"[a-z_][a-z0-9_-]*\$?", user):
            raise UsageError(f"{user!r} is not the name of a user")
        text = _of(text, _plain(context.home.resolve()), user)
    if program.startswith(("/home/", "/root/")):
        talk(
            f"warning: {program} lies where the unit may not look (ProtectHome); install aggregator into /opt, for instance:\n"
            "  python3 -m venv /opt/aggregator && /opt/aggregator/bin/pip install aggregator-VERSION-py3-none-any.whl"
        )
    click.echo(text, nl=False)


def _plain(path: Path) -> str:
    """The path as it may stand in a unit file. Raises UsageError."""
    if not PLAIN.fullmatch(str(path)):
        raise UsageError(
            f"{str(path)!r}: a unit file would take that for something else; use a path without blanks and signs"
        )
    return str(path)


def _of(text: str, home: str, user: str) -> str:
    """The unit for a home that is there already: all of it can be read, and only `var` written."""
    for line in OWN_FOLDER:
        text = text.replace(line, "")
    text = text.replace("UMask=0077\n", f"UMask=0077\nUser={user}\nReadWritePaths={home}/var\n")
    text = text.replace(
        "the home is /var/lib/aggregator (feeds.yaml, config/, var/), written to by this service alone.",
        f"the home is {home}.",
    )
    if home.startswith(("/home/", "/root/")):
        text = text.replace("ProtectHome=yes\n", f"ProtectHome=tmpfs\nBindReadOnlyPaths={home}\nBindPaths={home}/var\n")
    return text.replace(STATE, home)
