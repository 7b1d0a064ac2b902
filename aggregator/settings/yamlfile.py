"""The fast YAML reader: plain data with every scalar left a string, and the line of any part of it on request.

The document is built from libyaml's events, not from its nodes: `yaml.compose` overflows the C stack on deep nesting, and
an event loop can count depth, aliases and duplicate keys on the way. Lines are looked up only when there is something
to say about one (`YamlFile.line`), so that a large list costs nothing for them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from aggregator.errors import ConfigError

Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MAX_BYTES = 10_000_000
MAX_DEPTH = 32
MAX_VALUES = 1_000_000
"""Values in one file after aliases are followed; more is an alias bomb."""

Loc = tuple[str | int, ...]
"""The way to a value: keys and list positions, as pydantic names them."""

_WORD = re.compile(r"[\w.!:/@-]{1,64}")
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TAGS = frozenset({"null", "bool", "int", "float", "str", "timestamp", "seq", "map"})


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a file and where; `line` counts from 1."""

    line: int
    text: str


class _Broken(Exception):  # noqa: N818 - a private signal that ends the reading of one file
    """The file cannot be read any further."""

    def __init__(self, mark: Any, text: str) -> None:
        super().__init__(text)
        self.problem = Problem(mark.line + 1, text)


@dataclass(frozen=True, slots=True)
class YamlFile:
    """A file as read.

    Attributes:
        path: as the operator named it; problems are shown under it.
        text: the whole file, decoded, without a byte order mark.
        data: mappings, lists and strings; a key without a value is left out, a list item without one is None.
        problems: what the reader itself found (duplicate keys).
    """

    path: Path
    text: str
    data: dict[str, Any]
    problems: tuple[Problem, ...] = ()

    def root(self) -> Any:
        """The node tree with marks, or None for an empty file; made anew at each call (the reading proved it harmless)."""
        return yaml.compose(self.text, Loader)

    def lines(self, locs: Sequence[Loc]) -> list[int]:
        """The line (from 1) of each of these places, or of the nearest thing around it."""
        root = self.root() if locs else None
        return [_line(root, loc) for loc in locs]

    def line(self, loc: Loc) -> int:
        """The line (from 1) of one place."""
        return self.lines([loc])[0]

    def refuse(self, problems: Sequence[Problem]) -> list[str]:
        """Problems as `file:line: text`, in the order of the file."""
        return [f"{self.path}:{one.line}: {one.text}" for one in sorted(problems, key=lambda one: one.line)]


def brief(word: str) -> str:
    """A word of the file as a message may hold it: short and on one line."""
    return word if _WORD.fullmatch(word) else repr(word if len(word) <= 40 else word[:39] + "…")


def read(path: Path, raw: bytes | None = None) -> YamlFile:
    """Read a file, or `raw` as if the file held it; one that does not exist is empty.

    Raises ConfigError with one line when it cannot be read at all.
    """
    text = _decode(path, contents(path) if raw is None else raw)
    try:
        data, problems = _Builder(text).document()
    except _Broken as error:
        raise ConfigError(f"{path}:{error.problem.line}: {error.problem.text}") from None
    except yaml.YAMLError as error:
        problem = _syntax(error, text)
        raise ConfigError(f"{path}:{problem.line}: {problem.text}") from None
    except (ValueError, OverflowError):  # the Python parser's way to say that an escape names no character
        raise ConfigError(f"{path}:1: broken YAML: it holds an escape that stands for no character") from None
    return YamlFile(path, text, data, tuple(problems))


def contents(path: Path) -> bytes:
    """The bytes of a file; nothing when it does not exist."""
    try:
        # A pipe with nobody at its other end would keep us waiting for ever.
        if path.is_fifo():
            raise ConfigError(f"{path}: cannot be read: it is a pipe, no file")
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from None


def _decode(path: Path, raw: bytes) -> str:
    """Strict UTF-8 of a bearable size."""
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"{path}: larger than {MAX_BYTES // 1_000_000} MB; is this the right file?")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: not UTF-8 text; save the file as UTF-8") from None


