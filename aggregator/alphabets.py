"""Classes of characters that the tokeniser and the query language cut texts by."""

from __future__ import annotations

import unicodedata


def ranges(*bounds: tuple[int, int]) -> str:
    """The inside of a regular expression's character class."""
    return "".join(f"{chr(low)}-{chr(high)}" for low, high in bounds)


def marks() -> str:
    """Every combining mark, as the inside of a character class; only the blocks that hold any are looked at."""
    blocks = (
        (0x0300, 0x3100),
        (0xA66F, 0xAC00),
        (0xFB1E, 0xFB1F),
        (0xFE20, 0xFE30),
        (0x101FD, 0x12000),
        (0x16AF0, 0x17000),
        *((0x1BC9D, 0x1BCA0), (0x1CF00, 0x1CF47), (0x1D165, 0x1D245), (0x1DA00, 0x1DAB0), (0x1E000, 0x1E950)),
    )
    codes = [
        code
        for low, high in blocks
        for code in range(low, high)
        if unicodedata.category(chr(code))[0] == "M" and code not in IGNORABLES
    ]
    firsts = [code for code, before in zip(codes, [0, *codes], strict=False) if code != before + 1]
    lasts = [code for code, after in zip(codes, [*codes[1:], 0], strict=True) if code != after - 1]
    return ranges(*zip(firsts, lasts, strict=True))


_IGNORED = (
    *((0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E)),
    *((0x2060, 0x2064), (0x2066, 0x2069), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xE0100, 0xE01EF)),
)
IGNORABLES: dict[int, None] = {code: None for low, high in _IGNORED for code in range(low, high + 1)}
"""Characters nobody sees (rule 2), as a table for `str.translate`."""

IGNORABLE_CLASS = ranges(*_IGNORED)
"""The same characters, as the inside of a regular expression's character class."""

# Rule 5 names ' ’ ʼ ` ; the opening quote and the turned comma are what keyboards put in their place (O‘zbekiston, Oʻzbekiston).
APOSTROPHES = "'’ʼ`‘ʻ´＇"
APOSTROPHE_TABLE = {ord(char): "'" for char in APOSTROPHES}

CYRILLIC = "\u0400-\u052f\u1c80-\u1c8f\u2de0-\u2dff\ua640-\ua69f"
# Han, kana, Thai, Lao, Burmese, Khmer: scripts without blanks, one token a character (rule 5).
SINGLES = ranges(
    *(
        (0x0E00, 0x0EFF),
        (0x1000, 0x109F),
        (0x1780, 0x17FF),
        (0x19E0, 0x19FF),
        (0x3005, 0x3007),
        (0x3021, 0x3029),
        (0x3031, 0x3035),
    ),
    *((0x3038, 0x30FF), (0x31F0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xA9E0, 0xA9FF), (0xAA60, 0xAA7F)),
    *((0xF900, 0xFAFF), (0x1B000, 0x1B16F), (0x20000, 0x3FFFF)),
)
THAI_LAO = range(0x0E00, 0x0F00)
