"""One HTTP server per outlet, on loopback: honest about validators, quiet, and gone within a moment.

Every server has a port, and so a host, of its own. Documents are rendered once, when the ports are known, and do not
change afterwards: a second poll is answered 304, or with the very same bytes.
"""

from __future__ import annotations

import gzip
import hashlib
import socket
import threading
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from types import TracebackType
from typing import Any, Self

from aggregator.sample import documents, pages
from aggregator.sample.newsroom import OUTLETS
from aggregator.sample.story import Outlet

_LAST_MODIFIED = "Thu, 02 Feb 2023 11:50:00 GMT"
_DATE = "Thu, 02 Feb 2023 12:00:00 GMT"
_PIECES = 10


@dataclass(frozen=True, slots=True)
class Request:
    """What a server was asked and answered; header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    status: int
    size: int


@dataclass(frozen=True, slots=True)
class _Answer:
    status: HTTPStatus
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    dribble: float = 0.0


class _Server(ThreadingHTTPServer):
    """An HTTP server that keeps a log, keeps quiet, and can hang up on everybody at once."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, outlet: Outlet) -> None:
        self.outlet = outlet
        self.log: list[Request] = []
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self._connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)
        self.origin = f"http://127.0.0.1:{self.server_address[1]}"
        self.document = b"" if outlet.gone else documents.render(outlet, self.origin)

    def server_bind(self) -> None:
        """Bind without asking the resolver for our own name, which can take seconds offline."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, then serve it in a thread."""
        with self.lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection and close it."""
        with self.lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay quiet: clients may leave whenever they like."""

    def hang_up(self) -> None:
        """Wake every thread that waits for a client."""
        with self.lock:
            connections = list(self._connections)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


class _Handler(BaseHTTPRequestHandler):
    """Answers for one outlet."""

    protocol_version = "HTTP/1.1"
    server_version = "sample"
    sys_version = ""
    timeout = 30
    server: _Server

    def do_GET(self) -> None:
        """Answer a GET."""
        self._reply(with_body=True)

    def do_HEAD(self) -> None:
        """Answer a HEAD."""
        self._reply(with_body=False)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""

    def date_time_string(self, timestamp: float | None = None) -> str:  # noqa: ARG002 - the signature of http.server
        """The newsroom lives on the afternoon of 2 February 2023, and so does its Date header."""
        return _DATE

    def _reply(self, *, with_body: bool) -> None:
        answer = _answer(self.server.outlet, self.server, self.path.partition("?")[0], self._headers())
        self._record(answer)
        try:
            self.send_response(answer.status)
            for name, value in answer.headers:
                self.send_header(name, value)
            if answer.status != HTTPStatus.NOT_MODIFIED:
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if with_body:
                self._send(answer)
        except OSError:
            self.close_connection = True

    def _headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    def _record(self, answer: _Answer) -> None:
        entry = Request(self.command, self.path, self._headers(), int(answer.status), len(answer.body))
        with self.server.lock:
            self.server.log.append(entry)

    def _send(self, answer: _Answer) -> None:
        """Send the body, in pieces when the outlet's line is slow."""
        if not answer.dribble:
            self.wfile.write(answer.body)
            return
        step = len(answer.body) // _PIECES + 1
        for start in range(0, len(answer.body), step):
            if self.server.closing.wait(answer.dribble / _PIECES):
                self.close_connection = True
                return
            self.wfile.write(answer.body[start : start + step])
            self.wfile.flush()


def _answer(outlet: Outlet, server: _Server, path: str, headers: dict[str, str]) -> _Answer:
    """Decide what the outlet answers to a request."""
    if outlet.gone:
        return _plain(HTTPStatus.GONE, "This newspaper has closed. Thank you for reading.\n")
    if path == outlet.path:
        return _feed(outlet, server, headers)
    if outlet.pages and path == "/robots.txt":
        return _plain(HTTPStatus.OK, "User-agent: *\nAllow: /\n")
    for item in outlet.items:
        if outlet.pages and path == f"/articles/{item.slug}.html":
            return _Answer(HTTPStatus.OK, (("Content-Type", "text/html; charset=utf-8"),), pages.article(outlet, item))
    return _plain(HTTPStatus.NOT_FOUND, "Not here.\n")


