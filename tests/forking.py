"""The program as a real process without the price of starting one: a server that has imported it all, and forks.

    with Forking(folder) as forking:
        subprocess.run(["aggregator", "--version"], env=os.environ | {"PATH": f"{forking.bin}:..."})

`bin/aggregator` hands its arguments, folder, environment and open files to the server; the process forked there is as good as one
started from nothing, and its exit code comes back. A start costs 20 ms in place of half a second.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Self

from aggregator.cli import COMMANDS
from aggregator.cli import run as program  # now: later the module of that command has the name

CLIENT = """#!{python} -SE
import json, os, signal, socket, sys
at = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
at.connect({address!r})
order = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
socket.send_fds(at, [len(order).to_bytes(4, "big")], [0, 1, 2])
at.sendall(order)
said = at.makefile("r")
pid = int(said.readline())
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, lambda n, _: os.kill(pid, n))
os._exit(int(said.readline() or 137))
"""


class Forking:
    """The server and its client; the folder gets both."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        # The address of a socket has room for a hundred characters.
        self._address = folder / "forking"

    def __enter__(self) -> Self:
        self.bin.mkdir(parents=True)
        client = self.bin / "aggregator"
        client.write_text(CLIENT.format(python=sys.executable, address=str(self._address)))
        client.chmod(0o755)
        environ = {k: v for k, v in os.environ.items() if not k.upper().startswith("AGGREGATOR")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.forking", str(self._address)],
            cwd=Path(__file__).parents[1],
            env=environ,
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


def serve(address: str) -> None:
    """Fork for whoever connects, until a signal ends it."""
    for name in COMMANDS:
        import_module(f"aggregator.cli.{name}")
    for name in ("adapters", "catalog", "compose", "enrich", "poll", "send", "signals", "subscribe", "daemon"):
        import_module(f"aggregator.{name}")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(address)
    listening.listen(16)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        asked, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            os._exit(_run(asked))
        asked.close()


def _run(asked: socket.socket) -> int:
    """Be the program: the exit code, which the client has been told."""
    length, files, _, _ = socket.recv_fds(asked, 4, 3)
    order = b""
    while len(order) < int.from_bytes(length, "big"):
        order += asked.recv(1 << 16)
    argv, folder, environ = json.loads(order)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    asked.sendall(f"{os.getpid()}\n".encode())
    sys.argv[1:] = argv
    code = _main()
    asked.sendall(f"{code}\n".encode())
    return code


def _main() -> int:
    sys.stdin, sys.stdout, sys.stderr = (open(n, mode) for n, mode in enumerate(("r", "w", "w")))  # noqa: PTH123, SIM115 - as Python itself opens them
    try:
        program()
    except SystemExit as e:
        code = e.code
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return code if isinstance(code, int) else 0


if __name__ == "__main__":
    serve(sys.argv[1])
