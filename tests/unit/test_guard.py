"""The guard's list: measured holes of `ipaddress.is_global`, and every form that hides an IPv4 address."""

from __future__ import annotations

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.fetch.guard import ATTEMPT, Attempt, BlockedAddress, Guard

PRIVATE = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "64:ff9b:1::1",
    "64:ff9b:1::808:808",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2a00::5efe:10.0.0.1",
    "2a00::200:5efe:127.0.0.1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.0.1",
    "172.32.0.1",
    "192.0.1.1",
    "198.17.0.1",
    "198.20.0.1",
    "223.255.255.255",
    "2001:4860:4860::8888",
    "2606:4700::1111",
    "2a00:1450::1",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2002:808:808::1",
    "2a00::5efe:8.8.8.8",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_inner_address_is_refused(address: str) -> None:
    assert not Guard().allows(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address: str) -> None:
    assert Guard().allows(address)


@pytest.mark.parametrize(
    "text", ["", "localhost", "example.org", "127.1", "2130706433", "0x7f.1", "[::1]", "1.2.3.4.5"]
)
def test_what_is_not_an_address_is_refused(text: str) -> None:
    assert not Guard().allows(text)


def test_the_allow_list_opens_a_network_and_nothing_beside_it() -> None:
    guard = Guard([ipaddress.ip_network("127.0.0.1/32"), ipaddress.ip_network("fd00::/8")])
    for address in ("127.0.0.1", "::ffff:127.0.0.1", "64:ff9b::127.0.0.1", "fd00::1"):
        assert guard.allows(address), address
    for address in ("127.0.0.2", "10.0.0.1", "::1", "fc00::1", "::127.0.0.1", "::ffff:127.0.0.2"):
        assert not guard.allows(address), address


@given(st.ip_addresses(v=4))
def test_no_way_of_wrapping_an_ipv4_address_says_more_than_the_address(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    plain = Guard().allows(str(address))
    mapped = ipaddress.IPv6Address((0xFFFF << 32) | number)
    nat64 = ipaddress.IPv6Address((0x64FF9B << 96) | number)
    sixtofour = ipaddress.IPv6Address((0x2002 << 112) | (number << 80) | 1)
    assert [Guard().allows(str(a)) for a in (mapped, nat64, sixtofour)] == [plain] * 3
    assert not Guard().allows(str(ipaddress.IPv6Address(number)))


@given(st.ip_addresses(v=6))
def test_what_is_out_of_use_is_refused_whatever_it_carries(address: ipaddress.IPv6Address) -> None:
    low = int(address)
    teredo = ipaddress.IPv6Address((0x20010000 << 96) | (low & ((1 << 96) - 1)))  # RFC 4380
    site_local = ipaddress.IPv6Address((0x3FB << 118) | (low & ((1 << 118) - 1)))  # RFC 3879
    unique_local = ipaddress.IPv6Address((0x7E << 121) | (low & ((1 << 121) - 1)))  # RFC 4193
    link_local = ipaddress.IPv6Address((0x3FA << 118) | (low & ((1 << 118) - 1)))  # RFC 4291
    compatible = ipaddress.IPv6Address(low & 0xFFFF_FFFF)  # RFC 4291 §2.5.5.1
    for old in (teredo, site_local, unique_local, link_local, compatible):
        assert not Guard().allows(str(old)), old


@pytest.mark.parametrize(
    "spelled",
    ["127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "10.1", "0xa9fea9fe", "0"],
)
def test_an_odd_spelling_means_what_the_system_reads_in_it(spelled: str) -> None:
    """A resolver turns it into an address, and that is judged (reliability §0.4)."""
    meant = socket.inet_ntoa(socket.inet_aton(spelled))
    with pytest.raises(BlockedAddress) as refused:
        Guard().socket((socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (meant, 80)))
    assert refused.value.address == meant


@given(st.ip_addresses())
def test_what_python_calls_private_is_never_allowed(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    mapped = getattr(address, "ipv4_mapped", None) or address
    if mapped.is_private or mapped.is_loopback or mapped.is_link_local or mapped.is_multicast or mapped.is_reserved:
        assert not Guard().allows(str(address)) or address in ipaddress.ip_network("64:ff9b::/96")


def test_the_socket_is_made_only_for_an_allowed_address_and_the_attempt_remembers() -> None:
    attempt = Attempt()
    token = ATTEMPT.set(attempt)
    try:
        with pytest.raises(BlockedAddress) as refused:
            Guard().socket((socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("10.0.0.1", 80)))
        assert refused.value.address == "10.0.0.1"
        assert (attempt.fresh, attempt.refused) == (False, ["10.0.0.1"])
        Guard().socket((socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("8.8.8.8", 80))).close()
        assert attempt.fresh
    finally:
        ATTEMPT.reset(token)


@pytest.mark.parametrize(
    "host", ["localhost", "a.localhost", "LOCALHOST.", "db.internal", "printer.local", "127.1", "0x7f000001", "2130706433",
             "0177.0.0.1", "10.0.0.1", "10.0.0.1.", "::1", "[::1]", "fe80::1%1"]
)  # fmt: skip
def test_behind_a_proxy_names_are_judged(host: str) -> None:
    assert not Guard().allows_name(host)


@pytest.mark.parametrize("host", ["example.org", "8.8.8.8", "local.example", "international", "2606:4700::1111"])
def test_behind_a_proxy_other_names_pass(host: str) -> None:
    assert Guard().allows_name(host)


def test_behind_a_proxy_the_address_of_the_proxy_itself_is_not_judged() -> None:
    token = ATTEMPT.set(Attempt(proxied=True))
    try:
        Guard().socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("10.0.0.1", 3128))).close()
    finally:
        ATTEMPT.reset(token)
