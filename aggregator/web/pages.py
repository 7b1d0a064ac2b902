"""The routes: archive, one edition, subscribing, leaving, one's own subscriptions, health. GET never changes anything.

frame     templates, headers, forms, who asks        joining   the form, its preview, the confirmation
leaving   one click, second thoughts, never again    managing  one's own subscriptions, behind a link by mail
"""

from __future__ import annotations

import logging
from datetime import UTC
from functools import partial

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse

from aggregator.app import App
from aggregator.errors import AggregatorError
from aggregator.readers import rhythm
from aggregator.web import syndication
from aggregator.web.frame import Frame, guarded
from aggregator.web.joining import Joining
from aggregator.web.leaving import Leaving
from aggregator.web.managing import Managing

log = logging.getLogger("aggregator")

NOT_NOW = "This cannot be shown at the moment. Try again later."
REFUSED = {400: "This is no form of ours.", 405: "This address is not made for that.", 411: "The form does not say how long it is.", 413: "The form is too large."}  # fmt: skip


def build(app: App) -> FastAPI:
    """The ASGI application on an App."""
    web = FastAPI(title="aggregator", docs_url=None, redoc_url=None, openapi_url=None)
    frame = Frame(app)
    pages = Pages(frame)
    get = partial(web.api_route, methods=["GET", "HEAD"], response_model=None)
    get("/")(pages.archive)
    get("/editions/{digest_id}/{key}")(pages.edition)
    get("/help")(pages.help)
    get("/healthz")(pages.health)
    get("/readyz")(pages.ready)
    readers(web, frame)
    syndication.add(web, app)
    web.exception_handler(404)(pages.nothing)
    for status in REFUSED:
        web.exception_handler(status)(partial(pages.refused, status))
    web.exception_handler(AggregatorError)(pages.trouble)
    web.middleware("http")(guarded)
    return web


def readers(web: FastAPI, frame: Frame) -> None:
    """The routes of readers' subscriptions."""
    joining, leaving, managing = Joining(frame), Leaving(frame), Managing(frame)
    get = partial(web.api_route, methods=["GET", "HEAD"], response_model=None)
    post = partial(web.post, response_model=None)
    get("/subscribe")(joining.form)
    post("/subscribe")(joining.ask)
    get("/confirm/{token}")(joining.look)
    post("/confirm/{token}")(joining.confirm)
    get("/unsubscribe/{token}")(leaving.ask)
    post("/unsubscribe/{token}")(leaving.act)
    get("/undo/{token}")(leaving.second_thoughts)
    post("/undo/{token}")(leaving.undo)
    get("/refuse/{token}")(leaving.never)
    post("/refuse/{token}")(leaving.refuse)
    get("/manage")(managing.show)
    post("/manage")(managing.send_link)
    get("/manage/export")(managing.export)
    post("/manage/do")(managing.act)
    get("/manage/{token}")(managing.enter)


class Pages:
    """What the other routes answer."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._app = frame.app

    def archive(self) -> Response:
        """Past editions; those that readers chose for themselves are reached by the links in their mail alone."""
        found = [
            e for e in self._app.stores.editions.editions(limit=200, whole=False) if not rhythm.is_readers(e.digest_id)
        ][:100]
        return self._frame.page("archive.html.j2", editions=found, utc=UTC, open=self._app.subscribe.rules.open)

    def edition(self, digest_id: str, key: str) -> Response:
        """One edition, as sent."""
        found = self._app.stores.editions.editions(digest_id, 1, key)
        if not found:
            return self._frame.say(404, "No such edition", "There is no edition at this address.")
        return HTMLResponse(found[0].rendered.page)

    def help(self) -> Response:
        """What this mail is, how to stop it, and who runs it."""
        open_ = self._app.subscribe.rules.open
        mail = self._app.configuration.settings.mail
        return self._frame.page("help.html.j2", contact=self._frame.contact, sender=mail.from_address, open=open_)

    def health(self) -> Response:
        """Whether the process lives."""
        return PlainTextResponse("ok\n")

    def ready(self) -> Response:
        """Whether the database answers."""
        return JSONResponse({"ready": True, "feeds": self._app.stores.upkeep.checked().feeds})

    def nothing(self, request: Request, error: Exception) -> Response:  # noqa: ARG002 - the shape of a handler
        """No route."""
        return self._frame.say(404, "No such page", "There is no page at this address.")

    def refused(self, status: int, request: Request, error: Exception) -> Response:  # noqa: ARG002 - the shape of a handler
        """A form that cannot be read."""
        return self._frame.say(status, "Not taken", REFUSED[status])

    def trouble(self, request: Request, error: Exception) -> Response:
        """The database cannot be used; the log says why, without the token in an address."""
        log.error("web page /%s: %s", request.url.path.strip("/").partition("/")[0], error)
        return self._frame.say(503, "Not now", NOT_NOW)
