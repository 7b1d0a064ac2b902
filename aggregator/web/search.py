"""The page that searches history: the language of watchlists, facets as links, and an end to how long it takes.

Whoever reaches the pages may ask, so a search has `web.search_time`, and waits for its turn (turns.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from fastapi import HTTPException, Response

from aggregator import settings
from aggregator.errors import QueryError
from aggregator.model import Watchlist
from aggregator.query import Query
from aggregator.search import Enough, advice, newest
from aggregator.tokens import Document
from aggregator.web.finding import Findings, find
from aggregator.web.frame import Frame
from aggregator.web.links import number
from aggregator.web.routes import Routes
from aggregator.web.turns import LATER

FRESH = 600.0
"""Seconds for which the newest entries are remembered, that advice holds a query against."""
PERIODS: Mapping[str, str] = {"1d": "the last day", "7d": "7 days", "30d": "30 days", "365d": "a year"}
BUSY = "Several searches are under way, and each may take a second. Send it once more."
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for; every part is text, "" where it is not given."""

    q: str = ""
    since: str = ""
    feed: str = ""
    language: str = ""
    watchlist: str = ""
    before: str = ""

    def but(self, **changes: str) -> Mapping[str, str]:
        """The parts of an address that asks for something else too; from the newest on."""
        return asdict(replace(self, before="")) | changes


class Refused(Exception):  # noqa: N818 - the reader is told, nothing is wrong
    """What was asked cannot be looked for; `caret` shows where."""

    def __init__(self, text: str, caret: str = "") -> None:
        super().__init__(text)
        self.caret = caret


def add(routes: Routes) -> None:
    """Add the route."""
    routes.page("search", Searching(routes.frame).show)


class Searching:
    """What the route answers."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._app = frame.app
        self._newest: tuple[float, Sequence[Document]] = (float("-inf"), ())

    def show(  # noqa: PLR0917 - the parts of the address
        self, q: str = "", since: str = "", feed: str = "", language: str = "", watchlist: str = "", before: str = ""
    ) -> Response:
        """The form, and below it what was found, or what is wrong with the query."""
        given = Asked(*(_CONTROL.sub(" ", text).strip() for text in (q, since, feed, language, watchlist, before)))
        if not (given.q or given.watchlist):
            return self._page(given)
        try:
            query, start = self._query(given), self._since(given.since)
        except Refused as refused:
            return self._page(given, 400, refused=refused)
        try:
            with self._frame.turns.one():
                return self._found(given, query, start)
        except HTTPException as e:
            return self._page(given, e.status_code, refused=Refused(BUSY))

    def _found(self, given: Asked, query: Query, start: datetime | None) -> Response:
        enough = self._app.patience()
        now = self._app.clock.now()
        periods = {name: now - timedelta(days=int(name[:-1])) for name in PERIODS}
        before = number(given.before)
        found = find(
            self._app.stores,
            query,
            start,
            before=before,
            feed=given.feed,
            language=given.language,
            periods=periods,
            enough=enough,
        )
        warned = () if before else self._advice(given.q, enough)
        return self._page(given, found=found, advice=warned)

    def _page(
        self,
        given: Asked,
        status: int = 200,
        *,
        found: Findings | None = None,
        refused: Refused | None = None,
        advice: Sequence[str] = (),
    ) -> Response:
        page = self._frame.page(
            "search.html.j2",
            status,
            here="search",
            given=given,
            found=found,
            refused=refused,
            advice=advice,
            periods=PERIODS,
            watchlists=self._app.configuration.watchlists,
            lines=_lines(given) if found else "",
        )
        if status == 503:
            page.headers.update(LATER)
        return page

    def _query(self, given: Asked) -> Query:
        """The query, within the watchlist where one is named. Raises Refused."""
        within = self._watchlist(given.watchlist).query if given.watchlist else ""
        try:
            own = self._app.query(given.q) if given.q else None
            if not within or own is None:
                return own or self._app.query(within)
            return self._app.query(f"({given.q}) ({within})")
        except QueryError as e:
            raise Refused(str(e), e.caret()) from e

    def _watchlist(self, name: str) -> Watchlist:
        """One of the configuration: readers' own queries are nobody else's."""
        found = next((one for one in self._app.configuration.watchlists if one.id == name), None)
        if found is None:
            raise Refused(f"There is no watchlist “{name}”.")
        return found

    def _since(self, text: str) -> datetime | None:
        try:
            return settings.moment(text, self._app.clock.now()) if text else None
        except ValueError as e:
            raise Refused(f"Since when? {e}.") from e

    def _advice(self, text: str, enough: Enough) -> list[str]:
        """What is doubtful about the query, as far as there is time to find out."""
        if not text or enough():
            return []
        made, documents = self._newest
        now = self._app.clock.monotonic()
        if now - made > FRESH:
            documents = list(newest(self._app.stores))
            self._newest = (now, documents)
        return [warning.message for warning in advice(self._app.stores, self._app.query(text), documents, enough)]


def _lines(given: Asked) -> str:
    """What config/watchlists.yaml needs to watch for it: one watchlist, every value in single quotes."""
    query = f"({given.q}) lang:{given.language}" if given.language else given.q
    name = re.sub(r"[^a-z0-9]+", "-", given.q.lower()).strip("-")[:40].strip("-") or "my-watchlist"
    quoted = {key: value.replace("'", "''") for key, value in {"title": given.q[:80], "query": query}.items()}
    lines = [f"id: {name}", *(f"{key}: '{value}'" for key, value in quoted.items())]
    return "  - " + "\n    ".join(lines) if given.q else ""
