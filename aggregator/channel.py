"""Channels: places other than mailboxes to which editions go. In `to`, rows and commands one is `channel:newsdesk`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

PREFIX = "channel:"

SCHEMES = frozenset(
    [
        "discord",
        "gotify",
        "gotifys",
        "matrix",
        "matrixs",
        "mastodon",
        "mastodons",
        "toot",
        "toots",
        "ntfy",
        "ntfys",
        "pover",
        "signal",
        "signals",
        "slack",
        "tgram",
        "workflow",
        "workflows",
    ]
)
"""Services of chat and push that a `notify` URL may name. What writes to this machine (syslog, dbus), asks any server for
anything (json, xml, form) or sends mail past the outbox's rules (mailto) is not among them."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel; of `webhook`, `notify` and `directory` exactly one is not "".

    Attributes:
        webhook: the URL that editions are posted to; it may hold a secret, as `notify` does.
        keys: what its deliveries are signed with, the newest first.
        notify: an Apprise URL.
        directory: a folder, from the root.
    """

    id: str
    webhook: str = field(default="", repr=False)
    keys: tuple[bytes, ...] = field(default=(), repr=False)
    notify: str = field(default="", repr=False)
    directory: str = ""

    @property
    def address(self) -> str:
        """What stands in a subscription's place for an address."""
        return PREFIX + self.id


def named(address: str) -> str:
    """The id of the channel that an address names, or "" when it is a mail address."""
    return address.removeprefix(PREFIX) if address.startswith(PREFIX) else ""


def scheme(url: str) -> str:
    """`tgram` of `tgram://...`, or "" when it is no URL at all."""
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://\S", url)
    return found[1].lower() if found else ""
