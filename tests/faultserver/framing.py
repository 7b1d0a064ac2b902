"""What is not quite HTTP, or not at all: lengths, chunks, status lines, headers, broken connections (P15, P30)."""

from __future__ import annotations

from tests.conformance.feedserver import (
    Behaviour,
    Call,
    FeedServer,
    cut,
    hang_up,
    raw,
    reset,
)
from tests.faultserver.manifest import Fault, Place, always, failing, news, plain, told, well

BODY = news()
OK = b"HTTP/1.1 200 OK\r\n"


def framed(headers: bytes, body: bytes = BODY) -> Behaviour:
    """An answer whose header section is written by hand."""
    return raw(OK + headers + b"\r\n" + body)


def length(name: str, does: str, value: str, error: str) -> Fault:
    """A length that says something else than there is."""
    return failing(name, does, "reliability length-*", error, always(framed(f"Content-Length: {value}\r\n".encode())))


def chunked(data: bytes, more: bytes = b"") -> Behaviour:
    """Chunks written by hand."""
    return framed(b"Transfer-Encoding: chunked\r\n" + more, data)


def chunk(data: bytes, extension: bytes = b"") -> bytes:
    """One chunk."""
    return f"{len(data):x}".encode() + extension + b"\r\n" + data + b"\r\n"


def typed(name: str, value: str) -> Fault:
    """A feed under a wrong type."""
    return well(
        name, f"Calls its feed {value or 'nothing at all'}.", "P15", told(*([("Content-Type", value)] if value else []))
    )


def _reset_inside(call: Call) -> None:
    call.head(200, [("Content-Length", "100000")])
    call.send(BODY)
    call.pause(0.1)
    reset()(call)


def _rubbish_behind(call: Call) -> None:
    """More bytes than announced: what follows on the connection is not an answer."""
    call.respond(200, BODY)
    call.send(b"HTTP/1.1 500 Smuggled\r\nContent-Length: 0\r\n\r\n")


