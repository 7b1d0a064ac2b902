"""Status codes: what each means for the entries, the state and the next request (P14, P15, P6)."""

from __future__ import annotations

from tests.conformance.feedserver import Call, status
from tests.faultserver.manifest import Fault, Seen, answer, failing, news, plain, turns, well

PAGE = b"<!doctype html><html><head><title>503</title></head><body><h1>Service Unavailable</h1></body></html>"
AD = "http_4xx"
WEEKLY = "100001"


def _continue(call: Call) -> None:
    call.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    call.respond(200, news())


def _early_hints(call: Call) -> None:
    call.send(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n")
    call.respond(200, news())


def _no_browsers(call: Call) -> None:
    honest = call.request.headers.get("user-agent", "").startswith("aggregator/")
    call.respond(200 if honest else 403, news() if honest else b"")


def _picky(call: Call) -> None:
    call.respond(200, news()) if "*/*" in call.request.headers.get("accept", "") else call.respond(406)


def _recovered(seen: Seen) -> None:
    assert (seen.feed.poll.failures, seen.feed.poll.failing_since, seen.feed.poll.error) == (0, None, "")
    assert seen.feeds[0].poll.failures == 1


def _failing_since_the_start(seen: Seen) -> None:
    assert seen.feed.poll.failing_since == seen.feeds[0].poll.last_poll_at
    assert seen.feed.poll.failures == sum(seen.asked)


def _status(code: int, error: str, does: str, *, asked: str = "101111", spec: str = "P15") -> Fault:
    return failing(
        f"s{code}", does, spec, error, answer(code, PAGE), asked=asked, says=str(code), check=_failing_since_the_start
    )


FAULTS: tuple[Fault, ...] = (
    well("s200", "Answers as it should, with a validator.", "P1", lambda _: plain(etag='"1"')),
    well("s203", "Answers 203, changed by a proxy on the way.", "P15", answer(203, news())),
    well("s100-continue", "Says 100 Continue before its answer.", "RFC 9110 §15.2", lambda _: _continue),
    well("s103-early-hints", "Says 103 Early Hints before its answer.", "RFC 8297", lambda _: _early_hints),
    failing("s204", "Answers 204 No Content.", "F6", "empty", answer(204)),
    failing("s206", "Answers 206 to a request for the whole.", "P15", "bad_http", answer(206, news()), says="206"),
    failing("s300", "Offers a choice of addresses.", "P15", "bad_http", answer(300, PAGE), says="300"),
    failing("s304-unasked", "Answers 304 though nothing was asked to be compared.", "P6", "bad_http", answer(304)),
    _status(400, AD, "Finds fault with the request."),
    _status(401, "auth", "Wants a password."),
    _status(402, AD, "Wants money."),
    _status(403, AD, "Shuts us out."),
    _status(404, AD, "Knows of no such page."),
    _status(406, AD, "Has nothing that we accept."),
    _status(407, "auth", "Wants a password for a proxy."),
    _status(451, AD, "May not show it for legal reasons."),
    _status(500, "http_5xx", "Breaks at every request; it is asked once a poll."),
    _status(502, "http_5xx", "Is a proxy in front of nothing."),
    _status(504, "http_5xx", "Is a proxy in front of something slow."),
    _status(520, "http_5xx", "Answers a status that only one company knows."),
    _status(999, "bad_http", "Answers a status that is none."),
    failing("s410", "Is gone for good: one look a week.", "P14", "gone", answer(410), asked=WEEKLY, state="gone"),
    well(
        "s410-returns", "Is gone, and back a week later.", "P14", turns(status(410), plain()), asked=WEEKLY, exact=True,
        errors=("gone",) * 5 + ("",), check=_recovered,
    ),
    well(
        "s410-later", "Works, then is gone: the entries stay.", "P14", turns(plain(), status(410)), asked="101001",
        exact=True, state="gone", error="gone", errors=("", "", "gone", "gone", "gone", "gone"),
    ),
    well(
        "s404-returns", "Is not there at first, then well.", "P15", turns(status(404), plain()), check=_recovered,
        errors=("http_4xx", "http_4xx", "", "", "", ""),
    ),
    well(
        "s500-later", "Works, then breaks: the entries stay.", "P15", turns(plain(), status(500)), state="failing",
        error="http_5xx", errors=("", "", *["http_5xx"] * 4),
    ),
    failing("s500-with-feed", "Sends a good feed under a 500.", "P15", "http_5xx", answer(500, news())),
    failing("s200-error-page", "Sends its error page under a 200.", "F5", "not_a_feed", answer(200, PAGE)),
    well("no-browsers", "Refuses every User-Agent but an honest one.", "P23", lambda _: _no_browsers),
    well("picky-accept", "Answers 406 unless anything at all is accepted.", "P24", lambda _: _picky),
)  # fmt: skip
