"""The reading pages as files: a walk along the links from Today, each page made by its own route, for a visitor.

Nothing is asked over a network: the application is called as a server would call it.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import unquote

from fastapi import FastAPI
from starlette.routing import Route
from starlette.types import Message, Scope

from aggregator.app import App
from aggregator.web import assets
from aggregator.web.asfile import as_file
from aggregator.web.cache import PageCache
from aggregator.web.filelinks import FileLinks
from aggregator.web.frame import Frame
from aggregator.web.links import PATHS, Links
from aggregator.web.pages import build

NAMES = (
    "today", "day", "watchlists", "watchlist", "listing", "story", "feeds", "feed", "editions", "edition", "sheet", "digest",
    "about",
)  # fmt: skip
"""The pages that are made; each leads to others."""
MORE: Mapping[str, Collection[str]] = {
    "watchlist": ("days", "show"), "feed": ("days",), "feeds": ("sort", "page"), "editions": ("before",),
}  # fmt: skip
"""What else an address may ask for, that a page of its own is made of; the rest is for a server."""
SEEDS = ("today", "watchlists", "feeds", "editions", "about")
AGAIN = 3
"""Times that pages are made anew because one they lead to is not there."""


class Everybodys(Frame):
    """The frame of pages that are given away: whoever gets the files may read them. Nothing is kept: each is made once."""

    def __init__(self, app: App, links: Links) -> None:
        super().__init__(app, links)
        self.cache = PageCache(0)

    @property
    def readable(self) -> bool:
        """See Frame."""
        return True

    @property
    def standstill(self) -> str:
        """See Frame; what a file says stays true."""
        return ""


@dataclass(frozen=True, slots=True)
class Made:
    """A file of the export, and how many pages are known of so far."""

    file: str
    body: bytes
    known: int


class Export:
    """One export. `failed` names the addresses that could not be made."""

    def __init__(self, app: App, days: int) -> None:
        """Pages of single days are made of the last so many."""
        self.failed: list[str] = []
        self._app = app
        url = app.configuration.settings.web.public_url
        names: set[str] = set()
        self._links = FileLinks(names, self._is_wanted, url)
        frame = Everybodys(app, self._links)
        self._web = build(app, frame)
        served = {route.path for route in self._web.routes if isinstance(route, Route)}
        names.update(name for name in NAMES if PATHS[name] in served)
        self._first = frame.today() - timedelta(days=days)
        self._files: dict[str, str] = {}
        self._leads: dict[str, set[str]] = {}

    def files(self) -> Iterator[Made]:
        """Every file; a page is given again, and the last time counts, where one that it leads to could not be made."""
        for name, body in assets.files().items():
            yield Made(f"static/{name}", body, 0)
        with asyncio.Runner() as runner:
            waiting = deque(self._seeds())
            while waiting:
                yield from self._make(runner, waiting.popleft(), waiting)
            for _ in range(AGAIN):
                behind = [page for page, leads in self._leads.items() if leads & self._links.gone]
                for address in behind:
                    yield from self._make(runner, address, deque())

    def _seeds(self) -> list[str]:
        for name in SEEDS:
            self._links(name)
        for form in ("atom", "json"):
            for watchlist in self._app.configuration.watchlists:
                self._links("listing", watchlist=watchlist.id, form=form)
            for digest in self._app.configuration.digests:
                self._links("digest", digest=digest.id, form=form)
        self._files.update(self._links.asked)
        return list(self._files)

    def _make(self, runner: asyncio.Runner, address: str, waiting: deque[str]) -> Iterator[Made]:
        """One page, and what it leads to into the queue."""
        links = self._links
        links.at, links.asked = self._files[address], {}
        status, kind, body = runner.run(ask(self._web, address))
        if status != 200:
            links.gone.add(address)
            self._leads.pop(address, None)
            self.failed += [address] if status >= 500 else []
            return
        new = [one for one in links.asked if one not in self._files]
        self._files.update(links.asked)
        self._leads[address] = set(links.asked)
        waiting.extend(new)
        yield Made(links.at, as_file(body.decode()).encode() if "html" in kind else body, len(self._files))

    def _is_wanted(self, name: str, given: Mapping[str, object]) -> bool:
        more = {key for key, value in given.items() if f"{{{key}}}" not in PATHS[name] and value not in ("", None)}
        return more <= {*MORE.get(name, ())} and (name != "day" or self._is_late(str(given["day"])))

    def _is_late(self, day: str) -> bool:
        return re.fullmatch(r"\d{4}-\d\d-\d\d", day) is not None and date.fromisoformat(day) >= self._first


async def ask(web: FastAPI, address: str) -> tuple[int, str, bytes]:
    """GET a page of an application as a visitor: status, media type, body."""
    path, _, query = address.partition("?")
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"localhost")],
        "client": None,
        "server": ("localhost", 80),
    }
    said: list[Message] = []
    bodies = [b""]

    async def receive() -> Message:
        if not bodies:
            await asyncio.Event().wait()  # a visitor that stays until it has its answer
        return {"type": "http.request", "body": bodies.pop(), "more_body": False}

    async def send(message: Message) -> None:
        said.append(message)

    await web(scope, receive, send)
    headers = dict(said[0]["headers"])
    return (
        said[0]["status"],
        headers.get(b"content-type", b"").decode(),
        b"".join(one.get("body", b"") for one in said[1:]),
    )
