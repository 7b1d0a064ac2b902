"""The one door of the pages: security headers on every answer, who asks, and whether a form is one of ours.

Pure ASGI, so that nothing is copied on the way. What it lets through has a `Visit`; what it refuses never reaches a route.

    GET, HEAD             change nothing, anywhere, and always pass
    /api/                 has tokens of its own (api/), no cookies, and so no forgery
    TOKENS                the token in the address is the right to do it, wherever it is sent from: mail programs do it by
                          themselves (RFC 8058), and letters' buttons may be pressed inside another page
    STAMPED               a visitor's form: of our own site, with our own signed moment in it. The button of a sign-in is such a
                          form too, for nobody but our own page has a reason to send it: a session that another site could
                          begin would be one that its owner did not ask for
    everything else       a form with the mark of this visitor's session
"""

from __future__ import annotations

import hmac
import logging
import re
from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import urlsplit

from fastapi import Request
from python_multipart.exceptions import FormParserError
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aggregator.app import App
from aggregator.errors import AggregatorError
from aggregator.readers import forms
from aggregator.reading import Credential
from aggregator.web.visit import VISIT, Visit

log = logging.getLogger("aggregator")

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
TOKENS = ("/unsubscribe/", "/confirm/", "/undo/", "/refuse/")
STAMPED = re.compile(r"/subscribe|/manage|/sign-in/[^/]+")
HOST = re.compile(r"(\[[0-9a-f:.]*\]|[a-z0-9_.-]*)(?::[0-9]*)?")
TOKEN = re.compile(r"[a-z2-7]{26}")
LARGEST_FORM = 64_000
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""Also halves of characters, which a form may hold by the charset that it names, and neither a page nor the database can."""


class Door:
    """Middleware around every route."""

    def __init__(self, inner: ASGIApp, app: App, refuse: Callable[[str, int], ASGIApp]) -> None:
        """`refuse(path, status)` makes the answer that says no."""
        self._inner = inner
        self._app = app
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        answer = Answer(send)
        try:
            await self._let_in(scope, receive, answer)
        except HTTPException as e:
            await self._refuse(scope["path"], e.status_code)(scope, receive, answer)
        except ClientDisconnect:
            return
        except Exception as e:
            status = _tell(e, scope["path"])
            if answer.begun:
                raise  # half a page must not look like a whole one: the connection breaks
            await self._refuse(scope["path"], status)(scope, receive, answer)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask who it is, look at a form, and go on. Raises HTTPException."""
        request = Request(scope, receive)
        VISIT.set(Visit())
        VISIT.set(self._visit(request))
        if not self._is_named(request):
            raise HTTPException(421)
        if request.method not in ("GET", "HEAD", "OPTIONS") and not scope["path"].startswith("/api/"):
            receive = await self._checked(request)
        await self._inner(scope, receive, send)

    def _visit(self, request: Request) -> Visit:
        session = request.cookies.get(cookie(self._app, "session"), "")
        manage = request.cookies.get(cookie(self._app, "manage"), "")
        found = self._session(session) if session else None
        return Visit(
            role="operator" if found else "visitor",
            binding=f"{session}|{manage}" if session or manage else "",
            tags=request.headers.get("if-none-match", ""),
            session=found.id if found else 0,
        )

    def _session(self, token: str) -> Credential | None:
        return (
            self._app.stores.credentials.find("session", token, self._app.clock.now())
            if TOKEN.fullmatch(token)
            else None
        )

    def _is_named(self, request: Request) -> bool:
        """Whether the host asked for may be us.

        Where nobody has said how readers reach the pages they are private to this machine or network: a name that somebody
        else's DNS points here (rebinding) must not read them, through a browser that is let in. Numbers, localhost and names
        without a dot cannot be such a name. With a public address what a request calls us decides nothing: no link and no
        letter is made of it, and no cookie of ours is sent to another name.
        """
        if self._app.configuration.settings.web.public_url:
            return True
        found = HOST.fullmatch(request.headers.get("host", "").lower())
        host = found[1].strip("[]").rstrip(".") if found else ""
        return bool(host) and ("." not in host or host.endswith(".localhost") or _is_number(host))

    async def _checked(self, request: Request) -> Receive:
        """Take a form at the door and hand it on; raises HTTPException."""
        body = await _body(request)
        path = request.scope["path"]
        if not path.startswith(TOKENS) and is_foreign(request, self._app.configuration.settings.web.public_url):
            raise HTTPException(403)
        fields = await read_fields(Request(request.scope, _again(body)))
        if path.startswith(TOKENS):
            return _again(body)
        if STAMPED.fullmatch(path):
            if not forms.is_ours(self._app.secret, fields.get("stamp", ""), self._app.clock.now()):
                raise HTTPException(403)
        elif not is_marked(self._app, fields.get("mark", "")):
            raise HTTPException(403)
        return _again(body)


