"""A log that waits for nobody: a thread of its own writes it, and what nobody reads is left out and counted.

The daemon's stderr may be a pipe whose reader has stopped. A line that wrote there itself would stand still for ever, and with
it the lock of the log, for which all others wait.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections import deque

KEPT = 10_000
"""Records that wait to be written, at most."""
FAREWELL = 1.0
"""Seconds that the end waits for what is still to be written."""


class Aside(logging.Handler):
    """Takes records for a file descriptor; `form` says how each looks."""

    def __init__(self, form: logging.Formatter | None, file: int) -> None:
        super().__init__()
        self.setFormatter(form)
        self._file = file
        self._waiting: deque[logging.LogRecord] = deque()
        self._state = threading.Condition()
        self._lost = 0
        self._busy = False
        threading.Thread(target=self._write, name="log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Put it in the row, or count it where that is too long."""
        with self._state:
            if len(self._waiting) >= KEPT:
                self._lost += 1
                return
            self._waiting.append(record)
            self._state.notify_all()

    def flush(self) -> None:
        """Wait until all is written, but not for ever."""
        with self._state:
            self._state.wait_for(lambda: not self._waiting and not self._busy, FAREWELL)

    def _write(self) -> None:
        while True:
            with self._state:
                self._state.wait_for(lambda: bool(self._waiting))
                record, self._busy = self._waiting.popleft(), True
                lost, self._lost = self._lost, 0
            if lost:
                self._put(_gap(record, lost))
            self._put(record)
            with self._state:
                self._busy = False
                self._state.notify_all()

    def _put(self, record: logging.LogRecord) -> None:
        """Write it whole. Past Python's own streams: their locks would be held at the end of the process."""
        text = memoryview(f"{self.format(record)}\n".encode("utf-8", "backslashreplace"))
        with contextlib.suppress(OSError):  # nobody reads any more
            while text:
                text = text[os.write(self._file, text) :]


def divert() -> None:
    """From here on whoever logs to a stream with a file descriptor goes on at once."""
    root = logging.getLogger()
    for one in list(root.handlers):
        with contextlib.suppress(AttributeError, OSError, ValueError):  # a closed stream, or none
            if isinstance(one, logging.StreamHandler):
                root.addHandler(Aside(one.formatter, one.stream.fileno()))
                root.removeHandler(one)


def _gap(record: logging.LogRecord, lost: int) -> logging.LogRecord:
    text = "%d lines of the log are missing here: nobody read them"
    return logging.LogRecord(record.name, logging.WARNING, record.pathname, record.lineno, text, (lost,), None)
