"""Forks processes that a storm kills: one of ours, or of rss2email (which runs in the peers' environment).

A fresh interpreter for each would spend the storm importing. Arguments: `aggregator` or `rss2email`. Speaks JSON Lines.
In:  {"home": folder, "now": moment} for ours: polls, composes and sends once. {"args": [...]} for rss2email: its command line.
Out: {"pid": n}, and when the child has ended {"ended": its status}
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

Work = Callable[[dict[str, Any]], object]
PATIENCE = 0.3
"""Seconds that ours waits for a server that never answers, in place of ten minutes."""


def aggregator() -> Work:
    """Everything once: poll, compose what is due, send what is due."""
    from aggregator import compose, enrich, poll, send  # noqa: F401 - imported before the fork
    from aggregator.app import build
    from aggregator.clock import SetClock
    from aggregator.delivery.smtp import SmtpTransport
    from aggregator.fetch import Client  # noqa: F401 - imported before the fork
    from aggregator.render import Renderer  # noqa: F401 - imported before the fork
    from aggregator.store.sqlite import SqliteStores  # noqa: F401 - imported before the fork

    (SmtpTransport.__init__.__kwdefaults__ or {})["data_timeout"] = PATIENCE

    def work(order: dict[str, Any]) -> None:
        with build(Path(order["home"]), {}, SetClock(datetime.fromisoformat(order["now"]))) as app:
            app.sync()
            list(app.poll.sweep(everything=True))
            app.compose.run()
            app.send.run()

    return work


def rss2email() -> Work:
    """A command, as `r2e` runs it."""
    from rss2email import feed, main  # type: ignore[import-not-found, unused-ignore] # noqa: F401 - imported before the fork

    return lambda order: main.run(order["args"])


def child(work: Work, order: dict[str, Any]) -> int:
    """What a fork does, without a word on standard output; the number of its exit."""
    log = os.open(os.environ.get("STORM_LOG", os.devnull), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.setsid()
    try:
        work(order)
    except SystemExit as e:
        return int(e.code or 0)
    except BaseException:  # noqa: BLE001 - a program that fails is what a storm is for
        traceback.print_exc()
        return 1
    return 0


def main(name: str) -> None:
    """Fork on demand until standard input ends."""
    work = {"aggregator": aggregator, "rss2email": rss2email}[name]()
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            os._exit(child(work, json.loads(line)))
        print(json.dumps({"pid": pid}), flush=True)
        print(json.dumps({"ended": os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
