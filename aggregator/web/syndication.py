"""Listings for feed readers: /watchlists/ID.atom, /digests/ID.json, /search.atom?q=... GET and HEAD, with validators.

Served is what the operator's files name: a reader's own watchlists and digests are nobody else's. Links to ourselves come of
web.public_url, never of what a request calls us.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import get_args

from fastapi import Request, Response
from fastapi.responses import PlainTextResponse
from starlette.exceptions import HTTPException

from aggregator.errors import QueryError
from aggregator.render import syndication
from aggregator.render.syndication import TYPES, Form, Place
from aggregator.web import validators, watchlists
from aggregator.web.frame import ASK_AGAIN, Frame
from aggregator.web.routes import Routes

FRESH = 300
"""Seconds for which a copy may be used without asking."""
FORMS: Mapping[str, Form] = {form: form for form in get_args(Form)}


def add(routes: Routes) -> None:
    """Add the routes."""
    feeds = Feeds(routes.frame)
    routes.page("listing", feeds.watchlist)
    routes.page("digest", feeds.digest)
    routes.page("found", feeds.search)


class Feeds:
    """What each route answers. An unknown name or form is a 404."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._app = frame.app

    def watchlist(self, request: Request, watchlist: str, form: str) -> Response:
        """The newest stories of a watchlist; as CSV its attention."""
        if form == "csv":
            return watchlists.table(self._frame, watchlist)
        return self._listing(request, "watchlist", watchlist, form)

    def digest(self, request: Request, digest: str, form: str) -> Response:
        """The stories of a digest's editions."""
        return self._listing(request, "digest", digest, form)

    def search(self, request: Request, form: str, q: str = "") -> Response:
        """What satisfies a query; one that does not parse is shown with a caret under the fault."""
        try:
            with self._frame.turns.one():
                return self._listing(request, "search", q, form)
        except QueryError as error:
            return PlainTextResponse(f"{error}\n\n{error.caret()}\n", 400)

    def _listing(self, request: Request, kind: str, name: str, form: str) -> Response:
        known = FORMS.get(form)
        listing = self._app.listing(kind, name, self._app.patience()) if known else None
        if listing is None or known is None:
            raise HTTPException(404)
        settings = self._app.configuration.settings
        place = Place.at(settings.web.public_url, settings.mail.message_domain)
        body = syndication.render(listing, known, place).encode()
        # What is for who signs in alone must stay in no cache that others share.
        cached = {"Cache-Control": f"public, max-age={FRESH}"} if settings.web.visitors == "open" else ASK_AGAIN
        return _answer(request, body, TYPES[known], syndication.updated(listing), cached)


def _answer(request: Request, body: bytes, kind: str, updated: datetime, cached: Mapping[str, str]) -> Response:
    """The document, or 304 where the reader has it."""
    tag = validators.tag(body)
    headers = {
        "ETag": tag,
        "Last-Modified": format_datetime(updated.astimezone(UTC), usegmt=True),
        **cached,
    }
    if _known(request.headers, tag, updated):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=f"{kind}; charset=utf-8", headers=headers)


def _known(asked: Mapping[str, str], tag: str, updated: datetime) -> bool:
    """Whether the reader's copy is this one (RFC 9110 §13.1): the tag decides where there is one."""
    tags = asked.get("if-none-match")
    if tags is not None:
        return validators.has(tags, tag)
    try:
        since = parsedate_to_datetime(asked.get("if-modified-since", ""))
        return updated.replace(microsecond=0) <= since
    except (TypeError, ValueError):
        return False
