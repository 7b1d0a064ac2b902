"""Content codings, and bodies that are too much: too large, too slow, too clever (P25-P27, reliability §1)."""

from __future__ import annotations

import gzip

from tests.conformance.feedserver import (
    Behaviour,
    Call,
    bomb,
    cut,
    document,
    drip,
    encode,
    header_bomb,
    large,
    silent,
    slow,
)
from tests.faultserver.manifest import Fault, Place, Serve, always, failing, news, plain, told, turns, well

BODY = news()
PACKED = gzip.compress(BODY, mtime=0)
LARGE = 30_000_000
"""Past the limit of the runner's home, which is 4 MB."""


def coded(name: str, coding: str, does: str) -> Fault:
    """An honest coding."""
    return well(name, does, "P25", lambda _: document(BODY, coding=coding))


def claimed(coding: str, body: bytes) -> Serve:
    """A body under the name of a coding, whatever it is."""
    return told(("Content-Encoding", coding), body=body)


def explosive(name: str, coding: str, does: str) -> Fault:
    """A few kilobytes that unpack to many megabytes."""
    return failing(name, does, "P25, reliability decompression bomb", "bomb", lambda _: bomb(LARGE, coding))


def _tiny_chunks(call: Call) -> None:
    call.head(200, [("Transfer-Encoding", "chunked")])
    for start in range(len(BODY)):
        call.send(b"1\r\n" + BODY[start : start + 1] + b"\r\n")
    call.send(b"0\r\n\r\n")


def _endless_chunks(call: Call) -> None:
    call.keep = False
    call.head(200, [("Transfer-Encoding", "chunked")])
    while not call.pause(0):
        call.send(b"8000\r\n" + b"<" * 0x8000 + b"\r\n")


def _slow_head(call: Call) -> None:
    call.keep = False
    for piece in (b"HTTP/1.1 200 OK\r\n", *[b"X-More: of it\r\n"] * 1000):
        if call.pause(0.1):
            return
        call.send(piece)


def _slow_then_dead(call: Call) -> None:
    """Half of the document at once, and then nothing."""
    call.keep = False
    call.head(200, [("Content-Length", str(len(BODY)))])
    call.send(BODY[: len(BODY) // 2])
    call.stopping.wait()


def _many_cookies(_: Place) -> Behaviour:
    return plain(headers=[("Set-Cookie", f"c{i}={i}; Path=/") for i in range(150)])


def _unpacked_error(call: Call) -> None:
    """A bomb as the page of an error: never looked at."""
    call.respond(500, encode(b"\0" * LARGE, "gzip"), [("Content-Encoding", "gzip")])


FAULTS: tuple[Fault, ...] = (
    coded("gzip", "gzip", "Compresses with gzip."),
    coded("x-gzip", "x-gzip", "Calls gzip by its old name."),
    coded("deflate", "deflate", "Compresses with deflate, as the standard has it."),
    coded("deflate-raw", "raw-deflate", "Compresses with deflate, as some browsers had it."),
    coded("brotli", "br", "Compresses with brotli."),
    coded("zstd", "zstd", "Compresses with zstd."),
    well("gzip-told-not-done", "Says gzip and sends plain text.", "P25", claimed("gzip", BODY)),
    well("brotli-told-not-done", "Says br and sends plain text.", "P25", claimed("br", BODY)),
    well("coding-charset", "Calls UTF-8 a coding.", "P25", claimed("utf-8", BODY)),
    well("coding-identity", "Names the coding that is none.", "P25", claimed("identity", BODY)),
    well("gzip-members", "Sends two gzip members in a row.", "P25",
         claimed("gzip", gzip.compress(BODY[:200]) + gzip.compress(BODY[200:]))),
    well("gzip-padding", "Sends zeros after the gzip member.", "P25", claimed("gzip", PACKED + b"\0" * 512)),
    failing("gzip-in-gzip", "Compresses twice, and says so: one coding is undone, no more.", "P25, reliability bomb", "bad_http",
            claimed("gzip, gzip", gzip.compress(PACKED))),
    failing("gzip-twice-told-once", "Compresses twice and says so once.", "P25", "not_a_feed", claimed("gzip", gzip.compress(PACKED))),
    failing("gzip-cut", "Stops in the middle of the gzip member.", "P25", "truncated", claimed("gzip", PACKED[:-40])),
    failing("brotli-cut", "Stops in the middle of the brotli stream.", "P25", "truncated", claimed("br", encode(BODY * 9, "br")[:-40])),
    failing("gzip-corrupt", "Damages the gzip member.", "P25", "bad_http", claimed("gzip", PACKED[:30] + b"\xff" * 60 + PACKED[90:])),
    failing("coding-unknown", "Compresses in a way that nobody asked for.", "P25", "not_a_feed", claimed("compress", b"\x1f\x9d\x90<\x02")),
    explosive("bomb-gzip", "gzip", "Sends a gzip bomb."),
    explosive("bomb-deflate", "deflate", "Sends a deflate bomb."),
    explosive("bomb-brotli", "br", "Sends a brotli bomb."),
    explosive("bomb-zstd", "zstd", "Sends a zstd bomb."),
    failing("bomb-in-error", "Sends a bomb as the page of its error.", "reliability bomb", "http_5xx", always(_unpacked_error)),
    failing("big-50mb", "Sends fifty megabytes and says so.", "P26", "too_large", lambda _: large(50_000_000)),
    failing("big-50mb-unannounced", "Sends fifty megabytes and does not say so.", "P26", "too_large",
            lambda _: large(50_000_000, declared=False)),
    failing("endless-fast", "Never ends, as fast as it goes.", "P26", "too_large", always(_endless_chunks)),
    failing("endless-slow", "Never ends, a byte at a time.", "P27, reliability slowloris", "timeout", lambda _: drip(b" ", 0.1)),
    failing("endless-header", "Never comes to the end of its headers.", "P27", "timeout", always(_slow_head)),
    failing("silent", "Takes the request and never says a word.", "P27", "timeout", lambda _: silent()),
    failing("half-then-silent", "Sends half of the document and waits.", "P27", "timeout", always(_slow_then_dead)),
    well("slow", "Thinks for half a second.", "P27", lambda _: slow(document(BODY), 0.5)),
    well("tiny-chunks", "Sends a byte in each chunk.", "P26", always(_tiny_chunks)),
    failing("header-bomb", "Sends a header of two hundred kilobytes.", "reliability header bomb", "header_too_large",
            lambda _: header_bomb(200_000)),
    failing("header-many", "Sends two thousand headers.", "reliability header bomb", "header_too_large",
            lambda _: plain(headers=[("X", "x")] * 2000)),
    well("header-many-cookies", "Sends a hundred and fifty cookies, as honest sites do.", "reliability header bomb", _many_cookies),
    well("cut-second", "Breaks off in the second answer: the entries of the first stay.", "P15",
         turns(document(BODY), cut(BODY[:-60], len(BODY)), document(news("A later report"))), entries=2,
         errors=("", "", "truncated", "", "", "")),
)  # fmt: skip
