"""The outlets of the sample newsroom, and the truth the demo checks itself against."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from aggregator.sample import belarusian, business, english, russian
from aggregator.sample.story import OPENING, Item, Outlet

OUTLETS: tuple[Outlet, ...] = (
    Outlet(
        id="minsk-wire",
        title="Minsk Wire",
        description="News from Minsk, in English",
        host="minsk-wire.example",
        language="en",
        country="BY",
        tags=("agency",),
        format="rss",
        path="/rss.xml",
        items=english.MINSK_WIRE,
        content_type="application/rss+xml; charset=utf-8",
    ),
    Outlet(
        id="continental-desk",
        title="Continental Desk",
        description="Europe, read from the middle",
        host="continental-desk.example",
        language="en",
        country="DE",
        tags=("paper",),
        format="atom",
        path="/atom.xml",
        items=english.CONTINENTAL_DESK,
        content_type="application/atom+xml; charset=utf-8",
        conditional="etag",
        compress=True,
        latency=0.3,
    ),
    Outlet(
        id="vestnik",
        title="Вестник Содружества",
        description="Новости шести столиц",
        host="vestnik-sodruzhestva.example",
        language="ru",
        country="RU",
        tags=("paper",),
        format="rss",
        path="/export/rss.xml",
        items=russian.VESTNIK,
        content_type="text/xml",
        encoding="windows-1251",
        conditional="weak-etag",
    ),
    Outlet(
        id="nyoman",
        title="Нёман Навіны",
        description="Навіны Гродна і наваколля",
        host="nyoman-naviny.example",
        language="be",
        country="BY",
        tags=("local",),
        format="atom",
        path="/feed",
        items=belarusian.NYOMAN,
        content_type="application/xml",
        conditional="last-modified",
    ),
    Outlet(
        id="steppe-courier",
        title="Steppe Courier",
        description="Reports from Central Asia",
        host="steppe-courier.example",
        language="en",
        country="KZ",
        tags=("paper",),
        format="rdf",
        path="/index.rdf",
        items=english.STEPPE_COURIER,
        content_type="application/rdf+xml",
        conditional="ignored",
        latency=0.3,
    ),
    Outlet(
        id="open-ledger",
        title="Open Ledger",
        description="Business without adjectives",
        host="open-ledger.example",
        language="en",
        country="GB",
        tags=("business",),
        format="json",
        path="/feed.json",
        items=business.OPEN_LEDGER,
        content_type="application/feed+json",
        conditional="etag",
        latency=0.3,
    ),
    Outlet(
        id="amber-post",
        title="Amber Post",
        description="Harbour & coast",
        host="amber-post.example",
        language="en",
        country="LT",
        tags=("local",),
        format="rss",
        path="/rss",
        items=english.AMBER_POST,
        content_type="text/xml",
        conditional="ignored",
        latency=0.3,
        broken=True,
    ),
    Outlet(
        id="radio-pripyat",
        title="Радио Припять",
        description="Эфир и новости Полесья",
        host="radio-pripyat.example",
        language="ru",
        country="BY",
        tags=("radio",),
        format="rss",
        path="/podcast/news.xml",
        items=russian.RADIO_PRIPYAT,
        content_type="application/rss+xml",
        latency=0.5,
        dribble=1.0,
    ),
    Outlet(
        id="summit-review",
        title="The Summit Review",
        description="Long reads on short meetings",
        host="summit-review.example",
        language="en",
        country="AT",
        tags=("magazine",),
        format="rss",
        path="/feed.xml",
        items=business.SUMMIT_REVIEW,
        content_type="application/rss+xml; charset=utf-8",
        pages=True,
        articles="short",
    ),
    Outlet(
        id="arena",
        title="Спортивная арена",
        description="Спорт и ничего кроме",
        host="sport-arena.example",
        language="ru",
        country="BY",
        tags=("sport",),
        format="rss",
        path="/rss/all",
        items=russian.ARENA,
        content_type="application/xml; charset=utf-8",
    ),
    Outlet(
        id="old-lantern",
        title="The Old Lantern",
        description="Closed since December",
        host="old-lantern.example",
        language="en",
        country="IE",
        tags=("paper",),
        format="rss",
        path="/rss.xml",
        items=(),
        content_type="text/plain; charset=utf-8",
        gone=True,
    ),
)
"""In the order of feeds.yaml; the wire's own agency first, so that its entry leads the story."""

