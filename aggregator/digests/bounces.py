"""What comes back: a mail to a return path of ours -> what it says of a reader's address, or that it says nothing.

Read are delivery reports (RFC 3464 in RFC 3462), complaints (ARF, RFC 5965) and mails that ask to stop by the mailto of
`List-Unsubscribe`. Whatever else arrives is left alone. Nothing here is trusted: this module only says what a mail claims and
which tags and Message-IDs it carries; whoever holds none of ours is not listened to. No mail makes it raise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from email import message_from_bytes, message_from_string
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message as Mail
from typing import Literal

from aggregator import replies

LIMIT = 512 * 1024
"""Bytes of a mail that are looked at; what a report says stands at its beginning."""
_PARTS = 60
_FIELD = 2000
_TEXT = 8000

Verdict = Literal["hard", "soft", "complaint", "unsubscribe", "ignored"]

_COMPLAINTS = {"abuse", "fraud", "opt-out", "opt-out-list"}
_ADDRESS = re.compile(r"[!-;=?A-~]{1,200}\+[A-Za-z2-7]{15,26}@[A-Za-z0-9.-]{1,255}")
_ID = re.compile(r"<[!-;=?-~]{3,250}>")
_STOP = re.compile(r"\bunsubscribe[\s:=]+([a-z2-7]{26})\b", re.IGNORECASE)
_REPLY = re.compile(r"\b([45]\d\d)[ -]#?")
_QUOTED = re.compile(r"\b[45]\d\d[ -]#?[45]\.\d{1,3}\.\d{1,3}\b[^\n]{0,200}")
_TO = ("To", "Delivered-To", "X-Original-To", "Envelope-To", "X-Delivered-To", "Original-Recipient")
_ABOUT = ("Return-Path", "Original-Mail-From", "X-Envelope-From")
_OURS = ("Message-ID", "Original-Message-ID")


@dataclass(frozen=True, slots=True)
class Returned:
    """What a mail that came back claims.

    Attributes:
        senders: addresses that may be return paths of ours, with tags.
        message_ids: Message-IDs of mails it is about.
        own_id: its own Message-ID, or "".
        token: what ends a subscription, of a mail that asks for that.
        status: the enhanced status (RFC 3463), `5.1.1`, or "".
        detail: what the other server said, on one line and naming no address; of a mail that is ignored, why.
    """

    verdict: Verdict
    senders: tuple[str, ...] = ()
    message_ids: tuple[str, ...] = ()
    own_id: str = ""
    token: str = ""
    status: str = ""
    detail: str = ""


def read(raw: bytes) -> Returned:
    """What a mail claims; "ignored" with a reason for all that is no report."""
    try:
        mail = message_from_bytes(raw[:LIMIT])
        parts = list(_walk(mail))
        own = _ID.search(_field(mail, "Message-ID"))
        found = replace(_claim(mail, parts), senders=_senders(parts), message_ids=_ids(mail, parts))
        return replace(found, own_id=own[0]) if own else found
    except Exception as error:  # noqa: BLE001 - the standard parser has many ways to fail on junk, and none may reach the mail server
        return Returned("ignored", detail=f"it cannot be read ({type(error).__name__})")


def _walk(mail: Mail) -> Iterator[Mail]:
    """The mail and its parts, with those of the mails in it; headers that came back as text are a part of their own."""
    for count, part in enumerate(mail.walk()):
        if count >= _PARTS:
            return
        yield part
        if part.get_content_type() == "text/rfc822-headers":
            yield message_from_string(_body(part))


def _claim(mail: Mail, parts: list[Mail]) -> Returned:
    """The first that fits: a complaint, a delivery report, a wish to stop, an old-fashioned report, nothing."""
    kinds = {part.get_content_type(): part for part in reversed(parts)}
    if "message/feedback-report" in kinds:
        return _complaint(kinds["message/feedback-report"])
    if "message/delivery-status" in kinds:
        return _report(kinds["message/delivery-status"])
    automatic = _field(mail, "Auto-Submitted").lower() not in ("", "no")
    stop = _STOP.search(_field(mail, "Subject"))
    if stop and not automatic:
        return Returned("unsubscribe", token=stop[1].lower())
    if "X-Failed-Recipients" in mail or "MAILER-DAEMON" in _field(mail, "From").upper():
        return _told_in_words(next((_body(p)[:_TEXT] for p in parts if p.get_content_type() == "text/plain"), ""))
    return Returned("ignored", detail="an automatic answer" if automatic else "no report and no wish to stop")


def _complaint(part: Mail) -> Returned:
    """A reader pressed “this is spam”; other feedback says nothing of a reader's will."""
    fields = _blocks(part)
    kind = next((_field(f, "Feedback-Type").lower() for f in fields if "Feedback-Type" in f), "")
    if kind in _COMPLAINTS:
        return Returned("complaint", detail=f"complaint: {kind}")
    return Returned("ignored", detail=f"feedback of the kind {kind[:40] or 'unknown'}")


