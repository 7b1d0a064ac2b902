"""docs/schema.md: what stands in aggregator/store/sqlite/schema_page.md, and in it each table and view from the comments of the .sql files.

`make docs` (python -m tests.schema_page) writes it; tests/unit/test_described.py fails while it is behind.
"""

from __future__ import annotations

import re
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from aggregator.store.sqlite import described
from aggregator.store.sqlite.described import Thing
from tests import emptydb

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/schema.md"
FRAME = ROOT / "aggregator/store/sqlite/schema_page.md"
PLACE = re.compile(r"^<!-- (?:table|view): (\w+) -->$", re.MULTILINE)


def page() -> str:
    """The page; a table or view that the frame has no place for is an error."""
    things = described.things()
    columns = _columns()
    frame = FRAME.read_text("utf-8")
    missing = set(things) - set(PLACE.findall(frame))
    assert not missing, f"no place in {FRAME.name} for {sorted(missing)}"
    return PLACE.sub(lambda place: section(things[place[1]], columns[place[1]]), frame)


def section(thing: Thing, columns: dict[str, str]) -> str:
    """Heading, text, and the columns as the database has them."""
    if not thing.view:
        lines = [f"| `{name}` | {kind} | {thing.columns.get(name, '')} |" for name, kind in columns.items()]
        return "\n".join([f"#### {thing.name}", "", thing.says, "", "| column | type | |", "|---|---|---|", *lines])
    told = (f"`{name}` ({thing.columns[name]})" if name in thing.columns else f"`{name}`" for name in columns)
    return f"### {thing.name}\n\n{thing.says}\n\n    {thing.example}\n\nColumns: {', '.join(told)}."


def _columns() -> dict[str, dict[str, str]]:
    """Of an empty database: name -> column -> type."""
    with tempfile.TemporaryDirectory() as folder, closing(sqlite3.connect(emptydb.put(Path(folder) / "x.db"))) as conn:
        names = [r[0] for r in conn.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")]
        found = {}
        for name in names:
            rows = conn.execute(f"PRAGMA table_xinfo({name})").fetchall()
            found[name] = {r[1]: r[2].lower() or "text" for r in rows if not r[6]}
        return found


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
