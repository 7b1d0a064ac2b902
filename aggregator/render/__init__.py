"""An edition's final bytes: mail, archive page, plain text and data, rendered once and the same for the same edition.

view.py         an edition as finished sentences; the door through which feed text enters
wording.py      the sentences that speak of a whole edition: subject, opening line
when.py         moments in the digest's zone
columns.py      plain text, wrapped by what a terminal shows
environment.py  the door to Jinja, own templates; sandbox.py holds those in
headers.py      who writes, to which list, and how to leave it
payload.py      an edition for webhooks and for chat
mime.py         quoted-printable, placeholders, one recipient's bytes
index.py        the list of past editions
trial.py        an edition with everything in it, to try templates with
templates/      edition.html.j2 (mail), page.html.j2 (archive), edition.txt.j2, index.html.j2
letters.py      the request to confirm, the link to one's own page: confirm.*.j2, manage.*.j2
daily.py        the day's notices to the operator: notices.*.j2
"""

from __future__ import annotations

import json
from bisect import bisect_left
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from typing import Any

from aggregator import channel
from aggregator.errors import ConfigError, GiveUp
from aggregator.notice import Told
from aggregator.publication import Edition, RenderedEdition
from aggregator.readership import Letter, RenderedLetter
from aggregator.render import daily, headers, letters, mime, payload, trial, view, wording
from aggregator.render.environment import Templates
from aggregator.render.headers import RenderOptions
from aggregator.render.when import Calendar

HTML_LIMIT = 80_000
"""Bytes of the HTML part: Gmail cuts a mail off at about 102 kB, and its footer with it."""

MAIL_STORIES = 30
"""Stories a mail shows at most; the page of the edition shows them all."""

__all__ = ["HTML_LIMIT", "MAIL_STORIES", "RenderOptions", "Renderer"]


