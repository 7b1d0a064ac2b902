"""The programming interface, /api/v1: what the pages show, as JSON, for programs with a token.

calls      the table: path, right, shape          tokens    who may
reading    entries, stories, search, matches ...  feeds     feeds, and what may be done to them; health
asking     parameters                             answers   JSON with a tag, portions with a link to the next
problems   what went wrong (RFC 9457)             document  the description (OpenAPI 3.1); its words are in shapes

An application of its own within the pages' one: its errors are never pages, and its parts know nothing of cookies.
"""

from __future__ import annotations

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from aggregator.app import App
from aggregator.web.api import calls, problems

PATH = "/api/v1"


def mount(web: FastAPI, app: App) -> None:
    """Put the interface under its path."""
    api = FastAPI(title="aggregator", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    calls.add(api, app)
    problems.handle(api)
    api.add_middleware(_Head)
    web.mount(PATH, api)


class _Head:
    """HEAD is GET whose body the server keeps to itself."""

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        await self._inner(scope, receive, send)
