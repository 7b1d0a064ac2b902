"""One's own subscriptions: a link by mail, an hour's session, and everything that can be done with them. No password at all.

The session is the token of the letter in a cookie, so that looking, a GET, stores nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from fastapi import Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from aggregator import settings
from aggregator.errors import UsageError
from aggregator.readers import forms
from aggregator.readership import Asker, Reading
from aggregator.web import door
from aggregator.web.door import TOKEN
from aggregator.web.frame import PRIVATE, Fields, Frame, asker
from aggregator.web.joining import LATE

SENT = (
    "If this address has subscriptions, the link to them is on its way. It works for one hour. No address gets more than one "
    "letter a day, whatever it asks for; the link in every mail pauses, changes and ends that mail without one."
)
OVER = "Your link has run out. Ask for a new one."
REASON = "ended by its reader"


class Managing:
    """What the routes of managing answer."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._app = frame.app

    @property
    def _cookie(self) -> str:
        return door.cookie(self._app, "manage")

    def _session(self, request: Request) -> list[Reading]:
        """The subscriptions of the reader whose token is in the cookie; none where it is not good."""
        token = request.cookies.get(self._cookie, "")
        found = (
            self._app.stores.signups.look(token, "manage", self._app.clock.now()) if TOKEN.fullmatch(token) else None
        )
        if found is None or found.subscription.address.startswith("erased-"):
            return []
        return self._app.stores.signups.of(subscription_id=found.subscription.id)

    def show(self, request: Request) -> Response:
        """The subscriptions of the session, or the form that asks for a link."""
        readings = self._session(request)
        return self._list(readings) if readings else self._form()

    def _form(self, status: int = 200, problem: str = "") -> Response:
        if not self._frame.public_url:
            text = f"No links are mailed here. To change or end what you get, write to {self._frame.contact}"
            return self._frame.say(status, "Your subscriptions", text)
        return self._frame.page("link.html.j2", status, stamp=self._frame.stamp(), problem=problem)

    def _list(self, readings: list[Reading], status: int = 200, problem: str = "") -> Response:
        return self._frame.page(
            "manage.html.j2", status, readings=readings, problem=problem,
            address=readings[0].subscription.address, queries=self._app.subscribe.rules.queries,
        )  # fmt: skip

    def send_link(self, request: Request, fields: Fields) -> Response:
        """Mail the link; the answer is the same whoever's the address is."""
        if not self._frame.public_url:
            return self._form(403)
        try:
            address = settings.address(fields.get("address", "").strip())
        except ValueError as e:
            return self._form(400, str(e))
        if not forms.is_fresh(self._app.secret, fields.get("stamp", ""), self._app.clock.now()):
            return self._form(400, LATE)
        if not fields.get("website"):
            self._app.subscribe.send_link(address, asker(request))
        return self._frame.say(200, "Look into your mailbox", SENT)

    def enter(self, token: str) -> Response:
        """From the letter's link to the page, the token out of the address bar and into a cookie for its hour."""
        found = (
            self._app.stores.signups.look(token, "manage", self._app.clock.now()) if TOKEN.fullmatch(token) else None
        )
        if found is None:
            return self._form(404, OVER)
        response = RedirectResponse("/manage", 303, PRIVATE)
        response.set_cookie(
            self._cookie, token, max_age=3600, path="/", secure=door.is_secure(self._app), httponly=True, samesite="lax"
        )
        return response

    def export(self, request: Request) -> Response:
        """All that is stored about the session's address."""
        readings = self._session(request)
        if not readings:
            return self._form(403, OVER)
        name = PRIVATE | {"Content-Disposition": 'attachment; filename="subscriptions.json"'}
        return JSONResponse(self._app.subscribe.export(readings[0].subscription.address), headers=name)

    def act(self, request: Request, fields: Fields) -> Response:
        """Do what a button says to one of the session's subscriptions, or to all."""
        readings = self._session(request)
        if not readings:
            return self._form(403, OVER)
        if fields.get("do") == "erase":
            self._app.subscribe.erase(readings[0].subscription.address)
            return self._frame.say(
                200, "Erased", "Your address is removed everywhere. A keyed hash keeps us from writing to you."
            )
        chosen = next((r for r in readings if str(r.subscription.id) == fields.get("id")), None)
        try:
            problem = self._do(fields, readings, chosen, asker(request))
        except UsageError as e:
            problem = str(e)
        if problem:
            return self._list(readings, 400, problem)
        return RedirectResponse("/manage", 303, PRIVATE)

    def _do(self, fields: dict[str, str], readings: list[Reading], chosen: Reading | None, who: Asker) -> str:
        """What is wrong with it, or ""."""
        line = self._app.subscribe
        if fields.get("do") == "end all":
            line.end([r.subscription.id for r in readings if r.subscription.state != "ended"], who, REASON)
            return ""
        if chosen is None:
            return "No such subscription of yours."
        one = chosen.subscription.id
        acts: dict[str, Callable[[], object]] = {
            "pause": lambda: line.pause(one, who),
            "pause long": lambda: line.pause(one, who, None),
            "resume": lambda: line.resume(one, who),
            "end": lambda: line.end([one], who, REASON),
            "change": lambda: line.change(one, line.rechosen(chosen, fields), who),
        }
        act = acts.get(fields.get("do", ""))
        return "" if act and act() else "That cannot be done with this subscription."
