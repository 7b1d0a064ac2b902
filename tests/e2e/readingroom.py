"""A home on a staged clock whose pages are served, for the tests of the pages that people read."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.client import HTTPConnection, HTTPResponse  # noqa: TID251 - this is a browser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aggregator.app import App, build
from aggregator.clock import SetClock
from aggregator.web.server import WebThread
from tests.conformance.feedserver import Call, FeedServer
from tests.e2e.homes import ENVIRON, START, Item, rss, write_home

MINUTE = timedelta(minutes=1)


@dataclass
class Room:
    """The home, its feeds, and a browser."""

    app: App
    clock: SetClock
    url: str
    items: dict[str, list[Item]]
    broken: set[str] = field(default_factory=set)

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[HTTPResponse, str]:
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=10)
        try:
            connection.request(method, path, headers={n.replace("_", "-"): v for n, v in headers.items()})
            response = connection.getresponse()
            return response, response.read().decode()
        finally:
            connection.close()

    def page(self, path: str) -> str:
        response, page = self.ask(path)
        assert response.status == 200, (path, response.status, page)
        return page

    def read(self, path: str) -> str:
        """What stands on a page, its tags and white space left out."""
        return read(self.page(path))

    def publish(self, *titles: str, feed: str = "a", text: str = "", **more: Any) -> None:
        """A minute later a feed brings these."""
        self.clock.advance(MINUTE)
        items = self.items[feed]
        for title in titles:
            number = f"{feed}{len(items)}"
            items.append(Item(number, title, text or f"{title}, number {number}.", self.clock.now(), **more))
        self.poll()

    def at(self, moment: datetime) -> None:
        """It becomes so late."""
        self.clock.advance(moment - self.clock.now())

    def poll(self) -> None:
        list(self.app.poll.sweep(everything=True))


def read(page: str) -> str:
    """The words of a page; one space between them."""
    main = page[page.index("<main") : page.index("</main>")]
    apart = re.sub(r"</?(?:li|p|t[dhr]|h\d|option|section)\b", r" \g<0>", main)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", apart)).split())


@contextmanager
def room(
    home: Path,
    feeds: Mapping[str, Mapping[str, Any]],
    watchlists: Mapping[str, Any],
    digests: Mapping[str, Any],
    **settings: Any,
) -> Iterator[Room]:
    """Feeds by id, with more of what feeds.yaml says of them; each has been read once, before anything is published."""
    items: dict[str, list[Item]] = {name: [Item(f"{name}-first", f"Nothing yet from {name}")] for name in feeds}
    broken: set[str] = set()

    def serve(call: Call) -> None:
        name = call.request.path.strip("/")
        if name in broken:
            call.respond(503, b"", [])
        else:
            call.respond(200, rss(*items[name]), [("Content-Type", "application/rss+xml")])

    with ExitStack() as stack:
        server = stack.enter_context(FeedServer())
        listed = [{"id": name, "url": server.add(f"/{name}", serve), **more} for name, more in feeds.items()]
        write_home(home, listed, watchlists=watchlists, digests=digests)
        (home / "config/aggregator.yaml").write_text(json.dumps(settings))
        clock = SetClock(START)
        app = stack.enter_context(build(home, ENVIRON, clock))
        app.sync()
        list(app.poll.sweep())  # the first poll of a feed raises no alert
        thread = WebThread(app, "127.0.0.1", 0)
        thread.start()
        stack.callback(thread.stop)
        yield Room(app, clock, thread.url, items, broken)
