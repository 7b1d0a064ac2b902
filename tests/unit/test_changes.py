"""What a publisher changed, shown word by word."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from aggregator.web import changes


def shown(before: str, now: str) -> str:
    marks = {"same": "{}", "out": "[-{}-]", "in": "[+{}+]"}
    return "".join(marks[kind].format(text) for kind, text in changes.diff(before, now))


def test_one_word_for_another_is_one_change() -> None:
    assert shown("Talks in Minsk today", "Talks in Moscow today") == "Talks in [-Minsk-] [+Moscow+] today"
    assert shown("Саммит ОДКБ пройдет", "Саммит ОДКБ не пройдет") == "Саммит ОДКБ [+не+] пройдет"
    assert shown("Gas falls!", "Gas falls?") == "Gas falls[-!-] [+?+]"
    assert shown("Two dead", "") == "[-Two dead-]"
    assert shown("", "Two dead") == "[+Two dead+]"
    assert shown("The same", "The same") == "The same"


@given(st.text("ab cd!ж", max_size=40), st.text("ab cd!ж", max_size=40))
def test_both_headlines_can_be_read_in_a_diff(before: str, now: str) -> None:
    pieces = changes.diff(before, now)
    for text, kind in ((before, "out"), (now, "in")):
        kept = "".join(piece for known, piece in pieces if known in ("same", kind))
        assert "".join(kept.split()) == "".join(text.split())


def test_a_headline_without_end_is_not_held_word_against_word() -> None:
    began = time.monotonic()
    pieces = changes.diff("a b " * 50_000, "b c " * 50_000)
    assert [kind for kind, _ in pieces] == ["out", "same", "in"]
    assert time.monotonic() - began < 1


def test_case_and_commas_are_no_change_of_a_text() -> None:
    assert changes.amount("Gas, prices FALL", "gas prices fall") == changes.Amount(0, 0, 3)
    assert changes.amount("gas prices fall", "gas prices rise again") == changes.Amount(1, 2, 4)