def _idle_408(call: Call) -> None:
    """As some balancers do: the answer, and a farewell that nobody asked for."""
    call.respond(200, BODY)
    call.pause(0.05)
    call.send(b"HTTP/1.1 408 Request Time-out\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    call.keep = False


def _closed(place: Place) -> str:
    with FeedServer(place.server.host) as gone:
        return gone.url("/feed")


def _mail_server(place: Place) -> str:
    return place.open(greeting=b"220 mail.example ESMTP ready\r\n").url("/feed")


def _no_tls(place: Place) -> str:
    return (
        place.open(greeting=b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        .url("/feed")
        .replace("http://", "https://")
    )


def _broken_tls(place: Place) -> str:
    return place.open(greeting=b"\x15\x03\x03\x00\x02\x02\x28").url("/feed").replace("http://", "https://")


def _not_found(_: Place) -> str:
    return "http://no-such-newspaper.invalid/feed"


def _odd_host(_: Place) -> str:
    return "http://under_score..example/feed"


FAULTS: tuple[Fault, ...] = (
    failing("length-too-long", "Promises more than it sends.", "reliability length-*", "truncated", lambda _: cut(BODY, len(BODY) + 500)),
    failing("length-too-short", "Sends more than it promises: what is whole cannot be told.", "reliability length-*", "bad_http",
            always(framed(f"Content-Length: {len(BODY) - 10}\r\n".encode()))),
    well("length-absent", "Ends its body by closing.", "reliability length-*", always(framed(b""))),
    length("length-negative", "Promises less than nothing.", "-1", "bad_http"),
    length("length-words", "Promises a lot.", "a lot", "bad_http"),
    length("length-hex", "Promises in hexadecimal.", "0x100", "bad_http"),
    length("length-huge", "Promises a petabyte.", "1000000000000000", "too_large"),
    length("length-overflow", "Promises more than a machine can count.", "9" * 40, "bad_http"),
    failing("length-zero", "Promises nothing and keeps its word.", "reliability length-*", "empty", always(framed(b"Content-Length: 0\r\n", b""))),
    failing("length-two", "Promises two different lengths.", "reliability length-*", "bad_http",
            always(framed(b"Content-Length: 20\r\nContent-Length: 30\r\n"))),
    failing("length-and-chunks", "Promises a length and sends chunks, as smugglers do.", "reliability length-*", "bad_http",
            always(chunked(chunk(BODY) + b"0\r\n\r\n", b"Content-Length: 5\r\n"))),
    well("chunk-extension", "Writes remarks beside its chunks.", "RFC 9112 §7.1.1", always(chunked(chunk(BODY, b";a=b") + b"0\r\n\r\n"))),
    well("chunk-trailer", "Sends headers after its body.", "RFC 9112 §7.1.2", always(chunked(chunk(BODY) + b"0\r\nX-Sum: 1\r\n\r\n"))),
    failing("chunk-size-words", "Measures a chunk in words.", "P15", "bad_http", always(chunked(b"many\r\n" + BODY))),
    failing("chunk-size-huge", "Announces a chunk of eighteen quintillion bytes.", "P15", "bad_http",
            always(chunked(b"fffffffffffffffff\r\n" + BODY))),
    failing("chunk-cut", "Hangs up inside a chunk.", "P15", "truncated", always(chunked(f"{len(BODY) + 99:x}\r\n".encode() + BODY))),
    failing("chunk-no-end", "Never sends the last chunk.", "P15", "truncated", always(chunked(chunk(BODY)))),
    failing("not-http-ssh", "Is an SSH server.", "reliability bad HTTP", "bad_http", always(raw(b"SSH-2.0-OpenSSH_9.2p1\r\n"))),
    failing("not-http-mail", "Is a mail server and greets first.", "reliability bad HTTP", "bad_http", _mail_server),
    failing("not-http-noise", "Sends noise.", "reliability bad HTTP", "bad_http", always(raw(bytes(range(256)) * 8))),
    failing("http-0.9", "Sends the document with no head at all.", "reliability bad HTTP", "bad_http", always(raw(BODY))),
    failing("icy", "Speaks the protocol of radio stations.", "reliability bad HTTP", "bad_http", always(raw(b"ICY 200 OK\r\n\r\n" + BODY))),
    failing("status-words", "Answers with a status that is no number.", "reliability bad HTTP", "bad_http",
            always(raw(b"HTTP/1.1 OK\r\n\r\n" + BODY))),
    well("status-bare", "Answers with a status and no reason.", "RFC 9112 §4", always(raw(b"HTTP/1.1 200\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY))),
    well("http-1.0", "Speaks HTTP/1.0.", "RFC 9112", always(raw(b"HTTP/1.0 200 OK\r\n\r\n" + BODY))),
    well("reason-latin", "Gives its reason in Latin-1.", "RFC 9112 §4", always(raw(b"HTTP/1.1 200 \xe9t\xe9\r\n\r\n" + BODY))),
    well("header-folded", "Folds a header over two lines, as mail does.", "P30", always(framed(b"X-Long: one\r\n two\r\n"))),
    well("header-latin", "Sends headers in Latin-1.", "P30", always(framed(b"X-Where: Besan\xe7on\r\n"))),
    well("header-utf8-etag", "Sends an ETag in UTF-8.", "P30", lambda _: plain(etag='"новость"')),
    failing("header-nul", "Sends a NUL inside a header.", "reliability bad HTTP", "bad_http", always(framed(b"X-A: a\0b\r\n"))),
    failing("header-no-colon", "Sends a header that is none.", "reliability bad HTTP", "bad_http", always(framed(b"What is this\r\n"))),
    failing("hang-up", "Takes the request and hangs up; it is not asked twice.", "P15", "reset", lambda _: hang_up()),
    failing("reset", "Breaks the connection at the request.", "P15", "reset", lambda _: reset()),
    failing("reset-inside", "Breaks the connection inside the body.", "P15", "truncated", always(_reset_inside)),
    failing("dns", "Has a name that nobody knows.", "P15", "dns", _not_found, asked="000000"),
    failing("dns-odd", "Has a name that cannot be one.", "P15", "dns", _odd_host, asked="000000"),
    failing("refused", "Has nobody listening.", "P15", "connect", _closed, asked="000000"),
    failing("tls-none", "Does not speak TLS.", "P15", "tls", _no_tls, asked="000000", most=10),
    failing("tls-broken", "Breaks the handshake off.", "P15", "tls", _broken_tls, asked="000000", most=10),
    well("rubbish-behind", "Sends a second answer that nobody asked for.", "reliability bad HTTP", always(_rubbish_behind)),
    well("idle-408", "Says that we were too slow, after having answered.", "P15", always(_idle_408)),
    typed("type-html", "text/html; charset=utf-8"),
    typed("type-octets", "application/octet-stream"),
    typed("type-none", ""),
    typed("type-garbage", "}{;;;charset=;x"),
)  # fmt: skip
