"""Feeds whose very address leads inside: refused before a connection is made (reliability §1, SSRF)."""

from __future__ import annotations

from tests.conformance.feedserver import redirect
from tests.faultserver.manifest import Fault, Place, failing, plain, well

SPEC = "reliability SSRF"


def inside(name: str, does: str, url: str) -> Fault:
    """An address that is not asked; the refusal names the setting that lifts it."""
    return failing(name, does, SPEC, "blocked_address", lambda _: url, asked="000000", says="network.allow_private")


def odd(name: str, does: str, url: str) -> Fault:
    """An IPv4 address in a spelling that only some libraries read: no address to us."""
    return failing(name, does, SPEC, "bad_scheme", lambda _: url, asked="000000")


def _one_of_two(place: Place) -> str:
    place.add("/feed", plain())
    return place.named("two.example", "10.0.0.1", place.server.host)


def _name(place: Place) -> str:
    place.add("/feed", plain())
    return place.named("feeds.example")


FAULTS: tuple[Fault, ...] = (
    inside("inside-private", "Is at a private address.", "http://10.0.0.1/feed"),
    inside("inside-private-b", "Is at a private address of the second kind.", "http://172.16.0.1/feed"),
    inside("inside-router", "Is the router at home.", "http://192.168.1.1/feed"),
    inside("inside-cgnat", "Is behind a provider's translator.", "http://100.64.0.1/feed"),
    inside("inside-metadata", "Is where clouds keep their secrets.", "http://169.254.169.254/latest/meta-data/"),
    inside("inside-zero", "Is at no address, which means this machine.", "http://0.0.0.0:8080/feed"),
    inside("inside-multicast", "Is at a group's address.", "http://224.0.0.1/feed"),
    inside("inside-broadcast", "Is at everybody's address.", "http://255.255.255.255/feed"),
    odd("inside-decimal", "Is at a private address, written as one number.", "http://167772161/feed"),
    odd("inside-octal", "The same in octal.", "http://012.0.0.1/feed"),
    odd("inside-short", "The same in short.", "http://10.1/feed"),
    inside("inside-ipv6", "Is at loopback of the other family.", "http://[::1]:8080/feed"),
    inside("inside-unique-local", "Is at a private address of the other family.", "http://[fd12:3456::1]/feed"),
    inside("inside-link-local", "Is at a link's own address.", "http://[fe80::1]/feed"),
    inside("inside-site-local", "Is at a site's own address, of old.", "http://[fec0::1]/feed"),
    inside("inside-mapped", "Hides IPv4 in a mapped address.", "http://[::ffff:10.0.0.1]/feed"),
    inside("inside-compatible", "Hides IPv4 in a compatible address.", "http://[::10.0.0.1]/feed"),
    inside("inside-6to4", "Hides IPv4 in a 6to4 address.", "http://[2002:a00:1::1]/feed"),
    inside("inside-nat64", "Hides IPv4 in a translated address.", "http://[64:ff9b::a00:1]/feed"),
    inside("inside-teredo", "Hides IPv4 in a Teredo address.", "http://[2001:0:4136:e378:8000:63bf:f5ff:fffe]/feed"),
    failing("name-inside", "Has a name that stands for a private address.", SPEC, "blocked_address",
            lambda p: p.named("intranet.example", "10.0.0.1"), asked="000000", says="intranet.example is at 10.0.0.1"),
    failing("name-inside-ipv6", "Has a name that stands for IPv4 inside IPv6.", SPEC, "blocked_address",
            lambda p: p.named("v6.example", "::ffff:10.0.0.1"), asked="000000", says="network.allow_private"),
    well("name", "Has a name, as most have.", SPEC, _name),
    well("name-two-addresses", "Has a private address and a good one: only the good one is connected to.", SPEC, _one_of_two),
    failing("name-redirect", "Sends us on to a name that stands for a private address.", SPEC, "blocked_address",
            lambda p: redirect(p.named("db.example", "10.0.0.1"))),
)  # fmt: skip
