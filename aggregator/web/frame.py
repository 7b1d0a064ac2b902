"""What all pages share: templates, what they know of the visit, copies that were made before, and who may look."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, HTTPException, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from aggregator import addresses, signalview
from aggregator.app import App
from aggregator.errors import StoreFault
from aggregator.plain import many
from aggregator.readers import forms, rhythm
from aggregator.readership import Asker
from aggregator.web import door, validators
from aggregator.web.cache import Make, PageCache
from aggregator.web.links import Links
from aggregator.web.turns import Turns
from aggregator.web.visit import VISIT

PRIVATE = {"Cache-Control": "private, no-store"}
ASK_AGAIN = {"Cache-Control": "private, no-cache", "Vary": "Cookie"}
"""A browser may keep a page, and asks each time whether it is still the same."""
STANDSTILL: Mapping[StoreFault, str] = {
    "corrupt": "The database is damaged: nothing new is collected until it is restored, and some of what was may be missing here.",
    "full": "The disk is full: nothing new is collected until there is room.",
    "read_only": "The database cannot be written: nothing new is collected.",
    "missing": "The database is not where it was: nothing new is collected.",
    "io": "The disk refuses: nothing new is collected.",
}
Fields = Annotated[dict[str, str], Depends(door.read_fields)]


class Frame:
    """Makes pages from templates."""

    def __init__(self, app: App, links: Links | None = None) -> None:
        self.app = app
        self.link = links or Links()
        self.cache = PageCache()
        self.turns = Turns()
        self._configuration = app.configuration
        self._templates = Environment(
            loader=PackageLoader("aggregator.web", "templates"),
            autoescape=select_autoescape(default=True, default_for_string=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters.update(
            rhythm=rhythm.show, quiet=rhythm.show_quiet, described=rhythm.describe,
            clock=self.clock, day=self.day, moment=self.moment, near=self.near, iso=_iso, many=many, capitalize_first=capitalize_first,
            said=signalview.said,
        )  # fmt: skip
        self._templates.globals.update(link=self.link, asset=self.link.asset)

    # -- pages -----------------------------------------------------------------------------------------------------

    def text(self, name: str, /, here: str = "", **values: object) -> str:
        """A page of this template; `here` is the name of the page in the menu."""
        return self._templates.get_template(name).render(
            here=here,
            role=VISIT.get().role,
            open=self.app.subscribe.rules.open,
            readable=self.readable,
            standstill=self.standstill,
            mark=self._mark,
            zone=self.zone.key,
            **values,
        )

    def page(self, name: str, status: int = 200, /, here: str = "", **values: object) -> HTMLResponse:
        """A page that is made for this visit alone."""
        return HTMLResponse(self.text(name, here, **values), status, PRIVATE)

    def kept(self, key: Hashable, watchlists: Sequence[str], make: Make) -> Response:
        """A page that stays as it is while what it shows does: made once, and told to be the same (304) to who has it.

        `key` says what was asked; `make` returns the page and the stories on it. What changes it besides, such as the day, belongs
        into the key.
        """
        visit, reading = VISIT.get(), self.app.stores.reading
        if self.app.configuration is not self._configuration:
            self.cache, self._configuration = PageCache(), self.app.configuration
        # The forms on an operator's pages carry the mark of that session.
        made = self.cache.get(
            (key, visit.role, visit.binding if visit.role == "operator" else "", self.standstill),
            reading.version,
            lambda stories: reading.mark(watchlists, stories),
            make,
        )
        headers = {"ETag": made.tag, **ASK_AGAIN}
        if validators.has(visit.tags, made.tag):
            return Response(status_code=304, headers=headers)
        return HTMLResponse(made.body, headers=headers)

    def say(self, status: int, title: str, text: str) -> HTMLResponse:
        """A page of one sentence or two."""
        return self.page("message.html.j2", status, title=title, text=text)

    @property
    def standstill(self) -> str:
        """Why nothing new comes in; "" while it does."""
        trouble = self.app.stores.upkeep.trouble()
        return "" if trouble is None else STANDSTILL.get(trouble.fault, "")

    # -- who may look ------------------------------------------------------------------------------------------------

    @property
    def readable(self) -> bool:
        """Whether this visitor may read the pages."""
        return VISIT.get().role == "operator" or self.app.configuration.settings.web.visitors == "open"

    async def reader(self) -> None:
        """Let through who may read. Raises HTTPException 403.

        Not for its own sake async, and the next: each that is not costs every request a walk to a thread and back.
        """
        if not self.readable:
            raise HTTPException(403)

    async def operator(self) -> None:
        """Let through the operator alone. Raises HTTPException 403."""
        if VISIT.get().role != "operator":
            raise HTTPException(403)

    def _mark(self) -> str:
        return door.mark(self.app)

    def stamp(self) -> str:
        """What a visitor's form carries."""
        return forms.stamp(self.app.secret, self.app.clock.now())

    # -- words of the templates ----------------------------------------------------------------------------------------

    @property
    def zone(self) -> ZoneInfo:
        """The zone of the days and times on the pages."""
        return ZoneInfo(self.app.configuration.settings.web.timezone)

    def today(self) -> date:
        """The day it is in that zone."""
        return self.app.clock.now().astimezone(self.zone).date()

    def clock(self, at: datetime) -> str:
        """`07:30`."""
        return f"{at.astimezone(self.zone):%H:%M}"

    def day(self, at: datetime | date) -> str:
        """`Friday, 27 November 2026`."""
        return f"{at.astimezone(self.zone) if isinstance(at, datetime) else at:%A, %-d %B %Y}"

    def moment(self, at: datetime) -> str:
        """`27 November 2026, 07:30`, with the zone where it is not UTC's own name."""
        return f"{at.astimezone(self.zone):%-d %B %Y, %H:%M %Z}"

    def near(self, at: datetime) -> str:
        """`27 Nov 07:30`; with the year where it is another one: short, for lists."""
        local = at.astimezone(self.zone)
        return f"{local:%-d %b %H:%M}" if local.year == self.today().year else f"{local:%-d %b %Y %H:%M}"

    # -- the installation ------------------------------------------------------------------------------------------------

    @property
    def public_url(self) -> str:
        """Where readers reach the pages; "" where nobody has said."""
        return self.app.configuration.settings.web.public_url

    @property
    def contact(self) -> str:
        """Who runs this."""
        settings = self.app.configuration.settings
        return settings.signup.contact or settings.mail.from_address


def asker(request: Request) -> Asker:
    """Who asks, as far as it is known."""
    return Asker("web", addresses.network(request.client.host if request.client else ""))


def capitalize_first(text: str) -> str:
    """A sentence's beginning; the rest as it is, unlike `capitalize`."""
    return text[:1].upper() + text[1:]


def _iso(at: datetime) -> str:
    """For the `datetime` of a `<time>`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
