"""A simulated wire: a seeded world of events and of the outlets that tell them, which knows what is true.

An event is a true story. A telling is one entry of one outlet that tells it: the agency's report, or a copy of it that comes
later, whole or cut, under its own headline or the agency's. What is told in other words is an event of its own.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal

from tests.conformance.feedserver import Call
from tests.e2e.homes import START, Item, rss
from tests.e2e.wirewords import LANGUAGES, TONGUES, Language, Writer

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
RHYTHM = (9, 9, 10, 9, 8, 6, 5, 4, 3, 2, 2, 2)
"""How busy the newsroom is, hour by hour from 15:00 to 03:00 in Minsk."""
SHARES: tuple[tuple[Language, int], ...] = (("en", 5), ("ru", 3), ("be", 2))
SHOWN = 60
"""Items in a document."""

Form = Literal["report", "verbatim", "own headline", "update", "suffix", "cut", "own headline, cut", "linked"]
FORMS: tuple[Form, ...] = ("verbatim", "own headline", "update", "suffix", "cut", "own headline, cut", "linked")
_PLENTY = (0, 0, 1, 1, 2, 2, 3, 4, 5, 6, 8, 12)
"""How many outlets copy an event, at most as many as there are."""


@dataclass(frozen=True)
class Outlet:
    """Who tells: an agency writes, the others copy; `wraps` sets navigation and subscribe lines around every text.

    Attributes:
        front: every item links to the front page.
        down: its server answers 502 between these moments.
    """

    id: str
    name: str
    language: Language
    agency: bool
    wraps: bool
    front: bool
    minutes: int
    down: tuple[datetime, datetime] | None = None


@dataclass(frozen=True)
class Event:
    """A true story: its wire text, and which watchlists' words stand in which of its paragraphs."""

    number: int
    kind: str
    language: Language
    at: datetime
    headline: str
    paragraphs: tuple[str, ...]
    words: tuple[frozenset[str], ...]


@dataclass(frozen=True)
class Revision:
    """What a correction makes of an entry."""

    at: datetime
    title: str
    text: str


@dataclass(frozen=True)
class Telling:
    """One entry of one outlet. `shown` is when its feed first holds it, which may be hours after it was published."""

    outlet: Outlet
    event: Event
    form: Form
    guid: str
    link: str
    title: str
    text: str
    published: datetime
    shown: datetime
    holds: frozenset[str]
    corrected: Revision | None = None

    def item(self, now: datetime) -> Item:
        """As its feed holds it now."""
        if self.corrected is not None and now >= self.corrected.at:
            return Item(self.guid, self.corrected.title, self.corrected.text, self.published, self.link)
        return Item(self.guid, self.title, self.text, self.published, self.link)


