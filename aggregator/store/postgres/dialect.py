"""The shared statements, put to PostgreSQL: marks for values, and the few words that SQLite spells otherwise.

What both engines have under other names is defined as functions in 0001_schema.sql; here stands what is no function.
"""

from __future__ import annotations

import re
from functools import lru_cache

_PIECES = re.compile(
    r"""(?P<text>'(?:[^']|'')*')|(?P<blob>\bx'')|(?P<numbered>\?\d+)|(?P<mark>\?)|(?P<name>(?<![:\w]):[a-z_]\w*)|(?P<percent>%)
    |(?P<none>\b(?:NOT\s+)?IN\s*\(\s*\))|(?P<same>\bIS\s+(?=:|\?|\w+\.))|(?P<concat>\bgroup_concat(?=\())|(?P<char>\bchar(?=\())|(?P<cross>\bCROSS\s+JOIN(?=\s+\w+(?:\s+\w+)?\s+ON\b))|(?P<hint>\bINDEXED\s+BY\s+\w+)
    |(?P<plus>(?<=[\s(])\+(?=[a-z]))
    |(?P<like>\bLIKE\b)|(?P<ignore>\bINSERT\s+OR\s+IGNORE\b)|(?P<ids>\bsqlite_sequence\b)""",
    re.VERBOSE,
)
_RETURNING = re.compile(r"\s+RETURNING\b")


@lru_cache(maxsize=4096)
def translated(sql: str) -> str:
    """A statement as psycopg wants it: `%s` for `?`, `%(name)s` for `:name`, `%(p1)s` for `?1`."""
    ignores = False

    def piece(found: re.Match[str]) -> str:
        nonlocal ignores
        kind, text = found.lastgroup, found[0]
        match kind:
            case "text":
                return text.replace("%", "%%")
            case "blob":
                return "''::bytea"
            case "numbered":
                return f"%(p{text[1:]})s"
            case "mark":
                return "%s"
            case "name":
                return f"%({text[1:]})s"
            case "percent":
                return "%%"
            case "none":
                return "IS NOT NULL" if text.startswith("NOT") else "IN (NULL)"
            case "same":
                return "IS NOT DISTINCT FROM "
            case "concat":
                return "string_agg"
            case "char":
                return "chr"
            case "cross":
                return "JOIN"
            case "hint" | "plus":  # words for SQLite's planner
                return ""
            case "like":
                return "ILIKE"
            case "ids":
                return "given_ids"
            case "ignore":
                ignores = True
                return "INSERT"
            case _:
                return text

    made = _PIECES.sub(piece, sql)
    if ignores:
        head, returning, tail = _split(made)
        made = f"{head} ON CONFLICT DO NOTHING{returning}{tail}"
    return made


def _split(sql: str) -> tuple[str, str, str]:
    found = _RETURNING.search(sql)
    return (sql, "", "") if found is None else (sql[: found.start()], " RETURNING", sql[found.end() :])