class Answer:
    """Sends an answer on: every one carries the security headers."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False

    async def __call__(self, message: Message) -> None:
        """See the ASGI specification."""
        if message["type"] == "http.response.start":
            self.begun = True
            have = {name.lower() for name, _ in message["headers"]}
            more = [(n.lower().encode(), v.encode()) for n, v in HEADERS.items() if n.lower().encode() not in have]
            message = {**message, "headers": [*message["headers"], *more]}
        await self._send(message)


def _tell(error: Exception, path: str) -> int:
    """Log what went wrong, and the status to answer. The address may hold a token: only what kind of page it was is told."""
    kind = path.strip("/").partition("/")[0]
    if isinstance(error, AggregatorError):
        log.error("web page /%s: %s", kind, error)
        return 503
    log.error("web page /%s", kind, exc_info=error)
    return 500


def cookie(app: App, name: str) -> str:
    """The name of a cookie: over https only its own host can have set it (RFC 6265bis §4.1.3)."""
    return f"__Host-{name}" if is_secure(app) else name


def is_secure(app: App) -> bool:
    """Whether readers reach the pages by https."""
    return app.configuration.settings.web.public_url.startswith("https:")


def mark(app: App) -> str:
    """What the forms of this visitor's session carry, so that no other site can send them."""
    return forms.sign(app.secret, "csrf", VISIT.get().binding)


def is_marked(app: App, given: str) -> bool:
    """Whether a form is of this visitor's session; where there is no session none is."""
    return bool(VISIT.get().binding) and hmac.compare_digest(mark(app).encode(), given.encode("utf-8", "replace"))


async def read_fields(request: Request) -> dict[str, str]:
    """The fields of a form, urlencoded or multipart. Raises HTTPException for what is none."""
    try:
        form = await request.form(max_files=0, max_fields=60, max_part_size=LARGEST_FORM)
    except (FormParserError, MultiPartException) as e:
        raise HTTPException(400) from e
    found = {name: value for name, value in form.items() if isinstance(value, str)}
    if any(_CONTROL.search(value) for value in found.values()):
        raise HTTPException(400)
    return found


def is_foreign(request: Request, public_url: str) -> bool:
    """Whether a form was sent from another site's page.

    A browser says so itself (Sec-Fetch-Site), at least over https; else its Origin names a host that is neither the one asked
    nor ours. Our own pages send no referrer, and so `Origin: null`: that says nothing, and the mark in the form decides.
    """
    site = request.headers.get("sec-fetch-site", "")
    if site:
        return site not in ("same-origin", "none")
    origin = request.headers.get("origin", "")
    if origin in ("", "null"):
        return False
    named = origin.lower().partition("://")[2]
    return named not in {request.headers.get("host", "").lower(), urlsplit(public_url).netloc.lower()} - {""}


async def _body(request: Request) -> bytes:
    """A form's bytes; what is too large is refused before it is read."""
    length = request.headers.get("content-length", "")
    if "transfer-encoding" in request.headers or not (length or "0").isdecimal():
        raise HTTPException(411)
    if int(length or 0) > LARGEST_FORM:
        raise HTTPException(413)
    return await request.body()


def _again(body: bytes) -> Receive:
    """Hand a body out that was read already."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
