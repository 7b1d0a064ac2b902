"""A webhook's receiver on loopback that keeps what came and answers as it is told."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self


@dataclass(frozen=True)
class Delivery:
    """A request as it came; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


Said = tuple[int, dict[str, str], bytes]
OK: Said = (200, {}, b"thanks\n")


class Hook:
    """Answers each delivery by `answer`; "hang" says nothing until the end of the test, "drop" closes the connection."""

    def __init__(self, answer: Callable[[Delivery], Said | str] = lambda _: OK) -> None:
        self.answer = answer
        self.deliveries: list[Delivery] = []
        self.ending = threading.Event()
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                delivery = Delivery(self.path, {n.lower(): v for n, v in self.headers.items()}, body)
                hook.deliveries.append(delivery)
                said = hook.answer(delivery)
                if isinstance(said, str):
                    if said == "hang":
                        hook.ending.wait(60)
                    self.close_connection = True
                    return
                status, headers, answer = said
                self.send_response(status)
                for name, value in {"Content-Length": str(len(answer)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(OSError):  # who posts does not read a long answer to its end
                    self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.ending.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
