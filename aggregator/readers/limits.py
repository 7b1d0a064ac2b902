"""Limits against mail bombing: the page that asks for letters must not be a way to fill a stranger's mailbox."""

from __future__ import annotations

from dataclasses import dataclass

from aggregator.readership import Asked


@dataclass(frozen=True, slots=True)
class Limits:
    """Letters at most: for an address in a day and, unconfirmed, in 30 days; for a network, a domain and all in an hour."""

    day: int = 1
    month: int = 3
    network: int = 5
    domain: int = 30
    all: int = 60


WATCHLISTS = 20
"""Subscriptions of one address that it may ask for by itself."""
QUERY_LENGTH = 500
QUERY_TERMS = 40
"""Of a reader's own query, aliases counted as what they stand for."""


def refusal(asked: Asked, limits: Limits | None = None) -> str:
    """Which limit keeps the next letter back; "" for none."""
    most = limits or Limits()
    pairs = (
        ("address, a day", asked.day, most.day),
        ("address, a month", asked.month, most.month),
        ("network", asked.network, most.network),
        ("domain", asked.domain, most.domain),
        ("everybody", asked.all, most.all),
    )
    return next((name for name, count, limit in pairs if count >= limit), "")
