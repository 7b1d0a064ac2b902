"""What may stand in feeds.yaml, config/watchlists.yaml and config/digests.yaml, and the words they become."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, WithJsonSchema, model_validator

from aggregator import channel
from aggregator.access import Access
from aggregator.levels import THRESHOLDS, Threshold
from aggregator.model import FeedSpec, KnownItem, Watchlist
from aggregator.publication import WEEKDAYS, DigestSpec, Quiet, Schedule, Weekday
from aggregator.settings import fields as f
from aggregator.settings.ages import Kept
from aggregator.settings.channels import ChannelItem
from aggregator.settings.problems import dotted
from aggregator.settings.section import Section
from aggregator.settings.yamlfile import YamlFile

ArticlesWord = Annotated[Literal["never", "matched", "short", "all"], BeforeValidator(f.lower)]
ThresholdWord = Annotated[Threshold, BeforeValidator(f.lower)]
DayWord = Annotated[Weekday, BeforeValidator(f.lower)]


WAIT = timedelta(seconds=3)
"""How long a story of an alert waits for company unless its digest says otherwise (docs/decisions)."""
MOST = 10
"""Alerts an hour of a digest, unless it says otherwise."""


class FeedDefaults(Section):
    """What a feed has unless it says otherwise."""

    interval: f.PositiveDuration = Field(
        default=timedelta(hours=1),
        description="How often a feed should be polled; hints and `polling.floor` may make it longer.",
    )
    language: f.Text = Field(default="", description="Language of the entries where the feed does not say.")
    country: f.Text = Field(default="", description="Country of the publisher.")
    tags: tuple[f.Text, ...] = Field(default=(), description="Free words to group feeds by.")
    articles: ArticlesWord = Field(
        default="never",
        description="Whose article pages are fetched: never, matched (by the feed's text), short (text under 200 characters or cut off) or all.",
    )
    excerpt: f.Excerpt = Field(
        default=None, description="How much of a text may be shown to others: whole, none or a number of characters."
    )


class FeedItem(Section):
    """One feed."""

    url: f.HttpUrl = Field(description="Address of the feed; the only required key.")
    id: f.Slug | None = Field(default=None, description="Stable name; default: made from the host, unique.")
    title: f.Text = Field(default="", description="Name people see; default: the feed's own title.")
    language: f.Text | None = Field(default=None, description="Language of the entries where the feed does not say.")
    country: f.Text | None = Field(default=None, description="Country of the publisher.")
    tags: tuple[f.Text, ...] | None = Field(default=None, description="Free words to group feeds by.")
    interval: f.PositiveDuration | None = Field(default=None, description="How often it should be polled.")
    articles: ArticlesWord | None = Field(
        default=None, description="Whose article pages are fetched: never, matched, short or all."
    )
    excerpt: f.Excerpt = Field(
        default=None, description="How much of a text may be shown to others: whole, none or a number of characters."
    )
    keep: Kept = Field(default=None, description="Age after which its entries that no match needs go, or forever.")
    homepage: f.HttpUrl | None = Field(default=None, description="Page of the publisher; OPML calls it htmlUrl.")
    hints: bool = Field(
        default=True, description="Whether the publisher's hints (ttl, Cache-Control ...) may make the interval longer."
    )
    username: f.Username = Field(default="", description="Name to sign in with (Basic authentication).")
    password: f.Password = Field(default=SecretStr(""), description="Password to sign in with; better a file.")
    password_file: f.Text = Field(
        default="", description="File that holds the password; a relative path starts in the home folder."
    )
    headers: dict[f.HeaderName, f.HeaderValue] = Field(
        default_factory=dict, max_length=16, description="Headers sent with every request to the feed's own server."
    )
    proxy: f.ProxyUrl | None = Field(
        default=None, repr=False, description="URL of an HTTP proxy for this feed; names only are checked then."
    )

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        """Nothing twice, and no password without a name."""
        if self.password.get_secret_value() and self.password_file:
            raise ValueError("`password` and `password_file` exclude each other; keep one")
        if (self.password.get_secret_value() or self.password_file) and not self.username:
            raise ValueError("a password without `username`")
        names = [name.lower() for name in self.headers]
        again = next((name for name in self.headers if names.count(name.lower()) > 1), None)
        if again:
            raise ValueError(f"the header {again} stands there twice")
        if self.username and "authorization" in names:
            raise ValueError("`username` and an Authorization header exclude each other; keep one")
        return self

    def access(self, password: str = "") -> Access | None:
        """How it is asked, where that takes more than its address; `password` is that of its file."""
        headers = tuple((name, value.get_secret_value()) for name, value in self.headers.items())
        if not (self.username or headers or self.proxy):
            return None
        return Access(self.username, self.password.get_secret_value() or password, headers, self.proxy or "", self.url)


class FeedsFile(Section):
    """feeds.yaml."""

    defaults: FeedDefaults = Field(
        default_factory=FeedDefaults, description="What a feed has unless it says otherwise."
    )
    feeds: tuple[FeedItem, ...] = Field(default=(), description="The feeds.")

    def specs(self) -> tuple[FeedSpec, ...]:
        """The feeds in the order of the file, with their ids and defaults."""
        ids = default_ids(self.feeds)
        return tuple(self._spec(item, feed_id) for item, feed_id in zip(self.feeds, ids, strict=True))

    def _spec(self, item: FeedItem, feed_id: str) -> FeedSpec:
        base = self.defaults
        return FeedSpec(
            id=feed_id,
            url=item.url,
            title=item.title,
            language=base.language if item.language is None else item.language,
            country=base.country if item.country is None else item.country,
            tags=base.tags if item.tags is None else item.tags,
            interval=item.interval or base.interval,
            articles=item.articles or base.articles,
            hints=item.hints,
            excerpt=item.excerpt if "excerpt" in item.model_fields_set else base.excerpt,
        )


class Example(Section):
    """A known item: a text as an entry might bring it. Plain text stands for its title."""

    title: f.Text = Field(default="", description="Headline.")
    body: f.Text = Field(default="", description="Text.")
    source: f.Text = Field(default="", description="Title of the feed.")
    lang: f.Text = Field(default="", description="Language; default: told by the text.")
    url: f.Text = Field(default="", description="Address of the entry.")
    author: f.Text = Field(default="", description="Author.")
    categories: tuple[f.Text, ...] = Field(default=(), description="Categories.")


def _headline(value: object) -> object:
    return {"title": value} if isinstance(value, str) else value


Examples = tuple[
    Annotated[
        Example,
        BeforeValidator(_headline),
        WithJsonSchema({"anyOf": [{"type": "string"}, Example.model_json_schema()]}),
    ],
    ...,
]


class WatchlistItem(Section):
    """One watchlist."""

    id: f.Slug = Field(description="Stable name.")
    title: f.Text = Field(default="", description="Name people see; default: the id.")
    query: f.QueryText = Field(description="What an entry must say.")
    must: Examples = Field(
        default=(), description="Texts that the query must find; checked by `check` and every reload."
    )
    must_not: Examples = Field(default=(), description="Texts that it must not find.")
    signals: bool = Field(default=True, description="Whether its readers are told of bursts and silences.")

    def watchlist(self) -> Watchlist:
        """The watchlist as the rest of the program knows it."""
        return Watchlist(self.id, self.title or self.id, self.query)


class WatchlistsFile(Section):
    """config/watchlists.yaml."""

    aliases: dict[str, tuple[f.QueryText, ...]] = Field(
        default_factory=dict,
        description="Names for several queries of which one is enough; used in a query as `@name`.",
    )
    watchlists: tuple[WatchlistItem, ...] = Field(default=(), description="The watchlists.")

    def specs(self) -> tuple[Watchlist, ...]:
        """The watchlists in the order of the file."""
        return tuple(item.watchlist() for item in self.watchlists)

    def known_items(self, file: YamlFile) -> tuple[KnownItem, ...]:
        """The example texts of all watchlists, with their places in the file."""
        examples = [
            (("watchlists", place, key, number), item.watchlist(), example)
            for place, item in enumerate(self.watchlists)
            for key, given in (("must", item.must), ("must_not", item.must_not))
            for number, example in enumerate(given)
        ]
        lines = file.lines([loc for loc, _, _ in examples])
        return tuple(
            KnownItem(
                watchlist,
                must=loc[2] == "must",
                where=f"{file.path}:{line}: {dotted(loc)}",
                **example.model_dump(exclude={"lang"}),
                language=example.lang,
            )
            for line, (loc, watchlist, example) in zip(lines, examples, strict=True)
        )


class Reader(Section):
    """An address or a channel of a digest, with a threshold or a clock of its own."""

    address: f.Address | None = Field(default=None, description="Mail address.")
    channel: f.Slug | None = Field(default=None, description="Id of a channel, instead of an address.")
    prominence: ThresholdWord = Field(default="any", description="Least prominence of the stories it is told.")
    timezone: f.Zone | None = Field(default=None, description="IANA zone of the times it is shown.")

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        """An address or a channel."""
        if bool(self.address) == bool(self.channel):
            raise ValueError("names one of `address` and `channel`")
        return self

    @property
    def whom(self) -> str:
        """The address of its subscription."""
        return self.address or channel.PREFIX + (self.channel or "")


def _reader(value: object) -> object:
    return {"address": value} if isinstance(value, str) else value


Readers = tuple[
    Annotated[
        Reader,
        BeforeValidator(_reader),
        WithJsonSchema({"anyOf": [{"type": "string", "format": "email"}, Reader.model_json_schema()]}),
    ],
    ...,
]


class DigestItem(Section):
    """One digest: `every: instant`, `every: hourly`, or `at` wall-clock times."""

    id: f.Slug = Field(description="Stable name.")
    title: f.Text = Field(default="", description="Name people see; default: the id.")
    watchlists: tuple[f.Slug, ...] = Field(min_length=1, description="Ids of the watchlists it covers.")
    at: Annotated[tuple[f.WallTime, ...], BeforeValidator(f.lone)] | None = Field(
        default=None, description='Time of day, or a list of them: "07:30".', min_length=1
    )
    every: Annotated[Literal["instant", "hourly"], BeforeValidator(f.lower)] | None = Field(
        default=None, description="instant (an alert for every story) or hourly; instead of `at`."
    )
    timezone: f.Zone = Field(default="UTC", description="IANA zone of `at` and of the times shown.")
    days: tuple[DayWord, ...] = Field(default=WEEKDAYS, min_length=1, description="Days on which it comes out.")
    to: Readers = Field(
        default=(),
        description="Mail addresses and channels that get it; one may have a stricter `prominence` of its own.",
    )
    wait: f.Duration | None = Field(
        default=None,
        description="How long an alert waits for company after each story; at most six times that. Default: 3s.",
    )
    most: int | None = Field(
        default=None,
        ge=0,
        le=3600,
        description="Alerts an hour; what comes beyond waits and comes together. Default: 10; 0: no limit.",
    )
    quiet: f.Hours | None = Field(
        default=None, description='Hours in which alerts wait, to come as one mail at their end: "22:00-07:00".'
    )
    urgent: Annotated[Literal["none", "title", "lead", "any"], BeforeValidator(f.lower)] = Field(
        default="none", description="Least prominence of a story that breaks through `quiet` all the same."
    )
    empty: Annotated[Literal["send", "skip"], BeforeValidator(f.lower)] = Field(
        default="send", description="What happens when nothing matched: send (and say what was checked) or skip."
    )
    prominence: ThresholdWord = Field(
        default="any",
        description="Least prominence of a story: any, lead (a watched word there or in the title) or title.",
    )

    @model_validator(mode="after")
    def _one_schedule(self) -> Self:
        """Exactly one of `at` and `every`."""
        if self.at and self.every:
            raise ValueError("`at` and `every` exclude each other; keep one")
        if self.every and "days" in self.model_fields_set:
            raise ValueError("`days` goes with `at` only")
        if not self.at and not self.every:
            raise ValueError('says neither when nor how often; add at: "07:30" or every: instant')
        given = self.model_fields_set & {"wait", "most", "quiet", "urgent"}
        if given and self.every != "instant":
            raise ValueError(f"`{min(given)}` goes with `every: instant` only")
        if "urgent" in given and self.quiet is None:
            raise ValueError('`urgent` goes with `quiet` only; add quiet: "22:00-07:00"')
        return self

    @model_validator(mode="after")
    def _stricter_readers(self) -> Self:
        """What a digest does not tell, none of its readers can be told."""
        least = THRESHOLDS.index(self.prominence)
        for reader in self.to:
            if "prominence" in reader.model_fields_set and THRESHOLDS.index(reader.prominence) < least:
                raise ValueError(
                    f"{reader.whom} asks for `prominence: {reader.prominence}`, less than the digest's own {self.prominence}"
                )
        return self

    def _alert(self) -> dict[str, Any]:
        """What an instant digest waits for."""
        if self.every != "instant":
            return {}
        return {
            "wait": WAIT if self.wait is None else self.wait,
            "most": MOST if self.most is None else self.most,
            "quiet": Quiet(*self.quiet, self.urgent) if self.quiet else None,
        }

    def spec(self) -> DigestSpec:
        """The digest as the rest of the program knows it."""
        days = tuple(day for day in WEEKDAYS if day in self.days)
        schedule = Schedule(self.every or "at", self.timezone, tuple(sorted(set(self.at or ()))), days, **self._alert())
        readers = {reader.whom: reader.prominence for reader in self.to}
        return DigestSpec(
            id=self.id,
            title=self.title or self.id,
            watchlists=tuple(dict.fromkeys(self.watchlists)),
            schedule=schedule,
            to=tuple(readers),
            empty=self.empty,
            prominence=self.prominence,
            stricter=tuple((address, wanted) for address, wanted in readers.items() if wanted != "any"),
            zones=tuple({r.whom: r.timezone for r in self.to if r.timezone}.items()),
        )


class DigestsFile(Section):
    """config/digests.yaml."""

    digests: tuple[DigestItem, ...] = Field(default=(), description="The digests.")
    channels: tuple[ChannelItem, ...] = Field(
        default=(), description="Places other than mailboxes: webhooks, chat and push services, folders."
    )

    def specs(self) -> tuple[DigestSpec, ...]:
        """The digests in the order of the file."""
        return tuple(item.spec() for item in self.digests)


def default_ids(feeds: Iterable[FeedItem]) -> list[str]:
    """The id of each feed: its own, else one made from its host, numbered from -2 where it is taken."""
    feeds = list(feeds)
    taken = {feed.id for feed in feeds if feed.id}
    used: dict[str, int] = {}
    return [feed.id or _free_id(host_id(feed.url), taken, used) for feed in feeds]


def _free_id(base: str, taken: set[str], used: dict[str, int]) -> str:
    """`base`, or the next numbered form of it that is free; `used` remembers the last number of each base."""
    number = used.get(base, 0)
    while True:
        number += 1
        name = base if number == 1 else f"{base[: 63 - len(str(number))]}-{number}"
        if name not in taken:
            break
    used[base] = number
    taken.add(name)
    return name


def host_id(url: str) -> str:
    """`https://eng.belta.by/rss` -> `eng-belta-by`."""
    host = (urlsplit(url).hostname or "").removeprefix("www.")
    if not host.isascii():
        try:
            host = f.domain(host)
        except ValueError:
            host = "feed"
    return re.sub(r"[^a-z0-9]+", "-", host.lower()).strip("-")[:64].strip("-") or "feed"


def same_url(url: str) -> str:
    """A form in which two spellings of one address are equal: case of scheme and host, default port, fragment."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("#")[0].partition("/")
    host = host.lower().removesuffix({"http": ":80", "https": ":443"}.get(scheme.lower(), ":"))
    return f"{scheme.lower()}://{host}{slash or '/'}{path}"
