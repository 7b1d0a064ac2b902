"""A daemon in a thread of the test, whose work hangs after a second, and a socket that plays systemd and its watchdog."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from aggregator import health, settings
from aggregator.app import App
from aggregator.clock import SystemClock
from aggregator.daemon import Daemon
from tests.e2e.program import until, write_home

LIMIT = 1.0
"""Seconds without progress after which everything hangs here."""
LIMITS = dict.fromkeys(("poll", "enrich", "compose", "send", "send/", "signals", "upkeep", "web", "ticks"), LIMIT) | {
    "main": 2.5,
    "web": 3.0,
}
TICK = timedelta(seconds=0.1)
PATIENT: Mapping[str, Any] = {
    "network": {"total_timeout": "60s", "connect_timeout": "60s"},
    "mail": {"timeout": "60s"},
    "web": {"enabled": False, "port": 0},
}
"""Nothing of ours gives up while the test looks."""


class Watched:
    """A running daemon and what it told its manager."""

    def __init__(self, daemon: Daemon, app: App, ear: socket.socket) -> None:
        self.daemon = daemon
        self.app = app
        self._ear = ear
        self.said: list[str] = []
        self.fed: list[float] = []
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while True:
            try:
                words = self._ear.recv(4096).decode()
            except OSError:
                return
            if words == "WATCHDOG=1":
                self.fed.append(time.monotonic())
            elif not words:
                return
            self.said.append(words)

    def hung(self) -> set[str]:
        """Who hangs, as `doctor` can read it."""
        return {name for name, one in health.read(self.app.configuration.home.health).items() if one.hung_since}

    def starves(self, name: str) -> None:
        """Wait until `name` hangs, and see that the watchdog gets nothing from then on."""
        progress = self.daemon.progress
        # Twice as long as it may: on a busy machine it may have got on once more after it was late.
        until(lambda: any(w.name == name and w.quiet > 2 * LIMIT for w in progress.late()), f"{name} hangs", 20)
        until(lambda: name in self.hung(), f"{name} is known to hang", 20)
        fed = len(self.fed)
        assert fed, "it was fed while all got on"
        threading.Event().wait(6 * TICK.total_seconds())
        assert len(self.fed) == fed
        assert any(re.fullmatch(rf"STATUS=.*\b{name}\b.* hangs?", said) for said in self.said)

    def recovers(self) -> None:
        """Wait until nobody hangs, and it is fed again."""
        fed = len(self.fed)
        until(lambda: not self.hung(), "nobody hangs any more", 20)
        until(lambda: len(self.fed) > fed, "it is fed again", 20)


@contextmanager
def watched(
    tmp_path: Path, *feeds: Mapping[str, Any], more: Mapping[str, Any] | None = None, **files: Any
) -> Iterator[Watched]:
    """The daemon, as long as the block lasts; what hangs in it must be let go in the block."""
    home = write_home(tmp_path / "home", {}, settings=merge(PATIENT, more or {}), **files)
    (home / "feeds.yaml").write_text(json.dumps({"feeds": feeds}))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"}
        app = App(hurried(home), SystemClock(), environ)
        daemon = Daemon(app, environ=environ, limits=LIMITS)
        seen = Watched(daemon, app, ear)
        thread = threading.Thread(target=daemon.run, daemon=True)
        thread.start()
        try:
            until(lambda: any("READY=1" in said for said in seen.said), "it is ready")
            until(lambda: bool(seen.fed), "it is fed")
            yield seen
        finally:
            daemon.stop()
            thread.join(20)
            assert not thread.is_alive()
            assert any("STOPPING=1" in said for said in seen.said)
            ear.shutdown(socket.SHUT_RDWR)


def hurried(home: Path) -> settings.Configuration:
    """The home's configuration, with ticks that no file can ask for."""
    found = settings.load(home, {})
    polling = found.settings.polling.model_copy(update={"tick": TICK})
    return replace(found, settings=found.settings.model_copy(update={"polling": polling}))


def merge(base: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Sections over sections."""
    return {name: {**base.get(name, {}), **more.get(name, {})} for name in {**base, **more}}
