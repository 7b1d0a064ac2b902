"""How long something is kept, as it is written: a duration, or forever."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from aggregator.settings import fields as f


def kept(value: Any) -> timedelta | None:
    """`forever` (None) or a duration of more than zero; nothing is neither: what is removed does not come back."""
    if isinstance(value, str) and value.strip().lower() == "forever":
        return None
    try:
        age = f.duration(value)
    except ValueError:
        raise ValueError(f"{f.shown(value)} is no age; write it like 90d or 52w, or forever") from None
    if not age:
        raise ValueError("must be longer than zero; to keep everything write forever")
    return age


def show_kept(value: timedelta | None) -> str:
    """An age as it is written."""
    return "forever" if value is None else f.show_duration(value)


Kept = Annotated[
    timedelta | None,
    BeforeValidator(kept),
    PlainSerializer(show_kept, return_type=str),
    WithJsonSchema({"anyOf": [f.DURATION_SCHEMA, {"enum": ["forever"]}]}),
]
