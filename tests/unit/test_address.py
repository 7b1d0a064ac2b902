"""Addresses on their way to the client: the short way says what the long way says."""

from __future__ import annotations

from itertools import product

import pytest

from aggregator.errors import WorkError
from aggregator.fetch import address

SCHEMES = ("http://", "https://", "HTTP://", "ftp://")
NAMES = (
    *("x.by", "www.example.org", "127.0.0.1", "10.255.3.4", "a-b.c1.d", "xn--d1acufc.xn--p1ai", "localhost", "x.by."),
    *("-x.org", "x-.org", "1a.org", "300.1.1.1", "1.2.3", "01.2.3.4", "0.0.0.0", "X.by", "x_y.by", "u:p@x.by", "[::1]"),
)
PORTS = ("", ":80", ":443", ":8080", ":59999", ":0080", ":0", ":65535", ":99999", ":")
PATHS = (
    *("", "/", "/a/b.xml", "/a//b/../c", "/%D0%B0?x=1&y=%20", "/a;b=c,d", "/?", "/?a", "/x?y?z", "?a=b"),
    *("/~u/(1)'*!$&+@:=[]", "/a%2", "/a b", "/ё", "/a#f", "/./x", "/a\tb", "/a|b"),
)


def _told(read: object, text: str) -> object:
    try:
        made = read(text)  # type: ignore[operator]
    except WorkError as e:
        return e.error_class, e.message
    return made, str(made.url), made.url.raw_path_qs, made.url.port


@pytest.mark.parametrize("scheme", SCHEMES)
def test_an_ordinary_address_is_read_as_any_other(scheme: str) -> None:
    ordinary = 0
    for name, port, path in product(NAMES, PORTS, PATHS):
        text = f"{scheme}{name}{port}{path}"
        ordinary += address._PLAIN.fullmatch(text) is not None
        assert _told(address.target, text) == _told(address._any_target, text), text
    assert ordinary > 300 or scheme not in ("http://", "https://")
