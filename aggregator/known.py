"""Known items: whether each watchlist finds the texts that it must find, and none that it must not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from aggregator import query, tokens
from aggregator.model import KnownItem, Span
from aggregator.stories import language
from aggregator.watch import match

SHOWN = 60


def failing(items: Iterable[KnownItem], aliases: Mapping[str, Sequence[str]]) -> list[str]:
    """What is to be said of each item that does not hold, as `file:line: place: what; what to do`.

    The queries must parse (settings has seen to that).
    """
    told = ((item, _found(item, aliases)) for item in items)
    return [_sentence(item, spans or ()) for item, spans in told if (spans is not None) is not item.must]


def _found(item: KnownItem, aliases: Mapping[str, Sequence[str]]) -> tuple[Span, ...] | None:
    """The places at which the query finds the text, as live matching would; None where it does not."""
    document = tokens.document(
        title=item.title,
        body=item.body,
        source=item.source,
        language=item.language or language.detect(f"{item.title}\n{item.body}", ""),
        url=item.url,
        author=item.author,
        categories=item.categories,
    )
    return match.evaluate(query.parse(item.watchlist.query, aliases), document)


def _sentence(item: KnownItem, spans: Sequence[Span]) -> str:
    text = " ".join((item.title or item.body or item.url).split())
    shown = text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
    name = item.watchlist.id
    if item.must:
        return f"{item.where}: watchlist {name} does not find «{shown}»; correct the query or take the example out"
    terms = ", ".join(dict.fromkeys(f"{span.term} in the {span.field}" for span in spans))
    return f"{item.where}: watchlist {name} finds «{shown}» by {terms}; narrow the query or take the example out"
