"""Command lines of many homes at once, as processes that can be watched, stopped and starved: forked by tests/forking.py."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, TextIO

from tests.forking import Forking, bare

ENVIRON = {"AGGREGATOR__WEB__PORT": "0", "AGGREGATOR__POLLING__TICK": "1s", "AGGREGATOR__POLLING__FLOOR": "1s"}


@dataclass
class Child:
    """A process of the nursery, and the file that it talks to."""

    pid: int
    log: Path
    end: TextIO
    _ended: list[int] = field(default_factory=list)

    def signal(self, number: int) -> None:
        """Send it one."""
        os.kill(self.pid, number)

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        try:
            return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] in ("Z", "X")
        except OSError:
            return True

    def wait(self, timeout: float = 30.0) -> int:
        """How it ended: its exit code, or minus the signal; fails when it does not."""
        deadline = time.monotonic() + timeout
        while not self.over:
            assert time.monotonic() < deadline, f"it runs on after {timeout:g} s:\n{self.text}"
            time.sleep(0.01)  # noqa: TID251 - a real process
        if not self._ended:
            self._ended.append(int(self.end.readline()))
            self.end.close()
        return self._ended[0]

    def wait_for(self, words: str, timeout: float = 60.0, *, since: int = 0) -> int:
        """Wait until it has said so; where in its text that ends. `since` is where to look from."""
        deadline = time.monotonic() + timeout
        while (at := self.text.find(words, since)) < 0:
            assert time.monotonic() < deadline, f"it did not say {words!r} within {timeout:g} s:\n{self.text}"
            assert not self.over, f"it ended without a word of {words!r}:\n{self.text}"
            time.sleep(0.01)  # noqa: TID251 - a real process
        return at + len(words)

    @property
    def text(self) -> str:
        """What it said so far."""
        return self.log.read_text("utf-8", "replace") if self.log.is_file() else ""


class Nursery:
    """Forks for as long as the `with` block lasts, and takes its children with it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._forking = Forking(folder / "nursery")
        self._children: list[Child] = []

    def __enter__(self) -> Self:
        self._forking.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        for child in self._children:
            if not child.over:
                child.signal(signal.SIGKILL)
            child.end.close()
        self._forking.__exit__(*exc)

    def start(
        self,
        home: Path,
        *argv: str,
        log: Path | None = None,
        environ: Mapping[str, str] | None = None,
        closed: Sequence[int] = (),
        limits: Mapping[str, int] | None = None,
        user: int = 0,
    ) -> Child:
        """Start `aggregator --home HOME ARGV`; `log` is the file or pipe that is its stderr."""
        file = log or self._folder / f"{len(self._children)}.log"
        order = {
            "argv": ["--home", str(home), *argv],
            "folder": str(Path.cwd()),
            "environ": bare() | ENVIRON | dict(environ or {}),
            "closed": list(closed),
            "limits": dict(limits or {}),
            "user": user,
        }
        ways = (
            (os.devnull, os.O_RDONLY),
            (os.devnull, os.O_WRONLY),
            (str(file), os.O_WRONLY | os.O_CREAT | os.O_APPEND),
        )
        files = [os.open(name, how, 0o666) for name, how in ways]
        try:
            with self._forking.start(order, files) as at:
                end = at.makefile("r")
        finally:
            for number in files:
                os.close(number)
        child = Child(int(end.readline()), file, end)
        self._children.append(child)
        return child
