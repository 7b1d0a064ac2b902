"""Inputs made of samples: damaged, spliced, repeated, with words of the format strewn in. The same seed makes the same inputs."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

MOST = 200_000
"""Bytes of an input."""
USUAL = 20_000
"""Bytes beyond which a sample is rarely taken: one of a megabyte costs as much as a thousand small ones."""
_JOINTS = re.compile(rb"(?=<)|(?<=>)|(?<=\n)|(?=[ \"'(){}\[\]:,])")
_BYTES = (
    b"\x00",
    b"\x1b",
    b"\x7f",
    b"\x85",
    b"\xff",
    b"\xc2\x9b",
    b"\xed\xa0\x80",
    b"\xe2\x80\xae",
    b"\xef\xbb\xbf",
    b"\xf0\x9f\x98\x80",
)


class Dice:
    """Throws inputs.

    Args:
        seed: of all chance.
        samples: whole inputs to begin with.
        words: pieces that mean something in this format.
    """

    def __init__(self, seed: int, samples: Sequence[bytes], words: Sequence[bytes]) -> None:
        self._chance = random.Random(seed)
        self._samples = sorted(samples, key=len) or [b""]
        self._small = [sample for sample in self._samples if len(sample) <= USUAL] or self._samples[:1]
        self._words = [*words, *_BYTES]
        self._ways: tuple[Callable[[bytes], bytes], ...] = (
            self._strewn, self._strewn, self._strewn, self._overwritten, self._cut_out, self._cut_off, self._doubled,
            self._swapped, self._spliced, self._flipped, self._renumbered,
        )  # fmt: skip

    def throw(self) -> bytes:
        """One input."""
        chance = self._chance
        data = chance.choice(self._samples if chance.random() < 0.03 else self._small)
        for _ in range(chance.choice((0, 1, 1, 2, 3, 5, 8, 13))):
            data = chance.choice(self._ways)(data)
        if chance.random() < 0.01:
            data = self._pumped(data)
        return data[:MOST]

    def _place(self, data: bytes) -> int:
        """Somewhere; more often than not where a piece of the format ends."""
        at = self._chance.randint(0, len(data))
        joint = _JOINTS.search(data, at) if self._chance.random() < 0.7 else None
        return joint.start() if joint else at

    def _piece(self, data: bytes) -> tuple[int, int]:
        start = self._place(data)
        if self._chance.random() < 0.5:
            joint = _JOINTS.search(data, min(start + 1, len(data)))
            return start, joint.start() if joint else len(data)
        return start, min(len(data), start + self._chance.choice((1, 2, 8, 40, 400)))

    def _strewn(self, data: bytes) -> bytes:
        at = self._place(data)
        return data[:at] + self._chance.choice(self._words) + data[at:]

    def _overwritten(self, data: bytes) -> bytes:
        start, end = self._piece(data)
        return data[:start] + self._chance.choice(self._words) + data[end:]

    def _cut_out(self, data: bytes) -> bytes:
        start, end = self._piece(data)
        return data[:start] + data[end:]

    def _cut_off(self, data: bytes) -> bytes:
        at = self._place(data)
        return data[:at] if self._chance.random() < 0.6 else data[at:]

    def _doubled(self, data: bytes) -> bytes:
        start, end = self._piece(data)
        return data[:end] + data[start:end] * self._chance.choice((1, 1, 2, 5)) + data[end:]

    def _swapped(self, data: bytes) -> bytes:
        start, end = self._piece(data)
        rest = data[:start] + data[end:]
        at = self._place(rest)
        return rest[:at] + data[start:end] + rest[at:]

    def _spliced(self, data: bytes) -> bytes:
        other = self._chance.choice(self._small)
        start, end = self._piece(other)
        if self._chance.random() < 0.3:
            end = len(other)
        at = self._place(data)
        return data[:at] + other[start:end] + data[at:]

    def _flipped(self, data: bytes) -> bytes:
        if not data:
            return data
        at = self._chance.randrange(len(data))
        return data[:at] + bytes([data[at] ^ (1 << self._chance.randrange(8))]) + data[at + 1 :]

    def _renumbered(self, data: bytes) -> bytes:
        """Another number in place of one that stands there."""
        found = list(re.finditer(rb"\d+", data[:USUAL]))
        if not found:
            return data
        one = self._chance.choice(found)
        number = self._chance.choice(
            (b"0", b"-1", b"1", b"99999999999999999999", b"1e999", b"0x7f", b"2147483648", b"00", b"3.5")
        )
        return data[: one.start()] + number + data[one.end() :]

    def _pumped(self, data: bytes) -> bytes:
        """One piece again and again: what is not linear shows."""
        start, end = self._piece(data)
        piece = data[start:end] or self._chance.choice(self._words)
        return data[:start] + piece * min(self._chance.choice((300, 3_000, 30_000)), MOST // len(piece)) + data[end:]
