"""What publishers say of how often to come, and the manners that nobody has to ask for (P17-P24, P28, P29, P31)."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from tests.conformance.feedserver import Behaviour, Call, closing, document, status
from tests.faultserver.manifest import HOURLY, Fault, Place, Seen, always, item, news, plain, told, well, xml

LATER = "100111"
WEEK = "100001"
SY = "<sy:updatePeriod xmlns:sy='http://purl.org/rss/1.0/modules/syndication/'>{}</sy:updatePeriod>"
ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, "
    "application/xml;q=0.8, text/xml;q=0.8, */*;q=0.1"
)


def cached(name: str, does: str, asked: str, *headers: tuple[str, str]) -> Fault:
    """A word on freshness in the headers."""
    return well(name, does, "P17", told(*headers), asked=asked, exact=asked != HOURLY)


def hinted(name: str, does: str, asked: str, head: str) -> Fault:
    """A word on freshness in the document."""
    return well(
        name, does, "P18", lambda _: document(xml(item(), head)), asked=asked, exact=asked != HOURLY, needs="hints"
    )


def _expires(hours: float, *more: tuple[str, str]) -> Behaviour:
    def behave(call: Call) -> None:
        then = datetime.now(UTC) + timedelta(hours=hours)  # noqa: TID251 - the server's clock
        call.respond(200, news(), [("Expires", format_datetime(then, usegmt=True)), *more])

    return behave


def _fresh_304(call: Call) -> None:
    if "if-none-match" in call.request.headers:
        call.respond(304, headers=[("ETag", '"1"'), ("Cache-Control", "max-age=172800")])
    else:
        call.respond(200, news(), [("ETag", '"1"')])


def _crowd(place: Place) -> Behaviour:
    for number in range(1, 6):
        place.add(f"/{number}", plain())
    return plain()


def _one_at_a_time(seen: Seen) -> None:
    """P21: never two requests at once, and over one connection in a sweep."""
    requests = sorted(seen.place.server.requests, key=lambda r: r.started)
    assert len(requests) >= 12
    assert all(a.ended <= b.started for a, b in itertools.pairwise(requests))
    assert seen.place.server.connections <= sum(seen.asked)


def _manners(seen: Seen) -> None:
    for r in seen.place.server.requests:
        assert r.method == "GET"
        assert r.headers["accept"] == ACCEPT
        assert r.headers["user-agent"].startswith("aggregator/")
        assert "Mozilla" not in r.headers["user-agent"]
        assert set(r.headers["accept-encoding"].split(", ")) <= {"gzip", "deflate", "br", "zstd"}
        assert not {"cookie", "referer", "from", "authorization", "range", "cache-control", "pragma"} & set(r.headers)
        assert r.raw.splitlines()[0] == b"GET /feed HTTP/1.1"


def _keeps_out(place: Place) -> Behaviour:
    place.add("/robots.txt", status(200, b"User-agent: *\nDisallow: /\n"))
    return plain()


def _hub(place: Place) -> Behaviour:
    hub = place.add("/hub", status(202))
    return document(xml(item(), f"<a:link xmlns:a='http://www.w3.org/2005/Atom' rel='hub' href='{hub}'/>"))


def _page_refresh(place: Place) -> Behaviour:
    place.add("/new", plain())
    return status(200, news(), [("Refresh", "0; url=/new"), ("Link", "</new>; rel=alternate")])


def _login(call: Call) -> None:
    right = call.request.headers.get("authorization") == "Basic cmVhZGVyOnMzY3JldA=="
    call.respond(*((200, news()) if right else (401, b"")))


FAULTS: tuple[Fault, ...] = (
    cached("max-age", "Is fresh for three hours.", LATER, ("Cache-Control", "public, max-age=10800")),
    cached("max-age-quoted", "The same in quotes, as it should not be.", LATER, ("Cache-Control", 'max-age="10800"')),
    cached("max-age-garbage", "Is fresh for a while.", HOURLY, ("Cache-Control", "max-age=a while")),
    cached("max-age-year", "Never changes for a year, it says: believed for a week.", WEEK,
           ("Cache-Control", "max-age=31536000, immutable")),
    cached("max-age-age", "Is fresh for three hours, two and a half of which are over.", HOURLY,
           ("Cache-Control", "max-age=10800"), ("Age", "9000")),
    cached("s-maxage", "Is fresh for a day, to shared caches.", HOURLY, ("Cache-Control", "s-maxage=86400")),
    cached("no-cache", "Wants to be asked each time, and is fresh for three hours.", HOURLY,
           ("Cache-Control", "no-cache, max-age=10800")),
    cached("expires-zero", "Expired at the stroke of nothing.", HOURLY, ("Expires", "0")),
    well("expires", "Expires in three hours.", "P17", always(_expires(3)), asked=LATER, exact=True),
    well("expires-past", "Expired an hour ago.", "P17", always(_expires(-1))),
    well("expires-and-max-age", "Expires in three hours but is fresh for a minute, which counts.", "P17",
         always(_expires(3, ("Cache-Control", "max-age=60")))),
    well("max-age-304", "Says in a 304 that it is fresh for two days.", "P17", always(_fresh_304), asked="101011", exact=True),
    hinted("ttl", "Asks for three hours.", LATER, "<ttl>180</ttl>"),
    hinted("ttl-year", "Asks for a year: believed for a day.", LATER, "<ttl>525600</ttl>"),
    hinted("ttl-garbage", "Asks for a number that is none.", HOURLY, "<ttl>often</ttl>"),
    hinted("ttl-zero", "Asks for no time at all.", HOURLY, "<ttl>0</ttl>"),
    hinted("sy-daily", "Is updated daily, by the syndication module.", LATER, SY.format("daily")),
    hinted("sy-hourly", "Is updated hourly, as WordPress says of everything.", HOURLY, SY.format("hourly")),
    hinted("skip-hours", "Sleeps from 13 to 15 o'clock.", LATER, "<skipHours><hour>13</hour><hour>14</hour></skipHours>"),
    hinted("skip-hours-all", "Never wakes: that is a mistake.", HOURLY,
           f"<skipHours>{''.join(f'<hour>{h}</hour>' for h in range(1, 25))}</skipHours>"),
    hinted("skip-days", "Keeps Thursdays.", LATER, "<skipDays><day>Thursday</day></skipDays>"),
    well("interval-short", "Is to be asked every twenty minutes.", "P19", lambda _: plain(etag='"1"'), asked="111111",
         feed={"interval": "20m"}),
    well("interval-floor", "Is to be asked every second: five minutes is the least.", "P19", lambda _: plain(etag='"1"'),
         asked="111111", feed={"interval": "1s"}),
    well("polite-parallel", "Has six feeds on one host: asked one after the other.", "P21", _crowd, most=40,
         also=tuple(f"/{n}" for n in range(1, 6)), check=_one_at_a_time),
    well("manners", "Looks at every header we send.", "P23, P24, P25, P28", told(("Set-Cookie", "a=b")), check=_manners),
    well("robots-keep-out", "Has a robots.txt that keeps all out; a subscribed feed does not ask it.", "P29", _keeps_out),
    well("hub", "Names a hub; it is left alone.", "P31", _hub),
    well("refresh-header", "Says to refresh from elsewhere, as to a browser.", "P28", _page_refresh),
    well("auth-basic", "Wants a password, and gets it.", "P32", always(_login), feed={"username": "reader", "password": "s3cret"}),
    well("keep-alive-stale", "Closes its connections without a word.", "P21", lambda _: closing(document(news()))),
)  # fmt: skip
