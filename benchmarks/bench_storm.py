"""kill -9 while mail is handed over: what is lost, and what comes twice, from us and from rss2email.

Both read the same feed over HTTP, in which six entries are new, and tell them to four readers over SMTP: ours in one alert for each
reader, rss2email (as its manual has it: `email-protocol = smtp`, one mail an entry, all readers on its envelope) in six mails. At a
moment that the mail server sees, the process is killed; before it, the server behaves as the row says, and afterwards well. Then the
program is run again until all has come that will. Counted are pairs of an entry and a reader.

What the server has read to the final dot and did not refuse has arrived, whether the sender could know it or not. What it refuses for
good (550) ours does not send again, and shows in its outbox: "refused". rss2email tries that again, too.

Times are staged for ours (it waits 30 s and more before it tries again); rss2email tries again whenever it is run. Who waits for a
server that hangs is helped: ours waits 0.3 s in place of ten minutes, rss2email, which has no limit, is killed after three seconds.
"""

from __future__ import annotations

import argparse
import configparser
import contextlib
import itertools
import json
import os
import random
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol, get_args

from stormsink import Behaviour, Mail, Plan, Point, Sink

HERE = Path(__file__).parent
READERS = ("a@example.org", "b@example.org", "c@example.org", "d@example.org")
TOPICS = ("grain", "roads", "rivers", "bridges", "schools", "forests")
NTH = (1, 2, 3)
START = datetime(2023, 2, 2, 12, 0, tzinfo=UTC)
AGAIN = (2, 90)
"""Minutes after the kill at which ours is run again, and at which nothing more may come; rss2email is run as often."""
PATIENCE = 3.0


# -- the feed ----------------------------------------------------------------------------------------------------------


