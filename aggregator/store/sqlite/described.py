"""The schema in words, read from the comments of our own .sql files: docs/schema.md and Datasette's metadata are made of them.

The comment above a table says what a row is, behind a column what it holds; above `ADD COLUMN` likewise. Above a view stand the
question it answers, `-- column: remark` where one is needed, and `-- Example: SELECT ...`. Of several paragraphs the last counts:
those before it speak of the change. The newest step that makes a thing speaks for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from importlib import resources
from typing import Any

_MADE = re.compile(r"CREATE (?P<kind>VIRTUAL TABLE|TABLE|VIEW) (?P<name>\w+)")
_COLUMN = re.compile(r"  (?P<name>\w+) +(?:TEXT|INTEGER|REAL|BLOB)\b.*?(?: +-- (?P<says>.*))?")
_CHANGED = re.compile(
    r"ALTER TABLE (?P<table>\w+) (?:(?P<do>ADD|DROP) COLUMN (?P<column>\w+)|RENAME TO (?P<new>\w+)|RENAME COLUMN (?P<old>\w+) TO (?P<now>\w+))"
)
_DROPPED = re.compile(r"DROP (?:TABLE|VIEW) (?P<name>\w+)")
_REMARK = re.compile(r"(?P<name>[a-z_]+): (?P<says>.*)")
ROW, EXAMPLE = "One row: ", "Example: "


@dataclass(frozen=True)
class Thing:
    """A table or a view: what a row is or which question it answers, what its columns hold, an example of its use."""

    name: str
    view: bool
    says: str
    columns: dict[str, str] = field(default_factory=dict)
    example: str = ""


def things() -> dict[str, Thing]:
    """Every table and view as the newest schema has it, by name."""
    found: dict[str, Thing] = {}
    for statement in _statements():
        comments = [line for line in statement.split("\n") if line.startswith("--") or not line]
        says = [
            line.removeprefix("--").strip() for line in "\n".join(comments).strip("\n").split("\n\n")[-1].split("\n")
        ]
        body = "\n".join(line for line in statement.split("\n") if not line.startswith("--")).strip()
        _take(found, body, [line for line in says if line])
    return found


def _statements() -> Iterator[str]:
    folder = resources.files(__package__)
    names = [path.name for path in folder.iterdir() if path.name.endswith(".sql")]
    # As migrations.py runs them: the first schema, then by number, of one step the part behind its Python last.
    for name in sorted(names, key=lambda name: (name != "schema.sql", name[:4], "after" in name)):
        yield from folder.joinpath(name).read_text("utf-8").split("\n;\n")


def _take(found: dict[str, Thing], body: str, says: list[str]) -> None:
    """What one statement does to the schema."""
    if made := _MADE.match(body):
        view = made["kind"] == "VIEW"
        found[made["name"]] = _view(made["name"], says) if view else _table(made["name"], says, body)
    elif dropped := _DROPPED.match(body):
        found.pop(dropped["name"], None)
    elif changed := _CHANGED.match(body):
        _change(found, changed, " ".join(says))


def _table(name: str, says: list[str], body: str) -> Thing:
    lines = (_COLUMN.fullmatch(line) for line in body.split("\n"))
    columns = {m["name"]: m["says"] or "" for m in lines if m}
    return Thing(name, view=False, says=" ".join(says).removeprefix(ROW), columns=columns)


def _view(name: str, says: list[str]) -> Thing:
    text, remarks, example = [], {}, ""
    for line in says:
        if example or line.startswith(EXAMPLE):
            example += f" {line}" if example else line.removeprefix(EXAMPLE)
        elif remark := _REMARK.fullmatch(line):
            remarks[remark["name"]] = remark["says"]
        else:
            text.append(line)
    return Thing(name, view=True, says=" ".join(text), columns=remarks, example=example)


def _change(found: dict[str, Thing], changed: re.Match[str], says: str) -> None:
    table = found[changed["table"]]
    columns = dict(table.columns)
    if changed["new"]:
        del found[table.name]
        found[changed["new"]] = replace(table, name=changed["new"])
        return
    if changed["do"] == "ADD":
        columns[changed["column"]] = says
    elif changed["do"] == "DROP":
        columns.pop(changed["column"], None)
    else:
        columns[changed["now"]] = columns.pop(changed["old"])
    found[table.name] = replace(table, columns=columns)


# -- Datasette -------------------------------------------------------------------------------------------------------------

PRIVATE = (
    *("subscribers", "subscriptions", "tokens", "consents", "requests", "bounces", "suppressions", "credentials"),
    *("messages", "letters", "attempts", "outbox", "digests", "edition_mails", "relays", "notices"),
)
"""Tables in which an address, a hash of one, a token or a private mail may stand."""
CLOSED = (*PRIVATE, "entry_index")
"""What Datasette shows to nobody: the search index keeps no text and cannot be listed."""
INTERNAL = (
    "documents",
    "entry_keys",
    "entry_days",
    "story_keys",
    "told_earlier",
    "facts",
    "hosts",
    "host_claims",
    "workers",
)
UNITS = {"seconds": "s"}


def datasette(database: str = "aggregator") -> dict[str, Any]:
    """metadata.json for Datasette 0.65: what everything is, the views' questions, and nothing of readers.

    Nobody may open a private table, nor write SQL of his own, which would read it; the questions are there to be asked. Rights go by
    the name of the file: one of another name is closed as a whole, and with it the page that lists them.
    """
    known = things()
    tables: dict[str, Any] = {}
    for thing in known.values():
        table: dict[str, Any] = {"description": thing.says}
        if described := {name: says for name, says in thing.columns.items() if says}:
            table["columns"] = described
        units = {name: unit for name in thing.columns for end, unit in UNITS.items() if name.endswith(f"_{end}")}
        if units:
            table["units"] = units
        if thing.name in CLOSED:
            table["allow"] = False
        if thing.name in (*CLOSED, *INTERNAL):
            table["hidden"] = True
        tables[thing.name] = table
    views = [thing for thing in known.values() if thing.view and thing.example and thing.name not in PRIVATE]
    queries = {f"ask_{v.name}": {"sql": v.example.rstrip(";"), "title": v.says} for v in views}
    return {
        "title": "aggregator",
        "description": "Feeds, entries, stories, matches and counts, as docs/schema.md describes them.",
        "allow": False,
        "databases": {
            database: {
                "allow": True,
                "description": "What was seen and matched. Times are UTC text; lists are JSON.",
                "allow_sql": False,
                "tables": tables,
                "queries": queries,
            }
        },
    }
