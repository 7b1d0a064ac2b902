"""The headers of an edition's mail, each a finished line of ASCII (RFC 5322, 2919, 2369, 8058, 3834)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import quote
from zoneinfo import ZoneInfo

from aggregator.errors import ConfigError
from aggregator.publication import Edition
from aggregator.render import mime, view, wording

_ADDRESS = re.compile(r"[!-;=?-~]+@[!-;=?-~]+")
_ID = re.compile(r"<[!-;=?-~]+@[!-;=?-~]+>")
_NAME = 60
_LABEL = 63
_LABELS = 120


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """What mail and pages say of their sender.

    Attributes:
        domain: the right side of Message-ID and List-Id.
        public_url: where the web pages are reached, "" for nowhere: mail then stops by mailto and links to no archive.
        templates_dir: own templates; a name found there replaces the built-in one.
        version: of the program, for the footer.
        owner: the address of the person behind the lists; "" for the one that mail comes from.
        feedback_id: what Feedback-ID says, "" for none.
        postal: a line for the footer, such as a postal address, or "".
        contact: who runs this, for letters and pages; "" for the sender's address.
        seal: of a digest's id and an edition's key, what opens that edition to who has its link; None where everybody may read.
    """

    from_address: str
    from_name: str = "aggregator"
    domain: str = "localhost"
    public_url: str = ""
    templates_dir: Path | None = None
    version: str = ""
    owner: str = ""
    feedback_id: str = ""
    postal: str = ""
    contact: str = ""
    seal: Callable[[str, str], str] | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot stand in a header: these come from the configuration."""
        for name, address in (("from_address", self.from_address), ("owner", self.owner or self.from_address)):
            if not _ADDRESS.fullmatch(address):
                raise ConfigError(f"mail.{name}: {address!r} is not an address in ASCII")
        if not re.fullmatch(r"[A-Za-z0-9.-]+", self.domain):
            raise ConfigError(f"mail.domain: {self.domain!r} is not a host name in ASCII")
        if self.public_url and not view.web_link(self.public_url):
            raise ConfigError(f"web.public_url: {self.public_url!r} is not an http or https address")
        if not re.fullmatch(r"[!-~]{0,120}", self.feedback_id):
            raise ConfigError(
                f"mail.feedback_id: {self.feedback_id!r} is not one word in ASCII of 120 characters at most"
            )


def headers(edition: Edition, options: RenderOptions, marks: mime.Marks) -> list[tuple[str, str]]:
    """Every header of an edition's mail, with placeholders for what differs between its recipients."""
    local = edition.composed_at.astimezone(ZoneInfo(edition.timezone))
    label = f"{_list_name(edition.list_name or edition.digest_id)}.{options.domain}"
    thread = [("References", edition.thread)] if _ID.fullmatch(edition.thread) and len(edition.thread) < 900 else []
    return [
        ("From", mime.mailbox(options.from_name, options.from_address)),
        ("To", marks.address),
        ("Subject", mime.unstructured("Subject", wording.subject(edition))),
        ("Date", format_datetime(local.replace(microsecond=0))),
        ("Message-ID", marks.message_id),
        *thread,
        ("List-Id", mime.list_id(wording.cut(edition.title, _NAME), label)),
        *_list_headers(edition, options, marks.token),
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "All"),
        ("Precedence", "list"),
        *([("Feedback-ID", options.feedback_id)] if options.feedback_id else []),
    ]


def _list_headers(edition: Edition, options: RenderOptions, token: str) -> list[tuple[str, str]]:
    """RFC 2369 and 8058: the web first, mail after it; a line is folded after a comma alone, and no link is broken or encoded."""
    by_mail = f"<{_mailto(options.from_address, f'unsubscribe {token}')}>"
    one_click = [("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")]
    web = bool(options.public_url)
    help_link = f"{options.public_url}/help" if web else _mailto(options.from_address, "help")
    return [
        ("List-Unsubscribe", f"<{stop(options, token)}>,\r\n {by_mail}" if web else by_mail),
        *(one_click if options.public_url.startswith("https:") else []),
        ("List-Help", f"<{help_link}>"),
        ("List-Owner", f"<{_mailto(options.owner or options.from_address)}>"),
        *([("List-Archive", f"<{archive(options, edition)}>")] if web else []),
    ]


def stop(options: RenderOptions, token: str) -> str:
    """The link that ends a subscription: a page (RFC 8058 posts to it), or else a mail to write (RFC 6068)."""
    if options.public_url:
        return f"{options.public_url}/unsubscribe/{token}"
    return _mailto(options.from_address, f"unsubscribe {token}")


def archive(options: RenderOptions, edition: Edition) -> str:
    """The edition on the web, or ""."""
    return archive_at(options, edition.digest_id, edition.key)


def archive_at(options: RenderOptions, digest_id: str, key: str) -> str:
    """The edition of a digest and a key on the web, or ""."""
    if not options.public_url:
        return ""
    sealed = f"?read={options.seal(digest_id, key)}" if options.seal else ""
    return f"{options.public_url}/editions/{quote(digest_id)}/{quote(key, safe=':')}{sealed}"


def _mailto(address: str, subject: str = "") -> str:
    query = f"?subject={quote(subject)}" if subject else ""
    return f"mailto:{quote(address, safe='@+')}{query}"


def _list_name(name: str) -> str:
    """A digest's id as labels of a List-Id (RFC 2919 §2: letters, digits, hyphens, dots between)."""
    labels = [re.sub(r"[^A-Za-z0-9]+", "-", label).strip("-")[:_LABEL].strip("-") for label in name.split(".")]
    return ".".join(label for label in labels if label)[:_LABELS].strip("-.") or "digest"
