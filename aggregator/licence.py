"""How much of a feed's text may go out: the operator's word for it, from the feed's licence (docs/decisions/0026).

Everything that shows an entry's text to others (mail, pages, feeds, webhooks) asks here. Titles are not limited.
"""

from __future__ import annotations

import re
from dataclasses import replace

from aggregator.model import Entry


def allowed(entry: Entry) -> str:
    """The text of an entry that may be shown: its body, or its article page's text where it has none, up to the limit."""
    return shorten(entry.body if entry.body.strip() else entry.article, entry.excerpt)


def limited(entry: Entry) -> Entry:
    """The entry with no more text than may be shown; one whose feed has no limit as it is.

    Summary and content are HTML: of a limited feed they are left out, and `body` stands for them.
    """
    if entry.excerpt is None:
        return entry
    body, article = shorten(entry.body, entry.excerpt), shorten(entry.article, entry.excerpt)
    return replace(entry, summary="", content="", body=body, article=article)


def shorten(text: str, limit: int | None) -> str:
    """The beginning of a text, at most `limit` characters (None: all of it), cut between words with an ellipsis.

    What is kept stands where it stood: offsets below the cut still hold.
    """
    if limit is None or len(text) <= limit:
        return text
    if limit < 2:
        return ""
    cut = text[: limit - 1]
    if not text[limit - 1].isspace():
        space = re.search(r"\s\S*$", cut)
        cut = cut[: space.start()] if space else cut
    cut = cut.rstrip(" \t\r\n,;:-—–.")
    return f"{cut}…" if cut.strip() else ""
