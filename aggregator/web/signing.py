"""Signing in and out: a link from the command line, a button, a session of twelve hours. There is no password and no account.

Looking at a link changes nothing, so that a preview or a scanner does not use it up; pressing its button does, once.
"""

from __future__ import annotations

import logging

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from aggregator.digests import messages
from aggregator.reading import SESSION, Credential
from aggregator.web import door, wrong
from aggregator.web.door import TOKEN
from aggregator.web.frame import PRIVATE, Fields, Frame, asker
from aggregator.web.links import is_page
from aggregator.web.routes import Routes
from aggregator.web.throttle import Throttle
from aggregator.web.visit import VISIT

log = logging.getLogger("aggregator")

OLD_LINK = "It has been used, or is older than 15 minutes, or was not copied whole."


def add(routes: Routes) -> None:
    """Add the routes."""
    signing = Signing(routes.frame)
    routes.anyone("/sign-in", signing.explain)
    routes.anyone("/sign-in/{token}", signing.look)
    routes.form("/sign-in/{token}", signing.enter)
    routes.form("/sign-out", signing.leave)


class Signing:
    """What each route answers."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._app = frame.app
        self._throttle = Throttle(frame.app.clock)

    def explain(self) -> Response:
        """How to sign in."""
        return self._frame.page("signin.html.j2")

    def look(self, token: str, request: Request, next: str = "") -> Response:  # noqa: A002 - the name in the address
        """A button; looking changes nothing."""
        found = self._found(token, request)
        if isinstance(found, Response):
            return found
        return self._frame.page(
            "enter.html.j2", next=next if is_page(next) else "", stamp=self._frame.stamp(), expires=found.expires_at
        )

    def enter(self, token: str, request: Request, fields: Fields) -> Response:
        """Use the link up, and begin a session of its own: what a browser brought before is worth nothing."""
        found = self._found(token, request)
        if isinstance(found, Response):
            return found
        now, credentials = self._app.clock.now(), self._app.stores.credentials
        if not credentials.use(found.id, now):
            return self._unknown()
        if VISIT.get().session:
            credentials.end(VISIT.get().session, now)
        session, network = messages.new_token(), asker(request).network
        number = credentials.issue("session", session, network, now, expires_at=now + SESSION)
        log.info("signed in: session %d, from %s", number, network or "an unknown network")
        return self._begun(request, session, fields.get("next", ""))

    def _begun(self, request: Request, session: str, page: str) -> Response:
        response = RedirectResponse(self._frame.link(page if is_page(page) else "today"), 303, PRIVATE)
        response.set_cookie(
            door.cookie(self._app, "session"),
            session,
            max_age=int(SESSION.total_seconds()),
            path="/",
            secure=door.is_secure(self._app) or request.url.scheme == "https",
            httponly=True,
            samesite="lax",
        )
        return response

    def leave(self) -> Response:
        """End the session, here and in the database."""
        if VISIT.get().session:
            self._app.stores.credentials.end(VISIT.get().session, self._app.clock.now())
        response = RedirectResponse(self._frame.link("sign-in"), 303, PRIVATE)
        secure = door.is_secure(self._app)
        response.delete_cookie(door.cookie(self._app, "session"), "/", secure=secure, httponly=True, samesite="lax")
        return response

    def _found(self, token: str, request: Request) -> Credential | Response:
        """The link that a token is for, or the page that says why not."""
        network = asker(request).network
        wait = self._throttle.wait(network)
        if wait:
            return wrong.page(self._frame, 429, headers={"Retry-After": str(wait)})
        found = (
            self._app.stores.credentials.find("link", token, self._app.clock.now()) if TOKEN.fullmatch(token) else None
        )
        if found is None:
            self._throttle.wrong(network)
            log.warning("a link to sign in that is none, used or too old, from %s", network or "an unknown network")
            return self._unknown()
        return found

    def _unknown(self) -> Response:
        return wrong.page(self._frame, 404, "This link signs nobody in", OLD_LINK, way="sign-in")
