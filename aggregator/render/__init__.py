"""An edition's final bytes: mail, archive page, plain text and data, rendered once and the same for the same edition.

view.py         an edition as finished sentences; the door through which feed text enters
when.py         moments in the digest's zone
columns.py      plain text, wrapped by what a terminal shows
environment.py  the door to Jinja, own templates
payload.py      an edition for webhooks and for chat
mime.py         headers, quoted-printable, placeholders
index.py        the list of past editions
templates/      edition.html.j2 (mail), page.html.j2 (archive), edition.txt.j2, index.html.j2
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from aggregator import channel
from aggregator.errors import ConfigError
from aggregator.publication import Edition, RenderedEdition
from aggregator.render import mime, payload, view
from aggregator.render.environment import Templates

HTML_LIMIT = 80_000
"""Bytes of the HTML part: Gmail cuts a mail off at about 102 kB, and its footer with it."""

MAIL_STORIES = 30
"""Stories a mail shows at most; the page of the edition shows them all."""

__all__ = ["HTML_LIMIT", "MAIL_STORIES", "RenderOptions", "Renderer"]


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """What mail and pages say of their sender.

    Attributes:
        domain: the right side of Message-ID and List-Id.
        public_url: where the web pages are reached, "" for nowhere: mail then stops by mailto and links to no archive.
        templates_dir: own templates; a name found there replaces the built-in one.
        version: of the program, for the footer.
    """

    from_address: str
    from_name: str = "aggregator"
    domain: str = "localhost"
    public_url: str = ""
    templates_dir: Path | None = None
    version: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot stand in a header: these come from the configuration."""
        if not re.fullmatch(r"[!-~]+@[!-~]+", self.from_address):
            raise ConfigError(f"mail.from: {self.from_address!r} is not an address in ASCII")
        if not re.fullmatch(r"[A-Za-z0-9.-]+", self.domain):
            raise ConfigError(f"mail.domain: {self.domain!r} is not a host name in ASCII")
        if self.public_url and not view.web_link(self.public_url):
            raise ConfigError(f"web.public_url: {self.public_url!r} is not an http or https address")


class Renderer:
    """Implements ports.Renderer with Jinja templates; raises ConfigError when one of them is broken."""

    def __init__(self, options: RenderOptions) -> None:
        self._options = replace(options, public_url=view.web_link(options.public_url).rstrip("/"))
        self._templates = Templates(options.templates_dir)

    def render(self, edition: Edition) -> RenderedEdition:
        """Render page, text, mail and data; the same edition gives the same bytes."""
        data = json.dumps(_facts(edition), ensure_ascii=False)
        marks = mime.marks_for(data)
        page = view.Frame(shown=len(edition.stories), generator=self._generator())
        return RenderedEdition(
            subject=view.subject(edition),
            mail=self._mail(edition, marks),
            page=self._fill("page.html.j2", edition, page),
            text=self._fill("edition.txt.j2", edition, page),
            data=data,
        )

    def message(self, mail: bytes, address: str, token: str, message_id: str) -> bytes:
        """One recipient's bytes from an edition's mail; depends on the arguments alone.

        Raises GiveUp when the address cannot stand in a header.
        """
        return mime.fill(mail, _recipient(address), token, message_id)

    def payload(self, data: str, message_id: str) -> bytes:
        """See ports.Renderer."""
        edition = payload.facts(data)
        return payload.payload(edition, message_id, self._archive_at(edition["digest_id"], edition["key"]))

    def note(self, data: str) -> bytes:
        """See ports.Renderer."""
        edition = payload.facts(data)
        return payload.note(edition, self._archive_at(edition["digest_id"], edition["key"]))

    def _mail(self, edition: Edition, marks: mime.Marks) -> bytes:
        """The mail with placeholders: as many stories as MAIL_STORIES and HTML_LIMIT allow, the same ones in both parts."""
        for shown in range(min(len(edition.stories), MAIL_STORIES), -1, -1):
            frame = self._mail_frame(edition, marks, shown)
            html = self._fill("edition.html.j2", edition, frame)
            if len(html.encode("utf-8", "replace")) <= HTML_LIMIT:
                break
        text = self._fill("edition.txt.j2", edition, frame)
        return mime.assemble(self._headers(edition, marks), text, html, marks)

    def _mail_frame(self, edition: Edition, marks: mime.Marks, shown: int) -> view.Frame:
        words = "To stop, open the link and confirm."
        if not self._options.public_url:
            words = f"To stop, write to {self._options.from_address} with the subject “unsubscribe {marks.token}”."
        return view.Frame(shown, self._archive(edition), self._stop(marks.token), words, self._generator())

    def _fill(self, template: str, edition: Edition, frame: view.Frame) -> str:
        return self._templates.render(template, edition=view.view(edition, frame))

    def _headers(self, edition: Edition, marks: mime.Marks) -> list[tuple[str, str]]:
        """Every header, each a finished ASCII line (RFC 5322, 2919, 2369, 8058, 3834)."""
        options = self._options
        local = edition.composed_at.astimezone(ZoneInfo(edition.timezone))
        one_click = [("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")]
        return [
            ("From", mime.mailbox(options.from_name, options.from_address)),
            ("To", marks.address),
            ("Subject", mime.unstructured("Subject", view.subject(edition))),
            ("Date", format_datetime(local.replace(microsecond=0))),
            ("Message-ID", marks.message_id),
            ("List-Id", f"<{_list_name(edition.digest_id)}.{options.domain}>"),
            ("List-Unsubscribe", f"<{self._stop(marks.token)}>"),
            *(one_click if options.public_url.startswith("https:") else []),
            ("Auto-Submitted", "auto-generated"),
            ("X-Auto-Response-Suppress", "All"),
            ("Precedence", "list"),
        ]

    def _stop(self, token: str) -> str:
        """The link that ends a subscription: a page (RFC 8058 posts to it), or else a mail to write (RFC 6068)."""
        if self._options.public_url:
            return f"{self._options.public_url}/unsubscribe/{token}"
        return f"mailto:{quote(self._options.from_address, safe='@+')}?subject=unsubscribe%20{token}"

    def _archive(self, edition: Edition) -> str:
        return self._archive_at(edition.digest_id, edition.key)

    def _archive_at(self, digest_id: str, key: str) -> str:
        if not self._options.public_url:
            return ""
        return f"{self._options.public_url}/editions/{quote(digest_id)}/{quote(key, safe=':')}"

    def _generator(self) -> str:
        return f"Made by aggregator {self._options.version}".rstrip() + "."


def _recipient(address: str) -> str:
    """What stands in To: the address, or a channel's name as a group of nobody (RFC 5322 §3.4)."""
    name = channel.named(address)
    return f"{name}:;" if name else address


def _list_name(digest_id: str) -> str:
    """A digest's id as labels of a List-Id (RFC 2919 §2: letters, digits, hyphens)."""
    return re.sub(r"[^A-Za-z0-9]+", "-", digest_id).strip("-") or "digest"


def _facts(edition: Edition) -> dict[str, Any]:
    """The edition as plain data, moments in RFC 3339."""
    return {"subject": view.subject(edition), **_plain(asdict(edition))}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, datetime) else value
