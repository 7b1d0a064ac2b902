"""From a raw item, as a document words it, to a ParsedEntry that can hurt nobody."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from aggregator import urls
from aggregator.feeds import dates, sanitize
from aggregator.model import Enclosure, ParsedEntry

MAX_TITLE = 1_000
MAX_LINK = 4_000
MAX_CONTENT = 256_000
MAX_LIST = 200
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{1,8})*")
_CUT_OFF = re.compile(
    r"(?: ?(?:\[?(?:…|\.\.\.)\]?|read more|continue reading|читать далее|подробнее|чытаць далей)[»→]?)+$",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"(?:mailto:)?[^\s<>()\"',;:]{1,64}@[^\s<>()\"',;:]{1,255}")


@dataclass(frozen=True, slots=True)
class RawText:
    """A text construct: its value, whether it is markup, and the base of its links."""

    value: str = ""
    markup: bool = True
    base: str = ""


@dataclass(frozen=True, slots=True)
class RawItem:
    """An item in the words of its document, before anything is believed."""

    guid: str = ""
    link: str = ""
    title: RawText = field(default_factory=RawText)
    summary: RawText = field(default_factory=RawText)
    content: RawText = field(default_factory=RawText)
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    enclosures: tuple[tuple[str, str, object], ...] = ()
    language: str = ""
    published: str = ""
    updated: str = ""


def entry(raw: RawItem, base: str) -> ParsedEntry:
    """Clean every field of an item; `base` is where its document was found."""
    summary, content = _markup(raw.summary, base), _markup(raw.content, base)
    return ParsedEntry(
        guid=sanitize.cleaned(raw.guid).strip()[:MAX_LINK],
        link=link(base, raw.link),
        title=heading(raw.title),
        summary=summary,
        content=content,
        body=body(sanitize.safe_text(summary), sanitize.safe_text(content)),
        author=_line(", ".join(_distinct(map(sanitize.title, raw.authors)))),
        categories=tuple(_distinct(_line(sanitize.title(c)) for c in raw.categories[:MAX_LIST])),
        enclosures=tuple(_enclosures(raw.enclosures[:MAX_LIST], base)),
        language=language(raw.language),
        published_at=dates.parse(raw.published),
        updated_at=dates.parse(raw.updated),
    )


def heading(raw: RawText) -> str:
    """A title as one plain line."""
    value = raw.value[:MAX_CONTENT]
    return _line(sanitize.title(value) if raw.markup else sanitize.plain(value))


def link(base: str, value: str) -> str:
    """An absolute link, or "" when there is none that may be followed; a cut link would be a wrong one."""
    found = urls.absolute(base, value)
    return found if len(found) <= MAX_LINK else ""


def followable(value: str) -> bool:
    """Whether a link leads anywhere: `javascript:` and its kind are passed over when one is chosen (F15)."""
    return value.startswith(("http://", "https://")) or bool(urls.absolute("http://here/", value))


def person(value: str) -> str:
    """The name in `desk@x.by (Ann)` or `Ann <desk@x.by>`; the address where there is no name."""
    if "@" not in value:
        return value
    name = _ADDRESS.sub("", value).replace("<>", "").replace("()", "").strip()
    return (name[1:-1] if name.startswith("(") and name.endswith(")") else name).strip() or value.strip()


def language(tag: str) -> str:
    """A language tag in lower case with hyphens, or "" for what is none."""
    tag = tag.strip().replace("_", "-").lower()
    return tag if _LANGUAGE.fullmatch(tag) else ""


def body(summary: str, content: str) -> str:
    """The text that matching and search read: both, unless one says all of the other. Both are tidy."""
    if not summary or not content:
        return summary or content
    short, long = summary.replace("\n", " "), content.replace("\n", " ")
    lead = short[:-100] + _CUT_OFF.sub("", short[-100:])
    if lead in long:
        return content
    if long in short:
        return summary
    return f"{summary}\n{content}"


def _markup(raw: RawText, base: str) -> str:
    value = raw.value[:MAX_CONTENT]
    return sanitize.html(value, raw.base or base) if raw.markup else sanitize.escaped(value)


def _line(value: str) -> str:
    return value[:MAX_TITLE].rstrip()


def _distinct(values: Iterable[str]) -> Iterable[str]:
    return dict.fromkeys(v for v in values if v)


def _enclosures(found: Iterable[tuple[str, str, object]], base: str) -> Iterable[Enclosure]:
    """Each file once; the first mention that knows most wins."""
    kept: dict[str, Enclosure] = {}
    for url, kind, length in found:
        address = link(base, url)
        if address and address not in kept:
            kept[address] = Enclosure(address, sanitize.plain(kind)[:100], _length(length))
    return kept.values()


def _length(value: object) -> int:
    try:
        return min(max(0, int(str(value).strip()[:20])), 2**62)
    except ValueError:
        return 0