def _report(part: Mail) -> Returned:
    """A delivery report: of several recipients, whoever failed; late or delivered is no failure."""
    recipients = [block for block in _blocks(part) if "Action" in block or "Status" in block]
    failed = [b for b in recipients if _field(b, "Action").lower().startswith("failed")]
    if not failed:
        actions = ", ".join(dict.fromkeys(_field(b, "Action").lower()[:20] for b in recipients)) or "nothing"
        return Returned("ignored", detail=f"a report of something else than a failure: {actions}")
    found = [_judged(_field(b, "Status"), _field(b, "Diagnostic-Code").partition(";")[2]) for b in failed]
    return min(found, key=lambda one: ("hard", "soft", "ignored").index(one.verdict))


def _judged(status: str, said: str) -> Returned:
    """What a failure means. Some servers write 5.0.0 as the status of everything: then the reply that they quote decides."""
    said = " ".join(said.split())
    quoted = _REPLY.search(said)
    text = said[quoted.end() :] if quoted else said
    own, inner = replies.status(status), replies.status(text)
    told = own if own and not own.endswith(".0.0") else inner or own
    if not told and quoted is None:
        return Returned("ignored", detail="a report without a reason")
    code = int(quoted[1]) if quoted else int(told[0]) * 100 + 50
    refusal = replies.refusal(code, f"{told} {text.removeprefix(inner).strip()}".strip(), "recipient")
    detail = replies.nameless(f"{code} {text}" if quoted else f"{told} {said}")
    if refusal.scope == "relay" and refusal.final:
        return Returned("ignored", detail=f"refused by policy, which says nothing of the address: {detail}")
    return Returned("hard" if refusal.fault == "hard" else "soft", status=told, detail=detail)


def _told_in_words(text: str) -> Returned:
    """An old-fashioned report: its words count where they quote a reply with its enhanced status."""
    found = _QUOTED.search(text)
    return _judged("", found[0] if found else "")


def _blocks(part: Mail) -> list[Mail]:
    """The groups of fields in a report."""
    payload = part.get_payload()
    if isinstance(payload, list):
        return [block for block in payload if isinstance(block, Mail)]
    return []


def _senders(parts: list[Mail]) -> tuple[str, ...]:
    """Addresses with something like a tag, in the mail's own fields and in those of the mail that it is about."""
    found = [
        address
        for part in [
            *parts,
            *(b for p in parts if p.get_content_type() == "message/feedback-report" for b in _blocks(p)),
        ]
        for name in (*_TO, *_ABOUT)
        for value in part.get_all(name, [])
        for address in _ADDRESS.findall(str(value)[:_FIELD])
    ]
    return tuple(dict.fromkeys(found))


def _ids(mail: Mail, parts: list[Mail]) -> tuple[str, ...]:
    """Message-IDs of the mails in it, and of those that it answers; its own is no word of ours."""
    texts = [str(v) for part in parts if part is not mail for name in _OURS for v in part.get_all(name, [])]
    texts += [str(v) for name in ("In-Reply-To", "References") for v in mail.get_all(name, [])]
    return tuple(dict.fromkeys(i for text in texts for i in _ID.findall(text[:_FIELD])))


def _field(mail: Mail, name: str) -> str:
    """A field's text, decoded, on one line; "" where it is missing."""
    value = mail.get(name)
    if value is None:
        return ""
    try:
        text = str(make_header(decode_header(str(value)[:_FIELD])))
    except (ValueError, LookupError, MessageError):
        text = str(value)[:_FIELD]
    return replies.one_line(text)


def _body(part: Mail) -> str:
    """A part's text, whatever its encoding claims."""
    payload = part.get_payload(decode=True)
    return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
