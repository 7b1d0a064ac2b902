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

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
log = logging.getLogger("aggregator")

TOKEN = re.compile(r"[a-z2-7]{26}")


def build(app: App) -> FastAPI:
    """The ASGI application on an App."""
    web = FastAPI(title="aggregator", docs_url=None, redoc_url=None, openapi_url=None)
    templates = Environment(
        loader=PackageLoader("aggregator.web", "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
    )

    def page(name: str, status: int = 200, **values: object) -> HTMLResponse:
        return HTMLResponse(templates.get_template(name).render(**values), status)

    get = partial(web.api_route, methods=["GET", "HEAD"])

    @web.middleware("http")
    async def guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        response.headers.update(HEADERS)
        return response

    @web.exception_handler(404)
    def nothing(request: Request, error: Exception) -> Response:  # noqa: ARG001 - the shape of a handler
        return page("message.html.j2", 404, title="No such page", text="There is no page at this address.")

    @web.exception_handler(AggregatorError)
    def trouble(request: Request, error: Exception) -> Response:
        log.error("web page %s: %s", request.url.path.partition("unsubscribe/")[0], error)
        return page(
            "message.html.j2", 503, title="Not now", text="This cannot be shown at the moment. Try again later."
        )

    @get("/")
    def archive() -> Response:
        recent = app.stores.editions.editions(limit=100)
        return page("archive.html.j2", editions=recent, utc=UTC)

    @get("/editions/{digest_id}/{key}")
    def edition(digest_id: str, key: str) -> Response:
        found = app.stores.editions.editions(digest_id, 1, key)
        if not found:
            return page("message.html.j2", 404, title="No such edition", text="There is no edition at this address.")
        return HTMLResponse(found[0].rendered.page)

    @get("/unsubscribe/{token}")
    def ask(token: str) -> Response:
        found = app.stores.subscriptions.find_token(token) if TOKEN.fullmatch(token) else None
        if found is None:
            return page(
                "message.html.j2", 404, title="Unknown link", text="This link does not belong to a subscription."
            )
        return page("unsubscribe.html.j2", subscription=found)

    @web.post("/unsubscribe/{token}")
    def end(token: str, request: Request) -> Response:  # noqa: ARG001 - the body's details do not matter (RFC 8058 §3.1)
        found = app.stores.subscriptions.find_token(token) if TOKEN.fullmatch(token) else None
        if found is None:
            return page(
                "message.html.j2", 404, title="Unknown link", text="This link does not belong to a subscription."
            )
        app.stores.subscriptions.end(found.id, "unsubscribed by link", app.clock.now())
        return page("message.html.j2", title="You are unsubscribed", text="You will get no more mail of this digest.")

    @get("/healthz")
    def health() -> Response:
        return PlainTextResponse("ok\n")

    @get("/readyz")
    def ready() -> Response:
        return JSONResponse({"ready": True, "feeds": app.stores.upkeep.checked().feeds})

    return web
