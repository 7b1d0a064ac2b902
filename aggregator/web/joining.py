"""Subscribing: a form with a preview, a letter, a button. What was done is told to the address itself alone."""

from __future__ import annotations

from fastapi import Request, Response

from aggregator import settings
from aggregator.errors import UsageError
from aggregator.readers import forms
from aggregator.readership import Choice
from aggregator.web.door import TOKEN
from aggregator.web.frame import Fields, Frame, asker
from aggregator.web.preview import preview

EMPTY = {
    "watchlist": "", "query": "", "rhythm": "daily 07:30", "timezone": "", "quiet": "", "urgent": "none", "prominence": "any",
    "address": "",
}  # fmt: skip
ON_ITS_WAY = (
    "If the address is right and may be written to, a letter is on its way. Open the link in it and press the button; "
    "nothing is sent before. Who has asked today already finds the link in the first letter."
)
LATE = "This form was sent too soon after it was shown, or hours later. Please send it once more."
OLD_LINK = "This link has been used, or is too old. Ask for a new letter on the page Subscribe."


class Joining:
    """What the routes of subscribing answer."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._app = frame.app

    def form(self, watchlist: str = "") -> Response:
        """The form, a watchlist chosen where one is named, or the word that there is none."""
        return self._form(EMPTY | {"watchlist": watchlist})

    def _form(
        self, given: dict[str, str], status: int = 200, problem: str = "", choice: Choice | None = None
    ) -> Response:
        line = self._app.subscribe
        if not line.rules.open:
            text = f"The pages take no subscriptions here. Ask to be added: {self._frame.contact}"
            return self._frame.say(200 if status == 200 else 403, "Subscribing is closed", text)
        shown = None
        if choice:
            with self._frame.turns.one():
                shown = preview(self._app, line.query(choice))
        return self._frame.page(
            "subscribe.html.j2",
            status,
            here="subscribe",
            given=EMPTY | given,
            problem=problem,
            watchlists=self._app.configuration.watchlists,
            queries=line.rules.queries,
            choice=choice,
            preview=shown,
            stamp=self._frame.stamp(),
        )

    def ask(self, request: Request, fields: Fields) -> Response:
        """Show what a choice would have brought, or send the letter; the answer is the same whoever's the address is."""
        if not self._app.subscribe.rules.open:
            return self._form(fields, 403)
        try:
            choice = self._app.subscribe.choice(fields)
            if fields.get("do") == "preview":
                return self._form(fields, choice=choice)
            address = settings.address(fields.get("address", "").strip())
        except (UsageError, ValueError) as e:
            return self._form(fields, 400, str(e))
        if not forms.is_fresh(self._app.secret, fields.get("stamp", ""), self._app.clock.now()):
            return self._form(fields, 400, LATE)
        if not fields.get("website"):  # people do not see that field
            self._app.subscribe.request(address, choice, asker(request))
        return self._frame.say(200, "Look into your mailbox", ON_ITS_WAY)

    def look(self, token: str) -> Response:
        """What is to be confirmed, and a button; looking changes nothing."""
        if not TOKEN.fullmatch(token):
            return self._frame.say(404, "Unknown link", OLD_LINK)
        found = self._app.stores.signups.look(token, "confirm", self._app.clock.now())
        if found is None:
            return self._frame.say(404, "Unknown link", OLD_LINK)
        return self._frame.page("confirm.html.j2", reading=found, done=found.subscription.state != "pending")

    def confirm(self, token: str, request: Request) -> Response:
        """Activate the subscription."""
        done = self._app.subscribe.confirm(token, asker(request)) if TOKEN.fullmatch(token) else None
        if done is None:
            return self._frame.say(404, "Nothing to confirm", OLD_LINK)
        return self._frame.say(200, "You are subscribed", "Every mail holds a link that ends it at once.")
