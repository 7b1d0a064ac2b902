"""The parameters of the interface. One that is unknown, or given twice, is refused: a typo must not widen what is asked for."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Path, Query, Request

from aggregator.web.api.problems import InvalidError, fault

MOST, USUAL = 200, 50
"""Items of a portion."""
FIRST, LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
LONGEST = 200
"""Characters of an id that is asked for."""
_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)",
    re.ASCII,
)

Number = Annotated[int, Path(ge=1, le=2**63 - 1, description="Its number.")]
Name = Annotated[str, Path(min_length=1, max_length=LONGEST, description="Its id.")]
Limit = Annotated[int, Query(ge=1, le=MOST, description="Items at most.")]
Cursor = Annotated[
    str,
    Query(
        pattern="^([1-9][0-9]{0,17})?$",
        description="Where to go on: `next` of the portion before. Its form may change.",
    ),
]
NameCursor = Annotated[
    str, Query(max_length=LONGEST, description="Where to go on: `next` of the portion before. Its form may change.")
]
Since = Annotated[
    str | None,
    Query(description="At or after this moment, with its zone (RFC 3339).", examples=["2026-11-27T07:30:00Z"]),
]
Until = Annotated[
    str | None,
    Query(description="Before this moment, with its zone (RFC 3339).", examples=["2026-11-28T07:30:00+03:00"]),
]
FeedId = Annotated[str, Query(max_length=LONGEST, description="Only of this feed.")]
WatchlistId = Annotated[str, Query(max_length=LONGEST, description="Only what this watchlist has found.")]
DigestId = Annotated[str, Query(max_length=LONGEST, description="Only of this digest.")]
Language = Annotated[str, Query(max_length=35, description="Only in this language, such as `en` or `ru`.")]
Question = Annotated[
    str,
    Query(max_length=4_000, description="A query in the language of watchlists (docs/commands.md).",
          examples=["@csto -football"]),
]  # fmt: skip


def known(request: Request) -> None:
    """Refuse parameters that there are not, and such as are given twice. Raises InvalidError."""
    names = {field.alias for field in request.scope["route"].dependant.query_params}
    given = [name for name, _ in request.query_params.multi_items()]
    wrong = [fault("query", name, f"there is no such parameter; there are: {', '.join(sorted(names)) or 'none'}")
             for name in dict.fromkeys(given) if name not in names]  # fmt: skip
    wrong += [fault("query", name, "given twice") for name in names if given.count(name) > 1]
    if wrong:
        raise InvalidError(*wrong)


def moment(name: str, text: str | None) -> datetime | None:
    """A moment in UTC. Raises InvalidError; one that is beyond the calendar in UTC is its end."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text.upper()) if _MOMENT.fullmatch(text) else None
    except ValueError:
        found = None
    if found is None:
        raise InvalidError(
            fault("query", name, "not a moment such as 2026-11-27T07:30:00Z (a + in an address is written %2B)")
        )
    try:
        return found.astimezone(UTC)
    except OverflowError:
        return FIRST if found.year == 1 else LAST
