"""The feed servers of the benchmarks, in a process of their own: a port, and so a host, for every feed.

Run as a script, with the number of feeds and, where it is not in 2023, the moment of their first entry, it prints the ports as JSON
and then obeys lines on stdin: `normal` (answers 304 where validators agree), `ignore` (always 200), `grow N` (every feed gains N
entries), `touch` (only the date of the build changes). It answers each line with the count of requests since the last.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

import corpus
from corpus import document


@dataclass
class Servers:
    """Every feed, and how they behave now."""

    count: int
    first: int = 0
    built: int = 0
    conditional: bool = True
    hits: dict[str, int] = field(default_factory=dict)
    bodies: dict[int, tuple[bytes, bytes, str]] = field(default_factory=dict)

    def make(self) -> None:
        """Make every body before anything is measured."""
        for feed in range(self.count):
            plain = document(feed, self.first, self.built)
            self.bodies[feed] = (plain, gzip.compress(plain, mtime=0), sha256(plain).hexdigest()[:16])

    def answer(self, feed: int, head: bytes) -> bytes:
        """A whole response to a whole request."""
        lines = head.split(b"\r\n")
        headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(b":") for line in lines[1:])}
        if lines[0].split()[1] == b"/robots.txt":
            return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        plain, packed, mark = self.bodies[feed]
        etag = f'"{mark}"'.encode()
        stamp = b"ETag: " + etag + b"\r\nLast-Modified: Thu, 02 Feb 2023 12:00:00 GMT\r\n"
        if self.conditional and headers.get(b"if-none-match") == etag:
            self.note("304")
            return b"HTTP/1.1 304 Not Modified\r\n" + stamp + b"\r\n"
        self.note("200")
        zipped = b"gzip" in headers.get(b"accept-encoding", b"")
        body = packed if zipped else plain
        kind = b"application/atom+xml" if feed % 2 else b"application/rss+xml"
        return (
            b"HTTP/1.1 200 OK\r\nContent-Type: "
            + kind
            + b"; charset=utf-8\r\n"
            + (b"Content-Encoding: gzip\r\n" if zipped else b"")
            + stamp
            + b"Content-Length: %d\r\n\r\n" % len(body)
            + body
        )

    def note(self, what: str) -> None:
        """Count an answer."""
        self.hits[what] = self.hits.get(what, 0) + 1

    async def serve(self, feed: int) -> int:
        """Listen for one feed; returns its port."""

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    writer.write(self.answer(feed, await reader.readuntil(b"\r\n\r\n")))
                    await writer.drain()
            writer.close()

        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        return int(server.sockets[0].getsockname()[1])


async def main(count: int) -> None:
    """Serve until stdin ends."""
    servers = Servers(count)
    servers.make()
    ports = [await servers.serve(feed) for feed in range(count)]
    mean = sum(len(b[0]) for b in servers.bodies.values()) // count
    zipped = sum(len(b[1]) for b in servers.bodies.values()) // count
    say({"ports": ports, "body": mean, "gzip": zipped})
    while order := (await asyncio.to_thread(sys.stdin.readline)).split():
        if order[0] in ("normal", "ignore"):
            servers.conditional = order[0] == "normal"
        elif order[0] == "grow":
            servers.first += int(order[1])
            servers.make()
        elif order[0] == "touch":
            servers.built += 1
            servers.make()
        elif order[0] == "reset":
            servers.first, servers.built, servers.conditional = 0, 0, True
            servers.make()
        say({"hits": servers.hits})
        servers.hits = {}


def say(value: object) -> None:
    """One JSON line."""
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        corpus.START = datetime.fromisoformat(sys.argv[2])
    asyncio.run(main(int(sys.argv[1])))
