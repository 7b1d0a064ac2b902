"""Homes on a staged clock, for the tests that take the lines of the route one by one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from aggregator.app import App, build
from aggregator.clock import SetClock
from aggregator.model import PollReport
from tests import emptydb

START = datetime(2023, 2, 2, 12, 0, tzinfo=UTC)
"""15:00 in Minsk."""
WATCHLISTS: dict[str, Any] = {
    "aliases": {"csto": ["=CSTO", "=ОДКБ", "=АДКБ"]},
    "watchlists": [{"id": "csto", "title": "CSTO", "query": "@csto"}],
}
ENVIRON = {
    "AGGREGATOR__NETWORK__ALLOW_PRIVATE": '["127.0.0.0/8"]',
    "AGGREGATOR__NETWORK__HOST_SPACING": "0s",
    "AGGREGATOR__POLLING__WORKERS": "1",
    "AGGREGATOR__WEB__SEARCH_TIME": "60s",  # what is found must not depend on how busy the machine is
}


@dataclass(frozen=True)
class Item:
    """An item of a feed."""

    guid: str
    title: str
    text: str = ""
    at: datetime = START - timedelta(hours=1)
    link: str = ""


def rss(*items: Item) -> bytes:
    """RSS 2.0 of the items."""
    parts = [
        f"<item><guid isPermaLink='false'>{escape(i.guid)}</guid><title>{escape(i.title)}</title>"
        f"<link>{escape(i.link or f'https://news.example/{i.guid}')}</link>"
        f"<description>{escape(i.text)}</description><pubDate>{format_datetime(i.at, usegmt=True)}</pubDate></item>"
        for i in items
    ]
    return f"<rss version='2.0'><channel><title>News</title>{''.join(parts)}</channel></rss>".encode()


def digests(*more: Mapping[str, Any]) -> dict[str, Any]:
    """One at once and one every morning at 07:30 in Minsk, and more where wished."""
    about: dict[str, Any] = {"watchlists": ["csto"], "to": ["desk@example.org"]}
    now = {"id": "now", "title": "At once", "every": "instant", "wait": "0s"}
    daily = {"id": "daily", "title": "Daily", "at": "07:30", "timezone": "Europe/Minsk"}
    return {"digests": [about | now, about | daily, *more]}


def write_home(
    home: Path,
    feeds: Sequence[Mapping[str, Any]],
    *,
    watchlists: Mapping[str, Any] | None = None,
    digests: Mapping[str, Any] | None = None,
) -> None:
    """The files, JSON is YAML, and an empty database."""
    emptydb.put(home / "var/aggregator.db")
    (home / "config").mkdir(parents=True, exist_ok=True)
    (home / "feeds.yaml").write_text(json.dumps({"feeds": list(feeds)}))
    (home / "config/watchlists.yaml").write_text(json.dumps(watchlists or {}))
    (home / "config/digests.yaml").write_text(json.dumps(digests or {}))


@contextmanager
def staged(home: Path) -> Iterator[tuple[App, SetClock]]:
    """An App on the home whose clock stands at START."""
    clock = SetClock(START)
    with build(home, ENVIRON, clock) as app:
        app.sync()
        yield app, clock


def sweep(app: App) -> dict[str, PollReport]:
    """Poll what is due; the reports by feed."""
    return {report.feed_id: report for report in app.poll.sweep()}
