"""What an edition of 30 stories for 10,000 readers costs: rendered once and queued, beside each message built from its template.

CPU time, in one run. Every part is a process of its own, on a home whose feeds were polled and whose stories wait: a third of
them in Russian, in Belarusian and in English. The naive way renders the same two templates for each reader (of an edition that is
made ready once), puts them into an EmailMessage with the same headers, serialises it and stores it; all in one transaction, as ours.
The hand-over to a relay on loopback, which says yes at once, is told apart.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from typing import Any, Self

import smtpsink

from aggregator.app import App, build
from aggregator.cli import YOUNG
from aggregator.clock import SetClock
from aggregator.digests import messages
from aggregator.levels import Wanted
from aggregator.publication import Digest, Edition
from aggregator.render import view
from aggregator.render.environment import Templates
from aggregator.store.sqlite.database import Database

DIGEST, STORIES = "morning", 30
POLLED = datetime(2023, 2, 2, 3, 0, tzinfo=UTC)
DUE = POLLED + timedelta(hours=1)
SYLLABLES = {
    "ru": [a + b for a in "бвгдзклмнпрст" for b in "аеиоу"],
    "be": [a + b for a in "бвгдзклмнпрст" for b in "аеіоў"],
    "en": [a + b for a in "bcdfklmnprst" for b in "aeiou"],
}
CSTO = {"ru": "ОДКБ", "be": "АДКБ", "en": "CSTO"}
ZONES = (
    "Europe/Minsk", "Europe/Moscow", "Europe/Berlin", "Europe/London", "Europe/Lisbon", "Atlantic/Azores", "America/Sao_Paulo",
    "America/St_Johns", "America/Halifax", "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles",
    "America/Anchorage", "Pacific/Honolulu", "Pacific/Auckland", "Australia/Sydney", "Australia/Adelaide", "Asia/Tokyo",
    "Asia/Shanghai", "Asia/Bangkok", "Asia/Kolkata", "Asia/Yerevan", "Asia/Almaty",
)  # fmt: skip
SETTINGS = {
    "network": {"allow_private": ["127.0.0.0/8"], "host_spacing": "0s"},
    "web": {"public_url": "https://news.example"},
    "mail": {"from_address": "news@news.example", "security": "none"},
}


# -- a home whose stories wait -----------------------------------------------------------------------------------------


def feed(language: str) -> bytes:
    """RSS of ten stories about the CSTO, a minute old."""
    die = random.Random(language)

    def words(count: int) -> str:
        return " ".join("".join(die.choices(SYLLABLES[language], k=die.choice((2, 3, 3, 4)))) for _ in range(count))

    items = "".join(
        f"<item><guid isPermaLink='false'>{language}-{n}</guid><title>{CSTO[language]}: {escape(words(9))}</title>"
        f"<link>https://{language}.example/{n}</link><description>{escape(words(150))}.</description>"
        f"<pubDate>{format_datetime(POLLED - timedelta(minutes=n), usegmt=True)}</pubDate></item>"
        for n in range(1, STORIES // len(SYLLABLES) + 1)
    )
    title = f"<title>Wire {language}</title><language>{language}</language>"
    return f"<rss version='2.0'><channel>{title}{items}</channel></rss>".encode()


class Feeds(BaseHTTPRequestHandler):
    """/ru, /be and /en."""

    def do_GET(self) -> None:
        body = feed(self.path.strip("/"))
        self.send_response(200)
        self.send_header("Content-Type", "application/rss+xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def feeds() -> Iterator[int]:
    """The server's port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Feeds) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def settle(home: Path, readers: int, zones: int) -> None:
    """A home with a digest of so many readers, whose 30 stories have been polled; `zones`: on so many clocks."""
    (home / "config").mkdir(parents=True)
    digest = {"id": DIGEST, "title": "Morning", "watchlists": ["csto"], "at": "07:00", "timezone": ZONES[0]}
    watchlist = {"id": "csto", "title": "CSTO", "query": " OR ".join(f"={word}" for word in CSTO.values())}
    with feeds() as port:
        listed = [{"id": name, "url": f"http://127.0.0.1:{port}/{name}"} for name in SYLLABLES]
        for name, values in (
            ("feeds", {"feeds": listed}),
            ("config/watchlists", {"watchlists": [watchlist]}),
            ("config/digests", {"digests": [digest]}),
            ("config/aggregator", SETTINGS),
        ):
            (home / f"{name}.yaml").write_text(json.dumps(values))  # JSON is YAML
        with build(home, {}, SetClock(POLLED)) as app:
            app.sync()
            list(app.poll.sweep())
            app.stores.subscriptions.sync(
                [Wanted(DIGEST, f"reader{n}@inbox{n % 97}.example") for n in range(readers)], POLLED
            )
    with contextlib.closing(sqlite3.connect(home / "var/aggregator.db")) as conn, conn:
        for n, zone in enumerate(ZONES[:zones]):
            conn.execute("UPDATE subscriptions SET timezone = ? WHERE id % ? = ?", (zone, zones, n))