class World:
    """Everything that happens to so many outlets in so many hours; the same seed makes the same world."""

    def __init__(self, seed: int, outlets: int, hours: int) -> None:
        self._dice = random.Random(seed)
        self._writers = {language: Writer(language, self._dice) for language in LANGUAGES}
        self.end = START + hours * HOUR
        self.outlets = list(self._found(outlets))
        self.events: list[Event] = []
        self.tellings: list[Telling] = []
        self._before()
        for _ in range(outlets * hours // 4):
            self._spread(self._event(self._language(), self._moment(hours)))
        for _ in range(1 + hours // 4):
            self._burst(self._moment(hours))
        for _ in range(outlets * hours // 16):
            self._forms(self._moment(hours))
        self._briefings(hours)
        self._everywhere(START + hours * HOUR / 4)

    # -- outlets -----------------------------------------------------------------------------------------------------

    def _found(self, count: int) -> Iterator[Outlet]:
        """One in ten is an agency, each language has one at least; one in ten has an hour without its server."""
        wheel = [language for language, share in SHARES for _ in range(share)]
        for number in range(count):
            language = wheel[number % len(wheel)]
            agency = number < len(wheel) and (number == 0 or wheel[number - 1] != language)
            agency = agency or (number >= len(wheel) and number % 20 == 0)
            name = f"{self._writers[language].name()} {number}"
            down = None
            if self._dice.random() < 0.1:
                start = START + self._dice.random() * (self.end - START - HOUR)
                down = start, start + HOUR
            yield Outlet(
                id=f"o{number:03}",
                name=name,
                language=language,
                agency=agency,
                wraps=not agency and self._dice.random() < 0.3,
                front=not agency and self._dice.random() < 0.05,
                minutes=5 if agency else self._dice.choice((10, 15, 30)),
                down=down,
            )

    def _agency(self, language: Language) -> Outlet:
        return self._dice.choice([o for o in self.outlets if o.agency and o.language == language])

    def _others(self, but: Outlet) -> list[Outlet]:
        """The outlets of the same language, shuffled."""
        found = [o for o in self.outlets if o.language == but.language and o is not but]
        self._dice.shuffle(found)
        return found

    # -- when ----------------------------------------------------------------------------------------------------------

    def _language(self) -> Language:
        return self._dice.choices([s[0] for s in SHARES], [s[1] for s in SHARES])[0]

    def _moment(self, hours: int) -> datetime:
        """By the rhythm of the day; the last half hour is left for copies."""
        hour = self._dice.choices(range(hours), [RHYTHM[h % len(RHYTHM)] for h in range(hours)])[0]
        return min(START + (hour + self._dice.random()) * HOUR, self.end - HOUR / 2)

    def _lag(self) -> timedelta:
        """Minutes for most, hours for some."""
        return timedelta(minutes=min(600.0, self._dice.lognormvariate(3.2, 1.2)))

    # -- events --------------------------------------------------------------------------------------------------------

    def _event(
        self, language: Language, at: datetime, kind: str = "news", *, watched: Sequence[str] | None = None
    ) -> Event:
        """A report of several paragraphs. One in five is watched, some by a word further down; some only look like it."""
        writer, dice = self._writers[language], self._dice
        names = self._watched() if watched is None else tuple(watched)
        marked = "".join(dice.choice(writer.tongue.watched[name]) for name in names)
        if not names and dice.random() < 0.05:
            marked = dice.choice(writer.tongue.lookalikes)
        deep = bool(names) and watched is None and dice.random() < 0.2
        more = writer.paragraphs(dice.randint(3, 6))
        paragraphs = [writer.lead("" if deep else marked), *more]
        words = [frozenset[str]()] * len(paragraphs)
        place = dice.randint(2, len(paragraphs) - 1) if deep else 0
        words[place] = frozenset(names)
        if deep:
            paragraphs[place] = marked + paragraphs[place]
        return self._add(kind, language, at, writer.headline(), paragraphs, words)

    def _watched(self) -> tuple[str, ...]:
        return self._dice.choices([(), ("csto",), ("bridge",), ("csto", "bridge")], [80, 11, 7, 2])[0]

    def _add(  # noqa: PLR0917 - an event is made of all of these
        self,
        kind: str,
        language: Language,
        at: datetime,
        headline: str,
        paragraphs: Sequence[str],
        words: Sequence[frozenset[str]] = (),
    ) -> Event:
        words = words or [frozenset[str]()] * len(paragraphs)
        event = Event(len(self.events), kind, language, at, headline, tuple(paragraphs), tuple(words))
        self.events.append(event)
        return event

    def _spread(self, event: Event, copies: int | None = None, teller: Outlet | None = None) -> None:
        """The agency's report, its updates, the copies, and now and then a report in other words."""
        agency = teller or self._agency(event.language)
        report = self._tell(event, agency, "report", event.at)
        count = self._dice.choice(_PLENTY) if copies is None else copies
        takers = self._others(agency)
        for outlet in takers[:count]:
            self._tell(event, outlet, self._dice.choice(FORMS), event.at + self._lag(), report)
        for number in range(self._dice.choices((0, 1, 2), (88, 9, 3))[0]):
            self._update(report, number + 1)
        if event.kind == "news" and count >= 3 and count < len(takers) and self._dice.random() < 0.3:
            names = sorted(frozenset().union(*event.words))
            other = self._event(event.language, event.at + self._lag(), "own words", watched=names)
            self._tell(other, takers[count], "report", other.at)

    def _burst(self, at: datetime) -> None:
        """Many reports on one topic by anybody within minutes; all end with one background, which may hold the watched word."""
        language = self._language()
        writer = self._writers[language]
        watched = self._dice.random() < 0.5
        tellers = [o for o in self.outlets if o.language == language and not o.front]
        background = f"{writer.background()} {writer.background()}"
        if watched:
            background = writer.tongue.watched["csto"][0] + background
        for _ in range(self._dice.randint(5, 10)):
            moment = min(at + self._dice.random() * 20 * MINUTE, self.end - HOUR / 2)
            own = [writer.lead(), *writer.paragraphs(self._dice.randint(0, 2))]
            words = [frozenset[str]()] * len(own) + [frozenset({"csto"} if watched else ())]
            event = self._add("burst", language, moment, writer.headline(), [*own, background], words)
            self._spread(event, teller=self._dice.choice(tellers))

    def _forms(self, at: datetime) -> None:
        """Rates, quakes and matches: a form with other numbers each time."""
        language = self._language()
        title, text = self._writers[language].form()
        self._spread(self._add("form", language, at, title, [text]), self._dice.randint(0, 4))

    def _briefings(self, hours: int) -> None:
        """Every fifth outlet has one under the same headline every three hours."""
        for outlet in self.outlets[::5]:
            for hour in range(1, hours, 3):
                writer = self._writers[outlet.language]
                at = START + (hour + self._dice.random()) * HOUR
                event = self._add("briefing", outlet.language, at, writer.tongue.briefing, writer.paragraphs(3))
                self._tell(event, outlet, "report", at)

    def _everywhere(self, at: datetime) -> None:
        """One event that nearly everybody carries, in whatever language the agency sent it."""
        event = self._event("en", at, "everywhere", watched=["csto"])
        agency = self._agency("en")
        report = self._tell(event, agency, "report", at)
        for outlet in self.outlets:
            if outlet is not agency and self._dice.random() < 0.85:
                self._tell(event, outlet, self._dice.choice(FORMS), at + self._lag(), report)

    def _before(self) -> None:
        """What stood in the feeds when we first looked: of this afternoon, and of days ago."""
        for outlet in self.outlets:
            for age in (self._dice.uniform(0.2, 5), self._dice.uniform(25, 60)):
                event = self._event(outlet.language, START - age * HOUR, "before")
                self._tell(event, outlet, "report", event.at)

    # -- tellings ------------------------------------------------------------------------------------------------------

    def _tell(self, event: Event, outlet: Outlet, form: Form, at: datetime, report: Telling | None = None) -> Telling:
        guid = f"{outlet.id}-{len(self.tellings)}"
        link = f"https://{outlet.id}.example/" if outlet.front else f"https://{outlet.id}.example/{guid}"
        if form == "linked" and report is not None:
            link = f"{report.link}?utm_source={outlet.id}&utm_medium=rss"
        kept = {"cut": 2, "own headline, cut": 2, "linked": 1}.get(form, len(event.paragraphs))
        late = self._dice.uniform(2, 5) * HOUR if self._dice.random() < 0.05 else timedelta(0)
        telling = Telling(
            outlet, event, form, guid, link, self._title(event, outlet, form), self._html(outlet, event.paragraphs[:kept]),
            at.replace(microsecond=0), at + late, frozenset().union(*event.words[:kept]),
        )  # fmt: skip
        if form != "linked" and self._dice.random() < 0.06:
            telling = replace(telling, corrected=self._correction(telling, event.paragraphs[:kept]))
        self.tellings.append(telling)
        return telling

    def _title(self, event: Event, outlet: Outlet, form: Form) -> str:
        if form == "update":
            return TONGUES[event.language].update + event.headline
        if form == "suffix":
            return f"{event.headline} | {outlet.name}"
        own = form in ("own headline", "own headline, cut", "linked")
        return self._writers[event.language].headline() if own else event.headline

    def _html(self, outlet: Outlet, paragraphs: Sequence[str]) -> str:
        tongue = TONGUES[outlet.language]
        around = [tongue.navigation, *paragraphs, tongue.subscribe] if outlet.wraps else paragraphs
        return "".join(f"<p>{text.replace('{o}', outlet.name)}</p>" for text in around)

    def _correction(self, telling: Telling, paragraphs: Sequence[str]) -> Revision:
        """One name of the text is another now; the words that are watched stay."""
        tongue = TONGUES[telling.event.language]
        last = paragraphs[-1] + f" ({tongue.correction.strip(': ')}: {self._writers[telling.event.language].name()}.)"
        at = telling.shown + self._dice.uniform(20, 120) * MINUTE
        return Revision(at, tongue.correction + telling.title, self._html(telling.outlet, [*paragraphs[:-1], last]))

    def _update(self, report: Telling, number: int) -> None:
        """The agency tells it again as an entry of its own: the whole report and a paragraph more."""
        event, outlet = report.event, report.outlet
        more = self._writers[event.language].paragraphs(1)
        told = self._tell(event, outlet, "update", report.published + number * 40 * MINUTE)
        self.tellings[-1] = replace(told, text=self._html(outlet, [*event.paragraphs, *more]), corrected=None)


@dataclass
class Publisher:
    """An outlet's server: holds what is shown by now, and writes down when each entry and each correction was first served."""

    outlet: Outlet
    tellings: list[Telling]
    now: Callable[[], datetime]
    served: dict[str, datetime] = field(default_factory=dict)
    corrected: dict[str, datetime] = field(default_factory=dict)
    read_at: datetime | None = None

    def __post_init__(self) -> None:
        self.tellings.sort(key=lambda t: t.shown)
        moments = [t.shown for t in self.tellings] + [t.corrected.at for t in self.tellings if t.corrected]
        self._moments = sorted(moments)
        self._document = (-1, b"")

    def __call__(self, call: Call) -> None:
        now = self.now()
        if self.outlet.down and self.outlet.down[0] <= now < self.outlet.down[1]:
            call.respond(502)
            return
        body = self._body(now)
        tag = f'"{sha256(body).hexdigest()[:16]}"'
        if call.request.headers.get("if-none-match") == tag:
            call.respond(304, headers=[("ETag", tag)])
            return
        self.read_at = self.read_at or now
        for telling in self._shown(now):
            self.served.setdefault(telling.guid, now)
            if telling.corrected is not None and telling.corrected.at <= now:
                self.corrected.setdefault(telling.guid, now)
        call.respond(200, body, [("ETag", tag), ("Content-Type", "application/rss+xml")])

    def _shown(self, now: datetime) -> list[Telling]:
        return [t for t in self.tellings if t.shown <= now][-SHOWN:]

    def _body(self, now: datetime) -> bytes:
        version = bisect_right(self._moments, now)
        if self._document[0] != version:
            body = rss(*(t.item(now) for t in reversed(self._shown(now))))
            self._document = version, body.replace(b"<title>News<", f"<title>{self.outlet.name}<".encode(), 1)
        return self._document[1]
