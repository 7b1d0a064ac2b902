"""Which addresses may be connected to: only what is reachable by everybody, unless the operator allows more.

The guard looks at the address a socket is about to be connected to, never at the text of a host: `getaddrinfo` takes
`2130706433` and `127.1` for 127.0.0.1, and a name may resolve to something else a moment later (DNS rebinding). The
list is our own because `ipaddress.is_global` changed its mind between Python releases (CPython #113171, #151749).
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# IANA special-purpose registries (RFC 6890) less what is globally reachable.
DENIED_V4 = tuple(
    IPv4Network(n)
    for n in (
        "0.0.0.0/8",  # this network (RFC 791)
        "10.0.0.0/8",  # private (RFC 1918)
        "100.64.0.0/10",  # carrier-grade NAT (RFC 6598)
        "127.0.0.0/8",  # loopback (RFC 1122)
        "169.254.0.0/16",  # link-local, cloud metadata (RFC 3927)
        "172.16.0.0/12",  # private (RFC 1918)
        "192.0.0.0/24",  # protocol assignments (RFC 6890)
        "192.0.2.0/24",  # documentation (RFC 5737)
        "192.88.99.0/24",  # 6to4 relays (RFC 7526)
        "192.168.0.0/16",  # private (RFC 1918)
        "198.18.0.0/15",  # benchmarks (RFC 2544)
        "198.51.100.0/24",  # documentation (RFC 5737)
        "203.0.113.0/24",  # documentation (RFC 5737)
        "224.0.0.0/4",  # multicast (RFC 5771)
        "240.0.0.0/4",  # reserved and broadcast (RFC 1112)
    )
)
PUBLIC_V6 = IPv6Network("2000::/3")
"""Global unicast (RFC 4291 §2.4). All else is denied: ::1, fc00::/7, fe80::/10, fec0::/10, ff00::/8, 5f00::/16 ..."""
DENIED_V6 = tuple(
    IPv6Network(n)
    for n in (
        "2001::/23",  # protocol assignments (RFC 2928): Teredo (RFC 4380), benchmarks, ORCHID
        "2001:db8::/32",  # documentation (RFC 3849)
        "3fff::/20",  # documentation (RFC 9637)
    )
)
NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052; the local-use 64:ff9b:1::/48 (RFC 8215) stays denied
LOCAL_NAMES = ("localhost", "local", "internal", "localdomain", "home.arpa")


class BlockedAddress(OSError):  # noqa: N818 - what happened, told as a fact
    """The guard refused to make a socket. The text is always the same, so that several refusals read as one."""

    def __init__(self, address: str) -> None:
        super().__init__(errno.EACCES, "address refused")
        self.address = address


@dataclass(slots=True)
class Attempt:
    """What happened while one request got its connection.

    Attributes:
        proxied: a proxy connects for this request, so the socket leads to the proxy that the operator named.
        fresh: a new socket was made; False says that a kept connection was used.
        refused: addresses the guard said no to.
        certificate_until: when the certificate of the server runs out, as it showed it; None without TLS.
    """

    proxied: bool = False
    fresh: bool = False
    refused: list[str] = field(default_factory=list)
    certificate_until: datetime | None = None


ATTEMPT: ContextVar[Attempt] = ContextVar("attempt")
"""The request on whose behalf a socket is being made."""


class Guard:
    """Says no to addresses inside.

    Where a proxy connects for us addresses cannot be seen: hosts are judged by their text alone, which stops address
    literals and local names and nothing else.

    Args:
        allow: networks that may be reached although they are not public (`network.allow_private`).
    """

    def __init__(self, allow: Sequence[Network] = ()) -> None:
        self._allow = tuple(allow)

    def allows(self, address: str) -> bool:
        """Whether this numeric address may be connected to; what is not an address may not."""
        try:
            ip = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        return self._allowed(ip) or all(is_public(face) or self._allowed(face) for face in faces(ip))

    def allows_name(self, host: str) -> bool:
        """Whether a proxy may be asked for this host."""
        numeric = _numeric(host)
        if numeric:
            return self.allows(numeric)
        name = host.rstrip(".").lower()
        local = any(name == n or name.endswith("." + n) for n in LOCAL_NAMES)
        return not local or any(n.is_loopback for n in self._allow)

    def socket(self, info: tuple[Any, ...]) -> socket.socket:
        """The socket_factory of aiohttp: a socket for this getaddrinfo row, or BlockedAddress."""
        family, kind, protocol, _, address = info
        attempt = ATTEMPT.get(None)
        proxied = attempt is not None and attempt.proxied
        if not proxied and not self.allows(str(address[0])):
            if attempt is not None:
                attempt.refused.append(str(address[0]))
            raise BlockedAddress(str(address[0]))
        if attempt is not None:
            attempt.fresh = True
        return socket.socket(family, kind, protocol)

    def _allowed(self, ip: Address) -> bool:
        return any(ip in network for network in self._allow)


def is_public(ip: Address) -> bool:
    """Whether an address, taken as it is written, belongs to the public internet."""
    if isinstance(ip, IPv4Address):
        return not any(ip in network for network in DENIED_V4)
    return ip in PUBLIC_V6 and not any(ip in network for network in DENIED_V6)


def faces(ip: Address) -> tuple[Address, ...]:
    """All that must be judged of an address: itself, or the IPv4 addresses it carries to (RFC 4291, 3056, 6052)."""
    if isinstance(ip, IPv4Address):
        return (ip,)
    if ip.ipv4_mapped is not None:
        return (ip.ipv4_mapped,)
    if ip in NAT64:
        return (_low(ip),)
    if ip.sixtofour is not None:
        return (ip, ip.sixtofour)
    if _is_isatap(ip):
        return (ip, _low(ip))
    # Compatible (::a.b.c.d) and Teredo addresses, both deprecated, are denied whatever they carry.
    return (ip,)


def _low(ip: IPv6Address) -> IPv4Address:
    return IPv4Address(int(ip) & 0xFFFF_FFFF)


def _is_isatap(ip: IPv6Address) -> bool:
    """RFC 5214 §6.1: the interface identifier is [02]00:5efe and an IPv4 address."""
    return (int(ip) >> 32) & 0xFDFF_FFFF == 0x5EFE


def _numeric(host: str) -> str:
    """The address that a resolver reads out of an address literal in any spelling (`0x7f.1`), or "" for a name."""
    try:
        return str(ip_address(host.strip("[]").partition("%")[0]))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host.rstrip(".")))
    except (OSError, UnicodeError):
        return ""