Key = tuple[str, str]
"""(feed id, guid): names an entry in the whole newsroom."""


@dataclass(frozen=True, slots=True)
class FeedTruth:
    """What must happen to one feed.

    Attributes:
        entries: how many entries are stored after the first sweep, and after the second.
        first, second: what each sweep reports; "held" means that the second sweep does not ask at all.
        status: the HTTP status of each sweep's answer; 0 where nothing was asked.
    """

    feed_id: str
    entries: int
    first: Literal["new", "failed"]
    second: Literal["not_modified", "unchanged", "held"]
    status: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Truth:
    """What the demo must find, no more and no less.

    Attributes:
        feeds: by feed id.
        csto: entries the CSTO watchlist matches from what the feeds carry.
        csto_in_article: entries it matches once `enrich` has read their article pages.
        energy: entries the energy watchlist matches.
        told: all matched entries published within the day before the opening, which the first edition tells; the
            others are the silent baseline.
        wire: the copies of the one wire story, the agency's own first; they make one story.
        near_misses: entries that look like a match and must not be one.
        entries: how many there are in all.
        stories: how many stories the first edition shows over both watchlists (the wire copies count once).
        csto_stories: how many of them the CSTO watchlist matches.
    """

    feeds: dict[str, FeedTruth]
    csto: frozenset[Key]
    csto_in_article: frozenset[Key]
    energy: frozenset[Key]
    told: frozenset[Key]
    wire: tuple[Key, ...]
    near_misses: frozenset[Key]
    entries: int
    stories: int
    csto_stories: int


def _all() -> list[tuple[Outlet, Item]]:
    return [(outlet, item) for outlet in OUTLETS for item in outlet.items]


def _feed_truth(outlet: Outlet) -> FeedTruth:
    if outlet.gone:
        return FeedTruth(outlet.id, 0, "failed", "held", (410, 0))
    if outlet.conditional == "ignored":
        return FeedTruth(outlet.id, len(outlet.items), "new", "unchanged", (200, 200))
    return FeedTruth(outlet.id, len(outlet.items), "new", "not_modified", (200, 304))


def _keys(pairs: list[tuple[Outlet, Item]]) -> frozenset[Key]:
    return frozenset((outlet.id, outlet.guid(item)) for outlet, item in pairs)


def _truth(day_before: datetime) -> Truth:
    csto = [(outlet, item) for outlet, item in _all() if item.csto]
    energy = [(outlet, item) for outlet, item in _all() if item.energy]
    wire = sorted(((outlet, item) for outlet, item in csto if item.wire), key=lambda pair: pair[1].at)
    told = [(outlet, item) for outlet, item in _all() if (item.csto or item.energy) and item.at > day_before]
    copies = len(wire) - 1
    return Truth(
        feeds={outlet.id: _feed_truth(outlet) for outlet in OUTLETS},
        csto=_keys([(outlet, item) for outlet, item in csto if not item.article]),
        csto_in_article=_keys([(outlet, item) for outlet, item in csto if item.article]),
        energy=_keys(energy),
        told=_keys(told),
        wire=tuple((outlet.id, outlet.guid(item)) for outlet, item in wire),
        near_misses=_keys([(outlet, item) for outlet, item in _all() if item.slug in _NEAR_MISSES]),
        entries=len(_all()),
        stories=len(told) - copies,
        csto_stories=len([item for _, item in told if item.csto]) - copies,
    )


_NEAR_MISSES = {"people/774", "2023/02/01/coast-guard", "2023/02/01/csto-museum", "city/ferry", "sea/amber"}

EXPECTED = _truth(OPENING - timedelta(days=1))
"""What `aggregator demo` checks itself against."""
