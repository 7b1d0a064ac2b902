"""Readers for the benchmark of the pages, in a process of their own: each asks page after page over one connection that stays.

Reads one order as JSON from stdin: {"port", "paths", "clients", "seconds" or "rounds", "again": whether they say what they have}.
Prints {"ms": every answer's milliseconds, "bytes": the largest answer to each path, "statuses": {...}}. By hand, since an HTTP
library would take more of the machine than the server it measures.
"""

from __future__ import annotations

import json
import random
import socket
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Reader:
    """One connection."""

    port: int
    paths: list[str]
    again: bool
    ms: list[float] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)
    statuses: Counter[str] = field(default_factory=Counter)
    tags: dict[str, bytes] = field(default_factory=dict)

    def connect(self) -> None:
        self._socket = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def read(self, *, until: float, rounds: int, seed: int) -> None:
        """Ask until the time is over, or so many times for each page; each reader in an order of its own."""
        die = random.Random(seed)
        while rounds or time.monotonic() < until:
            order = die.sample(self.paths, len(self.paths))
            for path in order:
                if not rounds and time.monotonic() >= until:
                    return
                self.ask(path)
            rounds -= bool(rounds)
            if not rounds and not until:
                return

    def ask(self, path: str) -> None:
        tag = self.tags.get(path)
        known = b"If-None-Match: " + tag + b"\r\n" if tag and self.again else b""
        request = b"GET " + path.encode() + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n" + known + b"\r\n"
        began = time.perf_counter()
        self._socket.sendall(request)
        head, size = self._answer()
        self.ms.append((time.perf_counter() - began) * 1e3)
        self.statuses[head[9:12].decode()] += 1
        if size:
            self.sizes[path] = max(size, self.sizes.get(path, 0))
        lower = head.lower()
        at = lower.find(b"\r\netag: ")
        if at >= 0:
            self.tags[path] = head[at + 8 : head.index(b"\r\n", at + 8)]

    def _answer(self) -> tuple[bytes, int]:
        """The head and the length of the body."""
        got = b""
        while (end := got.find(b"\r\n\r\n")) < 0:
            got += self._more()
        head = got[:end]
        at = head.lower().find(b"content-length:")
        size = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        left = size - (len(got) - end - 4)
        while left > 0:
            left -= len(self._more())
        return head, size

    def _more(self) -> bytes:
        part = self._socket.recv(1 << 18)
        if not part:
            raise ConnectionError
        return part


def main() -> None:
    order: dict[str, Any] = json.loads(sys.stdin.readline())
    readers = [Reader(order["port"], order["paths"], order["again"]) for _ in range(order["clients"])]
    for reader in readers:
        reader.connect()
    seconds, rounds = order.get("seconds", 0), order.get("rounds", 0)
    until = time.monotonic() + seconds if seconds else 0.0
    threads = [
        threading.Thread(target=reader.read, kwargs={"until": until, "rounds": rounds, "seed": n})
        for n, reader in enumerate(readers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sizes: dict[str, int] = {}
    statuses: Counter[str] = Counter()
    for reader in readers:
        statuses += reader.statuses
        sizes |= {path: max(size, sizes.get(path, 0)) for path, size in reader.sizes.items()}
    print(json.dumps({"ms": [round(t, 3) for r in readers for t in r.ms], "bytes": sizes, "statuses": statuses}))


if __name__ == "__main__":
    main()
