"""The subscribe line: what a reader asks for -> a choice -> letter or subscription. Used by the web pages and the command line.

The pages answer the same to known, unknown, suppressed and limited addresses: what was done is told to nobody but the
address itself, by mail.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from aggregator import addresses
from aggregator.digests import messages, windows
from aggregator.errors import UsageError
from aggregator.model import Watchlist
from aggregator.ports import Clock, Renderer
from aggregator.query import Query, canon, leaves
from aggregator.readers import limits, rhythm
from aggregator.readership import BRIDGE, Asker, Choice, Letter, NewLetter, NewToken, Reading, Subscription, Wish
from aggregator.stores import Stores

CONFIRM, MANAGE, UNDO, REFUSE = timedelta(hours=48), timedelta(hours=1), timedelta(minutes=10), timedelta(days=30)
"""How long each token works."""
PAUSE = timedelta(days=30)
UNDONE = 50
"""Cancelled messages that an end which is taken back queues again."""
CONSENT = "confirm-1"
"""Names the text that a reader consents to: raise it whenever the letter says something else."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator allows: whether visitors may sign up, and whether with queries of their own."""

    open: bool = False
    queries: bool = False


class SubscribeLine:
    """Every step of a subscription's life."""

    def __init__(
        self,
        *,
        stores: Stores,
        renderer: Renderer,
        clock: Clock,
        secret: bytes,
        domain: str,
        rules: Rules,
        watchlists: Callable[[], Sequence[Watchlist]],
        parse: Callable[[str], Query],
        look_back: Callable[[Collection[str]], object],
    ) -> None:
        self._stores = stores
        self._renderer = renderer
        self._clock = clock
        self._secret = secret
        self._domain = domain
        self.rules = rules
        self._watchlists = watchlists
        self._parse = parse
        self._look_back = look_back

    # -- choices -----------------------------------------------------------------------------------------------------

    def choice(self, fields: Mapping[str, str], *, by_operator: bool = False) -> Choice:
        """The choice in the fields of a form: watchlist or query, rhythm, timezone, quiet, urgent, prominence.

        Raises UsageError, which QueryError is one of, saying what to write instead.
        """
        schedule = rhythm.parse(
            fields.get("rhythm", ""),
            fields.get("timezone", "").strip() or "UTC",
            fields.get("quiet", ""),
            fields.get("urgent", "") or "none",
        )
        text = fields.get("query", "").strip()
        if text and not (self.rules.queries or by_operator):
            raise UsageError("queries of one's own are not offered here; choose a watchlist")
        watchlist = self._own(text) if text else self._named(fields.get("watchlist", ""))
        plain = Choice(watchlist.id, watchlist.title, schedule, query=watchlist.query if text else "")
        return rhythm.with_threshold(plain, fields.get("prominence", "") or "any")

    def _named(self, watchlist_id: str) -> Watchlist:
        known = {one.id: one for one in self._watchlists()}
        if watchlist_id not in known:
            raise UsageError(f"no watchlist {watchlist_id[:80]!r}; there are: {', '.join(known) or 'none yet'}")
        return known[watchlist_id]

    def _own(self, text: str) -> Watchlist:
        """A reader's query as a watchlist; the same query, however it is written, is the same watchlist."""
        if len(text) > limits.QUERY_LENGTH:
            raise UsageError(f"the query is longer than {limits.QUERY_LENGTH} characters")
        query = self._parse(text)
        if sum(1 for _ in leaves(query.tree)) > limits.QUERY_TERMS:
            raise UsageError(f"the query has more than {limits.QUERY_TERMS} terms")
        written = canon(query)
        name = hashlib.sha256(written.encode()).hexdigest()[:16]
        return Watchlist(f"q-{name}", text if len(text) <= 60 else f"{text[:59]}…", written)

    def rechosen(self, reading: Reading, fields: Mapping[str, str]) -> Choice:
        """A reader's choice with what the fields of a form say otherwise; what they do not name stays."""
        schedule = reading.schedule
        if not reading.own:
            raise UsageError("this digest comes out at its own times")
        urgent = schedule.quiet.urgent if schedule.quiet else "none"
        before = {
            "rhythm": rhythm.show(schedule),
            "timezone": schedule.timezone,
            "quiet": rhythm.show_quiet(schedule),
            "urgent": urgent,
            "prominence": reading.prominence,
        }
        if reading.watchlist_id in {one.id for one in self._watchlists()}:
            before["watchlist"] = reading.watchlist_id
        else:
            before["query"] = reading.query
        given = before | {name: value for name, value in fields.items() if name in before}
        if given["rhythm"] != before["rhythm"] and "quiet" not in fields and given["rhythm"].strip() != "instant":
            given["quiet"] = ""
        own = "query" in before and given["query"] == reading.query
        return self.choice(given, by_operator=own)  # a query that was allowed once stays allowed

    def query(self, choice: Choice) -> str:
        """The text of the query that a choice watches with."""
        return choice.query or self._named(choice.watchlist_id).query

    def _wish(self, choice: Choice) -> Wish:
        own = Watchlist(choice.watchlist_id, choice.title, choice.query) if choice.query else None
        return Wish(rhythm.spec(choice), own, windows.next_due(choice.schedule, self._clock.now()))

    # -- asking ------------------------------------------------------------------------------------------------------

    def request(self, address: str, choice: Choice, asker: Asker) -> bool:
        """Ask the owner of an address to confirm; whether a letter is on its way, which a page tells nobody.

        Somebody who has this subscription gets the link to it instead. Every way through does about the same work.
        """
        now = self._clock.now()
        asked = self._stores.signups.asked(address, asker.network, now)
        readings = self._stores.signups.of(address)
        wish = self._wish(choice)
        has_it = any(_lives(one) and _same(one.subscription.digest_id, wish.spec.id) for one in readings)
        letter = self._letter("manage" if has_it else "confirm", address, asker, choice)
        if limits.refusal(asked) or self._unwelcome(address, readings):
            self._stores.signups.turn_away(address, asker, now)
            return False
        if has_it:
            return self._stores.signups.remind(letter, asker, now)
        self._stores.signups.request(wish, letter, asker, now, CONSENT)
        return True

    def _unwelcome(self, address: str, readings: Sequence[Reading]) -> bool:
        """Role addresses are nobody's own; the suppressed have refused; and there is a limit to what one address reads."""
        many = sum(one.subscription.state != "ended" for one in readings) >= limits.WATCHLISTS
        return many or addresses.is_role(address) or bool(self._stores.suppressions.reason(address))

    def send_link(self, address: str, asker: Asker) -> bool:
        """Send an address the link to its subscriptions; whether a letter is on its way, which a page tells nobody."""
        now = self._clock.now()
        asked = self._stores.signups.asked(address, asker.network, now)
        letter = self._letter("manage", address, asker)
        if limits.refusal(replace(asked, month=0)) or self._unwelcome(address, ()):
            self._stores.signups.turn_away(address, asker, now)
            return False
        return self._stores.signups.remind(letter, asker, now)

    def _letter(self, kind: str, address: str, asker: Asker, choice: Choice | None = None) -> NewLetter:
        now = self._clock.now()
        token, refuse = messages.new_token(), messages.new_token()
        if kind == "confirm" and choice is not None:
            # Whoever fills the form in writes into a stranger's mailbox: of a query nothing stands in the subject.
            title = "a query of your own" if choice.query else choice.title
            told = (title, self.query(choice), rhythm.describe(choice.schedule))
            what = Letter("confirm", now, asker.network, refuse, *told)
            first = NewToken(token, "confirm", now + CONFIRM)
        else:
            what = Letter("manage", now, asker.network, refuse)
            first = NewToken(token, "manage", now + MANAGE)
        message_id = messages.letter_id(self._secret, what.kind, token, self._domain)
        tokens = (first, NewToken(refuse, "refuse", now + REFUSE))
        return NewLetter(what.kind, self._renderer.letter(what), address, message_id, tokens)

    # -- what the links of letters do ----------------------------------------------------------------------------------

    def confirm(self, token: str, asker: Asker) -> Subscription | None:
        """Activate what a letter asked to confirm; None when the link is used or too old."""
        now = self._clock.now()
        found = self._stores.signups.look(token, "confirm", now)
        if found is None:
            return None
        done = self._stores.readers.activate(token, windows.next_due(found.schedule, now), asker, now)
        if done is not None:
            self._look_back([found.watchlist_id])
        return done

    def refuse(self, token: str, asker: Asker) -> bool:
        """Never write to the address of a letter again."""
        return self._stores.signups.refuse(token, asker, self._clock.now())

    # -- what readers do -----------------------------------------------------------------------------------------------

    def add(self, address: str, choice: Choice, asker: Asker) -> Subscription:
        """Subscribe an address on the operator's word: active at once."""
        wish = self._wish(choice)
        added = self._stores.readers.add(address, wish, asker, self._clock.now())
        self._look_back(wish.spec.watchlists if wish.own else ())
        return added

    def change(self, subscription_id: int, choice: Choice, asker: Asker) -> Subscription | None:
        """Another rhythm, zone, quiet hours, prominence or query; None where nothing can be changed."""
        wish = self._wish(choice)
        moved = self._stores.readers.move(subscription_id, wish, asker, self._clock.now())
        if moved is not None:
            self._look_back(wish.spec.watchlists if wish.own else ())
        return moved

    def pause(self, subscription_id: int, asker: Asker, span: timedelta | None = PAUSE) -> bool:
        """Send nothing for a while, or with None until resumed."""
        now = self._clock.now()
        return self._stores.readers.pause(subscription_id, None if span is None else now + span, asker, now)

    def resume(self, subscription_id: int, asker: Asker) -> bool:
        """End a pause."""
        return self._stores.readers.resume(subscription_id, asker, self._clock.now())

    def end(self, subscription_ids: Sequence[int], asker: Asker, reason: str) -> str:
        """End subscriptions; a token that takes that back within ten minutes, "" when none ended."""
        now = self._clock.now()
        if not self._stores.readers.end(subscription_ids, reason, asker, now):
            return ""
        undo = messages.new_token()
        self._stores.signups.issue(subscription_ids[0], [NewToken(undo, "undo", now + UNDO)], now)
        return undo

    def undo(self, token: str, asker: Asker) -> list[Subscription]:
        """Take an end back, with all that ended at that moment; none when it is too late."""
        fresh = [messages.new_token() for _ in range(UNDONE)]
        revived = self._stores.readers.take_back(token, fresh, asker, self._clock.now())
        if revived:
            mine = {one.id for one in revived}
            readings = self._stores.signups.of(subscription_id=revived[0].id)
            self._look_back([one.watchlist_id for one in readings if one.subscription.id in mine and one.own])
        return revived

    def export(self, address: str) -> dict[str, Any]:
        """All that is stored about an address, as plain data."""
        return self._stores.subscriptions.export(address)

    def erase(self, address: str) -> int:
        """Remove an address everywhere but for its keyed hash in the suppression list; rows changed."""
        now = self._clock.now()
        count = self._stores.subscriptions.erase(address, now)
        self._stores.readers.tidy(now)
        return count


def _lives(one: Reading) -> bool:
    return one.subscription.state in ("active", "paused")


def _same(digest_id: str, wanted: str) -> bool:
    """Whether a digest is the wanted one, or the bridge to it."""
    return digest_id.partition(BRIDGE)[0] == wanted
