"""What a service manager is told, by the protocol of sd_notify(3): one datagram, to a socket whose name is in the environment.

Where there is no such name nobody is told anything, and nothing fails: it is news for a supervisor, not work.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping

NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"


class Notifier:
    """Speaks to the service manager that started this process.

    Attributes:
        watchdog: seconds within which it wants to be fed, or 0 where it keeps no watchdog for this process.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = environ.get(NOTIFY_SOCKET, "")
        mine = environ.get(WATCHDOG_PID, str(os.getpid())) == str(os.getpid())
        microseconds = environ.get(WATCHDOG_USEC, "")
        self.watchdog = int(microseconds) / 1e6 if mine and self._address and microseconds.isdecimal() else 0.0

    def ready(self, status: str) -> None:
        """It has started, or has taken over its configuration."""
        self._say("READY=1", f"STATUS={_line(status)}")

    def status(self, text: str) -> None:
        """How it is doing, one line for people."""
        self._say(f"STATUS={_line(text)}")

    def reloading(self) -> None:
        """It takes over its configuration; `ready` says when that is done."""
        self._say("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """It is about to end."""
        self._say("STOPPING=1", "STATUS=finishing what is under way")

    def feed(self) -> None:
        """Every line gets on."""
        self._say("WATCHDOG=1")

    def _say(self, *lines: str) -> None:
        # `@` stands for the NUL of an abstract name; another kind of address (vsock) is not for us.
        if self._address[:1] not in ("/", "@"):
            return
        address = self._address.replace("@", "\0", 1) if self._address[0] == "@" else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as mouth:
                mouth.setblocking(False)
                mouth.sendto("\n".join(lines).encode(), address)
        except OSError:
            return  # a manager that does not listen is no reason to stop


def _line(text: str) -> str:
    """One line, whatever was in it."""
    return " ".join(text.split())
