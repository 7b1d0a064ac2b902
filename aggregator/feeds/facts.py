"""What identity asks of an item, worked out once: folded texts, addresses as names, digests.

The digests are stored in every database there is: what they are made of must never change, however it is computed.
"""

from __future__ import annotations

import hashlib
import re
from binascii import b2a_base64
from collections import Counter
from collections.abc import Iterable
from json.encoder import encode_basestring

from aggregator import urls
from aggregator.model import ItemFacts, ParsedEntry

LONG_TITLE = 24
LONG_BODY = 40
"""A text is a name when its title or its body has at least so many characters: "Weather" names nothing."""
_WORDS = 2_000
_COUNTER = re.compile(
    r"(?:views?|reads?|comments?|shares?|likes?|(?:просмотр|прочитан|комментари|прагляд|каментар|перегляд)\w{0,8})"
    r"\s?[:—–-]?\s?\(?\d[\d\s.,]{0,15}k?\)?"
    r"|\(?\d[\d\s.,]{0,15}k?\)?\s?"
    r"(?:views?|reads|comments?|shares?|likes?|(?:просмотр|прочтени|комментари|прагляд|каментар|перегляд)\w{0,8})\b",
    re.IGNORECASE,
)
# Where none of these stands in a folded text, no counter and no label does: first the words of ASCII, then the others.
# An expression that disregards case takes the last two for an i; folding does not.
_LOOSE = ("ı", "i\u0307")
_COUNTED = ("view", "read", "comment", "share", "like"), ("просмотр", "проч", "ментар", "гляд", *_LOOSE)
_DIGIT = re.compile(r"\d")
_ADVERT = re.compile(
    r"^\W*(?:advertisement|sponsored(?: content)?|реклама|рэклама|на правах рекламы)\W*$", re.IGNORECASE
)
_ADVERTISED = ("advertisement", "sponsored"), ("реклам", "рэклам", *_LOOSE)


def facts(entry: ParsedEntry) -> ItemFacts:
    """The facts of one parsed item."""
    title, body = folded(entry.title), lasting(entry.body)
    address = urls.identity(entry.link) or entry.link
    published = entry.published_at.isoformat() if entry.published_at is not None else ""
    updated = entry.updated_at.isoformat() if entry.updated_at is not None else ""
    telling = len(title) >= LONG_TITLE or len(body) >= LONG_BODY
    return ItemFacts(
        guid=entry.guid,
        norm=urls.identity(entry.guid),
        link=entry.link,
        address=address,
        title=title,
        published=published,
        hash=digest(address, title, body),
        text=short(title, body) if telling else "",
        fingerprint=_fingerprint(entry, address, title, body),
        moment=max(published, updated),
        length=len(entry.body),
    )


def fingerprint(entry: ParsedEntry) -> str:
    """Changes when readers would see something else; not with dates, view counters, advertising or trackers.

    Where there is no id, the query of the link is no part of it: some publishers put a new token there at every poll.
    """
    address = urls.identity(entry.link) or entry.link
    return _fingerprint(entry, address, folded(entry.title), lasting(entry.body))


def _fingerprint(entry: ParsedEntry, address: str, title: str, body: str) -> str:
    parts = (
        encode_basestring(title),
        encode_basestring(address if entry.guid else path(address)),
        encode_basestring(body),
        encode_basestring(entry.author),
        _array(entry.categories),
        _array(urls.identity(e.url) or e.url for e in entry.enclosures),
    )
    return hashlib.sha256(f"[{', '.join(parts)}]".encode("utf-8", "replace")).hexdigest()


def _array(texts: Iterable[str]) -> str:
    """As JSON, in order."""
    return f"[{', '.join(map(encode_basestring, sorted(texts)))}]"


def digest(*parts: str) -> str:
    """The digest of long keys."""
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()


def short(*parts: str) -> str:
    """The digest of keys that every entry has beside its id: 72 bits are plenty inside one feed."""
    made = hashlib.blake2b("\n".join(parts).encode("utf-8", "replace"), digest_size=9)
    return b2a_base64(made.digest(), newline=False).decode("ascii")


def folded(text: str) -> str:
    """Without regard to case and white space."""
    return " ".join(text.casefold().split())


def lasting(text: str) -> str:
    """The folded text without what changes by itself: counters and advertising labels."""
    low = text.casefold()
    if _any(_ADVERTISED, low):
        text = "\n".join(line for line in text.split("\n") if not _ADVERT.match(line))
        low = text.casefold()
    if _any(_COUNTED, low) and _DIGIT.search(low):
        low = _COUNTER.sub(" ", text).casefold()
    return _on_one_line(low)


def _on_one_line(text: str) -> str:
    """White space collapsed; of tidy lines, as a body has them, in a third of the time."""
    line = text.replace("\n", " ")
    # Of white space only the blank is printable.
    return line.strip(" ") if line.isprintable() and "  " not in line else " ".join(text.split())


def _any(words: tuple[tuple[str, ...], tuple[str, ...]], low: str) -> bool:
    for word in words[0]:
        if word in low:
            return True
    return not low.isascii() and any(word in low for word in words[1])


def likeness(one: str, other: str) -> float:
    """The share of words two texts have in common, 0..1."""
    a, b = (Counter(lasting(text).split()[:_WORDS]) for text in (one, other))
    total = a.total() + b.total()
    return 2 * (a & b).total() / total if total else 0.0


def path(address: str) -> str:
    """An address without its query."""
    return address.partition("?")[0]
