"""Return paths: each names its subscription, and nobody else can make one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.digests import messages

SECRET = b"s" * 32
BASE = "bounce@news.example"
IDS = st.integers(1, 2**63 - 1)


@given(IDS)
def test_a_return_path_names_its_subscription(number: int) -> None:
    path = messages.return_path(SECRET, number, BASE)
    found = re.fullmatch(r"bounce\+([a-z2-7]{15,26})@news\.example", path)
    assert found is not None
    assert len(found[1]) <= messages.TAG_LENGTH
    for shape in (path, path.upper(), f" <{path}> "):
        assert messages.read_return_path(SECRET, shape) == number


@given(IDS, IDS)
def test_two_subscriptions_never_share_one(one: int, other: int) -> None:
    same = messages.return_path(SECRET, one, BASE) == messages.return_path(SECRET, other, BASE)
    assert same == (one == other)


@given(IDS, st.integers(0, 25), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_a_changed_tag_is_nobodys(number: int, place: int, letter: str) -> None:
    path = messages.return_path(SECRET, number, BASE)
    tag = path.partition("+")[2].partition("@")[0]
    place %= len(tag)
    changed = tag[:place] + letter + tag[place + 1 :]
    # The last letter holds bits that base32 does not use.
    if messages.read_return_path(SECRET, f"bounce+{changed}@news.example"):
        assert changed[:-1] == tag[:-1]


def test_another_installations_tag_is_nobodys() -> None:
    assert messages.read_return_path(b"t" * 32, messages.return_path(SECRET, 7, BASE)) == 0


@pytest.mark.parametrize(
    "address",
    [
        "",
        "@",
        "+@",
        "bounce@news.example",
        "bounce+@x",
        "bounce+1@x",
        "bounce+" + "a" * 26 + "@x",
        "bounce+ы@x",
        "a+b+c",
    ],
)
def test_any_other_address_is_nobodys(address: str) -> None:
    assert messages.read_return_path(SECRET, address) == 0


@given(st.text())
def test_nothing_that_is_read_raises(text: str) -> None:
    assert messages.read_return_path(SECRET, text) == 0


def test_a_base_with_a_plus_of_its_own_is_no_trouble() -> None:
    path = messages.return_path(SECRET, 7, "news+mail@news.example")
    assert path.startswith("news+mail+")
    assert messages.read_return_path(SECRET, path) == 7
