"""A home on a staged clock with a feed that grows and a mailbox: what is told once must never be told again, whatever becomes of the database."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path

from aggregator import backups
from aggregator.app import App, build
from aggregator.clock import SetClock
from aggregator.sample.sink import Sink
from tests.conformance.feedserver import Call, FeedServer
from tests.e2e import homes
from tests.e2e.homes import ENVIRON, START, Item

HOUR = timedelta(hours=1)


def subjects(sink: Sink) -> Counter[str]:
    """Of every mail that came, by Message-ID."""
    return Counter(str(message_from_bytes(m.content)["Message-ID"]) for m in sink.messages)


def told(sink: Sink) -> str:
    """The text of every mail that came."""
    found = []
    for one in sink.messages:
        parts = [p for p in message_from_bytes(one.content).walk() if p.get_content_type() == "text/plain"]
        found += [p.get_payload(decode=True).decode() for p in parts]  # type: ignore[union-attr]
    return "\n".join(found)


class Drill:
    """A home on a staged clock, a mailbox, and a feed that grows."""

    def __init__(self, home: Path, server: FeedServer, sink: Sink) -> None:
        self.home, self.server, self.sink = home, server, sink
        self.items: list[Item] = []
        self.now = START
        self.url = server.add("/rss", self._serve)
        digests = homes.digests()
        for one in digests["digests"]:
            one["to"] = ["desk@example.org", "second@example.org"]
        homes.write_home(
            home, [{"id": "wire", "url": self.url, "interval": "5m"}], watchlists=homes.WATCHLISTS, digests=digests
        )
        self.environ = {
            **ENVIRON,
            "AGGREGATOR__MAIL__HOST": sink.host,
            "AGGREGATOR__MAIL__PORT": str(sink.port),
            "AGGREGATOR__MAIL__SECURITY": "none",
        }

    def _serve(self, call: Call) -> None:
        tag = [("ETag", f'"{len(self.items)}"')]
        if call.request.headers.get("if-none-match") == tag[0][1]:
            call.respond(304, headers=tag)
        else:
            call.respond(200, homes.rss(*self.items[-30:]), tag)

    @contextlib.contextmanager
    def app(self) -> Iterator[App]:
        with build(self.home, self.environ, SetClock(self.now)) as app:
            app.sync()
            yield app

    def live(self, rounds: int, step: timedelta = HOUR) -> None:
        """So many rounds with news in each, every line at work."""
        with self.app() as app:
            assert isinstance(app.clock, SetClock)
            for _ in range(rounds):
                self.now += step
                app.clock.advance(step)
                title = f"CSTO report {len(self.items)}."
                self.items.append(Item(title, title, "As was said.", self.now - timedelta(minutes=9)))
                homes.sweep(app)
                app.compose.run()
                app.send.run()

    def backup(self) -> Path:
        target = self.home / f"kept-{self.now:%d%H}.tar.gz"
        with self.app() as app:
            backups.make(app.stores.upkeep, app.configuration.home, target, self.now)
        return target

    def lose(self) -> None:
        """The database is gone, with all that lies beside it of it."""
        for path in (self.home / "var").glob("aggregator.db*"):
            path.unlink()

    def twice(self) -> list[str]:
        """Reports that a reader was told of more than once by alerts, or by digests; and Message-IDs that came twice."""
        found = [m for m, n in subjects(self.sink).items() if n > 1]
        for kind in ("alert", "digest"):
            seen: Counter[tuple[str, str]] = Counter()
            for one in self.sink.messages:
                mail = message_from_bytes(one.content)
                if str(mail["Message-ID"]).startswith(f"<{kind}."):
                    text = next(p for p in mail.walk() if p.get_content_type() == "text/plain").get_payload(decode=True)
                    assert isinstance(text, bytes)
                    for item in self.items:
                        seen[str(mail["To"]), item.title] += item.title.encode() in text
            found += [f"{kind} {who}: {title}" for (who, title), n in seen.items() if n > 1]
        return found