class _Builder:
    """Turns the events of one document into data; bounded in depth and size."""

    def __init__(self, text: str) -> None:
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader))
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._values = 0
        self._problems: list[Problem] = []

    def document(self) -> tuple[dict[str, Any], list[Problem]]:
        """The file's one mapping; an empty file is an empty one."""
        data: Any = None
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _Broken(event.start_mark, "a second YAML document starts here; keep one to a file")
                first = next(self._events)
                data = self._value(first, 0)
                if data is not None and not isinstance(data, dict):
                    raise _Broken(first.start_mark, f"expected `key: value` lines, found {kind(data)}")
        return data or {}, self._problems

    def _value(self, event: Any, depth: int) -> Any:
        """The value that starts with this event."""
        if depth > MAX_DEPTH:
            raise _Broken(event.start_mark, f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        before = self._values
        self._count(event, 1)
        _check_tag(event)
        if isinstance(event, yaml.ScalarEvent):
            value: Any = None if event.implicit[0] and event.value in _NULLS and not event.style else event.value
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._list(depth)
        else:
            value = self._mapping(depth)
        if event.anchor:
            self._anchors[event.anchor] = (value, self._values - before)
        return value

    def _list(self, depth: int) -> list[Any]:
        """The items up to the end of a list."""
        items = []
        for event in self._events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            items.append(self._value(event, depth + 1))
        return items

    def _mapping(self, depth: int) -> dict[str, Any]:
        """The keys and values up to the end of a mapping; keys without a value are left out."""
        found: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            if not isinstance(event, yaml.ScalarEvent):
                raise _Broken(event.start_mark, "a key must be a plain word")
            mark: Any = event.start_mark
            key, line = event.value, mark.line + 1
            value = self._value(next(self._events), depth + 1)
            if key in lines:
                self._problems.append(
                    Problem(line, f"duplicate key `{brief(key)}`; it stands in line {lines[key]} already")
                )
                continue
            lines[key] = line
            if value is not None:
                found[key] = value
        return found

    def _alias(self, event: Any) -> Any:
        """What the anchor of this name holds."""
        if event.anchor not in self._anchors:
            name = brief(event.anchor)
            raise _Broken(event.start_mark, f"`*{name}` stands before the end of its `&{name}`")
        value, size = self._anchors[event.anchor]
        self._count(event, size)
        return value

    def _count(self, event: Any, more: int) -> None:
        """Refuse what would grow without bounds."""
        self._values += more
        if self._values > MAX_VALUES:
            raise _Broken(event.start_mark, f"more than {MAX_VALUES:,} values, aliases included")


def _check_tag(event: Any) -> None:
    """Refuse YAML tags that stand for objects."""
    tag = event.tag
    if tag and tag != "!" and tag.removeprefix("tag:yaml.org,2002:") not in _TAGS:
        raise _Broken(event.start_mark, f"YAML tags such as `{brief(tag)}` have no meaning here; remove it")


def kind(value: Any) -> str:
    """A word for what a value is."""
    return {dict: "keys with values", list: "a list", type(None): "nothing"}.get(type(value), "plain text")


def _syntax(error: yaml.YAMLError, text: str) -> Problem:
    """One clear line for what the YAML parser says."""
    if isinstance(error, yaml.MarkedYAMLError):
        return _marked(error, text)
    position = getattr(error, "position", 0) or 0
    code = getattr(error, "character", 0)
    # The C reader counts bytes, the Python one characters; for finding a control character both are told apart by it.
    found = text.find(chr(code)) if isinstance(code, int) and 0 < code < 0x110000 else -1
    line = text.count("\n", 0, found if found >= 0 else position) + 1
    return Problem(line, f"YAML does not allow the character U+{code:04X}" if isinstance(code, int) else str(error))


def _marked(error: Any, text: str) -> Problem:
    """The parser's own words, on one line, with a better one where a tab is to blame."""
    mark = error.problem_mark or error.context_mark
    rows = text.splitlines() or [""]
    row = min(mark.line if mark else 0, len(rows) - 1)
    if "\t" in rows[row][: len(rows[row]) - len(rows[row].lstrip())]:
        return Problem(row + 1, "a tab where YAML wants spaces")
    words = [error.problem or "", error.context or ""]
    if error.context and error.context_mark and error.context_mark.line != row:
        words.append(f"that starts in line {error.context_mark.line + 1}")
    return Problem(row + 1, "broken YAML: " + " ".join(" ".join(words).split()))


def _line(node: Any, loc: Loc) -> int:
    """The line of the deepest part of `loc` that exists; of a key rather than of its value."""
    line = node.start_mark.line + 1 if node is not None else 1
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == str(part)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line
