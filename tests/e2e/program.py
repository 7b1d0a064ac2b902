"""Homes, feeds and command lines for the tests that use the whole program."""

from __future__ import annotations

import contextlib
import io
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Self
from unittest import mock
from xml.sax.saxutils import escape

from aggregator.cli import main
from tests import emptydb, stored
from tests.conformance.feedserver import Call

SETTINGS: dict[str, Any] = {
    "network": {"allow_private": ["127.0.0.0/8"], "host_spacing": "0s"},
    "polling": {"workers": 1},
}
WATCHLISTS: dict[str, Any] = {
    "aliases": {"csto": ["=CSTO", "=ОДКБ"]},
    "watchlists": [{"id": "csto", "title": "CSTO", "query": "@csto"}],
}
DIGESTS: dict[str, Any] = {
    "digests": [
        {
            "id": "morning",
            "title": "Morning briefing",
            "watchlists": ["csto"],
            "at": "07:30",
            "timezone": "Europe/Minsk",
            "to": ["desk@example.org"],
        }
    ]
}


class Wire:
    """A feed whose items the test writes; honest about its validator."""

    def __init__(self, title: str, *items: str) -> None:
        self.title = title
        self._lock = threading.Lock()
        self._items: list[str] = []
        self._tag = ""
        self.add(*items)

    def add(self, *titles: str, text: str = "") -> None:
        """Publish items now; `title` is the guid too."""
        now = format_datetime(datetime.now(UTC), usegmt=True)  # noqa: TID251 - the publisher's own clock
        with self._lock:
            self._items += [
                f"<item><guid isPermaLink='false'>{escape(t)}</guid><title>{escape(t)}</title>"
                f"<link>https://{self.title}.example/{len(self._items) + i}</link><pubDate>{now}</pubDate>"
                f"<description>{escape(text or t)}, reported at length.</description></item>"
                for i, t in enumerate(titles)
            ]
            self._tag = f'"{len(self._items)}"'

    def __call__(self, call: Call) -> None:
        with self._lock:
            tag = self._tag
            body = f"<rss version='2.0'><channel><title>{self.title}</title>{''.join(self._items)}</channel></rss>"
        headers = [("ETag", tag), ("Content-Type", "application/rss+xml; charset=utf-8")]
        if call.request.headers.get("if-none-match") == tag:
            call.respond(304, headers=headers)
        else:
            call.respond(200, body.encode(), headers)


def merged(base: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Settings over settings."""
    result = dict(base)
    for key, value in more.items():
        known = result.get(key)
        result[key] = merged(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return result


def write_home(
    home: Path,
    feeds: Mapping[str, str],
    *,
    settings: Mapping[str, Any] | None = None,
    watchlists: Mapping[str, Any] = WATCHLISTS,
    digests: Mapping[str, Any] = DIGESTS,
    interval: str = "5m",
) -> Path:
    """The four files, JSON is YAML, and an empty database."""
    emptydb.put(home / "var/aggregator.db")
    (home / "config").mkdir(parents=True, exist_ok=True)
    listed = [{"id": name, "url": url, "interval": interval} for name, url in feeds.items()]
    (home / "feeds.yaml").write_text(json.dumps({"feeds": listed}))
    (home / "config/aggregator.yaml").write_text(json.dumps(merged(SETTINGS, settings or {})))
    (home / "config/watchlists.yaml").write_text(json.dumps(watchlists))
    (home / "config/digests.yaml").write_text(json.dumps(digests))
    return home


def smtp(host: str, port: int) -> dict[str, Any]:
    """Settings for a mail server without protection."""
    return {"mail": {"host": host, "port": port, "security": "none", "timeout": "5s"}}


# -- the command line in this process ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Result:
    """What a command said and returned."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """stdout as JSON Lines."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def text(self) -> str:
        """All of it."""
        return self.out + self.err


def aggregator(home: Path, *argv: str, stdin: str = "", environ: Mapping[str, str] | None = None) -> Result:
    """Run a command in this process; whatever it is given, it shows no traceback and calls nothing an internal error."""
    out, err = (
        io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace", newline="") for _ in range(2)
    )
    given = io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8")
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        mock.patch.object(sys, "stdin", given),
        mock.patch.dict(os.environ, environ or {}),
    ):
        code = main(["--home", str(home), *argv])
    said = []
    for stream in (out, err):
        stream.flush()
        assert isinstance(stream.buffer, io.BytesIO)
        said.append(stream.buffer.getvalue().decode())
    result = Result(code, said[0], said[1])
    assert "Traceback" not in result.text, result.text
    assert "internal error" not in result.err, f"{argv}: {result.err}"
    return result


