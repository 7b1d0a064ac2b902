"""Letters: mail that is no edition. They say who asked for what, hold two links at most, and nothing that sells."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from datetime import UTC
from email.utils import format_datetime

from aggregator.readership import Letter, RenderedLetter
from aggregator.render import mime
from aggregator.render.columns import plain
from aggregator.render.environment import Templates

SUBJECTS = {"confirm": "Please confirm: {title}", "manage": "Your link to your subscriptions"}

QUERY = 300
"""Characters of a query that a letter shows."""


@dataclass(frozen=True, slots=True)
class Words:
    """What every letter says of its sender: the From header's value, where the pages are, whom to ask, what made it."""

    sender: str
    public_url: str
    contact: str
    generator: str


def render(letter: Letter, words: Words, templates: Templates) -> RenderedLetter:
    """A letter with placeholders; the same letter gives the same bytes."""
    marks = mime.marks_for(json.dumps(asdict(letter), default=str))
    subject = SUBJECTS[letter.kind].format(title=plain(letter.title))
    values = {
        "subject": subject,
        "title": plain(letter.title),
        "query": _unlinked(letter.query),
        "rhythm": plain(letter.rhythm),
        "asked": f"{letter.asked_at.astimezone(UTC):%-d %B %Y, %H:%M} UTC",
        "network": letter.network,
        "link": f"{words.public_url}/{letter.kind}/{marks.token}",
        "refuse": f"{words.public_url}/refuse/{letter.refuse}",
        "help": f"{words.public_url}/help",
        "contact": plain(words.contact),
        "generator": words.generator,
    }
    html = templates.render(f"{letter.kind}.html.j2", letter=values)
    text = templates.render(f"{letter.kind}.txt.j2", letter=values)
    return RenderedLetter(subject, mime.assemble(_headers(letter, subject, words, marks), text, html, marks))


def _unlinked(text: str) -> str:
    """A query that a stranger may have written: no mail program makes a link of what it holds, and it is short."""
    line = re.sub(r"(?<=\w)([.@])(?=\w)", r" \1 ", plain(text).replace("://", " : // "))
    return line if len(line) <= QUERY else f"{line[: QUERY - 1]}…"


def _headers(letter: Letter, subject: str, words: Words, marks: mime.Marks) -> list[tuple[str, str]]:
    """Every header, each a finished ASCII line."""
    return [
        ("From", words.sender),
        ("To", marks.address),
        ("Subject", mime.unstructured("Subject", subject)),
        ("Date", format_datetime(letter.asked_at.astimezone(UTC).replace(microsecond=0))),
        ("Message-ID", marks.message_id),
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "All"),
    ]
