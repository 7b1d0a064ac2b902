"""A channel -> the transport that carries editions to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aggregator.delivery.directory import DirectoryTransport
from aggregator.delivery.notify import NotifyTransport
from aggregator.delivery.webhook import WebhookTransport

if TYPE_CHECKING:
    from aggregator.channel import Channel
    from aggregator.ports import Clock, Poster, Transport


def transport(channel: Channel, poster: Poster, clock: Clock) -> Transport:
    """The transport of a channel; nothing is connected to yet."""
    if channel.directory:
        return DirectoryTransport(Path(channel.directory))
    if channel.notify:
        return NotifyTransport(channel.id, channel.notify)
    return WebhookTransport(channel.id, channel.webhook, channel.keys, poster=poster, clock=clock)
