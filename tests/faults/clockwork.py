"""The daemon on a home, a process whose clock stands until it is told the time: what a year takes passes in minutes.

Its lines are run by the daemon's own tick, each as often as it would be and side by side in threads of a pool; only APScheduler,
which waits by the real clock, is left out. Run as a script with the home and the moment it begins; speaks JSON Lines.
In:  {"at": moment} sets the clock and runs every line that has fallen due; {"do": name, ...} does what `Clockwork` has under it
Out: {} or what there is to say; {"error": ...} for what went wrong
"""

from __future__ import annotations

import ctypes
import gc
import json
import logging
import os
import resource
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ctypes.util import find_library
from datetime import datetime
from pathlib import Path
from typing import Any

from aggregator import daemon, search, settings
from aggregator.app import App, build
from aggregator.clock import SetClock
from aggregator.readership import Asker

ASKER = Asker("command line")


class Clockwork:
    """The daemon's parts, moved by hand."""

    def __init__(self, app: App, clock: SetClock) -> None:
        self._app, self._clock = app, clock
        self._daemon = daemon.Daemon(app)
        self._ran: dict[str, datetime] = {}
        self._spent: dict[str, float] = {}
        self._pool = ThreadPoolExecutor(len(self._daemon._lines))
        settings.prepare(app.configuration.home)
        app.sync()
        app.warm()
        self._web = daemon._serve(app, self._daemon.progress)

    def at(self, moment: datetime) -> dict[str, Any]:
        """It becomes so late; what is due runs."""
        self._clock.advance(moment - self._clock.now())
        due = [line for line in self._daemon._lines if self._is_due(line.name, line.seconds, moment)]
        for done in [self._pool.submit(self._run, line) for line in due]:
            done.result()
        self._app.close_replaced()
        return {"stumbled": [f"{one.name}: {one.health.error}" for one in self._daemon._lines if one.health.failures]}

    def _is_due(self, name: str, seconds: float, moment: datetime) -> bool:
        ran = self._ran.get(name)
        if ran is not None and (moment - ran).total_seconds() < seconds:
            return False
        self._ran[name] = moment
        return True

    def _run(self, line: Any) -> None:
        began = self._clock.monotonic()
        self._daemon._running.run(line.name)
        self._spent[line.name] = self._spent.get(line.name, 0.0) + self._clock.monotonic() - began

    def reload(self, rounds: int = 1) -> dict[str, Any]:
        """Read the configuration again, so often; each time the mail's footer is another, so that every part is made anew."""
        file = self._app.configuration.home.settings_file
        for _ in range(rounds):
            written = json.loads(file.read_text())
            written["mail"]["footer"] = "" if written["mail"].get("footer") else "Written in Minsk."
            file.write_text(json.dumps(written))
            self._daemon.reload()
            self._app.close_replaced()
        return {}

    def subscribe(self, address: str, watchlist: str, rhythm: str) -> dict[str, Any]:
        """A reader comes."""
        choice = self._app.subscribe.choice({"watchlist": watchlist, "rhythm": rhythm})
        return {"id": self._app.subscribe.add(address, choice, ASKER).id}

    def leave(self, subscription: int) -> dict[str, Any]:
        """A reader goes."""
        return {"token": self._app.subscribe.end([subscription], ASKER, "tired")}

    def search(self, queries: Sequence[str]) -> dict[str, Any]:
        """How many entries each query finds."""
        found = [sum(1 for _ in search.search(self._app.stores, self._app.query(query))) for query in queries]
        return {"found": found}

    def polls(self, moment: str) -> dict[str, Any]:
        """It becomes so late, and every feed is asked, whether due or not; how often what came of it."""
        self._clock.advance(datetime.fromisoformat(moment) - self._clock.now())
        return {"outcomes": Counter(report.outcome for report in self._app.poll.sweep(everything=True))}

    def check(self) -> dict[str, Any]:
        """What `doctor --deep` would find in the database."""
        return {"problems": self._app.stores.upkeep.check(deep=True)}

    def gauge(self) -> dict[str, Any]:
        """What only the process itself knows: living objects, modules, SQLite's part of memory, CPU seconds, seconds by line."""
        gc.collect()
        usage = resource.getrusage(resource.RUSAGE_SELF)
        spent = {f"s_{name}": round(value, 2) for name, value in self._spent.items()}
        known = {"objects": len(gc.get_objects()), "modules": len(sys.modules), "sqlite_kb": _of_sqlite() // 1024}
        return {**known, "cpu": usage.ru_utime + usage.ru_stime, "spent": spent}

    def where(self) -> dict[str, Any]:
        """The address of its pages."""
        return {"url": self._web.url if self._web else ""}


def _of_sqlite() -> int:
    """Bytes that SQLite has taken, most of them caches of pages; 0 where Python has a SQLite of its own inside."""
    name = find_library("sqlite3")
    if name is None:
        return 0
    used = ctypes.CDLL(name).sqlite3_memory_used
    used.restype = ctypes.c_int64
    return int(used())


def main(home: Path, start: datetime) -> None:
    """Obey until standard input ends."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    out = os.fdopen(os.dup(1), "w")
    clock = SetClock(start)
    with build(home, {}, clock) as app:
        clockwork = Clockwork(app, clock)
        for line in sys.stdin:
            order: dict[str, Any] = json.loads(line)
            try:
                if "at" in order:
                    said = clockwork.at(datetime.fromisoformat(order["at"]))
                else:
                    what: Callable[..., dict[str, Any]] = getattr(clockwork, order.pop("do"))
                    said = what(**order)
            except Exception as e:
                logging.getLogger("clockwork").exception("order")
                said = {"error": f"{type(e).__name__}: {e}"}
            out.write(json.dumps(said) + "\n")
            out.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2]))
