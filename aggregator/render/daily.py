"""The day's notices to whoever runs this: what is new, what is over, what lasts, each with what to do."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from email.utils import format_datetime
from zoneinfo import ZoneInfo

from aggregator.notice import Notice, Told
from aggregator.readership import RenderedLetter
from aggregator.render import mime
from aggregator.render.columns import plain
from aggregator.render.environment import Templates
from aggregator.render.letters import Words

SHOWN = 40
"""Notices of each kind in one mail; the rest are counted, and `doctor` has them all."""


def render(told: Told, words: Words, domain: str, templates: Templates) -> RenderedLetter:
    """A mail with placeholders; the same notices give the same bytes."""
    marks = mime.marks_for(json.dumps(asdict(told), default=str))
    subject = _subject(told)
    values = {
        "subject": subject,
        "new": [_line(one, told.timezone) for one in told.new[:SHOWN]],
        "over": [_line(one, told.timezone) for one in told.over[:SHOWN]],
        "lasting": [_line(one, told.timezone) for one in told.lasting[:SHOWN]],
        "more": sum(max(0, len(ones) - SHOWN) for ones in (told.new, told.over, told.lasting)),
        "pages": words.public_url,
        "contact": words.contact,
        "generator": words.generator,
    }
    html = templates.render("notices.html.j2", letter=values)
    text = templates.render("notices.txt.j2", letter=values)
    headers = [
        ("From", words.sender),
        ("To", marks.address),
        ("Subject", mime.unstructured("Subject", subject)),
        ("Date", format_datetime(told.at.astimezone(UTC).replace(microsecond=0))),
        ("Message-ID", marks.message_id),
        ("List-Id", f"<notices.{domain}>"),
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "All"),
    ]
    return RenderedLetter(subject, mime.assemble(headers, text, html, marks))


def _subject(told: Told) -> str:
    """`Notices: 2 new (1 error), 1 over, 3 last`."""
    errors = sum(one.level == "error" for one in told.new)
    worst = f" ({errors} {'error' if errors == 1 else 'errors'})" if errors else ""
    lasting = len(told.lasting)
    parts = [
        f"{len(told.new)} new{worst}" if told.new else "",
        f"{len(told.over)} over" if told.over else "",
        f"{lasting} {'lasts' if lasting == 1 else 'last'}" if lasting else "",
    ]
    return f"Notices: {', '.join(filter(None, parts))}"


def _line(one: Notice, timezone: str) -> dict[str, object]:
    zone = ZoneInfo(timezone)

    def short(moment: datetime) -> str:
        return f"{moment.astimezone(zone):%-d %B, %H:%M}"

    return {
        "error": one.level == "error",
        "what": plain(one.what),
        "do": plain(one.do),
        "since": short(one.began_at),
        "until": "" if one.ended_at is None else short(one.ended_at),
    }