def _plain(status: HTTPStatus, text: str) -> _Answer:
    return _Answer(status, (("Content-Type", "text/plain; charset=utf-8"),), text.encode())


def _feed(outlet: Outlet, server: _Server, headers: dict[str, str]) -> _Answer:
    """The feed, or 304 to whoever holds it already."""
    packed = outlet.compress and "gzip" in headers.get("accept-encoding", "").lower()
    body = gzip.compress(server.document, mtime=0) if packed else server.document
    validators = _validators(outlet, server.document, packed=packed)
    if _unchanged(validators, headers):
        return _Answer(HTTPStatus.NOT_MODIFIED, tuple(validators.items()))
    server.closing.wait(outlet.latency)
    described = (("Content-Type", outlet.content_type), *validators.items())
    if outlet.compress:
        described += (("Vary", "Accept-Encoding"),)
    if packed:
        described += (("Content-Encoding", "gzip"),)
    return _Answer(HTTPStatus.OK, described, body, outlet.dribble)


def _validators(outlet: Outlet, document: bytes, *, packed: bool) -> dict[str, str]:
    """ETag and Last-Modified as the outlet's server sends them; a gzipped body has an ETag of its own."""
    digest = hashlib.sha256(document).hexdigest()[:16]
    quoted = f'"{digest}-gzip"' if packed else f'"{digest}"'
    offered = {
        "both": {"ETag": quoted, "Last-Modified": _LAST_MODIFIED},
        "etag": {"ETag": quoted},
        "weak-etag": {"ETag": f"W/{quoted}"},
        "last-modified": {"Last-Modified": _LAST_MODIFIED},
        "ignored": {},
    }
    return offered[outlet.conditional]


def _unchanged(validators: dict[str, str], headers: dict[str, str]) -> bool:
    """Whether the client holds this version: If-None-Match decides when there is one (RFC 9110 §13.2.2).

    Both are compared byte for byte, so a client that reprints a date or loses a `W/` gets the whole body.
    """
    tags = headers.get("if-none-match")
    if tags is not None:
        return "ETag" in validators and validators["ETag"] in [tag.strip() for tag in tags.split(",")]
    since = headers.get("if-modified-since")
    return since is not None and since == validators.get("Last-Modified")


class Newsroom:
    """All outlets on the air, for as long as the `with` block lasts."""

    def __init__(self, outlets: tuple[Outlet, ...] = OUTLETS) -> None:
        self._outlets = outlets
        self._servers: dict[str, _Server] = {}
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        """Open a port for every outlet and start serving."""
        try:
            for outlet in self._outlets:
                server = self._servers[outlet.id] = _Server(outlet)
                thread = threading.Thread(
                    target=server.serve_forever, args=(0.05,), name=f"sample-{outlet.id}", daemon=True
                )
                thread.start()
                self._threads.append(thread)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take everybody off the air."""
        self.close()

    def close(self) -> None:
        """Stop all servers at the same time, hang up on their clients and free the ports."""
        for server in self._servers.values():
            server.closing.set()
        stoppers = [threading.Thread(target=server.shutdown) for server in self._servers.values()]
        for stopper in stoppers:
            stopper.start()
        for thread in [*stoppers, *self._threads]:
            thread.join()
        for server in self._servers.values():
            server.hang_up()
            server.server_close()
        self._threads.clear()

    @property
    def feeds(self) -> list[dict[str, object]]:
        """The feeds as feeds.yaml wants them."""
        return [
            {
                "id": outlet.id,
                "url": self.url(outlet.id),
                "title": outlet.title,
                "language": outlet.language,
                "country": outlet.country,
                "tags": list(outlet.tags),
                "articles": outlet.articles,
            }
            for outlet in self._outlets
        ]

    def url(self, feed_id: str) -> str:
        """The address of an outlet's feed."""
        server = self._servers[feed_id]
        return f"{server.origin}{server.outlet.path}"

    def document(self, feed_id: str) -> bytes:
        """An outlet's feed as served, before compression."""
        return self._servers[feed_id].document

    def requests(self, feed_id: str) -> list[Request]:
        """What an outlet's server was asked so far."""
        server = self._servers[feed_id]
        with server.lock:
            return list(server.log)