def done(home: Path, *argv: str, stdin: str = "") -> Result:
    """Run a command that must exit 0."""
    result = aggregator(home, *argv, stdin=stdin)
    assert result.code == 0, result
    return result


def rows(home: Path, table: str = "entries") -> int:
    """How many rows a table has, read as anybody could."""
    with stored.opened(home) as conn:
        return int(conn.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def everything(home: Path) -> dict[str, int]:
    """Rows of all tables in which something could be lost."""
    return {t: rows(home, t) for t in ("entries", "entry_keys", "matches", "editions", "messages", "subscriptions")}


# -- processes -----------------------------------------------------------------------------------------------------------


def environment(**more: str) -> dict[str, str]:
    """A clean environment for a child: free port, quick tick, the Python of this test."""
    clean = {k: v for k, v in os.environ.items() if not k.upper().startswith(("AGGREGATOR", "HTTP", "ALL_PROXY"))}
    if stored.POSTGRES:
        clean["PYTHONPATH"] = f"{stored.ON_PATH}:{Path(__file__).parents[2]}"
    return {**clean, "AGGREGATOR__WEB__PORT": "0", "AGGREGATOR__POLLING__TICK": "1s", **more}


@dataclass
class Daemon:
    """A real `aggregator run`, or another `command` that runs until it is told to end; its stderr read line by line."""

    home: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    program: Sequence[str] = ("-m", "aggregator")
    command: Sequence[str] = ("run",)

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [sys.executable, *self.program, "--home", str(self.home), *self.command],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=environment(**self.environ),
        )
        self._said: queue.Queue[str | None] = queue.Queue()
        self._seen = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        self._reader.join(10)
        assert self.process.stderr is not None
        self.process.stderr.close()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._said.put(line.rstrip("\n"))
        self._said.put(None)

    @property
    def pid(self) -> int:
        """Its process."""
        return self.process.pid

    def wait_for(self, pattern: str, timeout: float = 15.0) -> str:
        """The next line, not looked at yet, in which the pattern is found."""
        deadline = time.monotonic() + timeout
        while True:
            while self._seen < len(self.lines):
                self._seen += 1
                if re.search(pattern, self.lines[self._seen - 1]):
                    return self.lines[self._seen - 1]
            try:
                line = self._said.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                line = None
            assert line is not None, f"no line with {pattern!r} in:\n" + "\n".join(self.lines)
            self.lines.append(line)

    def ready(self) -> Self:
        """Wait until it runs. What it said before, of a first sweep for instance, can still be waited for."""
        seen = self._seen
        self.wait_for("running on")
        self._seen = seen
        return self

    def end(self, number: int = signal.SIGTERM, timeout: float = 10.0) -> tuple[int, float]:
        """Send a signal and wait; exit code and seconds."""
        began = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(timeout)
        self._reader.join(10)
        while (line := self._said.get()) is not None:
            self.lines.append(line)
        return code, time.monotonic() - began

    @property
    def text(self) -> str:
        """Everything it said so far."""
        return "\n".join(self.lines)


def until(condition: Callable[[], bool], what: str, timeout: float = 15.0) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"not in {timeout:g} s: {what}"
        pause.wait(0.05)


def descendants(pid: int) -> Iterator[int]:
    """Every process below a process, from /proc."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            head, _, tail = stat.read_text().rpartition(")")
            parents.setdefault(int(tail.split()[1]), []).append(int(head.split()[0]))
    waiting = [pid]
    while waiting:
        for child in parents.get(waiting.pop(), ()):
            yield child
            waiting.append(child)


def alive(pid: int) -> bool:
    """Whether a process runs, other than as a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False
