"""Redirects: followed by hand, stored only when permanent and proven, never to where they must not lead (P9-P13)."""

from __future__ import annotations

import itertools

from tests.conformance.feedserver import Behaviour, FeedServer, document, encode, redirect, slow, status
from tests.faultserver.manifest import Fault, Place, Seen, Serve, always, failing, plain, well

HOPS = 10
LOGIN = {"username": "reader", "password": "s3cret", "headers": {"X-Key": "s3cret"}}
PARKED = b"<!doctype html><html><head><title>This domain is for sale</title></head><body>Buy it</body></html>"
MOVED = "101100"
"""The old address after a permanent redirect: asked three times, then no more."""


def moved(code: int, name: str, does: str, **more: object) -> Fault:
    """One redirect to a good feed on the same host."""
    return well(name, does, "P10", lambda p: redirect(p.add("/new", plain()), code), most=10, **more)


def _stays(seen: Seen) -> None:
    assert seen.feed.poll.moved_url == ""


def _moves(seen: Seen) -> None:
    """After three agreeing polls; feeds.yaml, the operator's, stays as it is."""
    assert [bool(f.poll.moved_url) for f in seen.feeds] == [False] * 3 + [True] * 3
    assert seen.feed.spec.url == seen.place.server.url("/feed")


def _chain(length: int, *codes: int) -> Serve:
    def serve(place: Place) -> Behaviour:
        kinds = itertools.cycle(codes or (302,))
        for number in range(1, length):
            place.add(f"/{number}", redirect(f"/{number + 1}", next(kinds)))
        place.add(f"/{length}", plain())
        return redirect("/1", next(kinds))

    return serve


def _circle(place: Place) -> Behaviour:
    place.add("/b", redirect("/feed"))
    return redirect("/b")


def _flaps(place: Place) -> Behaviour:
    rounds = itertools.count()
    targets = [place.add(f"/{i}", plain()) for i in range(2)]
    return lambda call: redirect(targets[next(rounds) % 2], 301)(call)  # noqa: PLW0108 - each call its own round


def _leaves(place: Place) -> Behaviour:
    return redirect(place.other.add("/there", plain()), 302)


def _no_credentials_there(seen: Seen) -> None:
    here, there = seen.place.servers
    assert all(r.headers.get("authorization", "").startswith("Basic ") for r in here.requests)
    assert there.requests
    assert not [r for r in there.requests if "authorization" in r.headers or "x-key" in r.headers]


def _password_in_location(place: Place) -> Behaviour:
    return redirect(place.other.add("/there", plain()).replace("//", "//who:s3cret@"), 302)


def _sends_none(seen: Seen) -> None:
    assert not [r for s in seen.place.servers for r in s.requests if "authorization" in r.headers]


def _cookies(place: Place) -> Behaviour:
    place.add("/new", plain(headers=[("Set-Cookie", "sid=1; Path=/")]))
    return redirect("/new", 302, headers=[("Set-Cookie", "go=1")])


def _no_cookie(seen: Seen) -> None:
    assert not [r for r in seen.place.server.requests if "cookie" in r.headers]


def _heavy(place: Place) -> Behaviour:
    place.add("/new", plain())

    return redirect("/new", 302, body=encode(b"\0" * 20_000_000, "gzip"), headers=[("Content-Encoding", "gzip")])


def _to_nowhere(place: Place) -> Behaviour:
    with FeedServer(place.other.host) as closed:
        return redirect(closed.url("/feed"), 302)


def _crawls(place: Place) -> Behaviour:
    for number in range(8):
        place.add(f"/{number}", slow(redirect(f"/{number + 1}"), 0.8))
    return redirect("/0")


def _onto(place: Place) -> Behaviour:
    return redirect(place.add("/taken", plain()), 301)


def _relative(place: Place) -> Behaviour:
    place.add("/a/new?x=1", plain())
    return redirect("a/b/../new?x=1#top", 302)


def _protocol_relative(place: Place) -> Behaviour:
    return redirect(place.other.add("/new", plain()).removeprefix("http:"), 302)


def _cyrillic(place: Place) -> Behaviour:
    place.add("/%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D0%B8", plain())
    return redirect("/новости", 302)


def _space(place: Place) -> Behaviour:
    place.add("/the%20news", plain())
    return redirect(" /the news ", 302)


def leads(name: str, to: str, error: str, does: str) -> Fault:
    """A redirect to where we do not go."""
    return failing(
        name,
        does,
        "P12, reliability SSRF",
        error,
        always(redirect(to)),
        says="not" if error == "blocked_address" else "",
    )


