"""A mail server that misbehaves as told, and kills who talks to it at a moment that was told.

A message has arrived when its body was read to the final dot and was not refused: whatever the server said of it, it has it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import BinaryIO, Literal, Self

Behaviour = Literal["ok", "4xx", "5xx", "reply lost", "hang"]
"""Of a message at its end: taken; not now; never; taken, and hung up without the reply; taken, and never answered."""
Point = Literal["begun", "MAIL", "RCPT", "DATA", "body", "answered", "later"]
"""When the sender is killed: its connection (or RSET) was seen, the command was, the body was, the answer is out, or the next message has begun."""


@dataclass(frozen=True)
class Mail:
    """One message as it came."""

    readers: tuple[str, ...]
    body: bytes


@dataclass
class Plan:
    """What is told: at the nth message, at that point, who talks to us dies; `delay` seconds after it."""

    behaviour: Behaviour = "ok"
    point: Point | Literal[""] = ""
    nth: int = 0
    delay: float = 0.0
    pid: int = 0
    armed: threading.Event = field(default_factory=threading.Event)
    begun: int = 0
    killed: bool = False


class Sink:
    """Listens on loopback while the `with` block lasts."""

    def __init__(self) -> None:
        self.plan = Plan()
        self.arrived: list[Mail] = []
        self.refused: list[Mail] = []
        self._stop = threading.Event()

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def begin(self, plan: Plan) -> None:
        """A new run."""
        self.plan, self.arrived, self.refused = plan, [], []

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                wire, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(wire,), daemon=True).start()

    def _serve(self, wire: socket.socket) -> None:
        with contextlib.suppress(OSError), wire, wire.makefile("rb") as reader:
            Session(self, wire).run(reader)


class Session:
    """One connection."""

    def __init__(self, sink: Sink, wire: socket.socket) -> None:
        self._sink, self._plan, self._wire = sink, sink.plan, wire
        self._begun = False
        self._readers: list[str] = []

    def run(self, reader: BinaryIO) -> None:
        """Answer each command until the other side is done."""
        self._begin()
        self._say("220 sink.example ESMTP")
        while line := reader.readline():
            verb = line[:4].upper().strip().decode("ascii", "replace")
            if verb == "DATA":
                if not self._data(reader):
                    return
            elif verb == "QUIT":
                self._say("221 Bye")
                return
            else:
                self._command(verb, line)

    def _command(self, verb: str, line: bytes) -> None:
        if verb in {"RSET", "MAIL"}:
            self._begin()
            self._readers = []
        if verb == "RCPT":
            self._readers.append(line.partition(b"<")[2].partition(b">")[0].decode())
        self._at(verb)
        self._say("250-sink.example\r\n250 8BITMIME" if verb == "EHLO" else "250 Yes")

    def _begin(self) -> None:
        """The first sign of a message."""
        if not self._begun:
            self._begun = True
            self._plan.begun += 1
            self._at("begun")
            if self._plan.begun == self._plan.nth + 1:
                self._at("later", self._plan.begun - 1)

    def _data(self, reader: BinaryIO) -> bool:
        """The body and what is said to it; whether the connection lives on."""
        self._at("DATA")
        self._say("354 Go on")
        lines = []
        while (line := reader.readline()) != b".\r\n":
            if not line:
                return False
            lines.append(line[1:] if line.startswith(b".") else line)
        mail, behaviour = Mail(tuple(self._readers), b"".join(lines)), self._plan.behaviour
        (self._sink.refused if behaviour in {"4xx", "5xx"} else self._sink.arrived).append(mail)
        self._at("body")
        self._begun = False
        if behaviour == "hang":
            return bool(reader.readline())  # until the other side has had enough
        if behaviour == "reply lost":
            return False
        self._say({"4xx": "451 4.3.0 Not now", "5xx": "550 5.1.1 No such mailbox"}.get(behaviour, "250 Taken"))
        self._at("answered")
        return True

    def _at(self, point: str, begun: int = 0) -> None:
        """Kill who talks to us, if this is the moment; all is well afterwards."""
        plan = self._plan
        if plan.killed or point != plan.point or (begun or plan.begun) != plan.nth:
            return
        plan.armed.wait(5)
        time.sleep(plan.delay)
        plan.killed, plan.behaviour = True, "ok"
        with contextlib.suppress(ProcessLookupError):
            os.kill(plan.pid, signal.SIGKILL)

    def _say(self, reply: str) -> None:
        self._wire.sendall(reply.encode() + b"\r\n")
