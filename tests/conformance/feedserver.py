"""A real HTTP server on loopback that behaves, and misbehaves, as it is told.

    with FeedServer() as server:
        url = server.add("/feed.xml", document(b"<rss/>", etag='"1"'))
        ...
        assert [r.headers.get("if-none-match") for r in server.log("/feed.xml")] == [None, '"1"']

A behaviour is a function that gets a `Call` and answers it; the factories below make the usual ones. Several given to
`in_turn` answer one after the other, the last for ever. Every request is in `server.requests`, in order of arrival.
"""

from __future__ import annotations

import contextlib
import gzip
import itertools
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from importlib import import_module
from types import TracebackType
from typing import Self

Headers = Iterable[tuple[str, str]]
RSS = b"<?xml version='1.0'?><rss version='2.0'><channel><title>Test</title></channel></rss>"


@dataclass
class Request:
    """A request as it came; `connection` counts the connections of the server, `ended` is set when the answer is out."""

    method: str
    path: str
    headers: Mapping[str, str]
    raw: bytes
    connection: int
    started: float
    ended: float = 0.0


@dataclass
class Call:
    """One request and the wire to answer it on. A behaviour that leaves `keep` True leaves the connection usable."""

    request: Request
    wire: socket.socket
    stopping: threading.Event
    keep: bool = True

    def send(self, data: bytes) -> None:
        """Bytes on the wire, as they are."""
        self.wire.sendall(data)

    def head(self, status: int, headers: Headers = ()) -> None:
        """A status line and headers; Date is added."""
        phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Odd"
        lines = [f"HTTP/1.1 {status} {phrase}", f"Date: {formatdate(usegmt=True)}", *(f"{n}: {v}" for n, v in headers)]
        self.send("\r\n".join([*lines, "", ""]).encode())

    def respond(self, status: int, body: bytes = b"", headers: Headers = ()) -> None:
        """A whole, honest answer."""
        length = [] if status in (204, 304) else [("Content-Length", str(len(body)))]
        self.head(status, [*length, *headers])
        self.send(body)

    def pause(self, seconds: float) -> bool:
        """Wait; True when the server stops meanwhile."""
        return self.stopping.wait(seconds)


Behaviour = Callable[[Call], None]


