"""A browser that keeps cookies and follows nothing, and the tables of a home as anybody can read them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPMessage  # noqa: TID251 - this is a browser
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urlsplit

from aggregator.app import App
from aggregator.digests import messages
from aggregator.reading import LINK
from aggregator.web.server import WebThread


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: HTTPMessage
    page: str

    @property
    def location(self) -> str:
        """Where a redirect leads."""
        return self.headers.get("Location") or ""

    @property
    def cookie(self) -> str:
        """The cookie that is set, with its attributes."""
        return self.headers.get("Set-Cookie") or ""

    def field(self, name: str) -> str:
        """The value of a hidden field; "" where there is none."""
        found = re.search(rf'name="{name}" value="([^"]*)"', self.page)
        return found[1] if found else ""


@dataclass
class Browser:
    """One visitor."""

    url: str
    cookies: dict[str, str] = field(default_factory=dict)

    def connection(self) -> HTTPConnection:
        """A new one."""
        return HTTPConnection(urlsplit(self.url).netloc, timeout=10)

    def ask(self, path: str, fields: Mapping[str, str] | None = None, /, method: str = "", **headers: str) -> Answer:
        """GET, or POST of the fields. `X_Forwarded_For=...` is a header."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies:
            given["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        body = None if fields is None else urlencode(fields)
        if body is not None:
            given.setdefault("Content-Type", "application/x-www-form-urlencoded")
        connection = self.connection()
        try:
            connection.request(method or ("GET" if body is None else "POST"), path, body, given)
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read().decode())
        finally:
            connection.close()
        for name, morsel in SimpleCookie(answer.cookie).items():
            self.cookies[name] = morsel.value
            if not morsel.value:
                del self.cookies[name]
        return answer

    def sign_in(self, app: App, page: str = "") -> Answer:
        """By a new link, as it is made on the command line."""
        path = f"/sign-in/{link(app)}"
        return self.ask(path, {"stamp": self.ask(path).field("stamp"), "next": page})


def link(app: App) -> str:
    """The token of a new link that signs in."""
    token, now = messages.new_token(), app.clock.now()
    app.stores.credentials.issue("link", token, "command line", now, expires_at=now + LINK)
    return token


@contextmanager
def served(app: App) -> Iterator[str]:
    """The pages of an App; where they are."""
    thread = WebThread(app, "127.0.0.1", 0)
    thread.start()
    try:
        yield thread.url
    finally:
        thread.stop()
