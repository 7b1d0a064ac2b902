"""An installation with something of everything on its pages, over real HTTP, SQLite and SMTP, on a clock that stands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aggregator.app import App, build
from aggregator.clock import SetClock
from aggregator.digests.messages import new_token
from aggregator.readership import Asker
from aggregator.reading import Signal
from aggregator.sample.sink import Sink
from aggregator.web.server import WebThread
from tests.conformance.feedserver import Call, FeedServer
from tests.e2e.homes import ENVIRON, Item, rss, write_home
from tests.e2e.program import merged, smtp

START = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
ASKER = Asker("command line")
READER, LEAVER, ASKED = "anna@reader.example", "boris@reader.example", "clara@reader.example"
CSTO, ENERGY = "csto", "energy"
WATCHLISTS: dict[str, Any] = {
    "aliases": {"csto": ["=CSTO", "=ОДКБ", "=АДКБ", '"Collective Security Treaty Organisation"']},
    "watchlists": [
        {"id": CSTO, "title": "CSTO", "query": "@csto"},
        {"id": ENERGY, "title": "Energy", "query": 'energy OR "power grid" OR энергетика~'},
        {"id": "grain", "title": "Grain", "query": "grain OR зерно~"},
    ],
}
DIGESTS: dict[str, Any] = {
    "digests": [
        {"id": "morning", "title": "Morning briefing", "watchlists": [CSTO, ENERGY, "grain"], "at": "07:30", "timezone": "Europe/Minsk",
         "to": ["desk@news.example", "gone@news.example"]},
        {"id": "now", "title": "CSTO at once", "watchlists": [CSTO], "every": "instant", "wait": "0s", "to": ["busy@news.example"]},
    ]
}  # fmt: skip
FEEDS = (
    {"id": "wire", "title": "Minsk Wire", "language": "en", "country": "BY", "tags": ["agency"]},
    {"id": "belta", "title": "БелТА", "language": "ru", "country": "BY", "tags": ["agency", "state"]},
    {"id": "polesie", "title": "Polesie Today & Eurasia Review of Security and Defence", "language": "en", "country": "BY"},
    {"id": "arab", "title": "وكالة الأنباء", "language": "ar", "country": "EG"},
    {"id": "failing", "title": "Interfax <West>", "language": "en", "country": "RU"},
    {"id": "gone", "title": "Звязда", "language": "be", "country": "BY"},
    {"id": "paused", "title": "Kyiv Post", "language": "en", "country": "UA"},
)  # fmt: skip
SUMMIT = "The leaders of the CSTO agreed on Thursday to join their air defences, the first such step in a decade. The treaty is open to others, they said after six hours of talks."
LONG = "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz und Donaudampfschifffahrtsgesellschaftskapitän: energy"


@dataclass
class Place:
    """What the tests of the pages stand on."""

    app: App
    clock: SetClock
    url: str
    sink: Sink
    items: dict[str, list[Item]]
    session: str
    """What an operator who has signed in carries as a cookie."""

    def publish(self, feed: str, *items: tuple[str, str, str], by: timedelta = timedelta(minutes=1)) -> None:
        """Items of (guid, title, text); one whose guid is known replaces it. Polled at once."""
        self.clock.advance(by)
        kept = {item.guid: item for item in self.items[feed]}
        for guid, title, text in items:
            at = kept[guid].at if guid in kept else self.clock.now()
            kept[guid] = Item(guid, title, text, at, f"https://{feed}.example/{guid}")
        self.items[feed] = list(kept.values())
        list(self.app.poll.sweep(everything=True))

    def tick(self, by: timedelta = timedelta()) -> None:
        """Time passes, and what is due is composed and sent."""
        self.clock.advance(by)
        self.app.following.attend()
        self.app.compose.run()
        self.app.send.run()

    def link(self, kind: str, address: str) -> str:
        """The path of the newest link of this kind in the mail of an address."""
        mails = [
            message_from_bytes(m.content, policy=policy.default)
            for m in self.sink.messages
            if address in "".join(m.recipients)
        ]
        parts = [part for m in mails if isinstance(m, EmailMessage) for part in m.walk() if not part.is_multipart()]
        text = "".join(part.get_content() for part in parts)
        return str(re.findall(rf"http://news\.example(/{kind}/[a-z2-7]{{26}})", text)[-1])

    def ask_for(self, address: str) -> None:
        """Somebody asks for a watchlist."""
        self.app.subscribe.request(address, self.app.subscribe.choice({"watchlist": CSTO, "rhythm": "instant"}), ASKER)
        self.tick()


@contextmanager
def open_house(home: Path) -> Iterator[Place]:
    """The installation, served."""
    with ExitStack() as stack:
        server, sink = stack.enter_context(FeedServer()), stack.enter_context(Sink())
        items = {str(feed["id"]): _past(str(feed["id"])) for feed in FEEDS}
        write_home(home, [{**f, "url": _serve(server, items, str(f["id"]))} for f in FEEDS], watchlists=WATCHLISTS, digests=DIGESTS)  # fmt: skip
        settings = {
            # Over http cookies have their plain names, which a browser takes from loopback.
            "web": {"public_url": "http://news.example", "timezone": "Europe/Minsk"},
            "signup": {"mode": "open", "queries": True, "contact": "The news desk, 1 Independence Avenue, Minsk"},
        }
        (home / "config/aggregator.yaml").write_text(json.dumps(merged(smtp(sink.host, sink.port), settings)))
        clock = SetClock(START)
        app = stack.enter_context(build(home, ENVIRON, clock))
        app.sync()
        thread = WebThread(app, "127.0.0.1", 0)
        session = new_token()
        place = Place(app, clock, thread.url, sink, items, session)
        _live(place)
        app.stores.credentials.issue("session", session, "", clock.now(), expires_at=clock.now() + timedelta(hours=12))
        thread.start()
        stack.callback(thread.stop)
        yield place


def _serve(server: FeedServer, items: dict[str, list[Item]], feed: str) -> str:
    def serve(call: Call) -> None:
        if feed == "failing":
            call.respond(503, b"not now")
        elif feed == "gone":
            call.respond(410)
        else:
            call.respond(200, rss(*items[feed]), [("Content-Type", "application/rss+xml")])

    return server.add(f"/{feed}", serve)


def _past(feed: str) -> list[Item]:
    """A month of what stood in the feed when it was added; Mondays are busy."""
    found = []
    for day in range(1, 30):
        at = START - timedelta(days=day, hours=len(feed))
        for n in range(3 if at.weekday() == 0 else 1):
            words = (
                "CSTO talks go on"
                if day % 3 == 0
                else "Power grid repaired"
                if day % 7 == 0
                else "Tram timetable changes"
            )
            found.append(Item(f"{feed}-{day}-{n}", f"{words}, day {day}, part {n} ({feed})", f"As told by {feed} on day {day}.", at))  # fmt: skip
    return found


def _live(place: Place) -> None:
    """Two days: the feeds are read, news comes, editions go out, readers come and go, some mail does not arrive."""
    list(place.app.poll.sweep())
    place.sink.mailboxes = {
        "gone@news.example": "550 5.1.1 no such mailbox",
        "busy@news.example": "450 4.2.1 mailbox busy",
    }
    place.publish("wire", ("summit", "CSTO leaders to agree on air defence", SUMMIT), ("grid", "Power grid of the Baltic states is tested", "Operators cut the power grid off for two hours."))  # fmt: skip
    place.publish("polesie", ("s1", "CSTO leaders to agree on air defence", SUMMIT), by=timedelta(minutes=20))
    place.publish("belta", ("s2", "Главы государств ОДКБ подписали в Минске заявление", "Главы государств ОДКБ подписали итоговое заявление саммита. Документ предусматривает учения осенью."))  # fmt: skip
    place.tick()
    place.app.subscribe.add(READER, place.app.subscribe.choice({"watchlist": CSTO, "rhythm": "daily 07:30"}), ASKER)
    place.ask_for(LEAVER)
    place.ask_for(ASKED)
    place.app.subscribe.confirm(place.link("confirm", LEAVER).rpartition("/")[2], ASKER)
    place.tick(timedelta(hours=17))
    place.publish(
        "wire", ("summit", "CSTO leaders agree on a joint air-defence system at their summit in Minsk", SUMMIT)
    )
    place.publish(
        "arab",
        (
            "a1",
            "قمة منظمة معاهدة الأمن الجماعي CSTO تبدأ في مينسك",
            "بدأت اليوم قمة منظمة معاهدة الأمن الجماعي CSTO في مينسك.",
        ),
    )
    place.publish(
        "polesie",
        ("l1", LONG, "Kurz."),
        ("evil", 'CSTO "><script>alert(1)</script> & <b>talks</b>', "Kept as it came."),
    )
    place.tick()
    place.app.stores.feeds.pause("paused", place.clock.now())
    now = place.clock.now()
    place.app.stores.signals.begin(Signal(0, "burst", CSTO, "", now - timedelta(hours=2), now, 42, 5.0, ""))
    place.app.stores.signals.begin(Signal(0, "silence", "", "arab", now - timedelta(days=2), now, 0, 9.0, ""))
