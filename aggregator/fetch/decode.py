"""Undo content codings (RFC 9110 §8.4) in small steps, with a cap on what comes out.

aiohttp's own decompression is switched off: it trusts the header, allows chains of codings and gave bombs their way
(GHSA-6mq8-rvhq-8wgg). At most one coding is undone. A body that is not compressed although the header says so is
taken as it is: half-configured proxies do that.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from typing import Any, Protocol

from aggregator.errors import WorkError

STEP = 64 * 1024
BOMB_RATIO = 100
"""Decoded over received bytes above which a body past the cap is called a bomb."""
ZSTD_WINDOW_LOG = 23
"""8 MB, the most a sender may ask for (RFC 9659 §3)."""
GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


class Stream(Protocol):
    """One coding being undone."""

    @property
    def complete(self) -> bool:
        """Whether the end of the coded data was seen."""
        ...

    def steps(self, data: bytes) -> Iterator[bytes]:
        """What `data` decodes to, at most STEP bytes at a time; raises the library's own error."""
        ...


class _Zlib:
    """gzip (RFC 1952, several members), zlib (RFC 1950) or raw deflate (RFC 1951)."""

    def __init__(self, wbits: int) -> None:
        self._wbits = wbits
        self._z = zlib.decompressobj(wbits)

    @property
    def complete(self) -> bool:
        return self._z.eof

    def steps(self, data: bytes) -> Iterator[bytes]:
        full = False
        while data or full:
            if self._z.eof and not self._next_member(data):
                return
            out = self._z.decompress(data, STEP)
            # A full step may leave output inside zlib although all input is taken.
            full = len(out) == STEP
            data = self._z.unconsumed_tail or self._z.unused_data
            yield out

    def _next_member(self, data: bytes) -> bool:
        """Padding and rubbish after the last member are ignored, as gzip(1) does."""
        if self._wbits != zlib.MAX_WBITS | 16 or not data.startswith(GZIP_MAGIC):
            return False
        self._z = zlib.decompressobj(self._wbits)
        return True


class _Brotli:
    """br (RFC 7932)."""

    def __init__(self) -> None:
        self._d = import_module("brotli").Decompressor()

    @property
    def complete(self) -> bool:
        return bool(self._d.is_finished())

    def steps(self, data: bytes) -> Iterator[bytes]:
        if self.complete:
            return
        more = True
        while more:
            out = self._d.process(data, output_buffer_limit=STEP)
            # A full step may leave output inside although the decoder says that it takes more input.
            more = len(out) >= STEP or not self._d.can_accept_more_data()
            data = b""
            yield out


class _Zstd:
    """zstd (RFC 8878, several frames), window at most 8 MB (RFC 9659)."""

    def __init__(self) -> None:
        self._module: Any = _zstd()
        self._d = self._frame()

    @property
    def complete(self) -> bool:
        return bool(self._d.eof)

    def _frame(self) -> Any:
        limit = {self._module.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG}
        return self._module.ZstdDecompressor(options=limit)

    def steps(self, data: bytes) -> Iterator[bytes]:
        while True:
            if self._d.eof:
                if not data.startswith(ZSTD_MAGIC):
                    return
                self._d = self._frame()
            yield self._d.decompress(data, STEP)
            data = self._d.unused_data if self._d.eof else b""
            if not self._d.eof and self._d.needs_input:
                return


@cache
def _zstd() -> Any:
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return import_module(name)
        except ImportError:
            continue
    return None


@cache
def _has_brotli() -> bool:
    try:
        return hasattr(import_module("brotli").Decompressor, "can_accept_more_data")
    except ImportError:
        return False


@cache
def accepted() -> str:
    """The Accept-Encoding value (RFC 9110 §12.5.3): what this installation can undo, and nothing else."""
    optional = (("br", _has_brotli()), ("zstd", _zstd() is not None))
    return ", ".join(["gzip", "deflate", *(name for name, present in optional if present)])


def coding_of(header: str) -> str:
    """The one coding that a Content-Encoding value names, or "" for none or one we do not know (`utf-8` is met).

    Raises:
        WorkError: more than one coding.
    """
    names = [n for n in (part.strip().lower() for part in header.split(",")) if n not in ("", "identity")]
    known = ["gzip" if n == "x-gzip" else n for n in names if n in ("gzip", "x-gzip", "deflate", "br", "zstd")]
    if len(known) > 1:
        raise WorkError("bad_http", f"the document is compressed {len(known)} times over ({header[:80]})")
    return known[0] if known else ""


