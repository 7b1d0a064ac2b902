"""Command lines as real processes, forked from one that has everything imported: a start costs milliseconds, not seconds.

Run as a script it is that process, which speaks JSON Lines. In: {"argv": ..., "environ": ..., "stderr": file, "closed": [0, 1],
"limits": {"RLIMIT_NOFILE": 64}, "user": 0}, or {"reap": pid}. Out: {"pid": n}; {"status": n}.
"""

from __future__ import annotations

import json
import logging
import os
import random
import resource
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from aggregator.cli import run as command_line  # before the command of that name hides it

ENVIRON = {"AGGREGATOR__WEB__PORT": "0", "AGGREGATOR__POLLING__TICK": "1s", "AGGREGATOR__POLLING__FLOOR": "1s"}


@dataclass
class Child:
    """A process of the nursery, and the file that it talks to."""

    nursery: Nursery
    pid: int
    log: Path

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
        return int(self.nursery.order({"reap": self.pid})["status"])

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
    """The process that forks, for as long as the `with` block lasts; it takes its children with it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._children: list[Child] = []

    def __enter__(self) -> Self:
        environ = {k: v for k, v in os.environ.items() if not k.startswith("AGGREGATOR")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environ,
            cwd=Path(__file__).parents[2],
        )
        return self

    def __exit__(self, *exc: object) -> None:
        for child in self._children:
            if not child.over:
                child.signal(signal.SIGKILL)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

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
        order: dict[str, Any] = {
            "argv": ["--home", str(home), *argv],
            "environ": ENVIRON | dict(environ or {}),
            "stderr": str(file),
        }
        order |= {"closed": list(closed), "limits": dict(limits or {}), "user": user}
        child = Child(self, int(self.order(order)["pid"]), file)
        self._children.append(child)
        return child

    def order(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Say one thing and hear the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


# -- the process itself --------------------------------------------------------------------------------------------------


def child(order: Mapping[str, Any]) -> int:
    """What a fork does; its exit code."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.update(order["environ"])
    random.seed()
    for number, name in enumerate((os.devnull, os.devnull, order["stderr"])):
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND if number else os.O_RDONLY, 0o666)
        os.dup2(file, number)
        os.close(file)
    sys.stderr = os.fdopen(2, "w", buffering=1, encoding="utf-8", closefd=False)
    for number in order["closed"]:
        os.close(number)
    for name, most in order["limits"].items():
        resource.setrlimit(getattr(resource, name), (most, most))
    if order["user"]:
        os.setgid(order["user"])
        os.setuid(order["user"])
    sys.argv = ["aggregator", *order["argv"]]
    try:
        command_line()
    except SystemExit as e:
        return int(e.code or 0)
    return 0


def _lived(order: Mapping[str, Any]) -> int:
    """A child's life, with the end that an interpreter gives it."""
    try:
        return child(order)
    except BaseException:  # noqa: BLE001 - the test reads it
        traceback.print_exc()
        return 99
    finally:
        logging.shutdown()


def imported() -> None:
    """Everything that a daemon needs, and nothing that starts a thread."""
    import aggregator.cli.digest
    import aggregator.cli.poll
    import aggregator.cli.run
    import aggregator.cli.send
    import aggregator.compose
    import aggregator.daemon
    import aggregator.enrich
    import aggregator.fetch
    import aggregator.render
    import aggregator.send
    import aggregator.signals
    import aggregator.store.sqlite
    import aggregator.subscribe
    import aggregator.web.pages
    import aggregator.web.server
    import aggregator.workers  # noqa: F401 - before the forks


def main() -> None:
    """Fork on demand until standard input ends."""
    imported()
    for line in sys.stdin:
        order = json.loads(line)
        if "reap" in order:
            _, status = os.waitpid(order["reap"], 0)
            answer = {"status": os.waitstatus_to_exitcode(status)}
        else:
            pid = os.fork()
            if pid == 0:
                os._exit(_lived(order))
            answer = {"pid": pid}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
