"""What a mail server's no means: whom it concerns, and whether the address is to blame (RFC 5321 §4.2, RFC 3463).

A code alone says little: 550 stands for a mailbox that is not there, and for a relay that takes nothing from us. The
enhanced status that most servers put behind it decides, and so does the step at which it was said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from aggregator.errors import Fault, Scope

Step = Literal["greeting", "auth", "mail", "recipient", "data"]
"""Where in the conversation a reply came; of a bounce, "recipient"."""

_STATUS = re.compile(r"\s*([245])\.(\d{1,3})\.(\d{1,3})(?!\d|\.)")
_SIGN_IN = {530, 534, 535, 538}
_OURS = re.compile(r"\d\.1\.[78]|\d\.3\.(?!4)|\d\.7\.(?!2$)")
_STOPPED = re.compile(r"4\.3\.[12]|4\.1\.[78]")
_NOBODY = re.compile(r"5\.1\.|5\.2\.1$")
_FULL = re.compile(r"\d\.2\.2$")
_POLICY = re.compile(
    r"\b(?:relay|authenticat|spf|dkim|dmarc|spam|polic(?:y|ies)|black|block|listed|reputation)", re.IGNORECASE
)
_TOO_LONG = re.compile(r"\d\.2\.3$|\d\.3\.4$")


_NAMED = re.compile(r"<?[^\s<>]{1,320}@[^\s<>:,;]{1,255}>?")
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a no is to be taken.

    Attributes:
        final: the same message will not be taken later either.
        scope: relay: nothing will be taken from us now, so the message is kept although the no may be final.
        fault: what it says of the address.
        status: what it was decided by: the reply's own status, or 5.7.0 where only the words speak of policy.
        signing_in: it is about who we are, so a person has to mend the settings.
    """

    final: bool
    scope: Scope
    fault: Fault = ""
    status: str = ""
    signing_in: bool = False


def status(text: str) -> str:
    """The enhanced status at the start of a reply's text or of a Status field, `5.1.1`; "" where there is none."""
    found = _STATUS.match(text)
    return "" if found is None else ".".join(str(int(part)) for part in found.groups())


def one_line(text: bytes | str) -> str:
    """What the other side said on one line, whatever bytes it used."""
    shown = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return " ".join("".join(c if c.isprintable() else " " for c in shown).split())


def nameless(text: str) -> str:
    """What a server said, on one line of at most 300 characters, with the addresses taken out: it outlives them."""
    return _NAMED.sub("(address)", one_line(text[: 4 * _LONGEST]))[:_LONGEST]


def refusal(code: int, text: str, step: Step) -> Refusal:
    """What a reply that is no yes means, by its code, what stands behind it, and where it came.

    Before there is a recipient it is about us. After that our own fault is told by 5.7 (policy), 5.3 (their system) and a
    bad sender; who is busy or greylists (450, 451) speaks of this message alone.
    """
    final, said = 500 <= code <= 599, status(text)
    if final and said in ("", "5.0.0") and _POLICY.search(text):
        said = "5.7.0"
    if code in _SIGN_IN or step == "auth":
        return Refusal(final, "relay", status=said, signing_in=True)
    if _TOO_LONG.match(said):
        return Refusal(final, "message", status=said)
    if code == 421 or step in ("greeting", "mail") or _OURS.match(said if final else "") or _STOPPED.match(said):
        return Refusal(final, "relay", status=said)
    return Refusal(final, *_of_recipient(code, said, step, final=final), status=said)


def _of_recipient(code: int, said: str, step: Step, *, final: bool) -> tuple[Scope, Fault]:
    """A no to one message or its address; a bare 550 may mean anything, so it counts as little as a full mailbox."""
    if _FULL.match(said) or (code == 452 and not said):
        return "recipient", "soft"
    if not final:
        return "message", ""
    if _NOBODY.match(said):
        return "recipient", "hard"
    vague = said in ("", "5.0.0") and code in (550, 551, 553) and step == "recipient"
    return ("recipient", "soft") if vague or said.startswith(("5.2.", "5.4.")) else ("message", "")
