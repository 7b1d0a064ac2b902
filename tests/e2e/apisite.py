"""A home with stories, matches and an edition on a staged clock, its pages served, and a program that asks with a token."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPConnection, HTTPResponse  # noqa: TID251 - this is a program that asks
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aggregator.app import App, build
from aggregator.clock import SetClock
from aggregator.reading import Scope
from aggregator.web.server import WebThread
from tests.conformance.feedserver import Call, FeedServer
from tests.conftest import loopback_only
from tests.e2e.homes import ENVIRON, START, WATCHLISTS, Item, digests, rss, sweep, write_home

TEXT = "The CSTO met in Minsk on Thursday. " * 20
ITEMS = [
    Item("drill", "CSTO soldiers begin a drill near Minsk", TEXT),
    *(Item(str(n), f"CSTO & report <b>{n}</b>", f"Number {n}: the CSTO reports.") for n in range(6)),
    Item("weather", "Weather", "It rains."),
    Item("rus", "ОДКБ собирается в Минске", "Организация собирается сегодня, сообщили журналистам в четверг."),
]


def token(*scopes: Scope) -> str:
    """The text of a token with these scopes; always the same."""
    return "agg_" + "".join(f"{scope[0]}" for scope in scopes).ljust(26, "a")


@dataclass
class Site:
    """The App, its clock, where it is served, and what its feed holds."""

    app: App
    clock: SetClock
    url: str
    items: list[Item]

    def ask(self, path: str, method: str = "GET", key: str = token("read"), **headers: str) -> tuple[HTTPResponse, str]:
        """What is answered under /api/v1, with a token unless it is ""."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if key:
            given["Authorization"] = f"Bearer {key}"
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=10)
        try:
            connection.request(method, path if path.startswith("/api") else f"/api/v1{path}", headers=given)
            response = connection.getresponse()
            return response, response.read().decode()
        finally:
            connection.close()

    def read(self, path: str, key: str = token("read")) -> Any:
        """The JSON of an answer that must be 200."""
        response, text = self.ask(path, key=key)
        assert response.status == 200, text
        return json.loads(text)

    def publish(self, title: str) -> None:
        """Let one of the feeds bring something, a minute later."""
        self.clock.advance(timedelta(minutes=1))
        self.items.append(Item(title, title, title, self.clock.now()))
        list(self.app.poll.sweep(everything=True))


@contextmanager
def site(home: Path, *, excerpt: str = "") -> Iterator[Site]:
    """Serve such a home; `excerpt` is the second feed's licence."""
    items = list(ITEMS)

    def serve(call: Call) -> None:
        call.respond(200, rss(*items), [("Content-Type", "application/rss+xml")])

    def echo(call: Call) -> None:
        call.respond(200, rss(ITEMS[0]), [("Content-Type", "application/rss+xml")])

    with ExitStack() as stack:
        stack.enter_context(loopback_only())
        server = stack.enter_context(FeedServer())
        second: dict[str, Any] = {"id": "echo", "url": server.add("/echo", echo)}
        if excerpt:
            second["excerpt"] = excerpt
        write_home(
            home, [{"id": "wire", "url": server.add("/wire", serve)}, second], watchlists=WATCHLISTS, digests=digests()
        )
        (home / "config/aggregator.yaml").write_text(json.dumps({"web": {"public_url": "https://news.example"}}))
        clock = SetClock(START)
        app = stack.enter_context(build(home, ENVIRON, clock))
        app.sync()
        sweep(app)
        clock.advance(timedelta(hours=20))
        app.compose.run()
        for scopes in (("read",), ("operate",), ("health",), ("read", "operate", "health")):
            app.stores.credentials.issue("api", token(*scopes), "+".join(scopes), clock.now(), scopes=scopes)
        thread = WebThread(app, "127.0.0.1", 0)
        thread.start()
        stack.callback(thread.stop)
        yield Site(app, clock, thread.url, items)
