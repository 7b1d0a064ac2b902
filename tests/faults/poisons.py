"""A parser with the faults that a document can bring about, planted by their names; what a worker imports is as light as the real one."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable

from aggregator.feeds import parse
from aggregator.model import ParsedFeed


def abort() -> None:
    os.abort()


def segfault() -> None:
    ctypes.string_at(0)


def eat() -> None:
    eaten = []
    while True:
        eaten.append(bytearray(64 * 2**20))


def spin() -> None:
    while True:
        pass


WAYS: dict[str, Callable[[], None]] = {"abort": abort, "segfault": segfault, "eat": eat, "spin": spin}


def read(body: bytes, url: str, content_type: str) -> ParsedFeed:
    """The parser, with the faults that a document can bring about planted by their names."""
    for name, way in WAYS.items():
        if f"poison {name}".encode() in body:
            way()
    return parse.document(body, url, content_type)
