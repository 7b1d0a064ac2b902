"""What all pages share: templates, security headers, the fields of a form, and who asks."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, HTTPException, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from aggregator import addresses
from aggregator.app import App
from aggregator.readers import rhythm
from aggregator.readership import Asker

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
TOKEN = re.compile(r"[a-z2-7]{26}")
LARGEST_FORM = 64_000
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


async def guarded(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Every answer carries the security headers."""
    response = await call_next(request)
    response.headers.update(HEADERS)
    return response


async def _fields(request: Request) -> dict[str, str]:
    """The fields of a form, urlencoded or multipart; what is too large, or no form, is refused before it is read."""
    length = request.headers.get("content-length", "")
    if "transfer-encoding" in request.headers or not (length or "0").isdecimal():
        raise HTTPException(411)
    if int(length or 0) > LARGEST_FORM:
        raise HTTPException(413)
    form = await request.form(max_files=0, max_fields=40, max_part_size=LARGEST_FORM)
    found = {name: value for name, value in form.items() if isinstance(value, str)}
    if any(_CONTROL.search(value) for value in found.values()):
        raise HTTPException(400)
    return found


Fields = Annotated[dict[str, str], Depends(_fields)]


class Frame:
    """Makes pages from templates, and knows who asks."""

    def __init__(self, app: App) -> None:
        self.app = app
        self._templates = Environment(
            loader=PackageLoader("aggregator.web", "templates"),
            autoescape=select_autoescape(default=True, default_for_string=True),
            undefined=StrictUndefined,
        )
        self._templates.filters.update(rhythm=rhythm.show, quiet=rhythm.show_quiet, described=rhythm.describe)

    def page(self, name: str, status: int = 200, **values: object) -> HTMLResponse:
        """A page of this template."""
        return HTMLResponse(self._templates.get_template(name).render(**values), status)

    def say(self, status: int, title: str, text: str) -> HTMLResponse:
        """A page of one sentence or two."""
        return self.page("message.html.j2", status, title=title, text=text)

    @property
    def public_url(self) -> str:
        """Where readers reach the pages; "" where nobody has said."""
        return self.app.configuration.settings.web.public_url

    @property
    def contact(self) -> str:
        """Who runs this."""
        settings = self.app.configuration.settings
        return settings.signup.contact or settings.mail.from_address


def asker(request: Request) -> Asker:
    """Who asks, as far as it is known."""
    return Asker("web", addresses.network(request.client.host if request.client else ""))


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
    named = urlsplit(origin).netloc.lower()
    return named not in {request.headers.get("host", "").lower(), urlsplit(public_url).netloc.lower()} - {""}
