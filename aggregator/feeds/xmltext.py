"""What happens to the text of an XML document before feedparser sees it: limits that cost little, and repairs."""

from __future__ import annotations

import html.entities
import re
from typing import NamedTuple
from xml.parsers import expat

from aggregator.errors import Quarantine

MAX_DEPTH = 256
MAX_ATTRIBUTES = 256
MAX_ENTITIES = 20
MAX_ENTITY = 200
MAX_GROWTH = 1_000_000

_DECLARATION = re.compile(r"<\?xml\s[^>]{0,400}?\?>")
_CONTROLS = dict.fromkeys([*range(1, 9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF]) | {0: "\ufffd"}
_SURROGATES = re.compile(r"[\ud800-\udfff]+")
_UNCLEAN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_REFERENCE = re.compile(r"&#(?:[xX]([0-9A-Fa-f]{1,8})|([0-9]{1,9}));")
_SURROGATE_PAIR = re.compile(r"&#[xX]([dD][89abAB][0-9A-Fa-f]{2});&#[xX]([dD][c-fC-F][0-9A-Fa-f]{2});")
_AMPERSAND = re.compile(r"<!\[CDATA\[|<!--|&(?:([A-Za-z][A-Za-z0-9._-]{0,40});|(#[0-9]{1,9};|#[xX][0-9A-Fa-f]{1,8};))?")
_XML_NAMES = frozenset({"amp", "lt", "gt", "quot", "apos"})
_DOCTYPE = "<!DOCTYPE"
_HEAD = 50_000
_START = 5_000
_SUBSET = re.compile(r"(<!DOCTYPE[^\[>]{0,1000})\[.{0,40000}?\]\s*>", re.DOTALL)
_DOCTYPE_ENTITY = re.compile(r"<!ENTITY\s+([A-Za-z][\w.-]{0,60})\s")
_HEX = 16


class Checked(NamedTuple):
    """A document that keeps the limits; `malformed` says where it stops being well-formed, or ""."""

    text: str
    malformed: str


def clean(text: str) -> str:
    """Text without characters that XML, databases or terminals cannot take, plain or as references to them."""
    lines = text.replace("\n", "").replace("\r", "").replace("\t", "")
    if not lines.isprintable() and _UNCLEAN.search(text):  # no character of those is printable; few texts hold another
        text = _SURROGATES.sub("\ufffd", text.translate(_CONTROLS))
    return _REFERENCE.sub(_sound_reference, _SURROGATE_PAIR.sub(_pair, text)) if "&#" in text else text


def prepare(text: str, url: str) -> Checked:
    """Check and where need be repair a clean, redeclared document; its entities are text afterwards.

    Raises:
        Quarantine: bomb, when it is deeper, wider or has more entities than any feed needs.
    """
    malformed, entities = examine(text, url)
    if malformed:
        text = repaired(text)
        _, entities = examine(text, url)
    if _DOCTYPE in text[:_HEAD]:
        text = _ampersands(_without_subset(_expanded(text, entities, url)), frozenset())
    return Checked(text, malformed)


def examine(text: str, url: str) -> tuple[str, dict[str, str]]:
    """Why the document is not well-formed, or "", and its own entities; about 1/60 of the cost of parsing it."""
    parser = expat.ParserCreate("utf-8")
    limits = _Limits(url)
    limits.watch(parser)
    try:
        parser.Parse(text.encode("utf-8", "replace"), True)
    except expat.ExpatError as e:
        return f"{expat.ErrorString(e.code)} (line {e.lineno}, column {e.offset + 1})", limits.entities
    return "", limits.entities


def repaired(text: str) -> str:
    """Undo what careless publishers do: junk before the first tag, bare ampersands, HTML's own entities.

    Line ends become what XML makes of them (§2.11), since feedparser's loose reader leaves them.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    start = text.find("<")
    text = redeclared(text[start:]) if start > 0 else text
    own = frozenset(_DOCTYPE_ENTITY.findall(text[:20_000]))
    return _ampersands(text, own)


def redeclared(text: str) -> str:
    """The same document declared as UTF-8, whatever it said before."""
    head = _DECLARATION.sub('<?xml version="1.0" encoding="utf-8"?>', text[:_START], count=1)
    return head + text[_START:]


class _Limits:
    """Counts while expat reads; raises at the first excess."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._depth = 0
        self._declared = 0
        self.entities: dict[str, str] = {}

    def watch(self, parser: expat.XMLParserType) -> None:
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.EntityDeclHandler = self._entity

    def _start(self, _name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._refuse(f"elements nested deeper than {MAX_DEPTH}")
        if len(attributes) > MAX_ATTRIBUTES:
            self._refuse(f"an element with more than {MAX_ATTRIBUTES} attributes")

    def _end(self, _name: str) -> None:
        self._depth -= 1

    def _entity(self, name: str, parameter: bool, value: str | None, *_: str | None) -> None:
        self._declared += 1
        if self._declared > MAX_ENTITIES:
            self._refuse(f"more than {MAX_ENTITIES} entity declarations")
        if value and (len(value) > MAX_ENTITY or re.search(r"&[^#\s]", value)):
            self._refuse("an entity made of entities, or a long one")
        if value is not None and not parameter:
            self.entities.setdefault(name, value)

    def _refuse(self, why: str) -> None:
        raise Quarantine("bomb", f"the document has {why}", self._url)


def _expanded(text: str, entities: dict[str, str], url: str) -> str:
    """The document with its own entities in place; feedparser loses some of them. Those of other files stay unread."""
    growth = sum(text.count(f"&{name};") * len(value) for name, value in entities.items())
    if growth > MAX_GROWTH:
        raise Quarantine("bomb", "the document has entities that blow it up", url)
    for name, value in entities.items():
        text = text.replace(f"&{name};", value)
    return text


def _without_subset(text: str) -> str:
    """The document type without its internal declarations; its name still tells Netscape's RSS 0.91."""
    return _SUBSET.sub(r"\1>", text[:_HEAD], count=1) + text[_HEAD:]


def _pair(found: re.Match[str]) -> str:
    """A character beyond U+FFFF written as two UTF-16 halves: some JavaScript does that."""
    high, low = int(found.group(1), _HEX), int(found.group(2), _HEX)
    return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))


def _sound_reference(found: re.Match[str]) -> str:
    code = int(found.group(1), _HEX) if found.group(1) else int(found.group(2))
    if code in {9, 10, 13} or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or 0x10000 <= code <= 0x10FFFF:
        return found.group()
    return "" if 0 < code < 0x20 else "\ufffd"


def _ampersands(text: str, own: frozenset[str]) -> str:
    """Every bare `&` made `&amp;` and HTML's names made characters, outside CDATA and comments."""
    pieces: list[str] = []
    at = 0
    while found := _AMPERSAND.search(text, at):
        start, mark = found.start(), found.group()
        if mark.startswith("<"):
            close = "]]>" if mark == "<![CDATA[" else "-->"
            end = text.find(close, found.end())
            if end < 0:
                break
            pieces.append(text[at : end + 3])
            at = end + 3
            continue
        pieces += [text[at:start], _entity_text(found, own)]
        at = found.end()
    return "".join([*pieces, text[at:]])


def _entity_text(found: re.Match[str], own: frozenset[str]) -> str:
    name, number = found.group(1), found.group(2)
    if number or (name and (name in _XML_NAMES or name in own)):
        return found.group()
    meant = html.entities.html5.get(f"{name};") if name else None
    if meant is None:
        return "&amp;" + found.group()[1:]
    return "".join(f"&#{ord(char)};" for char in meant)