FAULTS: tuple[Fault, ...] = (
    moved(302, "r302", "Is elsewhere for now.", check=_stays),
    moved(303, "r303", "Says to look elsewhere.", check=_stays),
    moved(307, "r307", "Is elsewhere for now, in the newer words.", check=_stays),
    moved(301, "r301", "Has moved for good: the address is rewritten after three agreeing polls.", asked=MOVED, exact=True,
          check=_moves, needs="redirect-rewrite"),
    moved(308, "r308", "Has moved for good, in the newer words.", asked=MOVED, exact=True, check=_moves, needs="redirect-rewrite"),
    well("r301-chain", "Has moved for good, twice.", "P9", _chain(2, 301, 308), asked=MOVED, exact=True, most=15,
         check=_moves, needs="redirect-rewrite"),
    well("r301-then-302", "Has moved for good to a place that is elsewhere for now.", "P10", _chain(2, 302, 301), most=15,
         check=_stays),
    well("r301-flaps", "Moves for good to another place each time.", "P9", _flaps, most=10, check=_stays),
    failing("r301-to-html", "Moves for good to a page that sells the domain.", "P9", "not_a_feed",
            lambda p: redirect(p.add("/sale", document(PARKED)), 301), most=10, check=_stays),
    well("r301-onto-subscribed", "Moves for good to an address that is a feed of ours already.", "P13", _onto,
         also=("/taken",), most=20, check=_stays),
    failing("redirect-self", "Sends us on to itself.", "P11", "redirect_loop", lambda _: redirect("/feed")),
    failing("redirect-circle", "Sends us round.", "P11", "redirect_loop", _circle, most=10),
    well("chain-10", "Sends us on ten times.", "P11", _chain(HOPS), most=55, check=_stays),
    failing("chain-60", "Sends us on sixty times.", "P11, reliability redirect loops", "redirect_loop", _chain(60), most=55),
    failing("redirect-no-location", "Sends us on without saying where.", "P10", "bad_http", always(status(302))),
    failing("redirect-unreadable", "Sends us on to what is no address.", "P10", "bad_http", always(redirect("http://[::1"))),
    well("redirect-relative", "Sends us on relative to where we are.", "P10", _relative, most=10),
    well("redirect-no-scheme", "Sends us on without naming the scheme.", "P10", _protocol_relative, most=10),
    well("redirect-cyrillic", "Sends us on in bare UTF-8.", "P10", _cyrillic, most=10),
    well("redirect-space", "Sends us on with spaces in the address.", "P10", _space, most=10),
    failing("redirect-dead", "Sends us on to a port where nobody listens.", "P15", "connect", _to_nowhere),
    failing("redirect-crawl", "Takes its time at each of many hops: one deadline for all.", "P27", "timeout", _crawls, most=45),
    well("redirect-heavy", "Sends a compressed body with its redirect: never unpacked.", "reliability bomb", _heavy, most=10),
    well("redirect-cookie", "Sets cookies on the way and at the end.", "P12, P28", _cookies, most=10, check=_no_cookie),
    well("auth-redirect", "Asks for a password and sends us on to another origin.", "P12", _leaves, most=10, feed=LOGIN,
         check=_no_credentials_there),
    well("auth-in-location", "Names a password in its redirect.", "P12", _password_in_location, most=10, check=_sends_none),
    leads("redirect-file", "file:///etc/passwd", "bad_scheme", "Sends us on to a file of ours."),
    leads("redirect-ftp", "ftp://127.0.0.1/feed", "bad_scheme", "Sends us on to FTP."),
    leads("redirect-gopher", "gopher://127.0.0.1:25/_HELO", "bad_scheme", "Sends us on to gopher, the way to speak SMTP."),
    leads("redirect-javascript", "javascript:alert(1)", "bad_scheme", "Sends us on to a script."),
    leads("redirect-private", "http://10.0.0.1/feed", "blocked_address", "Sends us on to a private address."),
    leads("redirect-metadata", "http://169.254.169.254/latest/meta-data/", "blocked_address", "Sends us on to a cloud's secrets."),
    leads("redirect-decimal", "http://2852039166/latest/", "bad_scheme", "The same, as one number."),
    leads("redirect-ipv6", "http://[::1]/feed", "blocked_address", "Sends us on to loopback of the other family."),
    leads("redirect-mapped", "http://[::ffff:10.0.0.1]/feed", "blocked_address", "Sends us on to IPv4 inside IPv6."),
    leads("redirect-nat64", "http://[64:ff9b::a00:1]/feed", "blocked_address", "Sends us on through a translator."),
)  # fmt: skip
