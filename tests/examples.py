"""The examples of the papers, run as they stand.

A block of ```console is a session in a shell: each `$ ` line is typed, what follows is what must be seen. `...` stands for whatever
there is: within a line for any text, alone on a line for any lines. A `^C` stops what was typed before it. A block of another language
whose first line is a comment with a path (`# config/digests.yaml`) is that file, written into the home before what comes next.
What stands between `<!-- not run: why -->` and the end of the next block is left out, and says why.

Addresses of the world (https://example.org/rss) are served on loopback, and read as they were in what is seen.
"""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

FENCE = re.compile(r"^( *)(<!-- not run: .+? -->\s*\n)?\1```(\w+)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"# ([\w./-]+\.(?:yaml|j2|txt|md|service))")
PATIENCE = 10.0
"""Seconds until a command has said what the page says."""


@dataclass(frozen=True)
class Typed:
    """A command and what must be seen of it; `line` is where it stands."""

    line: int
    command: str
    seen: str


@dataclass(frozen=True)
class File:
    """A file of the home."""

    line: int
    path: str
    text: str


def of(page: str) -> Iterator[Typed | File]:
    """What a page shows, in its order."""
    for block in FENCE.finditer(page):
        indent, left_out, language, text = block.groups()
        if left_out:
            continue
        text = re.sub(f"^{indent}", "", text, flags=re.MULTILINE)
        line = page.count("\n", 0, block.start(4)) + 1
        if language == "console":
            yield from _session(text, line)
        elif named := NAMED.match(text):
            yield File(line, named[1], text)


def _session(text: str, line: int) -> Iterator[Typed]:
    for part in re.split(r"^(?=\$ )", text, flags=re.MULTILINE):
        if not part.startswith("$ "):
            continue
        command, _, seen = part[2:].partition("\n")
        while command.endswith("\\"):
            more, _, seen = seen.partition("\n")
            command += "\n" + more
        yield Typed(line, re.sub(r"\s+# .*$", "", command), seen)
        line += part.count("\n")


def fits(wanted: str, seen: str) -> bool:
    """Whether what was seen is what the page says; how wide the gaps of a table are is all the same."""
    lines = [r"(?:[^\n]*\n)*?" if one.strip() == "..." else _line(one) + "\n" for one in _plain(wanted)]
    return re.fullmatch("".join(lines), "".join(one + "\n" for one in _plain(seen))) is not None


def _plain(text: str) -> list[str]:
    return [re.sub(r"\s+", " ", one).strip() for one in text.strip().splitlines()]


def _line(text: str) -> str:
    return r"[^\n]*?".join(re.escape(piece) for piece in text.split("..."))


class Shell:
    """A shell in which what is typed leaves its traces for what comes next."""

    def __init__(self, folder: Path, environ: Mapping[str, str], world: Mapping[str, str]) -> None:
        self.folder, self._environ, self._world = folder, dict(environ), dict(world)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            ["/bin/bash", "--norc", "--noprofile"],
            cwd=self.folder,
            env=self._environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        return self

    def __exit__(self, *exc: object) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(10)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def type(self, example: Typed) -> str:
        """Type it, wait for its end; what was seen, with the addresses of the world. Raises AssertionError when it does not end."""
        command = self.here(example.command)
        if "\n^C" in "\n" + example.seen:
            return self._stopped(command, example)
        return self._shown(self._until(command, r"\nended (\d+)\n"))

    def _stopped(self, command: str, example: Typed) -> str:
        """Of what goes on until it is stopped: ^C once everything before it has been seen."""
        before = example.seen.partition("^C")[0]
        self._write(f"{command} </dev/null & wait $! ; printf '\\nended %s\\n' $?\n")
        said, deadline = "", time.monotonic() + PATIENCE
        while not fits(f"{before}...", self._shown(said)):
            said += self._read(deadline, said)
        said += "^C\n"
        subprocess.run(["/usr/bin/pkill", "-INT", "-g", str(self._process.pid), "-f", "aggregator"], check=False)
        while not re.search(r"\nended \d+\n", said):
            said += self._read(deadline, said)
        return self._shown(re.sub(r"\nended \d+\n", "", said))

    def _until(self, command: str, end: str) -> str:
        self._write(f"{{ {command}\n}} </dev/null\nprintf '\\nended %s\\n' $?\n")
        said, deadline = "", time.monotonic() + PATIENCE
        while not (found := re.search(end, said)):
            said += self._read(deadline, said)
        said = said[: found.start()].rstrip("\n")
        return said if found[1] == "0" else f"{said}\n(exit {found[1]})"

    def _write(self, text: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(text.encode())
        self._process.stdin.flush()

    def _read(self, deadline: float, said: str) -> str:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, f"not in {PATIENCE:g} s; so far:\n{said}"
        data = os.read(self._process.stdout.fileno(), 1 << 16)
        assert data, f"the shell ended:\n{said}"
        return data.decode("utf-8", "replace")

    def here(self, text: str) -> str:
        """The text with the world's addresses as they are served here."""
        for there, here in self._world.items():
            text = text.replace(there, here)
        return text

    def _shown(self, text: str) -> str:
        for there, here in self._world.items():
            text = text.replace(here, there)
        return text
