"""A relay on loopback that takes every message at once: a process of its own, so that its work is not counted as ours.

As a script it prints its port, and answers each line of its standard input with how many messages it has taken.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator

ANSWERS = {b"EHLO": b"250-sink.example\r\n250 8BITMIME", b"DATA": b"354 Go on", b"QUIT": b"221 Bye"}


class Relay:
    """The process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.port = self._number()

    def taken(self) -> int:
        """How many messages it has taken so far."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._number()

    def _number(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


@contextlib.contextmanager
def process() -> Iterator[Relay]:
    """A relay for as long as the `with` block lasts."""
    relay = Relay()
    try:
        yield relay
    finally:
        relay.close()


async def main() -> None:
    """Serve until standard input ends."""
    taken = [0]

    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink.example ESMTP\r\n")
        while line := await reader.readline():
            verb = line[:4].upper().strip()
            writer.write(ANSWERS.get(verb, b"250 Yes") + b"\r\n")
            if verb == b"DATA":
                while await reader.readline() not in (b".\r\n", b""):
                    pass
                taken[0] += 1
                writer.write(b"250 Taken\r\n")
        writer.close()

    server = await asyncio.start_server(session, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(taken[0], flush=True)


if __name__ == "__main__":
    asyncio.run(main())
