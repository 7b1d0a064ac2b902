"""Summary and content packed beside their plain text, and digests as bytes."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aggregator.store.sql import markup, rows

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(summary=TEXT, content=TEXT, body=TEXT)
@example(summary="", content="12 <p>", body="")
@example(summary=" 3", content="", body="x")
@example(summary="\0", content="\0", body="\0")
def test_markup_comes_back_as_it_was(summary: str, content: str, body: str) -> None:
    assert markup.unpack(markup.pack(summary, content, body), body) == (summary, content)


@given(body=TEXT, times=st.integers(1, 3000))
def test_markup_of_any_length_comes_back(body: str, times: int) -> None:
    text = body * times
    summary, content = f"<p>{text[:500]}</p>", f"<p>{text}</p>"
    assert markup.unpack(markup.pack(summary, content, text), text) == (summary, content)


def test_markup_that_repeats_its_body_takes_a_tenth() -> None:
    body = " ".join(f"word{i * 7919 % 1000} is" for i in range(120))
    packed = markup.pack(f"<p>{body[:300]}</p>", f"<p>{body[:600]}</p><p>{body[600:]}</p>", body)
    assert packed is not None
    assert len(packed) < len(body) / 10


def test_no_markup_is_nothing() -> None:
    assert markup.pack("", "", "body") is None
    assert markup.unpack(None, "body") == ("", "")


@pytest.mark.parametrize("packed", [b"", b"\x00", b"\xff\xff\xff", b"not packed by us"])
def test_what_was_never_packed_is_refused(packed: bytes) -> None:
    with pytest.raises(sqlite3.DatabaseError, match="malformed"):
        markup.unpack(packed, "body")


@pytest.mark.parametrize("text", ["", "f", "ab" * 32, "AB" * 32, "zz" * 32, "0 " * 32, "print-Talks"])
def test_a_digest_comes_back_as_it_was(text: str) -> None:
    assert rows.unpack_digest(rows.pack_digest(text)) == text
