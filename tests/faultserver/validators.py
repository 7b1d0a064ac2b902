"""ETag and Last-Modified: echoed byte for byte, replaced as a pair, saved last (P1-P8, P30)."""

from __future__ import annotations

import itertools

from tests.conformance.feedserver import Behaviour, Call, document, redirect, status
from tests.faultserver.manifest import TITLE, Fault, Place, Seen, news, plain, turns, well

INM, IMS = "if-none-match", "if-modified-since"
PAGE = b"<!doctype html><html><body>Scheduled maintenance</body></html>"


def etag(name: str, does: str, value: str, spec: str = "P1") -> Fault:
    """A validator that must come back as it is."""
    return well(name, does, spec, lambda _: plain(etag=value), sent={INM: (None, value), IMS: (None, None)})


def dated(name: str, does: str, value: str) -> Fault:
    """A date that must come back as it is."""
    return well(name, does, "P2", lambda _: plain(last_modified=value), sent={IMS: (None, value), INM: (None, None)})


def tagged(body: bytes = b"", **headers: str) -> Behaviour:
    """A 200 with validators, whatever it is asked."""
    return status(200, body or news(), [(n.replace("_", "-"), v) for n, v in headers.items()])


def _new_tag_each_time(_: Place) -> Behaviour:
    numbers = itertools.count(1)
    return lambda call: call.respond(200, news(), [("ETag", f'"{next(numbers)}"')])


def _renews_in_304(call: Call) -> None:
    known = call.request.headers.get(INM)
    if known is None:
        call.respond(200, news(), [("ETag", '"a"')])
    else:
        call.respond(304, headers=[("ETag", '"b"')])


def _frozen(_: Place) -> Behaviour:
    rounds = itertools.count()

    def behave(call: Call) -> None:
        number = next(rounds)
        if INM in call.request.headers:
            call.respond(304, headers=[("ETag", '"frozen"')])
        else:
            call.respond(200, news(TITLE, "News behind the cache") if number else news(), [("ETag", '"frozen"')])

    return behave


def _elsewhere(place: Place) -> Behaviour:
    return redirect(place.add("/moved", document(news(), etag='"there"')), 302)


def _no_condition_anywhere(seen: Seen) -> None:
    for server in seen.place.servers:
        assert not [r for r in server.requests if INM in r.headers or IMS in r.headers]


def _never_revised(seen: Seen) -> None:
    assert seen.one().revisions == 1


FAULTS: tuple[Fault, ...] = (
    etag("etag-strong", "Gives a strong ETag.", '"33a64df5"'),
    etag("etag-weak", "Gives a weak ETag.", 'W/"33a64df5"'),
    etag("etag-gzip", "Gives an ETag with Apache's suffix, which is part of it.", '"33a64df5-gzip"'),
    etag("etag-bare", "Gives an ETag without quotes.", "33a64df5"),
    etag("etag-empty", "Gives an ETag of two quotes.", '""'),
    etag("etag-odd", "Gives an ETag with commas, stars and backslashes.", 'W/"a,b *\\ c"'),
    etag("etag-long", "Gives an ETag of four thousand characters.", f'"{"e" * 4000}"'),
    dated("modified-usual", "Gives a date in the usual form.", "Thu, 02 Feb 2023 11:00:00 GMT"),
    dated("modified-odd", "Gives a date in a form of its own.", "Thu, 2 Feb 2023 14:00:00 +0300"),
    dated("modified-garbage", "Gives a date that is none.", "yesterday, about noon"),
    dated("modified-future", "Gives a date to come.", "Fri, 02 Feb 2123 11:00:00 GMT"),
    well(
        "both-validators", "Gives both, and gets both.", "P3",
        lambda _: plain(etag='"1"', last_modified="Thu, 02 Feb 2023 11:00:00 GMT"),
        sent={INM: (None, '"1"'), IMS: (None, "Thu, 02 Feb 2023 11:00:00 GMT")},
    ),
    well(
        "latch-etag", "Gives an ETag once and never again.", "P4", turns(tagged(ETag='"1"'), tagged()),
        sent={INM: (None, '"1"', None)},
    ),
    well(
        "latch-modified", "Gives a Last-Modified once and never again.", "P4",
        turns(tagged(Last_Modified="Thu, 02 Feb 2023 11:00:00 GMT"), tagged()),
        sent={IMS: (None, "Thu, 02 Feb 2023 11:00:00 GMT", None)},
    ),
    well(
        "latch-swap", "Gives an ETag, then only a Last-Modified.", "P4",
        turns(tagged(ETag='"1"'), tagged(news("B"), Last_Modified="x")),
        sent={INM: (None, '"1"', None), IMS: (None, None, "x")}, entries=2,
    ),
    well(
        "bad-body-new-etag", "Sends a maintenance page with a new ETag: the old one is kept.", "P5",
        turns(tagged(ETag='"1"'), tagged(PAGE, ETag='"2"'), tagged(news("B"), ETag='"3"')),
        sent={INM: (None, '"1"', '"1"', '"3"')}, entries=2, errors=("", "", "not_a_feed", "", "", ""),
    ),
    well(
        "empty-body-new-etag", "Sends nothing with a new ETag: it is not stored.", "F6",
        turns(tagged(), status(200, b"", [("ETag", '"2"')]), tagged(news("B"))),
        sent={INM: (None, None, None)}, entries=2, errors=("", "", "empty", "", "", ""),
    ),
    well("s304-renews", "Gives a new ETag in its 304.", "P6", lambda _: _renews_in_304, sent={INM: (None, '"a"', '"b"')}),
    well("same-bytes", "Sends the same bytes and no validator.", "P7", lambda _: tagged(), check=_never_revised),
    well("new-etag-each-time", "Gives the same bytes a new ETag each time.", "P7", _new_tag_each_time,
         sent={INM: (None, '"1"', '"2"')}, check=_never_revised),
    well("ignores-conditions", "Never answers 304.", "P7", lambda _: tagged(ETag='"1"'), sent={INM: (None, '"1"')},
         check=_never_revised),
    well("validators-elsewhere", "Sends us on to where the ETag is.", "P8", _elsewhere, most=10,
         check=_no_condition_anywhere),
    well("etag-twice", "Gives two ETags; the last counts.", "P30", lambda _: status(200, news(), [("ETag", '"1"'), ("ETag", '"2"')]),
         sent={INM: (None, '"2"')}),
    well("header-case", "Writes its header names in any case.", "P30", lambda _: status(200, news(), [("eTaG", '"1"'), ("LAST-MODIFIED", "x")]),
         sent={INM: (None, '"1"'), IMS: (None, "x")}),
    well("vary-star", "Varies by everything.", "P30", lambda _: plain(etag='"1"', headers=[("Vary", "*")]), sent={INM: (None, '"1"')}),
    well("etag-frozen", "Answers 304 for ever though there is news.", "DESIGN §4", _frozen, entries=2, most=12,
         asked="202222", needs="frozen-etag"),
)  # fmt: skip