class Renderer:
    """Implements ports.Renderer with Jinja templates; where an own one is broken, the built-in one takes its place."""

    def __init__(self, options: RenderOptions) -> None:
        self._options = replace(options, public_url=view.web_link(options.public_url).rstrip("/"))
        self._templates = Templates(options.templates_dir)

    def render(self, edition: Edition) -> RenderedEdition:
        """Render page, text, mail and data; the same edition gives the same bytes."""
        data = json.dumps(_facts(edition), ensure_ascii=False)
        data = data.encode("utf-8", "replace").decode()
        page = view.Frame(shown=len(edition.stories), generator=self._generator(), postal=self._options.postal)
        return RenderedEdition(
            subject=wording.subject(edition),
            mail=self._mail(edition, mime.marks_for(data)),
            page=self._fill("page.html.j2", edition, page),
            text=self._fill("edition.txt.j2", edition, page),
            data=data,
        )

    def letter(self, letter: Letter) -> RenderedLetter:
        """Render a letter. Raises ConfigError when there is no public address for its links."""
        options = self._options
        if not options.public_url:
            raise ConfigError(
                "web.public_url is not set: a letter would hold no link; set it to where readers reach the pages"
            )
        sender = mime.mailbox(options.from_name, options.from_address)
        words = letters.Words(sender, options.public_url, options.contact, self._generator())
        return letters.render(letter, words, self._templates)

    def notices(self, told: Told) -> RenderedLetter:
        """Render the mail of a day's notices to the operator."""
        options = self._options
        words = letters.Words(
            mime.mailbox(options.from_name, options.from_address), options.public_url, "", self._generator()
        )
        return daily.render(told, words, options.domain, self._templates)

    def message(self, mail: bytes, address: str, token: str, message_id: str) -> bytes:
        """One recipient's bytes from an edition's mail; depends on the arguments alone.

        Raises GiveUp when the address cannot stand in a header.
        """
        return mime.fill(mail, _recipient(address), token, message_id)

    def payload(self, data: str, message_id: str) -> bytes:
        """See ports.Renderer."""
        edition = payload.facts(data)
        return payload.payload(
            edition, message_id, headers.archive_at(self._options, edition["digest_id"], edition["key"])
        )

    def note(self, data: str) -> bytes:
        """See ports.Renderer."""
        edition = payload.facts(data)
        return payload.note(edition, headers.archive_at(self._options, edition["digest_id"], edition["key"]))

    def problems(self) -> tuple[str, ...]:
        """The faults of own templates, as `file:line: message`: an edition with everything in it is tried."""
        if self._templates.is_own:
            self.render(trial.EDITION)
        return tuple(self._templates.problems)

    def _mail(self, edition: Edition, marks: mime.Marks) -> bytes:
        """The mail with placeholders, in own templates where they make one that can be sent."""
        if self._templates.is_own:
            try:
                return self._assembled(edition, marks, built_in=False)
            except GiveUp as error:
                self._templates.report(f"{self._options.templates_dir}: own templates make no sound mail: {error}")
        return self._assembled(edition, marks, built_in=True)

    def _assembled(self, edition: Edition, marks: mime.Marks, *, built_in: bool) -> bytes:
        """Both parts with the same stories: as many as MAIL_STORIES and HTML_LIMIT allow."""
        frames = self._frames(edition, marks)
        # Of frames that shrink the first that fits: nearly always the first of all.
        whole = self._fits(edition, frames[0], built_in=built_in)
        place = 0 if whole else bisect_left(frames, True, lo=1, key=lambda f: self._fits(edition, f, built_in=built_in))
        if place == len(frames):
            if not built_in:
                raise GiveUp("internal", f"{HTML_LIMIT:,} bytes of HTML hold not even an edition without stories")
            place -= 1
        html = self._html(edition, frames[place], built_in=built_in).decode()
        text = self._fill("edition.txt.j2", edition, frames[place], built_in=built_in)
        return mime.assemble(headers.headers(edition, self._options, marks), text, html, marks)

    def _frames(self, edition: Edition, marks: mime.Marks) -> list[view.Frame]:
        """What a mail may show, from all to nothing: fewer stories first, then fewer of the told, updated and late."""
        words = "To stop, open the link and confirm."
        if not self._options.public_url:
            words = f"To stop, write to {self._options.from_address} with the subject “unsubscribe {marks.token}”."
        full = view.Frame(
            shown=min(len(edition.stories), MAIL_STORIES),
            archive=headers.archive(self._options, edition),
            stop=headers.stop(self._options, marks.token),
            stop_words=words,
            manage=f"{self._options.public_url}/manage" if self._options.public_url else "",
            generator=self._generator(),
            postal=self._options.postal,
        )
        fewer = [replace(full, shown=shown) for shown in range(full.shown, -1, -1)]
        return [*fewer, *(replace(full, shown=0, extras=extras) for extras in range(view.EXTRAS - 1, -1, -1))]

    def _fits(self, edition: Edition, frame: view.Frame, *, built_in: bool) -> bool:
        return len(self._html(edition, frame, built_in=built_in)) <= HTML_LIMIT

    def _html(self, edition: Edition, frame: view.Frame, *, built_in: bool) -> bytes:
        return self._fill("edition.html.j2", edition, frame, built_in=built_in).encode("utf-8", "replace")

    def _fill(self, template: str, edition: Edition, frame: view.Frame, *, built_in: bool = False) -> str:
        return self._templates.render(template, built_in=built_in, edition=view.view(edition, frame))

    def _generator(self) -> str:
        return f"Made by aggregator {self._options.version}".rstrip() + "."


def _recipient(address: str) -> str:
    """What stands in To: the address, or a channel's name as a group of nobody (RFC 5322 §3.4)."""
    name = channel.named(address)
    return f"{name}:;" if name else address


def _facts(edition: Edition) -> dict[str, Any]:
    """The edition as plain data, moments in RFC 3339."""
    calendar = Calendar(edition.timezone, edition.composed_at)
    signals = [_plain(one) | {"text": wording.signal_line(one, calendar)} for one in edition.signals]
    return {"subject": wording.subject(edition), **_plain(edition), "signals": signals}


def _plain(value: Any) -> Any:
    """By hand: `dataclasses.asdict` copies every text."""
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, datetime) else value
