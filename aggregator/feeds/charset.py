"""Which characters the bytes of a document are. We decide, and hand everybody else UTF-8.

Order: byte order mark, strict UTF-8, the label of the HTTP header, the label of the XML declaration, letter
frequencies. Publishers in our languages label wrongly so often that an 8-bit label is only a hint for Cyrillic text.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import NamedTuple

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_BARE_WIDE = ((b"<\0?\0", "utf-16-le"), (b"\0<\0?", "utf-16-be"), (b"<\0\0\0", "utf-32-le"), (b"\0\0\0<", "utf-32-be"))
_HTTP_LABEL = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9._:-]+)", re.IGNORECASE)
_XML_LABEL = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._:-]+)[\"']")
_META_LABEL = re.compile(rb"<meta[^>]{1,200}?charset\s*=\s*[\"']?([A-Za-z0-9._:-]+)", re.IGNORECASE)
_SAMPLE = 200_000
_CYRILLIC = ("cp1251", "koi8-r", "cp866", "iso8859-5")
_CYRILLIC_LABELS = frozenset({*_CYRILLIC, "koi8-u", "koi8-t", "kz1048", "ptcp154", "mac-cyrillic", "cp855"})
_LATIN_LABELS = frozenset({"iso8859-1", "cp1252", "ascii", "latin-1", "iso8859-15", "iso8859-9", "cp1254"})
_STATEFUL = frozenset({"iso2022_jp", "iso2022_jp_1", "iso2022_jp_2", "iso2022_kr", "hz"})
_NEVER = frozenset({"utf-7", "utf-8", "utf-8-sig", "idna", "punycode", "unicode-escape", "raw-unicode-escape"})
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_FREQUENCY = {
    **dict(zip("оеаинтсрвлкмдпу", (11, 8.5, 8, 7.4, 6.7, 6.3, 5.5, 4.7, 4.5, 4.4, 3.5, 3.2, 3, 2.8, 2.6), strict=True)),
    **dict(
        zip(
            "яыьгзбчйхжшюцщэфъё",
            (2, 1.9, 1.7, 1.7, 1.6, 1.6, 1.4, 1.2, 1, 0.9, 0.7, 0.6, 0.5, 0.4, 0.3, 0.3, 0.04, 0.04),
            strict=True,
        )
    ),
    **dict(zip("іўїєґ", (4, 1.5, 1, 1, 0.1), strict=True)),
}
_TYPOGRAPHY = frozenset("«»—–№…„“”’‘\u00a0•°§©")


class Decoded(NamedTuple):
    """A document as text, and the name of the encoding it was in."""

    text: str
    encoding: str


def decide(body: bytes, content_type: str = "") -> Decoded:
    """Decode a document. Never raises; bytes that mean nothing become U+FFFD."""
    for mark, name in _BOMS:
        if body.startswith(mark):
            return Decoded(body[len(mark) :].decode(name, "replace"), name)
    for start, name in _BARE_WIDE:
        if body.lstrip(b"\r\n\t ").startswith(start):
            return Decoded(body.decode(name, "replace"), name)
    labels = list(_labels(body, content_type))
    return _stateful(body, labels) or _utf8(body) or _eight_bit(body, labels)


def strict_utf8(body: bytes, content_type: str = "") -> str | None:
    """The text, when `decide` takes the document for UTF-8 without a doubt; else None."""
    if body.startswith(tuple(mark for mark, _ in _BOMS[1:])) or b"\0" in body[:64]:
        return None
    if _stateful(body, list(_labels(body, content_type))) is not None:
        return None
    try:
        return body.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError:
        return None


def _labels(body: bytes, content_type: str) -> Iterator[str]:
    """What the document is said to be, most trusted first, as Python's codec names."""
    found = [m.group(1) for m in [_HTTP_LABEL.search(content_type)] if m]
    head = body[:1024]
    found += [m.group(1).decode("ascii") for m in (_XML_LABEL.search(head), _META_LABEL.search(head)) if m]
    for label in found:
        name = _codec(label)
        if name and name not in _NEVER and not name.startswith(("utf-16", "utf-32")):
            yield name


def _codec(label: str) -> str:
    try:
        info = codecs.lookup(label)
    except (LookupError, ValueError):
        return ""
    return info.name if getattr(info, "_is_text_encoding", True) else ""


def _stateful(body: bytes, labels: list[str]) -> Decoded | None:
    """Japanese and Korean 7-bit encodings look like ASCII; only their label tells."""
    for name in labels:
        if name in _STATEFUL and (b"\x1b" in body or b"~{" in body):
            return Decoded(body.decode(name, "replace"), name)
    return None


def _utf8(body: bytes) -> Decoded | None:
    """Strict UTF-8; or nearly so, when one character in hundreds is torn (a cut document, a careless substring)."""
    try:
        return Decoded(body.decode("utf-8"), "utf-8")
    except UnicodeDecodeError:
        text = body.decode("utf-8", "replace")
    torn = text.count("\ufffd")
    whole = sum(len(run) for run in re.findall(r"[^\x00-\x7f\ufffd]+", text))
    return Decoded(text, "utf-8") if whole >= 8 * torn else None


def _eight_bit(body: bytes, labels: list[str]) -> Decoded:
    for name in labels:
        if name in _CYRILLIC_LABELS or (name in _LATIN_LABELS and _dense(body)):
            guess = _guess(body, name if name in _CYRILLIC_LABELS else "")
            return Decoded(body.decode(guess, "replace"), guess)
        if name in _LATIN_LABELS:
            return Decoded(body.decode("cp1252", "replace"), "cp1252")
        text = body.decode(name, "replace")
        if text.count("\ufffd") * 50 <= len(text):
            return Decoded(text, name)
    guess = _guess(body, "") if _dense(body) else "cp1252"
    return Decoded(body.decode(guess, "replace"), guess)


def _dense(body: bytes) -> bool:
    """Whether high bytes come in words, as in Cyrillic, rather than one by one, as in French."""
    runs = _HIGH_RUN.findall(body[:_SAMPLE])
    total = sum(map(len, runs))
    return total > 0 and sum(len(r) for r in runs if len(r) >= 3) * 2 > total


def _guess(body: bytes, label: str) -> str:
    """The Cyrillic encoding whose letters read best; the label wins unless another is clearly better."""
    runs = _HIGH_RUN.findall(body)
    sample = b" ".join(runs)[:_SAMPLE]
    if not sample:
        return label or "cp1251"
    scores = {name: _score(sample.decode(name, "replace")) for name in dict.fromkeys((label or "cp1251", *_CYRILLIC))}
    best = max(scores, key=scores.__getitem__)
    favourite = label or "cp1251"
    # Few letters prove little: «ОДКБ» alone is «ндйа» in KOI8-R, lower case, and so reads better than it should.
    return best if scores[best] > scores[favourite] + max(0.5, 9 / len(sample)) else favourite


def _score(text: str) -> float:
    """How much this reads like Russian, Belarusian or Ukrainian: mean letter frequency, penalties for noise."""
    total = 0.0
    before = " "
    for char in text:
        weight = _FREQUENCY.get(char)
        if weight is not None:
            total += weight
        elif (weight := _FREQUENCY.get(char.lower())) is not None:
            total += -4 if before.islower() else weight * 0.6
        elif char != " " and char not in _TYPOGRAPHY:
            total -= 6
        before = char
    return total / max(1, len(text))
