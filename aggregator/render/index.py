"""The list of past editions as a page, beside the editions' own pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote

from aggregator.publication import StoredEdition
from aggregator.render.columns import plain
from aggregator.render.environment import Templates
from aggregator.render.when import Calendar


@dataclass(frozen=True, slots=True)
class IndexRow:
    """One edition in the list."""

    link: str
    subject: str
    title: str
    time: str
    time_iso: str


def index_page(editions: Sequence[tuple[StoredEdition, str]]) -> str:
    """The page that lists editions, in the order given; each with the relative address of its own page."""
    return _templates().render("index.html.j2", rows=[_row(edition, address) for edition, address in editions])


@cache
def _templates() -> Templates:
    return Templates()


def _row(edition: StoredEdition, address: str) -> IndexRow:
    """Times are UTC: a stored edition does not name its zone, and the subject says the local day."""
    calendar = Calendar("UTC", edition.composed_at)
    at = edition.composed_at
    return IndexRow(
        link=quote(address, safe="/:+-._~"),
        subject=plain(edition.subject),
        title=plain(edition.title),
        time=f"{calendar.local(at).date().isoformat()} {calendar.clock(at)} UTC",
        time_iso=calendar.iso(at),
    )
