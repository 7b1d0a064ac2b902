"""Safe HTML kept beside its own plain text: summary and content, deflated with the body as dictionary.

The body is the plain text of both, so nearly all of them is in it already (docs/decisions/0011). What is stored is raw
deflate (RFC 1951) of `LENGTH SUMMARY CONTENT` without blanks around the texts: the length, in characters, of the summary, a
blank, the summary, the content. The dictionary is the body in UTF-8, or its last 32 kB.
"""

from __future__ import annotations

import sqlite3
import zlib

LEVEL = 6
WINDOW = 1 << 15
SMALLEST, LARGEST = 10, 15
"""Bits of the window: a small one needs little memory, and making it ready is most of what packing costs."""


def pack(summary: str, content: str, body: str) -> bytes | None:
    """Both texts for the database; None where there is none."""
    if not summary and not content:
        return None
    text = f"{len(summary)} {summary}{content}".encode()
    known = body.encode()[-WINDOW:]
    bits = min(max((len(text) + len(known)).bit_length(), SMALLEST), LARGEST)
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, -bits, bits - 7, zlib.Z_DEFAULT_STRATEGY, known)
    return packer.compress(text) + packer.flush()


def unpack(packed: bytes | None, body: str) -> tuple[str, str]:
    """Summary and content of what `pack` made beside the same body.

    Raises:
        sqlite3.DatabaseError: it is not what `pack` made.
    """
    if packed is None:
        return "", ""
    try:
        length, _, texts = (
            zlib.decompressobj(-LARGEST, body.encode()[-WINDOW:]).decompress(packed).decode().partition(" ")
        )
        return texts[: int(length)], texts[int(length) :]
    except (zlib.error, ValueError) as e:
        raise sqlite3.DatabaseError(f"malformed markup of an entry ({e})") from e
