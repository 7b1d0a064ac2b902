"""The table of calls: for each its path, the scope a token needs, the shape of its answer, and how it can fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import Depends, FastAPI, Request, Response

from aggregator.app import App
from aggregator.reading import Scope
from aggregator.web.api import answers, asking, document
from aggregator.web.api.feeds import Feeds
from aggregator.web.api.reading import Reading
from aggregator.web.api.tokens import Tokens


def add(api: FastAPI, app: App) -> None:
    """Add every call, and the description of all."""
    calls, reading, feeds = Calls(api, Tokens(app)), Reading(app), Feeds(app)
    calls.get("/entries", reading.list_entries, "EntryPortion", 400, 404)
    calls.get("/entries/{entry_id}", reading.get_entry, "FullEntry", 400, 404)
    calls.get("/stories", reading.list_stories, "StoryPortion", 400)
    calls.get("/stories/{story_id}", reading.get_story, "FullStory", 400, 404)
    calls.get("/search", reading.search_entries, "ResultPortion", 400, 429)
    calls.get("/watchlists", reading.list_watchlists, "WatchlistPortion", 400)
    calls.get("/watchlists/{watchlist_id}", reading.get_watchlist, "Watchlist", 400, 404)
    calls.get("/watchlists/{watchlist_id}/attention", reading.get_attention, "Attention", 400, 404)
    calls.get("/matches", reading.list_matches, "MatchPortion", 400, 404)
    calls.get("/editions", reading.list_editions, "EditionPortion", 400, 404)
    calls.get("/editions/{digest_id}/{key}", reading.get_edition, "FullEdition", 400, 404)
    calls.get("/feeds", feeds.list_feeds, "FeedPortion", 400)
    calls.get("/feeds/{feed_id}", feeds.get_feed, "FullFeed", 400, 404)
    calls.post("/feeds/{feed_id}/pause", feeds.pause_feed, 200, 404)
    calls.post("/feeds/{feed_id}/resume", feeds.resume_feed, 200, 404)
    calls.post("/feeds/{feed_id}/poll", feeds.poll_feed, 202, 404, 409)
    calls.get("/health", feeds.get_health, "Health", 400, scope="health")

    def openapi(request: Request) -> Response:
        return answers.answer(request, document.of(api))

    api.get("/openapi.json", include_in_schema=False, response_model=None)(openapi)


class Calls:
    """Puts calls on an application."""

    def __init__(self, api: FastAPI, tokens: Tokens) -> None:
        self._api = api
        self._tokens = tokens

    def get(self, path: str, call: Callable[..., Any], shape: str, *problems: int, scope: Scope = "read") -> None:
        """A call that reads; `problems` are statuses besides those of every call."""
        self._api.get(path, **self._about(call, scope, {200: shape}, (*problems, 304)))(call)

    def post(self, path: str, call: Callable[..., Any], status: int, *problems: int) -> None:
        """A call that does something to a feed, and answers with the feed."""
        self._api.post(
            path, status_code=status, **self._about(call, "operate", {status: "FullFeed"}, (400, *problems))
        )(call)

    def _about(
        self, call: Callable[..., Any], scope: Scope, shapes: dict[int, str], statuses: tuple[int, ...]
    ) -> dict[str, Any]:
        return {
            "operation_id": call.__name__,
            "response_model": None,
            "tags": [scope],
            "responses": document.responses(shapes, statuses),
            "openapi_extra": {"security": [{"token": [scope]}]},
            # In this order: who may not ask is told nothing else.
            "dependencies": [Depends(self._tokens.allow(scope)), Depends(asking.known)],
        }
