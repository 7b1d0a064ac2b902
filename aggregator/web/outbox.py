"""The outbox: messages that are not settled, what keeps them, and what the operator can do with each. For nobody else's eyes."""

from __future__ import annotations

from datetime import timedelta
from typing import get_args

from fastapi import HTTPException, Response
from fastapi.responses import RedirectResponse

from aggregator.overview import Pile, Queued
from aggregator.plain import many
from aggregator.web.frame import Fields, Frame
from aggregator.web.links import PATHS, number
from aggregator.web.routes import Routes

SHOWN, PORTION = 20, 200
LATELY = timedelta(days=14)
PILES: dict[Pile, tuple[str, str]] = {
    "held": ("Held", "Held back by a restore: some of it may have been sent after the backup was made."),
    "unknown": ("Unknown", "The connection was lost after the body began, so it may have arrived. Another try carries the same Message-ID."),
    "dead": ("Given up", "Not tried again by itself. What came too late is told by a later edition."),
    "waiting": ("Waiting", "Goes out by itself."),
    "cancelled": ("Cancelled", "Dropped by hand, or its reader has left or paused."),
}  # fmt: skip
BOUNCED = {
    "hard": "{} with no such mailbox",
    "soft": "{} that took nothing just then",
    "complaint": "{} whose reader called it spam",
}
NOTICES = {
    "retried": "It is due now.",
    "dropped": "It is cancelled. “Try again” brings it back.",
    "not-retried": "It cannot be tried again: it was sent, is under way, or its reader is gone.",
    "not-dropped": "It cannot be dropped: it is settled, or under way.",
    "released": "What a restore held back is released.",
    "none-held": "Nothing was held back.",
}


def add(routes: Routes) -> None:
    """Add the routes."""
    outbox = Outbox(routes.frame)
    routes.private("outbox", outbox.list)
    routes.act(PATHS["outbox"], outbox.release)
    routes.private("message", outbox.message)
    routes.act(PATHS["message"], outbox.act)


class Outbox:
    """What each route answers."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._app = frame.app

    def list(self, pile: str = "", before: str = "", said: str = "") -> Response:
        """The piles, a few messages of each; or one of them, a portion at a time."""
        chosen = next((p for p in get_args(Pile) if p == pile), None)
        if chosen is not None:
            return self._portion(chosen, number(before))
        stores, now = self._app.stores, self._app.clock.now()
        counted = stores.overview.piles(now - LATELY)
        bounced = stores.bounces.recent(now - LATELY)
        return self._frame.page(
            "outbox.html.j2",
            here="outbox",
            piles=[
                (name, *texts, counted[name], stores.overview.messages(name, SHOWN))
                for name, texts in PILES.items()
                if counted.get(name)
            ],
            relays=stores.relays.failing(),
            bounced=[BOUNCED[kind].format(many(n, "address", "addresses")) for kind, n in sorted(bounced.items())],
            suppressed=stores.overview.suppressed(),
            notice=NOTICES.get(said, ""),
        )

    def _portion(self, pile: Pile, before: int) -> Response:
        found = self._app.stores.overview.messages(pile, PORTION, before)
        title, text = PILES.get(pile, ("Sent", "What went out, the newest first."))
        more = found[-1].message.id if len(found) == PORTION else 0
        return self._frame.page(
            "pile.html.j2", here="outbox", pile=pile, title=title, text=text, messages=found, more=more
        )

    def release(self, fields: Fields) -> Response:
        """Let go of what a restore holds back."""
        if fields.get("do") != "release":
            raise HTTPException(400)
        released = self._app.stores.outbox.release_held(self._app.clock.now())
        return RedirectResponse(self._frame.link("outbox", said="released" if released else "none-held"), 303)

    def message(self, message: str, said: str = "") -> Response:
        """One message: what it carries, what was tried, and what can be done."""
        queued = self._queued(message)
        if queued is None:
            return self._frame.say(404, "No such message", "There is no message of this number.")
        stores, m = self._app.stores, queued.message
        edition = stores.editions.edition(m.edition_id) if m.edition_id else None
        return self._frame.page(
            "outboxed.html.j2",
            here="outbox",
            queued=queued,
            m=m,
            edition=edition,
            state=PILES.get("held" if queued.held_at else "waiting" if m.state == "claimed" else m.state, ("", ""))[1],
            attempts=stores.overview.attempts(m.id),
            notice=NOTICES.get(said, ""),
        )

    def act(self, message: str, fields: Fields) -> Response:
        """Try again or drop: what the commands do, through the same store."""
        queued = self._queued(message)
        if queued is None:
            raise HTTPException(404)
        box, now, known = self._app.stores.outbox, self._app.clock.now(), queued.message.id
        match fields.get("do", ""):
            case "retry":
                said = "retried" if box.retry(known, now) else "not-retried"
            case "drop":
                said = "dropped" if box.drop(known, now) else "not-dropped"
            case _:
                raise HTTPException(400)
        return RedirectResponse(self._frame.link("message", message=known, said=said), 303)

    def _queued(self, text: str) -> Queued | None:
        known = text.isascii() and text.isdecimal() and len(text) < 19
        return self._app.stores.overview.message(int(text)) if known else None
