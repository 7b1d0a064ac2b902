"""The routes: archive, one edition, unsubscribe (RFC 8058), health. GET never changes anything."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from datetime import UTC
from functools import partial

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from aggregator.app import App
from aggregator.errors import AggregatorError
from aggregator.publication import Subscription

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
log = logging.getLogger("aggregator")

TOKEN = re.compile(r"[a-z2-7]{26}")


NO_SUBSCRIPTION = "This link does not belong to a subscription."
NOT_NOW = "This cannot be shown at the moment. Try again later."


def build(app: App) -> FastAPI:
    """The ASGI application on an App."""
    web = FastAPI(title="aggregator", docs_url=None, redoc_url=None, openapi_url=None)
    pages = Pages(app)
    get = partial(web.api_route, methods=["GET", "HEAD"], response_model=None)
    get("/")(pages.archive)
    get("/editions/{digest_id}/{key}")(pages.edition)
    get("/unsubscribe/{token}")(pages.ask)
    web.post("/unsubscribe/{token}", response_model=None)(pages.end)
    get("/healthz")(pages.health)
    get("/readyz")(pages.ready)
    web.exception_handler(404)(pages.nothing)
    web.exception_handler(AggregatorError)(pages.trouble)
    web.middleware("http")(_guarded)
    return web


async def _guarded(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Every answer carries the security headers."""
    response = await call_next(request)
    response.headers.update(HEADERS)
    return response


class Pages:
    """What each route answers."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._templates = Environment(
            loader=PackageLoader("aggregator.web", "templates"),
            autoescape=select_autoescape(default=True, default_for_string=True),
            undefined=StrictUndefined,
        )

    def _page(self, name: str, status: int = 200, **values: object) -> HTMLResponse:
        return HTMLResponse(self._templates.get_template(name).render(**values), status)

    def _say(self, status: int, title: str, text: str) -> HTMLResponse:
        return self._page("message.html.j2", status, title=title, text=text)

    def archive(self) -> Response:
        """Past editions."""
        return self._page("archive.html.j2", editions=self._app.stores.editions.editions(limit=100), utc=UTC)

    def edition(self, digest_id: str, key: str) -> Response:
        """One edition, as sent."""
        found = self._app.stores.editions.editions(digest_id, 1, key)
        if not found:
            return self._say(404, "No such edition", "There is no edition at this address.")
        return HTMLResponse(found[0].rendered.page)

    def _subscription(self, token: str) -> Subscription | None:
        return self._app.stores.subscriptions.find_token(token) if TOKEN.fullmatch(token) else None

    def ask(self, token: str) -> Response:
        """A button; looking changes nothing, for mail scanners follow every link."""
        found = self._subscription(token)
        if found is None:
            return self._say(404, "Unknown link", NO_SUBSCRIPTION)
        return self._page("unsubscribe.html.j2", subscription=found)

    def end(self, token: str) -> Response:
        """End the subscription; the body's details do not matter, and a second time is as good (RFC 8058 §3.1)."""
        found = self._subscription(token)
        if found is None:
            return self._say(404, "Unknown link", NO_SUBSCRIPTION)
        self._app.stores.subscriptions.end(found.id, "unsubscribed by link", self._app.clock.now())
        return self._say(200, "You are unsubscribed", "You will get no more mail of this digest.")

    def health(self) -> Response:
        """Whether the process lives."""
        return PlainTextResponse("ok\n")

    def ready(self) -> Response:
        """Whether the database answers."""
        return JSONResponse({"ready": True, "feeds": self._app.stores.upkeep.checked().feeds})

    def nothing(self, request: Request, error: Exception) -> Response:  # noqa: ARG002 - the shape of a handler
        """No route."""
        return self._say(404, "No such page", "There is no page at this address.")

    def trouble(self, request: Request, error: Exception) -> Response:
        """The database cannot be used; the log says why, without the token in an address."""
        log.error("web page %s: %s", request.url.path.partition("unsubscribe/")[0], error)
        return self._say(503, "Not now", NOT_NOW)
