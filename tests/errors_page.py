"""docs/errors.md, its generated part: each stable word for what went wrong, what it means, and what to do.

`make docs` (python -m tests.errors_page) writes it; tests/test_docs.py fails while it is behind.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from aggregator import feedview, storage
from aggregator.errors import FetchErrorClass, StoreFault

PAGE = Path(__file__).parents[1] / "docs/errors.md"
TABLES = ("feeds", "storage")


def page(text: str) -> str:
    """The page with its generated tables renewed; what stands around them is written by hand."""
    for name, rows in zip(TABLES, (feeds(), stored()), strict=True):
        begin, end = f"<!-- {name}: begin (generated: make docs) -->", f"<!-- {name}: end -->"
        head, _, rest = text.partition(begin)
        _, _, tail = rest.partition(end)
        text = "\n".join(
            [f"{head}{begin}", "", "| word | what it says | what to do |", "|---|---|---|", *rows, "", f"{end}{tail}"]
        )
    return text


def feeds() -> list[str]:
    """A row for each class of error of a feed."""
    return [
        f"| `{name}` | {feedview.REASONS[name]} | {feedview.ADVICE[name].replace('{id}', 'ID')} |"
        for name in get_args(FetchErrorClass)
    ]


def stored() -> list[str]:
    """A row for each fault of the database."""
    told = {
        f"storage_{fault}": storage.TROUBLES.get(f"storage_{fault}", storage.OTHER) for fault in get_args(StoreFault)
    }
    return [f"| `{name}` | {what} | {do} |" for name, (what, do) in told.items()]


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