# -- what is measured --------------------------------------------------------------------------------------------------


class Meter:
    """CPU seconds, seconds and the process's peak memory in MB, of what happens in the `with` block."""

    def __enter__(self) -> Self:
        gc.collect()
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        self.before = status("VmRSS")
        self._began = time.process_time(), time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self.cpu, self.wall = time.process_time() - self._began[0], time.monotonic() - self._began[1]
        self.peak = status("VmHWM")


def status(name: str) -> float:
    """A line of /proc/self/status, in MB."""
    found = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(found.split()[1]) / 1024


@contextlib.contextmanager
def opened(home: Path, relay: int = 0) -> Iterator[App]:
    """The home at the moment its digest is due, everything imported and wired."""
    gc.set_threshold(YOUNG, 10, 10)  # as the program does
    environ = {"AGGREGATOR__MAIL__HOST": "127.0.0.1", "AGGREGATOR__MAIL__PORT": str(relay)} if relay else {}
    with build(home, environ, SetClock(DUE)) as app:
        preview(app)
        yield app


def preview(app: App) -> Edition:
    """The edition that is due; for the rest it warms the templates up."""
    [digest] = app.stores.editions.digests()
    assert isinstance(digest, Digest)
    edition = app.compose.preview(digest)[0]
    assert len(edition.stories) == STORIES, f"{len(edition.stories)} stories"
    return edition


def ours(home: Path, readers: int) -> dict[str, Any]:
    """Render the edition, queue it for everybody; and then every message's own bytes."""
    with opened(home) as app:
        with Meter() as queued:
            [made] = app.compose.run()
        assert made.messages == readers
        waiting = app.stores.outbox.list(limit=readers)
        content = app.stores.outbox.content(waiting[0])
        assert content is not None
        size = 0
        with Meter() as filled:
            for one in waiting:
                size += len(app.renderer.message(content.mail, one.address, one.token, one.message_id))
    return {
        "readers": readers, "cpu": queued.cpu, "wall": queued.wall, "before": queued.before, "peak": queued.peak,
        "filled": filled.cpu, "bytes": size // readers,
    }  # fmt: skip


def naive(home: Path, sample: int) -> dict[str, Any]:
    """Each message from its template, for the first readers."""
    with opened(home) as app:
        edition = preview(app)
        templates = Templates()
        with contextlib.closing(sqlite3.connect(home / "naive.db")) as conn:
            conn.execute("PRAGMA synchronous = FULL")
            conn.execute("CREATE TABLE mails (id INTEGER PRIMARY KEY, address TEXT, token TEXT, mail BLOB)")
            readers = app.stores.subscriptions.list(DIGEST, ["active"])
            size = 0
            with Meter() as built, conn:
                for reader in islice(readers, sample):
                    token = messages.new_token()
                    number = messages.message_id(app.secret, edition, reader.id, reader.address, "news.example")
                    mail = built_from_template(templates, edition, reader.address, token, number)
                    size += len(mail)
                    row = (reader.address, token, mail)
                    conn.execute("INSERT INTO mails (address, token, mail) VALUES (?, ?, ?)", row)
    return {"readers": sample, "cpu": built.cpu, "wall": built.wall, "before": built.before, "peak": built.peak, "bytes": size // sample}  # fmt: skip


SEEN: dict[str, view.EditionView] = {}


def built_from_template(templates: Templates, edition: Edition, address: str, token: str, number: str) -> bytes:
    """One reader's mail."""
    stop = f"https://news.example/unsubscribe/{token}"
    if edition.key not in SEEN:  # made ready once for all: only the link to stop differs
        SEEN[edition.key] = view.view(edition, view.Frame(shown=STORIES, stop="STOP"))
    seen = view.EditionView(**{n: getattr(SEEN[edition.key], n) for n in SEEN[edition.key].__slots__} | {"stop": stop})
    mail = EmailMessage()
    for name, value in (
        ("From", "News <news@news.example>"), ("To", address), ("Subject", seen.subject), ("Message-ID", number),
        ("Date", format_datetime(edition.composed_at)), ("List-Id", f"<{DIGEST}.news.example>"), ("List-Unsubscribe", f"<{stop}>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"), ("Auto-Submitted", "auto-generated"), ("Precedence", "list"),
    ):  # fmt: skip
        mail[name] = value
    mail.set_content(templates.render("edition.txt.j2", edition=seen))
    mail.add_alternative(templates.render("edition.html.j2", edition=seen), subtype="html")
    return mail.as_bytes(policy=SMTP)


def handed(home: Path, readers: int) -> dict[str, Any]:
    """Every queued message to a relay that takes it at once, with the commits that it takes."""
    with smtpsink.process() as relay, opened(home, relay.port) as app:
        app.compose.run()
        with counted() as commits, Meter() as sent:
            report = app.send.run()
        assert report.sent == readers, report
        taken = relay.taken()
    assert taken == readers, taken
    return {
        "readers": readers, "cpu": sent.cpu, "wall": sent.wall, "before": sent.before, "peak": sent.peak,
        "commits": commits[0] / readers,
    }  # fmt: skip


@contextlib.contextmanager
def counted() -> Iterator[list[int]]:
    """How often anything is committed; a transaction that changed nothing writes nothing."""
    write, commits = Database.write, [0]

    @contextlib.contextmanager
    def counting(self: Database) -> Iterator[sqlite3.Connection]:
        with write(self) as conn:
            before = conn.total_changes
            yield conn
            commits[0] += conn.total_changes > before

    Database.write = counting  # type: ignore[method-assign]
    yield commits
    Database.write = write  # type: ignore[method-assign]


PARTS: dict[str, Callable[[Path, int], dict[str, Any]]] = {"ours": ours, "naive": naive, "handed": handed}


# -- the run -----------------------------------------------------------------------------------------------------------


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=10_000)
    parser.add_argument("--sample", type=int, default=300, help="messages that are built from their template")
    parser.add_argument(
        "--part", choices=[*PARTS, "settle"], help="one part, on --home, as JSON; without it, all of them"
    )
    parser.add_argument("--home", type=Path)
    parser.add_argument("--zones", type=int, default=0)
    args, _ = parser.parse_known_args()
    if args.part == "settle":
        settle(args.home, args.readers, args.zones)
    elif args.part:
        print(json.dumps(PARTS[args.part](args.home, args.readers)))
    else:
        with tempfile.TemporaryDirectory(prefix="bench-delivery-") as folder:
            print(json.dumps(told(Path(folder), args.readers, args.sample)))
    return 0


