"""Forks processes that do the main job on a home until somebody kills them. Run as a script; speaks JSON Lines.

A fresh interpreter per kill would spend its life importing; this one imports once, has no threads, and forks.
In:  {"home": ..., "cycles": n, "die_after_commits": n or 0, "die_at": name of a point or "", "nth": n},
     with "busy" also serving the pages (their address stands in var/url) and making backups; of the delivery lines alone, on a staged clock:
     {"home": ..., "clock": moment, "die_at": name of a point or "", "nth": n}
     or of a database alone, which is opened and so brought up to date:
     {"database": ..., "die_at": name of a point or "", "nth": n}
     or of a command of the program:
     {"home": ..., "command": [...], "die_at": name of a point or "", "nth": n}
Out: {"pid": n}, and when the child has ended {"ended": pid, "status": n}
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from aggregator import catalog, compose, enrich, poll, send  # noqa: F401 - imported before the fork
from aggregator.app import App, build
from aggregator.cli import main as main_command
from aggregator.clock import SetClock
from aggregator.fetch import Client  # noqa: F401 - imported before the fork
from aggregator.jobs import Jobs
from aggregator.reading import Signal
from aggregator.render import Renderer  # noqa: F401 - imported before the fork
from aggregator.store.sqlite import SqliteStores
from aggregator.store.sqlite.connection import Connection
from aggregator.store.sqlite.database import Database
from tests.faults import points


def cycle(app: App) -> None:
    """Everything once: poll all feeds, read article pages, look for signals, compose what is due, send what waits, tidy up."""
    for _ in app.poll.sweep(everything=True):
        pass
    app.enrich.finish(timedelta(seconds=10))
    app.signals.run()
    now = app.clock.now()
    # Whoever has a week of their own to be out of is in tests/e2e/test_signals.py; begun once and told once holds for any.
    app.stores.signals.begin(Signal(0, "burst", "csto", "", now, now, 42, 5.0, ""))
    app.compose.run()
    for digest in app.stores.editions.digests():
        if digest.spec.schedule.every != "instant":
            app.compose.compose(digest, early=True)
    app.send.run()
    Jobs(app, threading.Event()).upkeep()


def die_after(commits: int) -> None:
    """Plant the fault: this process is killed right after its nth COMMIT, wherever that is."""
    write = Database.write
    left = [commits]

    @contextlib.contextmanager
    def counted(self: Database) -> Iterator[Connection]:
        with write(self) as conn:
            yield conn
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    Database.write = counted  # type: ignore[method-assign]


def child(order: dict[str, object]) -> int:
    """What a fork does; the number of its exit."""
    os.setsid()
    if "database" in order:
        return migrate(order)
    if "command" in order:
        return command(order)
    if "clock" in order:
        return deliver(order)
    if order["die_after_commits"]:
        die_after(int(str(order["die_after_commits"])))
    if order["die_at"]:
        points.plant(str(order["die_at"]), int(str(order["nth"])))
    with build(Path(str(order["home"])), {}) as app:
        app.sync()
        with company(app) if order.get("busy") else contextlib.nullcontext():
            for _ in range(int(str(order["cycles"]))):
                cycle(app)
    return 0


@contextlib.contextmanager
def company(app: App) -> Iterator[None]:
    """Meanwhile the pages are served, and one backup is made after the other."""
    from aggregator.web.server import WebThread

    home, stop = app.configuration.home, threading.Event()
    pages = WebThread(app, "127.0.0.1", 0)
    pages.start()
    (home.var / "url").write_text(pages.url)

    def back_up() -> None:
        while not stop.wait(0.05):
            app.stores.upkeep.backup(home.var / "again.db")

    thread = threading.Thread(target=back_up)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        pages.stop()


def command(order: dict[str, Any]) -> int:
    """What the command line does; its exit."""
    if order["die_at"]:
        points.plant(order["die_at"], order["nth"])
    os.dup2(2, 1)  # what it prints is not for the test's line
    return main_command(["--home", order["home"], *order["command"]])


def migrate(order: dict[str, object]) -> int:
    """Open a database; what cannot be is said in one line on standard error."""
    if order["die_at"]:
        points.plant(str(order["die_at"]), int(str(order["nth"])))
    path = Path(str(order["database"]))
    SqliteStores(path, secret=b"s" * 32, backups=path.parent / "backups").upkeep.close()
    return 0


def deliver(order: dict[str, object]) -> int:
    """Compose and send once."""
    points.hurry(0.7)
    if order["die_at"]:
        points.plant(str(order["die_at"]), int(str(order["nth"])))
    with build(Path(str(order["home"])), {}, SetClock(datetime.fromisoformat(str(order["clock"])))) as app:
        app.sync()
        app.compose.run()
        app.send.run()
    return 0


def say(values: dict[str, int]) -> None:
    """One line to the test."""
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Fork on demand until standard input ends."""
    for line in sys.stdin:
        order = json.loads(line)
        if order.get("busy"):
            import aggregator.web.server  # noqa: F401 - before the fork
        pid = os.fork()
        if pid == 0:
            try:
                code = child(order)
            except BaseException:  # noqa: BLE001 - whatever it was, the test reads it
                traceback.print_exc()
                code = 1
            os._exit(code)
        say({"pid": pid})
        _, status = os.waitpid(pid, 0)
        say({"ended": pid, "status": os.waitstatus_to_exitcode(status)})


if __name__ == "__main__":
    main()
