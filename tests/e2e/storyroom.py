"""A reading room with something in it: feeds polled over HTTP on a staged clock, and its pages served."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from http.client import HTTPConnection, HTTPResponse  # noqa: TID251 - this is a browser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aggregator import settings
from aggregator.app import App
from aggregator.clock import SetClock
from aggregator.web.server import WebThread
from tests.conformance.feedserver import Call, FeedServer
from tests.e2e.homes import ENVIRON, WATCHLISTS, Item, digests, rss, staged, sweep, write_home

DIGESTS = digests()


@dataclass
class Room:
    """A home, its staged clock, its feeds' items, and a browser."""

    home: Path
    app: App
    clock: SetClock
    server: FeedServer
    url: str
    items: dict[str, list[Item]] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)

    def answer(self, name: str, call: Call) -> None:
        call.respond(500) if name in self.down else call.respond(200, rss(*self.items[name]))

    def feed(self, name: str, **more: Any) -> dict[str, Any]:
        """What feeds.yaml says of one."""
        self.items.setdefault(name, [])
        return {"id": name, "url": self.server.add(f"/{name}", partial(self.answer, name)), "interval": "5m", **more}

    def configure(
        self, feeds: Sequence[Mapping[str, Any]], watchlists: Mapping[str, Any] = WATCHLISTS, **more: Any
    ) -> None:
        write_home(self.home, feeds, watchlists=watchlists, digests=DIGESTS)
        self.app.reconfigure(settings.load(self.home, {**ENVIRON, **more}))

    def publish(self, name: str, guid: str, title: str, text: str = "", **more: Any) -> None:
        """One item, now; an item with a guid that is there takes its place."""
        kept = [item for item in self.items[name] if item.guid != guid]
        self.items[name] = [*kept, Item(guid, title, text or title, **{"at": self.clock.now(), **more})]

    def pass_time(self, by: timedelta = timedelta(), *, compose: bool = True) -> None:
        """Go on, poll and compose."""
        self.clock.advance(by)
        sweep(self.app)
        if compose:
            self.app.compose.run()

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[HTTPResponse, str]:
        return ask(self.url, path, method, **headers)

    def page(self, path: str) -> str:
        response, text = self.ask(path)
        assert response.status == 200, (path, response.status, text)
        return text

    def story(self, title: str) -> int:
        """The story of the newest entry with this title."""
        return next(e.story_id for e in reversed(list(self.app.stores.entries.entries())) if e.title == title)


@contextmanager
def room(home: Path) -> Iterator[Room]:
    """An empty one."""
    with ExitStack() as stack:
        server = stack.enter_context(FeedServer())
        write_home(home, [], watchlists=WATCHLISTS, digests=DIGESTS)
        app, clock = stack.enter_context(staged(home))
        yield Room(home, app, clock, server, stack.enter_context(served(app)))


@contextmanager
def served(app: App) -> Iterator[str]:
    """The pages of an App; their address."""
    thread = WebThread(app, "127.0.0.1", 0)
    thread.start()
    try:
        yield thread.url
    finally:
        thread.stop()


def ask(url: str, path: str, method: str = "GET", **headers: str) -> tuple[HTTPResponse, str]:
    connection = HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request(method, path, headers={n.replace("_", "-"): v for n, v in headers.items()})
        response = connection.getresponse()
        return response, response.read().decode()
    finally:
        connection.close()


def text_of(page: str) -> str:
    """A page's text on one line, as it is read."""
    body = page.partition("<main")[2].partition(">")[2].partition("</main>")[0]
    return " ".join(re.sub(r"<[^>]+>", "", body).split())
