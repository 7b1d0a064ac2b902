"""The way back: a mail to one of our return paths -> whose it is -> a bounce noted, a subscription stopped, or nothing.

What arrives in the canary's mailbox comes this way, too: a copy of an edition -> noted as arrived.

Only who holds something that we gave to one reader alone is listened to: the tag of a return path, a Message-ID, the token that
ends a subscription. Nothing is ever answered.
"""

from __future__ import annotations

from dataclasses import dataclass

from aggregator.digests import bounces, messages
from aggregator.digests.bounces import Returned
from aggregator.ports import Clock
from aggregator.readership import Bounce
from aggregator.stores import Stores


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a mail: whether it changed anything here, and that in one line which names no address."""

    handled: bool
    said: str


class ReturnLine:
    """Takes mails that came back, one at a time."""

    def __init__(self, *, stores: Stores, clock: Clock, secret: bytes, canary: str = "") -> None:
        """`canary` is the mailbox that gets a copy of each digest, or ""."""
        self._canary = canary
        self._stores = stores
        self._clock = clock
        self._secret = secret

    def take(self, raw: bytes) -> Taken:
        """Read one mail, at most its first 512 kB, and do what it is good for."""
        found = bounces.read(raw)
        if said := self._arrived(found):
            return Taken(True, said)
        if found.verdict == "ignored":
            return Taken(False, f"ignored: {found.detail}")
        if found.verdict == "unsubscribe":
            return self._stopped(found.token)
        subscription_id = self._whose(found)
        if not subscription_id:
            return Taken(False, f"ignored: {found.detail}; but it carries no mark of ours")
        bounce = Bounce(found.verdict, found.status, found.detail)
        count = self._stores.bounces.record(subscription_id, bounce, self._clock.now())
        if count is None:
            return Taken(False, f"ignored: {found.detail}; but the reader of subscription {subscription_id} is gone")
        return Taken(True, f"subscription {subscription_id}: {_outcome(bounce, count)}")

    def _arrived(self, found: Returned) -> str:
        """What is said of a copy in the canary's mailbox; "" of any other mail."""
        if not self._canary or not found.own_id:
            return ""
        copy = self._stores.canary.arrived(self._canary, found.own_id, self._clock.now())
        return f"the canary has edition {copy.digest_id} {copy.key}" if copy else ""

    def _stopped(self, token: str) -> Taken:
        """A reader wrote to the mailto of List-Unsubscribe; a second mail changes nothing."""
        subscription = self._stores.subscriptions.find_token(token)
        if subscription is None:
            return Taken(False, "ignored: it wants to stop, but its token is not ours")
        ended = self._stores.subscriptions.end(subscription.id, "its reader wrote so", self._clock.now())
        return Taken(ended, f"subscription {subscription.id} {'ended: its reader wrote so' if ended else 'had ended'}")

    def _whose(self, found: Returned) -> int:
        """The subscription that a mail is about, by what only its reader's mail carries; 0 for none."""
        tagged = (messages.read_return_path(self._secret, sender) for sender in found.senders)
        named = (self._stores.bounces.of_message(message_id) for message_id in found.message_ids)
        return next((i for ids in (tagged, named) for i in ids if i), 0)


def _outcome(bounce: Bounce, count: int) -> str:
    """What a bounce did, in words."""
    if bounce.kind == "soft" and not count:
        return f"soft bounce, noted: {bounce.detail}"
    what = "ended" if bounce.kind == "complaint" else "suspended"
    told = bounce.detail if bounce.kind == "complaint" else f"{bounce.kind} bounce: {bounce.detail}"
    return f"{told}; {count} subscription{'' if count == 1 else 's'} of its address {what}"