class FeedServer:
    """Listens, on a port that the system chooses unless told; one thread for each connection. `greeting` is sent unasked."""

    def __init__(self, host: str = "127.0.0.1", greeting: bytes = b"", port: int = 0) -> None:
        self.host = host
        self._wanted = port
        self._greeting = greeting
        self.requests: list[Request] = []
        self.connections = 0
        self._behaviours: dict[str, Behaviour] = {}
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._wires: set[socket.socket] = set()

    def __enter__(self) -> Self:
        self._listener = socket.create_server((self.host, self._wanted), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self._spawn(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        # Closing alone does not wake a thread inside accept().
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for wire in self._wires:
                with contextlib.suppress(OSError):
                    wire.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def add(self, path: str, behaviour: Behaviour) -> str:
        """Answer `path` so; returns its URL. Adding again replaces."""
        self._behaviours[path] = behaviour
        return self.url(path)

    def url(self, path: str = "/", *, host: str = "") -> str:
        """The URL of a path, under another name for this host if wished."""
        return f"http://{host or self.host}:{self.port}{path}"

    def log(self, path: str) -> list[Request]:
        """The requests for a path, in order."""
        return [r for r in self.requests if r.path == path]

    def _spawn(self, work: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                wire, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self._wires.add(wire)
            self._spawn(self._serve, wire, self.connections)

    def _serve(self, wire: socket.socket, number: int) -> None:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError), wire, wire.makefile("rb") as reader:
            wire.sendall(self._greeting)
            while not self._stopping.is_set():
                raw = b"".join(iter(lambda: _line(reader.readline()), b""))
                if not raw or not self._answer(wire, _request(raw, number)):
                    break
        with self._lock:
            self._wires.discard(wire)

    def _answer(self, wire: socket.socket, request: Request) -> bool:
        with self._lock:
            self.requests.append(request)
        call = Call(request, wire, self._stopping)
        behaviour = self._behaviours.get(request.path, status(404))
        try:
            behaviour(call)
        finally:
            request.ended = time.monotonic()
        return call.keep


def _line(line: bytes) -> bytes:
    return b"" if line == b"\r\n" else line


def _request(raw: bytes, number: int) -> Request:
    first, *lines = raw.decode("latin-1").splitlines()
    method, path, *_ = [*first.split(" "), "", ""]
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Request(method, path, headers, raw, number, time.monotonic())


# -- behaviours ------------------------------------------------------------------------------------------------------


def document(
    body: bytes = RSS, *, etag: str = "", last_modified: str = "", coding: str = "", headers: Headers = ()
) -> Behaviour:
    """A static document with honest conditional handling; `coding` compresses it (gzip, deflate, raw-deflate, br, zstd)."""
    packed = encode(body, coding)
    own = [(n, v) for n, v in (("ETag", etag), ("Last-Modified", last_modified)) if v]
    coded = [("Content-Encoding", coding.removeprefix("raw-"))] if coding else []

    def answer(call: Call) -> None:
        asked = call.request.headers
        if etag and "if-none-match" in asked:
            same = asked["if-none-match"] == etag
        else:
            same = bool(last_modified) and asked.get("if-modified-since") == last_modified
        if same:
            call.respond(304, headers=[*own, *headers])
        else:
            call.respond(200, packed, [*own, *coded, *headers])

    return answer


def encode(body: bytes, coding: str) -> bytes:
    """A body under a content coding."""
    if coding in ("gzip", "x-gzip"):
        return gzip.compress(body)
    if coding == "deflate":
        return zlib.compress(body)
    if coding == "raw-deflate":
        raw = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        return raw.compress(body) + raw.flush()
    if coding == "br":
        return bytes(import_module("brotli").compress(body, quality=5))
    if coding == "zstd":
        return bytes(import_module("backports.zstd").compress(body))
    return body


def status(code: int, body: bytes = b"", headers: Headers = ()) -> Behaviour:
    """Any status."""
    return lambda call: call.respond(code, body, headers)


def redirect(to: str, code: int = 302, body: bytes = b"", headers: Headers = ()) -> Behaviour:
    """Sends on to another address."""
    return status(code, body, [("Location", to), *headers])


def raw(data: bytes) -> Behaviour:
    """Any bytes at all, then the end: not HTTP, a cut-off body, a wrong frame."""

    def answer(call: Call) -> None:
        call.keep = False
        call.send(data)

    return answer


def cut(body: bytes, declared: int, headers: Headers = ()) -> Behaviour:
    """Promises `declared` bytes, sends fewer and hangs up."""

    def answer(call: Call) -> None:
        call.keep = False
        call.head(200, [("Content-Length", str(declared)), *headers])
        call.send(body)

    return answer


def drip(piece: bytes = b" ", every: float = 0.02, headers: Headers = ()) -> Behaviour:
    """A body that never ends, a piece at a time; with `every=0` as fast as it goes."""

    def answer(call: Call) -> None:
        call.keep = False
        call.head(200, headers)
        while not call.pause(every):
            call.send(piece)

    return answer


def large(size: int, headers: Headers = (), *, declared: bool = True) -> Behaviour:
    """A body of `size` bytes, announced or not."""

    def answer(call: Call) -> None:
        call.keep = False
        call.head(200, [*([("Content-Length", str(size))] if declared else []), *headers])
        piece = b"x" * min(size, 65536)
        for start in range(0, size, len(piece)):
            call.send(piece[: size - start])

    return answer


def silent() -> Behaviour:
    """Takes the request and never says a word."""

    def answer(call: Call) -> None:
        call.keep = False
        call.stopping.wait()

    return answer


def slow(behaviour: Behaviour, seconds: float) -> Behaviour:
    """The same, later."""

    def answer(call: Call) -> None:
        if not call.pause(seconds):
            behaviour(call)

    return answer


def reset() -> Behaviour:
    """Breaks the connection with a RST."""

    def answer(call: Call) -> None:
        call.keep = False
        call.wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return answer


def hang_up() -> Behaviour:
    """Closes the connection without an answer."""
    return raw(b"")


def closing(behaviour: Behaviour) -> Behaviour:
    """Answers well and closes the connection without having said so."""

    def answer(call: Call) -> None:
        behaviour(call)
        call.keep = False

    return answer


def bomb(size: int, coding: str = "gzip") -> Behaviour:
    """A few bytes that unpack to `size`."""
    return document(b"\0" * size, coding=coding)


def header_bomb(size: int) -> Behaviour:
    """One header of `size` bytes."""
    return document(headers=[("X-Long", "x" * size)])


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """One after the other; the last one stays."""
    turns = itertools.chain(behaviours, itertools.repeat(behaviours[-1]))
    lock = threading.Lock()

    def answer(call: Call) -> None:
        with lock:
            behaviour = next(turns)
        behaviour(call)

    return answer
