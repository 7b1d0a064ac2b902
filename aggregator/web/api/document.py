"""The description of the interface, OpenAPI 3.1: made when it is first asked for, from the table of calls and the shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from aggregator.web.api import shapes
from aggregator.web.api.problems import TYPE

ALWAYS = (401, 403, 500, 503)
"""How every call can fail."""
WHY = {
    400: "A parameter cannot be taken.",
    401: "There is no token, or one that is unknown, has run out or was ended.",
    403: "The token does not have the scope that this call needs.",
    404: "There is no such thing.",
    409: "It cannot be done to the feed as it is.",
    429: "Too many searches are under way.",
    500: "A bug; the log says more.",
    503: "The database cannot be used at the moment.",
}
ABOUT = """What the pages show, as JSON, for programs. docs/api.md says more.

Each call needs a token of the scope it is filed under: `read`, `operate` or `health`. Lists come in portions, newest first or by id:
`next` is the `cursor` of the next one, and the Link header its address. Times are RFC 3339 in UTC. Every GET has an ETag, and can be
a HEAD. Keys are only added. Errors are problems (RFC 9457)."""
TAGS = [
    {"name": "read", "description": "What was stored and told."},
    {"name": "operate", "description": "What may be done to feeds."},
    {"name": "health", "description": "For monitors."},
]
_TAG = {"ETag": {"description": "For If-None-Match.", "schema": {"type": "string"}}}
_LINK = {"Link": {"description": "The next portion, where there is one (RFC 8288).", "schema": {"type": "string"}}}
_ASKS = {"WWW-Authenticate": {"description": "How to sign in (RFC 6750).", "schema": {"type": "string"}}}
_LATER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "string"}}}
_HEADERS: Mapping[int, dict[str, Any]] = {401: _ASKS, 403: _ASKS, 429: _LATER, 503: _LATER}


def responses(shown: Mapping[int, str], statuses: Sequence[int]) -> dict[int | str, dict[str, Any]]:
    """What a call may answer: status -> the name of a shape, and statuses of problems; 304 where it has a tag."""
    found: dict[int | str, dict[str, Any]] = {}
    tagged = 304 in statuses
    for status, shape in shown.items():
        found[status] = _body("What was asked for." if status == 200 else "It will be done.", "application/json", shape)
        if tagged:
            found[status]["headers"] = _TAG | (_LINK if shape.endswith("Portion") else {})
    if tagged:
        found[304] = {"description": "It is the same as the one whose tag was given.", "headers": _TAG}
    for status in sorted({*ALWAYS, *statuses} - {304}):
        found[status] = _body(WHY[status], TYPE, "Problem")
        found[status]["content"][TYPE]["example"] = _example(status)
        if status in _HEADERS:
            found[status]["headers"] = _HEADERS[status]
    return found


def _body(about: str, kind: str, shape: str) -> dict[str, Any]:
    return {"description": about, "content": {kind: {"schema": {"$ref": f"#/components/schemas/{shape}"}}}}


def _example(status: int) -> dict[str, Any]:
    said = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": WHY[status]}
    if status == 400:
        said["errors"] = [{"in": "query", "name": "limit", "detail": "Input should be less than or equal to 200"}]
    return said


def of(api: FastAPI) -> dict[str, Any]:
    """The description; kept on the application."""
    if api.openapi_schema is None:
        made = get_openapi(
            title="aggregator",
            version=version("aggregator"),
            openapi_version="3.1.0",
            description=ABOUT,
            routes=api.routes,
            tags=TAGS,
            servers=[{"url": "/api/v1"}],
            license_info={"name": "MIT", "identifier": "MIT"},
        )
        for path in made["paths"].values():
            for operation in path.values():
                operation["responses"].pop("422", None)  # ours are 400
                for parameter in operation.get("parameters", ()):
                    if parameter["name"] in ("since", "until"):  # may be left out, and never are null
                        parameter["schema"] = {"type": "string", "format": "date-time"}
        made["components"] = {
            "schemas": shapes.schemas(),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "`aggregator admin token add` makes one."}
            },
        }
        api.openapi_schema = made
    return api.openapi_schema
