"""What is in force, for who runs it: every setting, and the other files in short. Secrets are not shown, nor is where they stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from fastapi import Response

from aggregator import diagnosis, health, onduty, settings, urls
from aggregator.access import Access
from aggregator.app import App
from aggregator.channel import Channel, named, scheme
from aggregator.plain import many
from aggregator.publication import DigestSpec
from aggregator.settings import Configuration, Settings
from aggregator.web.frame import Frame
from aggregator.web.routes import Routes

SHOWN = 100
"""Of each list; the files hold the rest."""
HIDDEN = "set, not shown here"


def add(routes: Routes) -> None:
    """Add the route."""
    page = Configuring(routes.frame)
    routes.private("configuration", page.show)


@dataclass(frozen=True, slots=True)
class Line:
    """A setting: its name, as `mail.host`, what it is, what it would be, and its line of help."""

    name: str
    value: str
    default: str
    help: str

    @property
    def changed(self) -> bool:
        """Whether somebody has set it to something else."""
        return self.value != self.default


class Configuring:
    """What the route answers."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._app = frame.app

    def show(self) -> Response:
        """What doctor finds (but for the database, which takes long to read), the settings that differ from their defaults, the files, and all settings."""
        c = self._app.configuration
        every = lines(c.settings)
        problems = sorted(diagnosis.other_problems(self._app), key=lambda one: one.level != "error")
        sections = [(name, list(found)) for name, found in groupby(every, lambda one: one.name.partition(".")[0])]
        return self._frame.page(
            "configuration.html.j2",
            here="configuration",
            home=c.home.path.resolve(),
            refused=_refused(self._app),
            problems=problems[:SHOWN],
            changed=[one for one in every if one.changed],
            sections=sections,
            feeds=_feeds(c),
            access=[(name, _asked(one)) for name, one in sorted(c.access.items())][:SHOWN],
            watchlists=c.watchlists[:SHOWN],
            aliases=len(c.aliases),
            digests=[(one, _readers(one)) for one in c.digests[:SHOWN]],
            channels=[(name, _kind(one)) for name, one in c.channels.items()][:SHOWN],
            more={name: max(0, len(given) - SHOWN) for name, given in ({"problems": problems} | _lists(c)).items()},
        )


def _refused(app: App) -> str:
    """Why the files as they are now were not taken over; "" when they were."""
    found = onduty.lines(app).get(health.CONFIGURATION)
    return urls.mask(found.error) if found and found.failures else ""


def lines(given: Settings) -> list[Line]:
    """Every setting, in the order of the file."""
    now, default = settings.masked(given), settings.masked(Settings())
    return [
        Line(".".join(way), _shown(_at(now, way)), _shown(_at(default, way)), text)
        for way, text in settings.known_settings()
    ]


def _at(values: Mapping[str, Any], way: Sequence[str]) -> Any:
    found: Any = values
    for name in way:
        found = found[name]
    return found


def _shown(value: Any) -> str:
    """A value as it is written in the file; a secret as the fact that there is one, and "" for nothing."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    text = "" if value is None else str(value)
    return HIDDEN if text and set(text) == {"*"} else urls.mask(text)


def _lists(c: Configuration) -> dict[str, Sequence[object]]:
    """What is cut when it is long."""
    return {
        "access": list(c.access),
        "watchlists": c.watchlists,
        "digests": c.digests,
        "channels": list(c.channels),
    }


def _feeds(c: Configuration) -> list[str]:
    """The feeds in numbers: languages, countries, intervals, article pages."""
    kinds: dict[str, Iterable[str]] = {
        "languages": (one.language for one in c.feeds),
        "countries": (one.country for one in c.feeds),
        "intervals": (settings.show_duration(one.interval) for one in c.feeds),
        "article pages": (one.articles for one in c.feeds),
    }
    counts = ((name, Counter(filter(None, values)).most_common(8)) for name, values in kinds.items())
    told = [f"{name}: {', '.join(f'{word} ({number})' for word, number in found)}" for name, found in counts if found]
    return [many(len(c.feeds), "feed"), *told]


def _asked(one: Access) -> str:
    """With what a feed is asked; never with which."""
    words = [("a name and password", one.username), ("a proxy of its own", one.proxy)]
    headers = [f"the header {name}" for name, _ in one.headers]
    return ", ".join([*(text for text, given in words if given), *headers])


def _readers(digest: DigestSpec) -> str:
    """To how many a digest goes."""
    channels = sum(bool(named(to)) for to in digest.to)
    told = [many(len(digest.to) - channels, "address", "addresses"), many(channels, "channel")]
    return ", ".join(text for text in told if not text.startswith("0 ")) or "nobody named in the file"


def _kind(one: Channel) -> str:
    """What a channel is; its URL is a secret."""
    if one.webhook:
        return f"webhook, signed with {many(len(one.keys), 'key')}"
    return f"folder {one.directory}" if one.directory else f"{scheme(one.notify)} (chat or push)"
