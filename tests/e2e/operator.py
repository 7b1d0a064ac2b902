"""An operator's browser for the tests of pages: a session in the store, its cookie, and marks scraped from the pages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse  # noqa: TID251 - this is a browser
from urllib.parse import urlencode, urlsplit

from aggregator.app import App

TOKEN = "a" * 26


@dataclass
class Browser:
    """Asks for pages; with a `session` it is the operator's."""

    url: str
    session: str = ""

    @classmethod
    def signed_in(cls, app: App, url: str) -> Browser:
        """One with a session of its own."""
        app.stores.credentials.issue("session", TOKEN, "test", app.clock.now())
        return cls(url, TOKEN)

    def ask(self, path: str, fields: dict[str, str] | None = None) -> tuple[HTTPResponse, str]:
        """GET, or POST of the fields."""
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=10)
        headers = {"Cookie": f"session={self.session}"} if self.session else {}
        if fields is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request(
                "GET" if fields is None else "POST", path, None if fields is None else urlencode(fields), headers
            )
            response = connection.getresponse()
            return response, response.read().decode()
        finally:
            connection.close()

    def read(self, path: str) -> str:
        """A page that must be there."""
        response, page = self.ask(path)
        assert response.status == 200, (path, response.status)
        return page

    def do(self, path: str, act: str) -> str:
        """Press a button of a page: the mark is that of the page; the page it leads to."""
        found = re.search(r'name="mark" value="([^"]+)"', self.read(path))
        assert found, path
        response, _ = self.ask(path, {"mark": found[1], "do": act})
        assert response.status == 303, (path, act, response.status)
        return self.read(response.headers["Location"])
