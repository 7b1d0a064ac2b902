"""Leaving: one click (RFC 8058), a page that offers more, second thoughts for ten minutes, and never again."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import Request, Response

from aggregator.errors import UsageError
from aggregator.readership import Asker, Reading, Subscription
from aggregator.web.door import TOKEN
from aggregator.web.frame import Fields, Frame, asker

NO_SUBSCRIPTION = "This link does not belong to a subscription."
REASON = "unsubscribed by link"
TOO_LATE = "This link works once, for ten minutes. You can subscribe again at any time."


class Leaving:
    """What the routes of leaving answer. The token in the address is the right to do it: no cookie, no login, no Origin."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._app = frame.app

    def _found(self, token: str) -> Subscription | None:
        return self._app.stores.subscriptions.find_token(token) if TOKEN.fullmatch(token) else None

    def _reading(self, found: Subscription) -> Reading:
        readings = self._app.stores.signups.of(subscription_id=found.id)
        return next(one for one in readings if one.subscription.id == found.id)

    def ask(self, token: str) -> Response:
        """Buttons; looking changes nothing, for mail scanners follow every link."""
        found = self._found(token)
        if found is None:
            return self._frame.say(404, "Unknown link", NO_SUBSCRIPTION)
        return self._page(found)

    def _page(self, found: Subscription, status: int = 200, problem: str = "") -> Response:
        return self._frame.page("unsubscribe.html.j2", status, reading=self._reading(found), problem=problem)

    def act(self, token: str, fields: Fields, request: Request) -> Response:
        """End the subscription for the pair of RFC 8058 §3.1, a second time as well as the first; or do what a button says."""
        found = self._found(token)
        if found is None:
            return self._frame.say(404, "Unknown link", NO_SUBSCRIPTION)
        if fields.get("List-Unsubscribe") == "One-Click":
            return self._end([found.id], asker(request))
        acts: dict[str, Callable[[], Response]] = {
            "this": lambda: self._end([found.id], asker(request)),
            "all": lambda: self._end(self._all(found), asker(request)),
            "pause": lambda: self._pause(found, asker(request)),
            "rhythm": lambda: self._change(found, fields, asker(request)),
        }
        act = acts.get(fields.get("do", ""))
        return act() if act else self._page(found, 400, "Press one of the buttons.")

    def _all(self, found: Subscription) -> list[int]:
        readings = self._app.stores.signups.of(subscription_id=found.id)
        return [one.subscription.id for one in readings if one.subscription.state != "ended"]

    def _end(self, ids: list[int], who: Asker) -> Response:
        undo = self._app.subscribe.end(ids, who, REASON)
        return self._frame.page("ended.html.j2", undo=undo, many=len(ids) > 1)

    def _pause(self, found: Subscription, who: Asker) -> Response:
        if not self._app.subscribe.pause(found.id, who):
            return self._page(found, 400, "It has ended; there is nothing to pause.")
        return self._frame.say(
            200, "Paused", "For 30 days no mail of this digest is sent to you. Then it goes on by itself."
        )

    def _change(self, found: Subscription, fields: dict[str, str], who: Asker) -> Response:
        reading = self._reading(found)
        try:
            changed = self._app.subscribe.change(found.id, self._app.subscribe.rechosen(reading, fields), who)
        except UsageError as e:
            return self._page(found, 400, str(e))
        if changed is None:
            return self._page(found, 400, "This digest comes out at its own times.")
        return self._frame.say(200, "Changed", "What waits for you comes at the new time.")

    def second_thoughts(self, token: str) -> Response:
        """A button that takes an end back."""
        found = self._app.stores.signups.look(token, "undo", self._app.clock.now()) if TOKEN.fullmatch(token) else None
        if found is None:
            return self._frame.say(404, "Too late", TOO_LATE)
        return self._frame.page(
            "button.html.j2", title="Take it back?", text="Your mail goes on as before.", button="Go on"
        )

    def undo(self, token: str, request: Request) -> Response:
        """Take an end back."""
        if not (TOKEN.fullmatch(token) and self._app.subscribe.undo(token, asker(request))):
            return self._frame.say(404, "Too late", TOO_LATE)
        return self._frame.say(200, "Taken back", "Your mail goes on as before; nothing of it is lost.")

    def never(self, token: str) -> Response:
        """A button: never write to this address again."""
        found = (
            self._app.stores.signups.look(token, "refuse", self._app.clock.now()) if TOKEN.fullmatch(token) else None
        )
        if found is None:
            return self._frame.say(404, "Unknown link", NO_SUBSCRIPTION)
        text = "No letter and no digest will be sent to your address any more, whoever asks."
        return self._frame.page("button.html.j2", title="Never mail you again?", text=text, button="Never again")

    def refuse(self, token: str, request: Request) -> Response:
        """Never write to this address again."""
        if not (TOKEN.fullmatch(token) and self._app.subscribe.refuse(token, asker(request))):
            return self._frame.say(404, "Unknown link", NO_SUBSCRIPTION)
        return self._frame.say(200, "Done", "No mail will be sent to your address any more.")
