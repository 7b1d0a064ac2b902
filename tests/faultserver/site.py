"""Every row of the manifest, and the place where they are served, each from a loopback host of its own."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.faultserver import (
    attacks,
    charsets,
    codings,
    datings,
    documents,
    framing,
    guards,
    hints,
    overtime,
    redirects,
    retries,
    statuses,
    validators,
)
from tests.faultserver.manifest import FEED, Fault, Place

THEMES = (statuses, validators, redirects, retries, hints, codings, framing, charsets, documents, datings, overtime, guards, attacks)  # fmt: skip
FAULTS: tuple[Fault, ...] = tuple(fault for theme in THEMES for fault in theme.FAULTS)
LIMITS = {
    "AGGREGATOR__NETWORK__TOTAL_TIMEOUT": "3s",
    "AGGREGATOR__NETWORK__CONNECT_TIMEOUT": "2s",
    "AGGREGATOR__LIMITS__BODY": "4MB",
    "AGGREGATOR__POLLING__WORKERS": "2",
}
"""Smaller than in real life, so that what is slow or large is so at once."""


@dataclass
class Site:
    """The rows being served: places, URLs and what stands in feeds.yaml, by the rows' names."""

    places: dict[str, Place] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)
    feeds: list[dict[str, Any]] = field(default_factory=list)
    names: dict[str, list[str]] = field(default_factory=dict)

    def add(self, fault: Fault, place: Place) -> None:
        """Serve one more row."""
        answer = fault.serve(place)
        url = answer if isinstance(answer, str) else place.add(FEED, answer)
        self.places[fault.name], self.urls[fault.name] = place, url
        self.feeds.append({"id": feed_id(fault.name), "url": url, **fault.feed})
        for number, path in enumerate(fault.also, 1):
            self.feeds.append({"id": f"{feed_id(fault.name)}-also-{number}", "url": place.server.url(path)})


def feed_id(name: str) -> str:
    """A row's name as the id of a feed."""
    return name.replace(".", "-")


@contextmanager
def served() -> Iterator[Site]:
    """All of it, until the block ends."""
    with ExitStack() as stack:
        hosts = itertools.count()
        site = Site()
        for fault in FAULTS:
            site.add(fault, Place(stack, hosts, site.names))
        yield site


def feeds_file(site: Site) -> str:
    """feeds.yaml of a home that polls them all; JSON is YAML."""
    return json.dumps({"feeds": site.feeds}, indent=1)
