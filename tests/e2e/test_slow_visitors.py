"""Visitors who hold connections and ask for nothing: they are let go, and the files of the process stay free for polls."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from aggregator.app import build
from aggregator.web import patience
from aggregator.web.server import WebThread
from tests.e2e.homes import ENVIRON, write_home

HALF = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
LONG = b"POST /subscribe HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf of it"


Connect = Callable[..., socket.socket]


class Hasty(patience.PatientProtocol):
    """Sees in a moment what takes the real one seconds."""

    seconds = 0.2


class Few(patience.PatientProtocol):
    """Lets in fewer than the real one."""

    most = 5


@pytest.fixture
def connect(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Connects to pages that are served with the protocol of the test."""
    write_home(tmp_path, [])
    with build(tmp_path, ENVIRON) as app, ExitStack() as stack:
        thread = WebThread(app, "127.0.0.1", 0, request.param)
        thread.start()
        stack.callback(thread.stop)
        place = urlsplit(thread.url)

        def connected(said: bytes = b"") -> socket.socket:
            made = stack.enter_context(socket.create_connection((place.hostname, place.port), timeout=10))
            made.sendall(said)
            return made

        yield connected


def is_let_go(visitor: socket.socket) -> bool:
    """Whether the server ends the connection without a word."""
    try:
        return visitor.recv(1_000) == b""
    except ConnectionResetError:
        return True


def answered(visitor: socket.socket) -> bool:
    """Whether a whole answer comes."""
    got = b""
    while not got.endswith(b"ok\n"):
        more = visitor.recv(1_000)
        if not more:
            return False
        got += more
    return got.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("connect", [Hasty], indirect=True)
@pytest.mark.parametrize("said", [b"", HALF, LONG], ids=["nothing", "half a head", "half a body"])
def test_who_does_not_end_a_request_is_let_go(connect: Connect, said: bytes) -> None:
    assert is_let_go(connect(said))


@pytest.mark.parametrize("connect", [patience.PatientProtocol], indirect=True)
def test_a_request_that_ends_in_time_is_answered_and_another_behind_it(connect: Connect) -> None:
    visitor = connect(HALF)
    visitor.sendall(b"\r\n")
    assert answered(visitor)
    visitor.sendall(HALF + b"\r\n")
    assert answered(visitor)


@pytest.mark.parametrize("connect", [Few], indirect=True)
def test_one_connection_more_than_there_may_be_is_ended_and_the_others_are_not(connect: Connect) -> None:
    visitors = [connect() for _ in range(Few.most)]
    assert is_let_go(connect(HALF))
    visitors[0].sendall(HALF + b"\r\n")
    assert answered(visitors[0])
