"""The pages that say no: each says what happened, and what to do."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from fastapi import Response
from fastapi.responses import HTMLResponse

from aggregator.web.frame import Frame

log = logging.getLogger("aggregator")

NOT_NOW = "This cannot be shown at the moment. Try again later."
WORDS: Mapping[int, tuple[str, str]] = {
    400: (
        "Not understood",
        "What was sent is no form of ours, or the address asks for something that cannot be. Open the page again and send its form once more.",
    ),
    403: (
        "Not taken",
        "This form was sent from another site, or was shown too long ago. Open the page again and send it once more.",
    ),
    404: (
        "No such page",
        "There is no page at this address. It may be mistyped, or what it showed is not kept any more.",
    ),
    405: ("Not taken", "This address is not made for that. Open it as a page, or use the form on the page that leads here."),
    411: ("Not taken", "The form does not say how long it is. Send it from a browser."),
    413: ("Too large", "The form is too large. Send it once more with less text."),
    421: ("Another name", "The pages are not served under this name. Where that is meant, name it in web.public_url."),
    429: (
        "Too many tries",
        "Links that are none were tried too often from your network. Wait a minute, then open the right one.",
    ),
    500: (
        "Something broke",
        "This is a fault of ours, not of yours. Try it once more; who runs this finds the reason in the log.",
    ),
    503: ("Not now", NOT_NOW),
}  # fmt: skip
BARE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    "<title>{title}</title><h1>{title}</h1><p>{text}</p></html>"
)
"""Where even the frame of the pages cannot be made, as it asks the database."""


def page(
    frame: Frame,
    status: int,
    title: str = "",
    text: str = "",
    *,
    headers: Mapping[str, str] | None = None,
    way: str = "",
) -> Response:
    """The page of a status, with words of its own where they are given; `way` is the name of a page that helps on."""
    known = WORDS.get(status, WORDS[400])
    words = {"title": title or known[0], "text": text or known[1]}
    try:
        response = frame.page("wrong.html.j2", status, way=way, **words)
    except Exception:  # whatever it is, somebody waits for an answer
        log.exception("the page of an error could not be made")
        response = HTMLResponse(BARE.format(**words), status)
    response.headers.update(headers or {})
    return response
