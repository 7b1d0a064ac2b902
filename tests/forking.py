"""The program as a real process without the price of starting one: a server that has imported it all, and forks.

    with Forking(folder) as forking:
        subprocess.run(["aggregator", "--version"], env=os.environ | {"PATH": f"{forking.bin}:..."})

`bin/aggregator` hands its arguments, folder, environment and open files to the server; the process forked there is as good as one
started from nothing, and its exit code comes back. A start costs 20 ms in place of half a second. `start` does the same for Python,
with limits and with files closed. A socket for each child says its pid, and how it ended.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import random
import resource
import select
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Self

from aggregator.cli import COMMANDS
from aggregator.cli import run as program  # now: later the module of that command has the name

CLIENT = """#!{python} -SE
import json, os, signal, socket, sys
at = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
at.connect({address!r})
order = json.dumps({{"argv": sys.argv[1:], "folder": os.getcwd(), "environ": dict(os.environ)}}).encode()
socket.send_fds(at, [len(order).to_bytes(4, "big")], [0, 1, 2])
at.sendall(order)
said = at.makefile("r")
pid = int(said.readline())
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, lambda n, _: os.kill(pid, n))
status = int(said.readline())
os._exit(status if status >= 0 else 128 - status)
"""


class Forking:
    """The server and its client; the folder gets `bin`. What still runs at the end is killed."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"

    def __enter__(self) -> Self:
        # The address of a socket has room for a hundred characters.
        self._place = tempfile.TemporaryDirectory()
        self._address = f"{self._place.name}/forking"
        self.bin.mkdir(parents=True)
        client = self.bin / "aggregator"
        client.write_text(CLIENT.format(python=sys.executable, address=self._address))
        client.chmod(0o755)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.forking", self._address],
            cwd=Path(__file__).parents[1],
            env=bare(),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.terminate()
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._place.cleanup()

    def start(self, order: Mapping[str, Any], files: Sequence[int]) -> socket.socket:
        """Fork for an order, with these as its first three files; where its pid and its end are said, a line each."""
        at = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        at.connect(self._address)
        text = json.dumps(order).encode()
        socket.send_fds(at, [len(text).to_bytes(4, "big")], list(files))
        at.sendall(text)
        return at


def bare() -> dict[str, str]:
    """The environment without anything of ours."""
    return {k: v for k, v in os.environ.items() if not k.upper().startswith("AGGREGATOR")}


# -- the server ------------------------------------------------------------------------------------------------------------


def serve(address: str) -> None:
    """Fork for whoever connects, and say how each child ended, until a signal ends it."""
    imported()
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(address)
    listening.listen(64)
    woken, waking = os.pipe()
    os.set_blocking(waking, False)
    signal.set_wakeup_fd(waking)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    living: dict[int, socket.socket] = {}
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    try:
        while True:
            ready, _, _ = select.select([listening.fileno(), woken], [], [])
            if woken in ready:
                os.read(woken, 4096)
                _bury(living)
            if listening.fileno() in ready:
                _bear(listening.accept()[0], living)
    finally:
        for pid in living:
            os.kill(pid, signal.SIGKILL)


def imported() -> None:
    """Everything that a command or the daemon needs, and nothing that starts a thread."""
    for name in COMMANDS:
        import_module(f"aggregator.cli.{name}")
    lines = ("adapters", "catalog", "compose", "enrich", "poll", "send", "signals", "subscribe", "daemon")
    for name in (*lines, "fetch", "render", "store.sqlite", "web.pages", "web.server", "workers"):
        import_module(f"aggregator.{name}")


def _bear(asked: socket.socket, living: dict[int, socket.socket]) -> None:
    length, files, _, _ = socket.recv_fds(asked, 4, 3)
    text = b""
    while len(text) < int.from_bytes(length, "big"):
        text += asked.recv(1 << 16)
    pid = os.fork()
    if pid == 0:
        os._exit(_lived(json.loads(text), files))
    for file in files:
        os.close(file)
    living[pid] = asked
    _say(asked, pid)


def _bury(living: dict[int, socket.socket]) -> None:
    while living:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        with living.pop(pid) as asked:
            _say(asked, os.waitstatus_to_exitcode(status))


def _say(asked: socket.socket, number: int) -> None:
    with contextlib.suppress(OSError):  # whoever asked has gone
        asked.sendall(f"{number}\n".encode())


# -- a child ---------------------------------------------------------------------------------------------------------------


def _lived(order: Mapping[str, Any], files: Sequence[int]) -> int:
    """A child's life, with the end that an interpreter gives it; its exit code."""
    try:
        _settle(order, files)
        program()
    except SystemExit as e:
        return e.code if isinstance(e.code, int) else int(e.code is not None)
    except BaseException:  # noqa: BLE001 - whoever looks at its output reads it
        traceback.print_exc()
        return 99
    finally:
        logging.shutdown()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
    return 0


def _settle(order: Mapping[str, Any], files: Sequence[int]) -> None:
    """Be a process of its own: `closed` are files that it does not get, `limits` those of setrlimit, `user` who it is."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, file in enumerate(files):
        os.dup2(file, number)
    os.closerange(3, 1024)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environ"])
    random.seed()
    # As Python itself opens them; the file stays open when whoever finds it closed puts another stream there.
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, 1 if number == 2 else -1, "utf-8", closefd=False)  # noqa: SIM115
        for number, mode in enumerate(("r", "w", "w"))
    )
    for number in order.get("closed", ()):
        os.close(number)
    for name, most in order.get("limits", {}).items():
        resource.setrlimit(getattr(resource, name), (most, most))
    if order.get("user"):
        os.setgid(order["user"])
        os.setuid(order["user"])
    sys.argv = ["aggregator", *order["argv"]]


if __name__ == "__main__":
    serve(sys.argv[1])
