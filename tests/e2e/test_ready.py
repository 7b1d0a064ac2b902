"""What monitors are told: /readyz is about what is ours, and names no more than our own parts."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection  # noqa: TID251 - the monitor
from pathlib import Path
from typing import Any

import pytest

from aggregator import health
from aggregator.app import App, build
from aggregator.health import LineHealth
from aggregator.progress import Progress
from aggregator.web import ready
from aggregator.web.server import WebThread
from tests import stored
from tests.e2e.program import write_home

SECRET = "http://user:pass@feeds.example/key=1"


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[App, Progress, Seconds, int]]:
    monkeypatch.setattr(ready, "FRESH", 0.0)
    monkeypatch.setattr(ready, "WAIT", 0.1)
    seconds = Seconds()
    progress = Progress(seconds, {"poll": 5, "send/": 5})
    with build(write_home(tmp_path, {"wire": "http://127.0.0.1:1/rss"}), {}) as app:
        app.sync()
        thread = WebThread(app, "127.0.0.1", 0, progress=progress)
        thread.start()
        yield app, progress, seconds, int(thread.url.rstrip("/").rpartition(":")[2])
        thread.stop()


def ask(port: int, path: str = "/readyz") -> tuple[int, Any]:
    with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as conn:
        conn.request("GET", path)
        response = conn.getresponse()
        text = response.read().decode()
    return response.status, json.loads(text) if path == "/readyz" else text


def test_it_is_ready_while_all_gets_on_and_not_while_somebody_hangs(asked: tuple[App, Progress, Seconds, int]) -> None:
    _, progress, seconds, port = asked
    assert ask(port)[0] == 200
    progress.begin("poll")
    seconds.now += 6
    status, said = ask(port)
    assert (status, said["ready"], said["lines"]["poll"]) == (503, False, "hangs")
    progress.beat("poll")
    assert ask(port)[0] == 200
    progress.begin("send/channel:desk-of-minister")
    seconds.now += 6
    progress.beat("poll")
    status, said = ask(port)
    assert (status, said["lines"]) == (503, {"send": "hangs"})


@stored.file_only
def test_it_is_not_ready_while_nobody_can_write_but_alive_all_the_same(
    asked: tuple[App, Progress, Seconds, int],
) -> None:
    app, _, _, port = asked
    with closing(sqlite3.connect(app.configuration.home.db, isolation_level=None)) as conn:
        conn.execute("BEGIN IMMEDIATE")
        status, said = ask(port)
        assert (status, said["database"]) == (503, "cannot be written")
        assert ask(port, "/healthz") == (200, "ok\n")
    assert ask(port)[0] == 200


def test_a_full_disk_makes_it_not_ready(
    asked: tuple[App, Progress, Seconds, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ready, "ROOM", 2**80)
    status, said = ask(asked[3])
    assert (status, said["storage"]) == (503, "storage_full")


def test_a_line_that_fails_is_told_without_its_words_and_the_rest_stays_ready(
    asked: tuple[App, Progress, Seconds, int],
) -> None:
    app, _, _, port = asked
    failing = {"poll": LineHealth(failures=3, error=f"{SECRET}: reset"), "send": LineHealth(error="desk@example.org")}
    health.write(app.configuration.home.health, failing)
    status, said = ask(port)
    assert (status, said) == (
        200, {"ready": True, "database": "ok", "storage": "ok", "lines": {"poll": "failing", "send": "ok"}},
    )  # fmt: skip


def test_who_asks_without_end_does_not_take_part_in_writing(
    asked: tuple[App, Progress, Seconds, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    app, _, _, port = asked
    monkeypatch.setattr(ready, "FRESH", 60.0)
    tried: list[float] = []
    really = app.stores.agenda.may_write

    def counted(seconds: float) -> None:
        tried.append(seconds)
        really(seconds)

    monkeypatch.setattr(app.stores.agenda, "may_write", counted)
    for _ in range(20):
        assert ask(port)[0] == 200
    assert len(tried) == 1
