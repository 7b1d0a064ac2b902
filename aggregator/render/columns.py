"""Plain text in columns: wraps by what a terminal shows, not by counting characters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

COLUMNS = 72


def width(text: str) -> int:
    """The columns a text takes: two for a wide character (UAX #11), none for a combining or invisible one."""
    return len(text) if text.isascii() else sum(_width(char) for char in text)


def wrap(text: str, indent: int = 0, columns: int = COLUMNS) -> str:
    """The text in lines of at most `columns`, each after `indent` spaces; a word that is too long is broken."""
    lines, line = [], ""
    for word in text.split():
        for piece in _pieces(word, columns - indent):
            if line and width(line) + 1 + width(piece) > columns - indent:
                lines.append(line)
                line = piece
            else:
                line = f"{line} {piece}" if line else piece
    return "\n".join(" " * indent + line for line in [*lines, line])


def hang(text: str, first: str, columns: int = COLUMNS) -> str:
    """The text wrapped behind `first` (a number, a dash), the later lines under the first."""
    wrapped = wrap(text, width(first), columns)
    return first + wrapped[width(first) :]


def plain(text: str) -> str:
    """The text on one line without anything that moves a cursor or turns the reading direction round."""
    return _HIDDEN.sub(" ", text).strip()


_HIDDEN = re.compile(r"[\s\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
"""White space, controls (Cc), halves of pairs (Cs), line and paragraph separators, and what turns the direction round (UAX #9)."""


def _width(char: str) -> int:
    if unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1


def _pieces(word: str, columns: int) -> Iterator[str]:
    """A word in parts that fit a line: writing without spaces (Chinese, Japanese) breaks anywhere."""
    piece, used = "", 0
    for char in word:
        if used + _width(char) > columns:
            yield piece
            piece, used = "", 0
        piece += char
        used += _width(char)
    yield piece
