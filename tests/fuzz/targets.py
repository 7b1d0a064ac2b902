"""The promises that are hunted for an input that breaks them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.fuzz import configuration, documents, queries, strangers


@dataclass(frozen=True)
class Target:
    """One promise; `run` raises only where an input breaks it, `samples` are inputs to begin with, `words` pieces of the format."""

    name: str
    run: Callable[[bytes], None]
    samples: Callable[[], Sequence[bytes]]
    words: Sequence[bytes]


TARGETS = {
    target.name: target
    for target in (
        Target("parse", documents.parse_any, documents.parse_samples, documents.WORDS),
        Target("slice", documents.slice_any, documents.slice_samples, documents.WORDS),
        Target("query", queries.query_any, queries.samples, queries.WORDS),
        Target("settings", configuration.settings_any, configuration.samples, configuration.WORDS),
        Target("charset", documents.decide_any, documents.parse_samples, documents.WORDS),
        Target("markup", strangers.markup_any, strangers.markup_samples, documents.WORDS),
        Target("opml", strangers.opml_any, lambda: [strangers.OPML], strangers.OPML_WORDS),
        Target("urls", strangers.urls_any, lambda: [b"\n".join(two) for two in zip(strangers.URLS, strangers.URLS[1:], strict=False)], strangers.URL_WORDS),
        Target("mail", strangers.mail_any, strangers.bounce_samples, strangers.MAIL_WORDS),
        Target("page", strangers.page_any, lambda: strangers.PAGES, strangers.PAGE_WORDS),
        Target("rhythm", strangers.rhythm_any, lambda: strangers.RHYTHMS, strangers.RHYTHM_WORDS),
        Target("dates", strangers.dates_any, lambda: strangers.DATES, strangers.DATE_WORDS),
    )
}  # fmt: skip
