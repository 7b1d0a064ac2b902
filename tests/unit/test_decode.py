"""decode: a body comes out whole however the wire cuts it, and never larger than its cap."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from importlib import import_module

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.errors import WorkError
from aggregator.fetch.decode import Body

PACK: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": lambda body: bytes(import_module("brotli").compress(body, quality=3)),
    "zstd": lambda body: bytes(import_module("backports.zstd").compress(body)),
}
CAP = 300_000
CODINGS = st.sampled_from(sorted(PACK))


def decoded(coding: str, wire: bytes, step: int, cap: int = CAP) -> bytes:
    body = Body(coding, cap)
    for start in range(0, len(wire), step):
        body.feed(wire[start : start + step])
    return body.finish()


@given(coding=CODINGS, text=st.binary(max_size=400), times=st.sampled_from([1, 700]), step=st.integers(1, 70_000))
def test_what_was_packed_comes_out_whole(coding: str, text: bytes, times: int, step: int) -> None:
    wire = PACK[coding](text * times)
    assert decoded(coding, wire, max(step, len(wire) // 2000 + 1)) == text * times


@given(coding=CODINGS, size=st.integers(CAP - 1, 20 * CAP), step=st.integers(1, 70_000))
def test_nothing_larger_than_the_cap_comes_out(coding: str, size: int, step: int) -> None:
    wire = PACK[coding](b"\0" * size)
    step = max(step, len(wire) // 1000 + 1)
    if size <= CAP:
        assert len(decoded(coding, wire, step)) == size
    else:
        with pytest.raises(WorkError) as refused:
            decoded(coding, wire, step)
        assert refused.value.error_class in ("too_large", "bomb")


@given(coding=CODINGS, wire=st.binary(max_size=300), step=st.integers(1, 300))
def test_any_bytes_give_a_body_or_a_named_error(coding: str, wire: bytes, step: int) -> None:
    error_class = ""
    try:
        decoded(coding, wire, step)
    except WorkError as e:
        error_class = e.error_class
    assert error_class in ("", "truncated", "bad_http")


@given(coding=CODINGS, text=st.text("абв <>&;\n", max_size=3000), step=st.integers(1, 3000))
def test_a_text_that_is_not_packed_comes_out_as_it_is(coding: str, text: str, step: int) -> None:
    plain = b"<?xml version='1.0'?>\n<rss>" + text.encode() + b"</rss>"
    assert decoded(coding, plain, step) == plain


def test_an_empty_body_is_empty_under_any_coding() -> None:
    assert [decoded(coding, b"", 1) for coding in PACK] == [b""] * len(PACK)


@pytest.mark.parametrize("header", ["gzip, br", "gzip,gzip", "deflate , identity, zstd"])
def test_two_codings_are_one_too_many(header: str) -> None:
    with pytest.raises(WorkError):
        Body(header, CAP)


def test_a_zstd_window_beyond_8_mb_is_refused() -> None:
    zstd = import_module("backports.zstd")
    options = {zstd.CompressionParameter.window_log: 27, zstd.CompressionParameter.content_size_flag: 0}
    packer = zstd.ZstdCompressor(options=options)
    wire = packer.compress(b"news " * 1000) + packer.flush()
    with pytest.raises(WorkError) as refused:
        decoded("zstd", wire, 100)
    assert refused.value.error_class == "bad_http"
