"""What went wrong, as application/problem+json (RFC 9457): status, title, one line for a person, and where the fault is.

The type is always about:blank: the status says what kind it is, and members of their own say more (`errors`, `pos`, `caret`, `hint`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from aggregator.errors import AggregatorError, QueryError

log = logging.getLogger("aggregator")

TYPE = "application/problem+json"
SAID = {
    404: "there is nothing at this address; /api/v1/openapi.json describes what there is",
    405: "this address is not made for that method; Allow names those it is made for",
    500: "this is a bug in the program; its log says more",
    503: "the database cannot be used at the moment; the log says why",
}


def handle(api: FastAPI) -> None:
    """Make every error of an application a problem."""
    api.exception_handler(HTTPException)(refused)
    api.exception_handler(RequestValidationError)(_invalid)
    api.exception_handler(InvalidError)(_cannot)
    api.exception_handler(QueryError)(_query)
    api.exception_handler(AggregatorError)(_trouble)
    api.exception_handler(Exception)(_bug)


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
    """An answer that says no."""
    said = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}
    head = {"Cache-Control": "no-store", **(headers or {})}
    return JSONResponse(said, status, head, media_type=TYPE)


def fault(place: str, name: str, detail: str) -> dict[str, str]:
    """What is wrong with one parameter; `place` is query or path."""
    return {"in": place, "name": name, "detail": detail}


def invalid(faults: Iterable[Mapping[str, str]]) -> Response:
    """400, with each parameter that cannot be taken."""
    found = list(faults)
    return problem(400, "; ".join(f"{one['name']}: {one['detail']}" for one in found), errors=found)


class InvalidError(Exception):
    """A request whose parameters cannot be taken; `faults` as of `fault`."""

    def __init__(self, *faults: Mapping[str, str]) -> None:
        super().__init__()
        self.faults = faults


def refused(request: Request, error: Exception) -> Response:  # noqa: ARG001 - the shape of a handler
    """No route, no right, or not now."""
    status, headers, detail = 400, None, ""
    if isinstance(error, HTTPException):
        status, headers, detail = error.status_code, dict(error.headers or {}), str(error.detail)
        if headers.get("Allow") == "GET":
            headers["Allow"] = "GET, HEAD"
    said = SAID.get(status, detail) if detail in ("", HTTPStatus(status).phrase) else detail
    return problem(status, said, headers)


def _invalid(request: Request, error: Exception) -> Response:  # noqa: ARG001 - the shape of a handler
    assert isinstance(error, RequestValidationError)
    return invalid(fault(str(e["loc"][0]), str(e["loc"][-1]), str(e["msg"])) for e in error.errors())


def _cannot(request: Request, error: Exception) -> Response:  # noqa: ARG001 - the shape of a handler
    assert isinstance(error, InvalidError)
    return invalid(error.faults)


def _query(request: Request, error: Exception) -> Response:  # noqa: ARG001 - the shape of a handler
    """A query that does not parse: where, and what to write instead."""
    assert isinstance(error, QueryError)
    return problem(
        400,
        str(error),
        errors=[fault("query", "q", error.message)],
        query=error.query,
        pos=error.pos,
        caret=error.caret(),
        hint=error.hint,
    )


def _trouble(request: Request, error: Exception) -> Response:
    log.error("api %s: %s", request.url.path, error)
    return problem(503, SAID[503], {"Retry-After": "30"})


def _bug(request: Request, error: Exception) -> Response:
    """The server logs the traceback by itself."""
    log.error("api %s: %s", request.url.path, type(error).__name__)
    return problem(500, SAID[500])