def told(folder: Path, readers: int, sample: int) -> dict[str, Any]:
    """Every part, and what they come to."""
    tenth = readers // 10
    few = run(folder, "ours", tenth)
    many = run(folder, "ours", readers)
    naively = run(folder, "naive", sample)
    zoned = run(folder, "ours", readers, zones=len(ZONES))
    sent = run(folder, "handed", tenth)
    scaled = naively["cpu"] / sample * readers
    facts = {
        "stories": STORIES,
        "bytes_a_mail": many["bytes"],
        "queued_times_as_fast": f"{scaled / many['cpu']:.0f} (wanted 10)",
        "with_each_messages_bytes": f"{scaled / (many['cpu'] + many['filled']):.0f} (wanted 10)",
        "peak_mb_from_a_tenth_to_all": f"{many['peak'] - few['peak']:+.1f}",
        "handed_over_a_second": f"{tenth / sent['wall']:.0f}",
        "commits_a_message": f"{sent['commits']:.3f} (wanted 2)",
    }
    head = ("case", "readers", "CPU s", "wall s", "CPU ms a message", "MB before", "peak MB")
    filled = {**many, "cpu": many["filled"], "wall": many["filled"], "peak": many["before"]}
    table = [
        head,
        cells("rendered and queued", few),
        cells("rendered and queued", many),
        cells("their own bytes put in", filled)[:5],
        cells("built from the template", naively),
        (f"... scaled to {readers:,}", f"{readers:,}", f"{scaled:.2f}"),
        cells(f"queued, {len(ZONES)} time zones", zoned),
        cells("handed to a relay", sent),
    ]
    promise = "an edition is rendered once, whatever the number of its readers"
    return {"promise": promise, "facts": facts, "table": table}


def cells(case: str, row: dict[str, Any]) -> tuple[str, ...]:
    each = f"{row['cpu'] / row['readers'] * 1e3:.3f}"
    return (case, f"{row['readers']:,}", f"{row['cpu']:.2f}", f"{row['wall']:.2f}", each, f"{row['before']:.1f}", f"{row['peak']:.1f}")  # fmt: skip


def run(folder: Path, part: str, readers: int, zones: int = 0) -> dict[str, Any]:
    """One part in a process of its own, on a home of its own."""
    home = folder / part
    own = [sys.executable, __file__, "--home", str(home), "--readers", str(readers), "--zones", str(zones), "--part"]
    subprocess.run([*own, "settle"], check=True)
    done = subprocess.run([*own, part], stdout=subprocess.PIPE, text=True, check=True)
    shutil.rmtree(home)
    row: dict[str, Any] = json.loads(done.stdout)
    return row


if __name__ == "__main__":
    sys.exit(main())
