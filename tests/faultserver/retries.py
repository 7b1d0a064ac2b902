"""Retry-After in all its forms, on 429 and 503: the server's own word on when to come again (P16)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tests.conformance.feedserver import Behaviour, Call, status
from tests.faultserver.manifest import Fault, Place, Seen, failing, plain, turns, well

LATER = "100111"
"""Not at the second hour, but on the next day."""
WEEK = "100001"
FORMS = {
    "imf": "%a, %d %b %Y %H:%M:%S GMT",
    "rfc850": "%A, %d-%b-%y %H:%M:%S GMT",
    "asctime": "%a %b %e %H:%M:%S %Y",
}


def refuses(value: str, code: int = 429) -> Behaviour:
    """Too many requests, with a Retry-After."""
    return status(code, headers=[("Retry-After", value)])


def dated(form: str, hours: float, code: int = 429) -> Callable[[Place], Behaviour]:
    """The same with a date, by the server's own clock, which stands elsewhere than ours."""

    def behave(call: Call) -> None:
        until = datetime.now(UTC) + timedelta(hours=hours)  # noqa: TID251 - the server's clock
        call.respond(code, headers=[("Retry-After", until.strftime(FORMS[form]))])

    return lambda _: behave


def row(name: str, does: str, value: str, asked: str = LATER, code: int = 429) -> Fault:
    """A feed that always refuses."""
    error = "rate_limited" if code == 429 else "http_5xx"
    return failing(name, does, "P16", error, lambda _: refuses(value, code), asked=asked, says=str(code))


def _host(place: Place) -> Behaviour:
    place.add("/second", refuses("172800"))
    place.add("/third", plain())
    return refuses("172800")


def _third_waits(seen: Seen) -> None:
    """Two addresses of the host said: not for two days. Whoever else lives there is asked once at most till then."""
    assert len(seen.place.server.log("/third")) <= 3


FAULTS: tuple[Fault, ...] = (
    row("s429-seconds", "Refuses for three hours.", "10800"),
    row("s503-seconds", "Is down for three hours.", "10800", code=503),
    failing("s429-date", "Refuses until a date.", "P16", "rate_limited", dated("imf", 3), asked=LATER),
    failing("s429-date-rfc850", "The same in the form of RFC 850.", "P16", "rate_limited", dated("rfc850", 3), asked=LATER),
    failing("s429-date-asctime", "The same in the form of C.", "P16", "rate_limited", dated("asctime", 3), asked=LATER),
    failing("s503-date", "Is down until a date.", "P16", "http_5xx", dated("imf", 3, 503), asked=LATER),
    failing("s429-date-past", "Refuses until a date that is over.", "P16", "rate_limited", dated("imf", -3), asked=LATER),
    row("s429-two-days", "Refuses for two days.", "172800", asked="100011"),
    row("s429-huge", "Refuses for three thousand years: believed for a week.", "99999999999", asked=WEEK),
    row("s429-overflow", "Refuses for a number that no clock holds.", "9" * 400, asked=WEEK),
    row("s429-garbage", "Says to come again soon.", "soon"),
    row("s429-negative", "Says to come an hour ago.", "-3600"),
    row("s429-zero", "Says to come again at once: it is not believed.", "0"),
    row("s429-fraction", "Says a number with a fraction, which is none.", "10800.5"),
    failing("s429-none", "Refuses and does not say until when.", "P16", "rate_limited", lambda _: status(429), asked=LATER),
    failing("s503-none", "Is down and does not say until when.", "P16", "http_5xx", lambda _: status(503), asked=LATER),
    failing(
        "s429-max-age", "Refuses, and is fresh for ten hours.", "P17", "rate_limited", asked=LATER,
        serve=lambda _: status(429, headers=[("Cache-Control", "max-age=36000")]),
    ),
    well(
        "s429-recovers", "Refuses once, then answers.", "P16", turns(refuses("10800"), plain()), asked=LATER, exact=True,
        errors=("rate_limited",) * 3 + ("",) * 3,
    ),
    well(
        "s429-later", "Answers, then refuses for two days: the entries stay.", "P16", turns(plain(), refuses("172800")),
        asked="101011", exact=True, state="failing", error="rate_limited",
    ),
    failing(
        "s429-host", "Refuses two of its feeds for two days: the third is not asked either.", "P16, DESIGN §4",
        "rate_limited", _host, asked="100011", also=("/second", "/third"), most=10, check=_third_waits, needs="host-hold",
    ),
)  # fmt: skip