class Body:
    """A body on its way in: `feed` what arrives, take `finish`. Raises WorkError with class too_large, bomb, truncated,
    or bad_http when it does not decode.
    """

    def __init__(self, content_encoding: str, cap: int) -> None:
        self._coding = coding_of(content_encoding)
        self._cap = cap
        self._head = b""
        self._raw: list[bytes] = []
        self._out: list[bytes] = []
        self._received = 0
        self._size = 0
        self._stream: Stream | None = None
        self._decided = not self._coding

    def expect(self, length: int | None) -> None:
        """Refuse at once what announces itself as too large; a length that promises less is not believed."""
        if not self._coding and length is not None and length > self._cap:
            raise self._over()

    def feed(self, data: bytes) -> None:
        """Take the next bytes from the wire."""
        self._received += len(data)
        if not self._decided:
            # Two bytes tell gzip and zlib from other things, four zstd.
            data = self._head + data
            self._head = data if len(data) < len(ZSTD_MAGIC) else b""
            if self._head:
                return
            self._decide(data)
        self._take(data)

    def finish(self) -> bytes:
        """The whole body decoded."""
        if self._head:
            head, self._head = self._head, b""
            self._decide(head)
            self._take(head)
        if self._stream is not None and not self._stream.complete:
            self._fall_back(
                WorkError("truncated", f"the compressed document ({self._coding}) broke off before its end")
            )
        return b"".join(self._out)

    def _decide(self, head: bytes) -> None:
        self._decided = True
        opener = _opener(self._coding, head)
        self._stream = opener() if opener is not None else None

    def _take(self, data: bytes) -> None:
        if self._stream is None:
            self._keep(data)
            return
        if self._coding in ("br", "deflate"):
            self._remember(data)
        try:
            for piece in self._stream.steps(data):
                self._keep(piece)
        except WorkError:
            raise
        except Exception as e:  # noqa: BLE001 - zlib.error, brotli.error and ZstdError share no base
            self._fall_back(WorkError("bad_http", f"the compressed document is damaged ({self._coding}: {e})"))

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._cap:
            raise self._over()
        if piece:
            self._out.append(piece)

    def _remember(self, data: bytes) -> None:
        """Codings without a mark at their head: the raw bytes stay until it is known that they decode."""
        if self._received > self._cap:
            raise self._over()
        self._raw.append(data)

    def _over(self) -> WorkError:
        if self._stream is not None and self._size > BOMB_RATIO * self._received:
            return WorkError(
                "bomb",
                f"{self._received:,} compressed bytes unpack to more than {self._cap:,}: no honest document does",
            )
        return WorkError("too_large", f"the document is larger than {self._cap:,} bytes")

    def _fall_back(self, error: WorkError) -> None:
        """Take what did not decode as it is when it plainly is a text; else raise `error`."""
        raw = b"".join(self._raw)
        if not _is_text(raw):
            raise error
        self._stream, self._raw, self._out, self._size = None, [], [], 0
        self._keep(raw)


def _opener(coding: str, head: bytes) -> Callable[[], Stream] | None:
    """How to undo a coding, or None when the first bytes show that the body does not have it."""
    if coding == "gzip":
        return (lambda: _Zlib(zlib.MAX_WBITS | 16)) if head.startswith(GZIP_MAGIC) else None
    if coding == "zstd":
        return _Zstd if head.startswith(ZSTD_MAGIC) and _zstd() is not None else None
    if coding == "deflate":
        wrapped = len(head) > 1 and head[0] & 0x0F == 8 and int.from_bytes(head[:2], "big") % 31 == 0
        return lambda: _Zlib(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)
    return _Brotli if head and _has_brotli() else None


def _is_text(raw: bytes) -> bool:
    """Whether bytes begin as XML, HTML or JSON do."""
    start = raw[:256].removeprefix(b"\xef\xbb\xbf").lstrip()
    return start[:1] in (b"<", b"{", b"[") and not any(c < 9 for c in start)
