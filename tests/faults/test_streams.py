"""What the daemon says goes nowhere: a full pipe, a reader that left, closed files. It works on, and ends when told."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack, suppress
from pathlib import Path

from tests.conformance.feedserver import FeedServer
from tests.e2e.program import Wire, rows, until, write_home
from tests.faults.nursery import Child, Nursery


def news(home: Path, server: FeedServer) -> Wire:
    """A home whose log has a line every second."""
    wire = Wire("wire", "One")
    write_home(home, {"wire": server.add(f"/{home.name}", wire)}, interval="1s")
    return wire


def pipe(path: Path, *, full: bool = False) -> int:
    """A named pipe; its reading end. When it is full nothing goes into it any more."""
    os.mkfifo(path)
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    if full:
        writing = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        with suppress(BlockingIOError):
            while os.write(writing, b"." * 4096):
                pass
        os.close(writing)
    return reading


def test_nobody_reads_the_log_and_the_daemon_works_on_and_ends_when_told(tmp_path: Path) -> None:
    """Four daemons: the pipe is full before the first word; its reader leaves later; stderr is closed; all three files are."""
    with FeedServer() as server, ExitStack() as stack, Nursery(tmp_path) as nursery:
        homes = {way: tmp_path / way for way in ("full", "left", "no-stderr", "no-files")}
        wires = {way: news(home, server) for way, home in homes.items()}
        stack.callback(os.close, pipe(tmp_path / "full-log", full=True))
        leaving = pipe(tmp_path / "left-log")

        def start(way: str, closed: tuple[int, ...] = (), log: str = "") -> Child:
            return nursery.start(homes[way], "run", closed=closed, log=tmp_path / log if log else None)

        daemons = [start("full", log="full-log"), start("left", log="left-log"), start("no-stderr", (2,))]
        daemons.append(start("no-files", (0, 1, 2)))
        until(lambda: all(rows(home) == 1 for home in homes.values()), "all poll", 60)
        os.close(leaving)
        for wire in wires.values():
            wire.add("Two")
        until(lambda: all(rows(home) == 2 for home in homes.values()), "all poll again", 60)
        for daemon in daemons:
            daemon.signal(signal.SIGTERM)
        assert [daemon.wait(10) for daemon in daemons] == [0, 0, 0, 0]
    sound = "pragma_integrity_check WHERE integrity_check = 'ok'"
    assert [rows(home, sound) for home in homes.values()] == [1, 1, 1, 1]
