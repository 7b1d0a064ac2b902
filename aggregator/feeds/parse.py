"""A document's bytes -> ParsedFeed. The only door to feedparser; runs in a worker process, which may be killed.

bytes -> charset -> text -> limits and repairs -> feedparser (or JSON Feed) -> raw items -> clean entries

A few plain items of a known feed are the exception: `few` reads them where they are.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple
from xml.sax import SAXParseException

from aggregator.errors import Quarantine, Retry, WorkError
from aggregator.feeds import charset, discover, fields, hints, jsonfeed, quick, rss, sanitize, xmltext
from aggregator.feeds.fields import RawItem, RawText
from aggregator.feeds.quickparts import QuickFeed
from aggregator.model import ParsedEntry, ParsedFeed

_PAGE = re.compile(r"<!doctype\s+html|<html[\s>]|<head[\s>]|<body[\s>]", re.IGNORECASE)
_OPML = re.compile(r"<opml[\s>]", re.IGNORECASE)
_FEED = re.compile(r"<(?:[A-Za-z]+:)?(?:rss|rdf|feed|channel)[\s>]", re.IGNORECASE)
_ELEMENT = re.compile(r"<\w")
_DECLARATION = 1000
"""Characters in which an XML declaration ends."""
_BLANK_LINES = re.compile(r"\s{1000,}")
_ITEM = re.compile(r"<(item|entry)[\s>]", re.IGNORECASE)
_HEADERS = {"content-type": "application/xml; charset=utf-8"}

FEW = 16_000
FEW_TAGS = 1_000
"""Characters and tags that are read outside the workers: whatever they hold, it is over in a tenth of a second."""


def document(body: bytes, url: str, content_type: str = "") -> ParsedFeed:
    """Read a feed in any format; relative links start from `url`, where the document was found.

    Raises:
        Retry: empty or parse_error; the next copy may be whole.
        Quarantine: not_a_feed (naming the feeds that an HTML page offers), bomb, or internal (a fault of ours).
    """
    try:
        return _document(body, url, content_type)
    except (WorkError, MemoryError):
        raise
    except Exception as e:
        raise Quarantine("internal", f"parsing failed: {type(e).__name__}: {e}"[:500], url) from e


def _document(body: bytes, url: str, content_type: str) -> ParsedFeed:
    text = charset.decide(body, content_type).text
    clean = xmltext.clean(text)
    if not clean.strip("\ufeff\ufffd \t\r\n"):
        raise Retry("empty", "the server sent an empty document", url)
    if jsonfeed.looks_like(text):
        return _json(text, url)
    foreign = "" if clean == text else "characters that XML does not allow"
    text = xmltext.redeclared(clean)
    if (easy := quick.read(text, url)) is not None:
        return _easy(easy, url, foreign, text)
    checked = xmltext.prepare(text, url)
    malformed = checked.malformed or foreign
    if checked.malformed and (easy := quick.read(checked.text, url)) is not None:
        return _easy(easy, url, malformed, checked.text)
    found = _feedparser(checked.text, url)
    if not found["version"] and not found["entries"]:
        raise _no_feed(text, url)
    malformed = malformed or _complaint(found)
    if malformed and not found["entries"]:
        raise Retry("parse_error", f"not well-formed and without entries: {malformed}", url)
    return _feed(found, url, malformed, checked.text)


def few(text: str, url: str) -> tuple[ParsedEntry, ...] | None:
    """The unseen items of a document whose head was read before, without a worker; None where a worker had better read them.

    Only what is small, clean, well-formed and made of elements that we know (`quick`): no document type, no repairs, no
    feedparser. See docs/decisions/0016.
    """
    if len(text) > FEW or text.count("<") + text.count("&lt;") > FEW_TAGS or xmltext.clean(text) != text:
        return None
    try:
        easy = quick.read(xmltext.redeclared(text), url)
        return None if easy is None else tuple(fields.entry(item, url) for item in easy.items)
    except Exception:  # noqa: BLE001 - whatever is wrong with it, a worker finds the words
        return None


def _json(text: str, url: str) -> ParsedFeed:
    feed = jsonfeed.read(text, url)
    entries, lost = _entries(feed.items, lambda found: jsonfeed.item(found, feed), url)
    return ParsedFeed(
        title=fields.heading(RawText(feed.title, markup=False)),
        link=fields.link(url, feed.link),
        language=fields.language(feed.language),
        version=feed.version,
        entries=entries,
        malformed=lost,
    )


def _easy(found: QuickFeed, url: str, malformed: str, text: str) -> ParsedFeed:
    head = _Head(found.title, found.link, found.language, found.version, malformed)
    return _cleaned(head, found.items, lambda item: item, url, text)


def _feed(found: Any, url: str, malformed: str, text: str) -> ParsedFeed:
    feed, version = found["feed"], str(found["version"])
    head = _Head(rss.feed_title(feed), rss.home(feed), rss.feed_language(feed), version or "cdf", malformed)
    return _cleaned(head, found["entries"], lambda item: rss.item(item, feed, version), url, text)


class _Head(NamedTuple):
    """What a document says of itself, before anything is believed, and why it is malformed, or ""."""

    title: str
    link: str
    language: str
    version: str
    malformed: str


def _cleaned(head: _Head, items: Iterable[Any], raw: Callable[[Any], RawItem], url: str, text: str) -> ParsedFeed:
    entries, lost = _entries(items, raw, url)
    if head.malformed and entries and _says_nothing(entries[-1]):
        entries = entries[:-1]  # where it begins, the document was cut off
    return ParsedFeed(
        title=fields.heading(RawText(head.title, markup=True)),
        link=fields.link(url, head.link),
        language=fields.language(head.language),
        version=head.version,
        entries=entries,
        malformed=head.malformed or lost,
        hints=hints.read(hints.head(text)),
    )


def _entries(items: Iterable[Any], raw: Callable[[Any], RawItem], url: str) -> tuple[tuple[ParsedEntry, ...], str]:
    """Every item that can be read, and what is to be said of the others: a bad one never drops its neighbours."""
    entries, lost = [], 0
    for item in items:
        try:
            entries.append(fields.entry(raw(item), url))
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - whatever is wrong with it, the others count
            lost += 1
    return tuple(entries), f"entries that cannot be read: {lost}" if lost else ""


def _says_nothing(entry: ParsedEntry) -> bool:
    return not (entry.guid or entry.link or entry.title or entry.body or entry.enclosures)


# -- feedparser ----------------------------------------------------------------------------------------------------------


@cache
def _library() -> Any:
    """feedparser, told to leave to us what it guesses: ids (resolved like links), permalinks, names of authors, dates."""
    import feedparser
    from feedparser import datetimes
    from feedparser.mixin import _FeedParserMixin

    _FeedParserMixin.can_be_relative_uri = _FeedParserMixin.can_be_relative_uri - {"id"}
    for name, ours in _OURS.items():
        setattr(_FeedParserMixin, name, ours)
    datetimes._date_handlers.clear()  # noqa: SLF001 - there is no public way to refuse its guesses
    return feedparser


def _end_guid(self: Any) -> None:
    """A permalink is told as one even beside an empty `<link/>`, where feedparser forgets it."""
    value = self.pop("id")
    self._save("guidislink", bool(self.guidislink))
    if self.guidislink:
        self._save("link", value)


def _add_tag(self: Any, term: str | None, scheme: str | None, label: str | None) -> None:
    """A category once, and no more than are kept: feedparser compares each with all, which is quadratic."""
    tags = self._get_context().setdefault("tags", [])
    tag = {"term": term, "scheme": scheme, "label": label}
    if (term or scheme or label) and len(tags) < fields.MAX_LIST and tag not in tags:
        tags.append(tag)


def _start_media_group(self: Any, _attributes: Any) -> None:
    """Number the groups: their files are one thing in several forms, which feedparser does not tell."""
    self.media_groups = self.media_group = getattr(self, "media_groups", 0) + 1


def _end_media_group(self: Any) -> None:
    self.media_group = 0


def _start_media_description(self: Any, attributes: Any) -> None:
    """What a picture shows is a field of its own: feedparser takes it for the description of the item."""
    self.push_content("media_description", attributes, "text/plain", 1)


def _end_media_description(self: Any) -> None:
    self.pop_content("media_description")


def _start_media_content(self: Any, attributes: Any) -> None:
    files = self._get_context().setdefault("media_content", [])
    files.append({**attributes, "group": getattr(self, "media_group", 0)})


def _sync_author_detail(self: Any, key: str = "author") -> None:
    """The whole text of an author; feedparser takes an address out of it, but not one at a long top-level domain."""
    context = self._get_context()
    last = context.get(f"{key}s", [{}])[-1]
    if not last and context.get(key):
        last["name"] = context[key]


_OURS = {
    "_add_tag": _add_tag,
    "_end_guid": _end_guid,
    "_end_id": _end_guid,
    "_start_media_content": _start_media_content,
    "_start_media_description": _start_media_description,
    "_end_media_description": _end_media_description,
    "_start_media_group": _start_media_group,
    "_end_media_group": _end_media_group,
    "_sync_author_detail": _sync_author_detail,
}


def _feedparser(text: str, url: str) -> Any:
    """The view of feedparser on a document; where it falls over one item, of every item alone."""
    try:
        return _parsed(text, url)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - it raises whatever its handlers raise
        return _salvaged(text, url)


def _parsed(text: str, url: str) -> Any:
    return _library().parse(
        io.BytesIO(_low_head(text).encode("utf-8", "replace")),
        response_headers={**_HEADERS, "content-location": url},
        resolve_relative_uris=False,
        sanitize_html=False,
    )


def _low_head(text: str) -> str:
    """Thousands of blank lines before the first element as one: feedparser looks behind each of them for what follows all.

    A declaration without an end ends its line at once: feedparser's search for an encoding takes the square of a line.
    """
    start = len(text) - len(text.lstrip())
    if text.startswith("<?", start) and text.find("?>", start, start + _DECLARATION) < 0:
        text = f"{text[: start + 2]}\n{text[start + 2 :]}"
    first = _ELEMENT.search(text)
    at = first.start() if first else 0
    return _BLANK_LINES.sub("\n", text[:at]) + text[at:]


def _salvaged(text: str, url: str) -> Any:
    whole: Any = {"version": "", "feed": {}, "entries": [], "bozo": 1, "bozo_exception": "items read one by one"}
    for piece in _pieces(text):
        try:
            found = _parsed(piece, url)
        except Exception:  # noqa: BLE001, S112 - this is the item that spoilt the document
            continue
        whole["version"] = whole["version"] or found["version"]
        whole["feed"] = whole["feed"] or found["feed"]
        whole["entries"] += found["entries"]
    return whole


def _pieces(text: str) -> Iterator[str]:
    """The head with each item in turn."""
    starts = [found.start() for found in _ITEM.finditer(text)] or [len(text)]
    head = text[: starts[0]]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        yield head + text[start:end]


def _visible(address: str) -> str:
    """An address in a line for people: nothing in it breaks lines, moves the cursor or turns words round."""
    return "".join(c if c.isprintable() else "?" for c in address[:200])


def _complaint(found: Any) -> str:
    """Why feedparser thinks the document is not well-formed, e.g. a prefix that stands for no namespace."""
    if not found.get("bozo"):
        return ""
    problem = found.get("bozo_exception", "not well-formed")
    if isinstance(problem, SAXParseException):
        problem = (
            f"{problem.getMessage()} (line {problem.getLineNumber()}, column {(problem.getColumnNumber() or 0) + 1})"
        )
    return sanitize.plain(str(problem))[:200]


def _no_feed(text: str, url: str) -> WorkError:
    """What stands at this address instead of a feed."""
    head = text[:20_000]
    if _OPML.search(head):
        return Quarantine("not_a_feed", "a list of feeds (OPML), not a feed: `feeds import` reads those", url)
    if _PAGE.search(head):
        offers = ", ".join(_visible(candidate.url) for candidate in discover.candidates(text, url)[:5])
        return Quarantine("not_a_feed", "an HTML page, not a feed" + (f"; it offers {offers}" if offers else ""), url)
    if _FEED.search(head):
        return Retry("parse_error", "a feed so broken that nothing in it can be read", url)
    return Quarantine("not_a_feed", "neither RSS, RDF, Atom nor JSON Feed", url)
