"""Answers: JSON with a tag, so that what a program has is not sent again; portions with a link to the next (RFC 8288)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, TypeVar
from urllib.parse import urlencode

from fastapi import Request, Response

from aggregator.reading import Portion
from aggregator.web import validators

HEADERS = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
T = TypeVar("T")


def answer(request: Request, value: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A value; 304 where who asks has it already. A half of a pair of surrogates, which JSON cannot hold, becomes `?`."""
    body = _encode(value).encode("utf-8", "replace")
    head = {**HEADERS, **(headers or {})}
    if request.method in ("GET", "HEAD"):
        head["ETag"] = validators.tag(body)
        if validators.has(request.headers.get("if-none-match", ""), head["ETag"]):
            return Response(status_code=304, headers=head)
    return Response(body, status, head, media_type="application/json")


def portion(request: Request, found: Portion[T], shown: Callable[[T], dict[str, Any]]) -> Response:
    """`{"items": [...], "next": ...}`; `next` is null at the end."""
    return _listed(request, map(shown, found.items), str(found.before) if found.before else None)


def named(request: Request, found: list[dict[str, Any]], limit: int, cursor: str) -> Response:
    """A portion of a list that is sorted by id."""
    left = [one for one in found if one["id"] > cursor]
    return _listed(request, left[:limit], left[limit - 1]["id"] if len(left) > limit else None)


def _listed(request: Request, items: Iterable[dict[str, Any]], next_: str | None) -> Response:
    links = {}
    if next_ is not None:
        given = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
        path = request.scope["path"].rpartition("/")[2]
        # Relative to the address asked for (RFC 3986 §5.2): what we are called from outside does not matter.
        links = {"Link": f'<{path}?{urlencode([*given, ("cursor", next_)])}>; rel="next"'}
    return answer(request, {"items": list(items), "next": next_}, headers=links)