class Feed(BaseHTTPRequestHandler):
    """RSS of an old entry and, when `news` is set, of the new ones; honest about its ETag."""

    news = False

    def do_GET(self) -> None:
        titles = ("Nothing yet", *(title(n) for n in range(len(TOPICS)))) if Feed.news else ("Nothing yet",)
        tag = f'"{len(titles)}"'
        known = self.headers.get("If-None-Match") == tag
        body = b"" if known else document(titles)
        self.send_response(304 if known else 200)
        for name, value in (("ETag", tag), ("Content-Type", "application/rss+xml"), ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def title(number: int) -> str:
    return f"CSTO speaks of {TOPICS[number]}"


def document(titles: Sequence[str]) -> bytes:
    items = "".join(
        f"<item><guid isPermaLink='false'>{n}</guid><title>{each}</title><link>https://news.example/{n}</link>"
        f"<description>{each}, at length: {each.split()[-1]} and nothing but that, number {n}.</description>"
        f"<pubDate>{format_datetime(START - timedelta(minutes=9 - n), usegmt=True)}</pubDate></item>"
        for n, each in enumerate(titles)
    )
    return f"<rss version='2.0'><channel><title>Wire</title>{items}</channel></rss>".encode()


# -- the programs ------------------------------------------------------------------------------------------------------


class Children:
    """A process that forks those that are killed."""

    def __init__(self, python: str, name: str) -> None:
        command = [python, str(HERE / "stormchild.py"), name]
        env = {k: v for k, v in os.environ.items() if not k.startswith("AGGREGATOR")}
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)

    def start(self, order: dict[str, Any]) -> int:
        """A child at work; its pid."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._read()["pid"])

    def wait(self, pid: int) -> int:
        """How it ended; one that hangs is killed."""
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], PATIENCE * (1 if self._hangs else 30))[0]:
            os.kill(pid, signal.SIGKILL)
        return int(self._read()["ended"])

    _hangs = False

    def expect(self, *, hanging: bool) -> None:
        """Whether the server may hang from now on."""
        self._hangs = hanging

    def _read(self) -> dict[str, int]:
        assert self._process.stdout is not None
        answer: dict[str, int] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


class Program(Protocol):
    """What a storm is made against: `order` is one run, `minutes` after the first."""

    name: str
    seed: Path
    children: Children

    def order(self, home: Path, minutes: int) -> dict[str, Any]: ...

    def doubtful(self, home: Path) -> set[str]: ...


class Ours:
    """An alert to each reader; a home that knows the old entry."""

    name = "aggregator"

    def __init__(self, folder: Path, url: str, smtp: int) -> None:
        self.seed = folder / "ours"
        (self.seed / "config").mkdir(parents=True)
        alert = {"id": "now", "title": "CSTO", "watchlists": ["csto"], "every": "instant", "wait": "0s", "to": READERS}
        for name, values in (
            ("feeds", {"feeds": [{"id": "wire", "url": url}]}),
            ("config/watchlists", {"watchlists": [{"id": "csto", "title": "CSTO", "query": "=CSTO"}]}),
            ("config/digests", {"digests": [alert]}),
            ("config/aggregator", {
                "network": {"allow_private": ["127.0.0.0/8"], "host_spacing": "0s"},
                "mail": {"host": "127.0.0.1", "port": smtp, "security": "none"},
                "polling": {"workers": 1},
            }),
        ):  # fmt: skip
            (self.seed / f"{name}.yaml").write_text(json.dumps(values))  # JSON is YAML
        self.children = Children(sys.executable, self.name)
        assert self.children.wait(self.children.start(self.order(self.seed, -10))) == 0

    def order(self, home: Path, minutes: int) -> dict[str, Any]:
        return {"home": str(home), "now": (START + timedelta(minutes=minutes)).isoformat()}

    def doubtful(self, home: Path) -> set[str]:
        """The messages of which the database says that they may have arrived: only they may come twice."""
        sql = """SELECT message_id FROM messages m WHERE (phase = 'data' AND state IN ('claimed', 'unknown'))
                 OR EXISTS (SELECT 1 FROM attempts a WHERE a.message_id = m.id AND a.outcome = 'unknown')"""
        with contextlib.closing(sqlite3.connect(home / "var/aggregator.db")) as conn:
            return {row[0] for row in conn.execute(sql)}


class Rss2email:
    """`r2e new`, smtp in its configuration, `r2e add --only-new`."""

    name = "rss2email"

    def __init__(self, folder: Path, url: str, smtp: int, python: str) -> None:
        self.seed = folder / "r2e"
        self.seed.mkdir()
        self.children = Children(python, self.name)
        self._run("new", ",".join(READERS))
        config = configparser.ConfigParser(interpolation=None)
        config.read(self.seed / "rss2email.cfg")
        own = {
            "from": "news@news.example",
            "email-protocol": "smtp",
            "smtp-server": "127.0.0.1",
            "smtp-port": str(smtp),
        }
        config["DEFAULT"].update(own | {"smtp-ssl": "False", "smtp-auth": "False"})
        with (self.seed / "rss2email.cfg").open("w") as file:
            config.write(file)
        self._run("add", "--only-new", "wire", url)

    def _run(self, *args: str) -> None:
        assert self.children.wait(self.children.start({"args": [*self._files(self.seed), *args]})) == 0, args

    @staticmethod
    def _files(home: Path) -> list[str]:
        return ["--config", str(home / "rss2email.cfg"), "--data", str(home / "rss2email.json")]

    def order(self, home: Path, minutes: int) -> dict[str, Any]:  # noqa: ARG002 - it keeps no time
        return {"args": [*self._files(home), "run"]}

    def doubtful(self, home: Path) -> set[str]:  # noqa: ARG002 - it keeps no book of that
        return set()


# -- the storm ---------------------------------------------------------------------------------------------------------


@dataclass
class Outcome:
    """What came of the runs under one behaviour; of pairs (entry, reader) but for runs and kills.

    Attributes:
        same: copies with a Message-ID that had come before; `new`: with another one.
        refused: never arrived, after the server had said 5xx to it.
        wrong: copies of a message that the database did not doubt.
    """

    runs: int = 0
    killed: int = 0
    once: int = 0
    same: int = 0
    new: int = 0
    refused: int = 0
    lost: int = 0
    wrong: int = 0


def run(program: Program, home: Path, sink: Sink, plan: Plan, outcome: Outcome) -> None:
    """One kill, and then good weather for as long as it takes."""
    shutil.copytree(program.seed, home)
    sink.begin(plan)
    children, hard = program.children, plan.behaviour == "5xx"
    children.expect(hanging=plan.behaviour == "hang")
    pid = plan.pid = children.start(program.order(home, 0))
    plan.armed.set()
    outcome.runs += 1
    outcome.killed += children.wait(pid) == -signal.SIGKILL
    plan.killed, plan.behaviour = True, "ok"
    children.expect(hanging=False)
    doubtful = program.doubtful(home)
    for minutes in AGAIN:
        assert children.wait(children.start(program.order(home, minutes))) == 0
        doubtful |= program.doubtful(home)
    count(outcome, sink.arrived, sink.refused if hard else [], doubtful)
    shutil.rmtree(home)


def count(outcome: Outcome, arrived: Sequence[Mail], refused: Sequence[Mail], doubtful: set[str]) -> None:
    """Take what arrived into the outcome."""
    came: dict[tuple[int, str], Counter[str]] = {}
    for mail in arrived:
        for pair, number in told(mail):
            came.setdefault(pair, Counter())[number] += 1
    never = {pair for mail in refused for pair, _ in told(mail)}
    for pair in itertools.product(range(len(TOPICS)), READERS):
        numbers = came.get(pair, Counter())
        outcome.once += numbers.total() == 1
        outcome.same += numbers.total() - len(numbers)
        outcome.new += max(0, len(numbers) - 1)
        outcome.refused += not numbers and pair in never
        outcome.lost += not numbers and pair not in never
        outcome.wrong += sum(copies - 1 for number, copies in numbers.items() if number not in doubtful)


def told(mail: Mail) -> Iterator[tuple[tuple[int, str], str]]:
    """The entries that a mail tells, by its readers, and its Message-ID."""
    parsed = message_from_bytes(mail.body, policy=policy.default)
    body = parsed.get_body(("plain",))
    text = " ".join(f"{parsed['Subject']} {body.get_content() if body else ''}".split())
    for number, reader in itertools.product(range(len(TOPICS)), mail.readers):
        if title(number) in text:
            yield (number, reader), str(parsed["Message-ID"])


def plans(seed: int, rounds: int) -> Iterator[Plan]:
    """Every behaviour, point and message, as often as told; the moment after an answer varies."""
    die = random.Random(seed)
    for behaviour, point, nth, _ in itertools.product(get_args(Behaviour), get_args(Point), NTH, range(rounds)):
        delay = die.uniform(0, 0.005) if point == "answered" else 0.0
        yield Plan(behaviour=behaviour, point=point, nth=nth, delay=delay)


def storm(program: Program, sink: Sink, folder: Path, seed: int, rounds: int) -> dict[str, Outcome]:
    """All of it against one program, by the server's behaviour."""
    found: dict[str, Outcome] = {}
    for number, plan in enumerate(plans(seed, rounds)):
        outcome = found.setdefault(plan.behaviour, Outcome())
        run(program, folder / f"{program.name}-{number}", sink, plan, outcome)
    program.children.close()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--peers", default="", help="Python of the environment that holds rss2email; without it, ours alone"
    )
    parser.add_argument("--rounds", type=int, default=2, help="how often each of the 105 cases is run")
    parser.add_argument("--seed", type=int, default=20230202)
    args, _ = parser.parse_known_args()
    results: dict[str, dict[str, Outcome]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-storm-") as name, Sink() as sink, ThreadingHTTPServer(("127.0.0.1", 0), Feed) as server:  # fmt: skip
        threading.Thread(target=server.serve_forever, daemon=True).start()
        folder, url = Path(name), f"http://127.0.0.1:{server.server_port}/wire"
        programs: list[Program] = [Ours(folder, url, sink.port)]
        if args.peers:
            programs.append(Rss2email(folder, url, sink.port, args.peers))
        Feed.news = True
        for program in programs:
            results[program.name] = storm(program, sink, folder, args.seed, args.rounds)
        server.shutdown()
    print(json.dumps(worded(results, args.seed, args.peers)))
    return 0


def worded(results: dict[str, dict[str, Outcome]], seed: int, peers: str) -> dict[str, Any]:
    """Facts, and a row for each program and behaviour."""
    ours = results["aggregator"].values()
    facts = {
        "seed": seed,
        "kills": ", ".join(f"{name} {sum(o.killed for o in found.values())} of {sum(o.runs for o in found.values())} runs" for name, found in results.items()),
        "entries_and_readers": f"{len(TOPICS)} x {len(READERS)} a run",
        "ours_lost": f"{sum(o.lost for o in ours)} (wanted 0)",
        "ours_twice_without_doubt_or_under_a_new_id": f"{sum(o.wrong + o.new for o in ours)} (wanted 0)",
        **({"rss2email": version(peers)} if peers else {}),
    }  # fmt: skip
    head = ("program", "server", "runs", "killed", "once", "copy, same ID", "copy, new ID", "refused", "lost")
    rows = [
        (name, behaviour, *(str(n) for n in (o.runs, o.killed, o.once, o.same, o.new, o.refused, o.lost)))
        for name, found in results.items()
        for behaviour, o in found.items()
    ]
    return {
        "promise": "a kill -9 loses nothing, and what it doubles has one Message-ID",
        "facts": facts,
        "table": [head, *rows],
    }


def version(peers: str) -> str:
    ask = "from importlib.metadata import version; print(version('rss2email'))"
    return subprocess.run([peers, "-c", ask], capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
