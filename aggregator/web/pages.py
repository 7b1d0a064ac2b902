"""The application: every page with its route.

door      who asks, and whether a form is ours         frame     templates, kept copies, who may look
routes    routes with their rights                     links     the addresses of pages, by name
joining   the form, its preview, the confirmation      leaving   one click, second thoughts, never again
managing  one's own subscriptions, behind a link by mail
today     the stories since the last edition, and those of each day before      watchlists   each with its attention, and a query tried
story     one story, outlet by outlet                  search        history, and by what to narrow it
editions  past editions, as sent                       syndication   listings for feed readers
feeds     every feed, one feed, what a person may do   outbox        messages that are not settled, and one of them
quarantine  what was refused, for a person to look at
api       the same for programs, and an application of its own
signing   in and out                                   wrong         the pages that say no
configuring  what is in force                           metrics       numbers for Prometheus
configuring  what is in force                          ready     what monitors ask
"""

from __future__ import annotations

import logging
from importlib.metadata import version

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from aggregator.app import App
from aggregator.errors import AggregatorError
from aggregator.progress import Progress
from aggregator.settings import show_duration
from aggregator.web import (
    api,
    assets,
    configuring,
    editions,
    feeds,
    metrics,
    outbox,
    quarantine,
    search,
    signing,
    story,
    syndication,
    today,
    watchlists,
    wrong,
)
from aggregator.web.api import problems
from aggregator.web.door import Door, cookie
from aggregator.web.frame import Frame
from aggregator.web.joining import Joining
from aggregator.web.leaving import Leaving
from aggregator.web.links import PATHS, is_page
from aggregator.web.managing import Managing
from aggregator.web.ready import Monitors
from aggregator.web.routes import Routes

log = logging.getLogger("aggregator")

FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}
PARTS = (
    editions.add,
    syndication.add,
    feeds.add,
    outbox.add,
    quarantine.add,
    today.add,
    watchlists.add,
    story.add,
    signing.add,
    configuring.add,
    metrics.add,
    search.add,
)


def build(app: App, frame: Frame | None = None, progress: Progress | None = None) -> FastAPI:
    """The ASGI application on an App; `progress` is that of the lines, where they are in this process."""
    # A redirect to the address with or without its last slash would name the host as the request does.
    web = FastAPI(title="aggregator", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    frame = frame or Frame(app)
    pages, monitors = Pages(frame), Monitors(app, progress)
    routes = Routes(web, frame)
    routes.anyone("/static/{name}", pages.asset)
    routes.anyone("/favicon.ico", pages.icon)
    routes.anyone("/help", pages.help)
    routes.anyone("/healthz", monitors.alive)
    routes.anyone("/readyz", monitors.ready)
    readers(routes)
    for add in PARTS:
        add(routes)
    api.mount(web, app)
    web.exception_handler(HTTPException)(pages.refused)
    web.exception_handler(RequestValidationError)(pages.unreadable)
    web.exception_handler(AggregatorError)(pages.trouble)
    web.add_middleware(Door, app=app, refuse=pages.refuse)
    return web


def readers(routes: Routes) -> None:
    """The routes of readers' subscriptions."""
    frame = routes.frame
    joining, leaving, managing = Joining(frame), Leaving(frame), Managing(frame)
    routes.anyone("/subscribe", joining.form)
    routes.form("/subscribe", joining.ask)
    routes.anyone("/confirm/{token}", joining.look)
    routes.form("/confirm/{token}", joining.confirm)
    routes.anyone("/unsubscribe/{token}", leaving.ask)
    routes.form("/unsubscribe/{token}", leaving.act)
    routes.anyone("/undo/{token}", leaving.second_thoughts)
    routes.form("/undo/{token}", leaving.undo)
    routes.anyone("/refuse/{token}", leaving.never)
    routes.form("/refuse/{token}", leaving.refuse)
    routes.anyone("/manage", managing.show)
    routes.form("/manage", managing.send_link)
    routes.anyone("/manage/export", managing.export)
    routes.form("/manage/do", managing.act)
    routes.anyone("/manage/{token}", managing.enter)


class Pages:
    """What the other routes answer, and what is said where nothing else can be."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._app = frame.app

    def asset(self, name: str) -> Response:
        """A style sheet or script."""
        found = assets.find(name)
        if found is None:
            raise HTTPException(404)
        kind, body = found
        return Response(body, headers=FOR_EVER | {"Content-Type": kind})

    def icon(self) -> Response:
        """The icon, for browsers that ask at its old address, as they do of editions."""
        return self.asset(assets.hashed("aggregator.svg"))

    def help(self) -> Response:
        """What this is, how to stop its mail, what is stored and for how long, and who runs it."""
        settings = self._app.configuration.settings
        keep = settings.retention.entries
        return self._frame.page(
            "help.html.j2",
            here="about",
            contact=self._frame.contact,
            sender=settings.mail.from_address,
            subscriptions=bool(self._frame.public_url),
            keep=show_duration(keep) if keep else "",
            cookies=[cookie(self._app, name) for name in ("manage", "session")],
            version=version("aggregator"),
        )

    def refuse(self, path: str, status: int) -> Response:
        """What the door says."""
        if _is_api(path):
            return problems.problem(status, wrong.WORDS[status][1])
        return wrong.page(self._frame, status)

    def refused(self, request: Request, error: Exception) -> Response:
        """No route, no right, or no form."""
        if _is_api(request.scope["path"]):
            return problems.refused(request, error)
        status = error.status_code if isinstance(error, HTTPException) else 400
        if status == 403:
            return self._frame.page("closed.html.j2", 403, next=_name(request))
        return wrong.page(self._frame, status, headers=getattr(error, "headers", None))

    def unreadable(self, request: Request, error: Exception) -> Response:  # noqa: ARG002 - the shape of a handler
        """A part of the address that cannot be one of ours, such as a story's number that is none."""
        found = error.errors() if isinstance(error, RequestValidationError) else ()
        return wrong.page(self._frame, 404 if any(one["loc"][0] == "path" for one in found) else 400)

    def trouble(self, request: Request, error: Exception) -> Response:
        """The database cannot be used; the log says why, without the token in an address."""
        log.error("web page /%s: %s", request.url.path.strip("/").partition("/")[0], error)
        return wrong.page(self._frame, 503)


def _name(request: Request) -> str:
    """The name of the page asked for, where it stands by itself: what signing in may lead to."""
    return next((name for name, path in PATHS.items() if path == request.scope["path"] and is_page(name)), "")


def _is_api(path: str) -> bool:
    """Whether a program asks: it is told no in its own way, also outside the interface's own routes."""
    return path.startswith("/api/")
