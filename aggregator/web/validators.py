"""Validators of what is served (RFC 9110 §8.8, §13.1): a tag made of the bytes, and whether who asks has them already."""

from __future__ import annotations

import hashlib
import re


def tag(body: bytes) -> str:
    """The strong entity tag of these bytes, quotes included."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def has(asked: str, tag: str) -> bool:
    """Whether If-None-Match names a tag; "" names none."""
    return asked.strip() == "*" or tag in re.findall(r'"[^"]*"', asked)
