"""Changing the YAML files on the operator's command: one list gains or loses one item, every other line stays as it is.

A list in block style, the ordinary case, is edited by its lines, which leaves the rest byte for byte and keeps comments
(ruamel.yaml alone drops a comment when the item before it goes, and normalises blanks). Anything else is left to
ruamel.yaml. Either way the result must read back as the old data with exactly this change, and must load as a whole
configuration, before it takes the place of the old file.
"""

from __future__ import annotations

import copy
import io
import json
import os
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from aggregator import urls
from aggregator.errors import ConfigError, UsageError
from aggregator.model import FeedSpec, Watchlist
from aggregator.publication import DigestSpec
from aggregator.settings import yamlfile
from aggregator.settings.fields import nearest, show_duration, shown
from aggregator.settings.files import FeedItem, default_ids, same_url
from aggregator.settings.home import Home, sync_folder, write_new
from aggregator.settings.loading import Configuration, load
from aggregator.settings.problems import findings
from aggregator.settings.yamlfile import Loc, YamlFile

_HEADERS = {
    "feeds": "# The feeds that are polled; docs/configuration.md says what may stand here.\n",
    "watchlists": "# What is watched for, in every language it is written in; docs/configuration.md and `aggregator watch`.\n",
    "digests": "# Who is told what, and when; docs/configuration.md says what may stand here.\n",
}


@dataclass(frozen=True, slots=True)
class _Change:
    """One list of a file gains `added` at its end, or loses the item at `removed`; `way` leads to the list."""

    way: Loc
    added: tuple[Any, ...] = ()
    removed: int = -1

    def apply(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """The data as they must read afterwards."""
        changed = copy.deepcopy(dict(data))
        listed = _list_at(changed, self.way)
        listed.extend(copy.deepcopy(self.added))
        if self.removed >= 0:
            del listed[self.removed]
        return changed


def _list_at(data: Any, way: Loc) -> Any:
    """The list at the end of the way; made where a top-level key has none yet."""
    for part in way[:-1]:
        data = data[part]
    return data.get(way[-1]) or data.setdefault(way[-1], [])


def add_feed(home: Path, **fields: Any) -> FeedSpec:
    """Add one feed to feeds.yaml; `url` is required, the id is written even when it is made from the host."""
    return add_feeds(home, [fields])[0]


def add_feeds(home: Path, feeds: Sequence[Mapping[str, Any]], *, write: bool = True) -> tuple[FeedSpec, ...]:
    """Add feeds to feeds.yaml, all or none; without `write`, only tell what they would be.

    Raises UsageError when one is no feed, or when its address stands there already, in whatever spelling.
    """
    if not feeds:
        return ()
    before = load(home, {}).feeds
    plain = [_plain(feed) for feed in feeds]
    for row in plain:
        _check(row)
    rows = _with_ids(before, plain)
    file = Home.at(home).feeds_file
    known = {same_url(feed.url): feed.id for feed in before}
    names = set(known.values())
    for row in rows:
        there = known.get(same_url(row["url"]))
        if there is not None:
            raise UsageError(f"{urls.mask(row['url'])} is in {file} already: the feed {there}")
        if row["id"] in names:
            raise UsageError(f"the id {row['id']} is in {file} already; choose another")
    after = _edit(home, file, _Change(("feeds",), tuple(rows)), write=write)
    return after.feeds[len(before) :]


def _check(row: dict[str, Any]) -> None:
    """What is wrong with a feed is told as such, and not as a fault of a file that was never written."""
    try:
        FeedItem.model_validate(row)
    except ValidationError as error:
        raise UsageError(findings(error, FeedItem)[0][1].removeprefix(": ")) from None


def remove_feed(home: Path, feed_id: str) -> FeedSpec:
    """Remove a feed from feeds.yaml; its entries stay in the database. Raises UsageError when there is none."""
    before = load(home, {}).feeds
    position = _position("feed", feed_id, [feed.id for feed in before])
    _edit(home, Home.at(home).feeds_file, _Change(("feeds",), removed=position))
    return before[position]


def add_watchlist(home: Path, watchlist_id: str, title: str, query: str) -> Watchlist:
    """Add a watchlist to config/watchlists.yaml."""
    row = _plain({"id": watchlist_id, "title": title, "query": query})
    return _edit(home, Home.at(home).watchlists_file, _Change(("watchlists",), (row,))).watchlists[-1]


def add_digest(home: Path, **fields: Any) -> DigestSpec:
    """Add a digest to config/digests.yaml; the keys are those of the file."""
    return _edit(home, Home.at(home).digests_file, _Change(("digests",), (_plain(fields),))).digests[-1]


def add_to_digest(home: Path, digest_id: str, watchlist_id: str) -> DigestSpec:
    """Let a digest cover one more watchlist. Raises UsageError when there is no such digest."""
    before = load(home, {}).digests
    position = _position("digest", digest_id, [digest.id for digest in before])
    if watchlist_id in before[position].watchlists:
        return before[position]
    change = _Change(("digests", position, "watchlists"), (watchlist_id,))
    return _edit(home, Home.at(home).digests_file, change).digests[position]


def _position(what: str, name: str, names: Sequence[str]) -> int:
    """Where it stands in its file; UsageError when it does not."""
    if name not in names:
        raise UsageError(f"there is no {what} {shown(name)}{nearest(name, names)}")
    return names.index(name)


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields as the file holds them: text and lists of text, nothing that is empty."""
    return {key: _scalar(value) for key, value in fields.items() if value not in (None, "", (), [])}


def _scalar(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_scalar(item) for item in value]
    if isinstance(value, timedelta):
        return show_duration(value)
    return value.strftime("%H:%M") if isinstance(value, time) else str(value)


def _with_ids(before: Sequence[FeedSpec], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with an id each, `url` and `id` first."""
    known = [FeedItem.model_construct(url=feed.url, id=feed.id) for feed in before]
    new = [FeedItem.model_construct(url=row.get("url", ""), id=row.get("id")) for row in rows]
    ids = default_ids([*known, *new])[len(known) :]
    return [{"url": row.get("url", ""), **row, "id": name} for row, name in zip(rows, ids, strict=True)]


def _edit(home: Path, path: Path, change: _Change, *, write: bool = True) -> Configuration:
    """Make the change on paper, prove it, then put it in place."""
    raw = yamlfile.contents(path)
    file = yamlfile.read(path, raw)
    text = _proven(file, change)
    after = raw[:3] + text.encode() if raw.startswith(b"\xef\xbb\xbf") else text.encode()
    configuration = load(home, {}, {path: after})
    if write:
        _replace(path, after)
    return configuration


def _proven(file: YamlFile, change: _Change) -> str:
    """The new text, by the first way of making it that leaves exactly the data wanted."""
    wanted = change.apply(file.data)
    ways: tuple[Callable[[YamlFile, _Change], str | None], ...] = (_by_lines, _by_round_trip)
    for way in ways:
        text = way(file, change)
        if text is not None and _reads_as(file.path, text, wanted):
            return text
    raise ConfigError(f"{file.path}: cannot be edited safely in its present form; please change it by hand")


def _reads_as(path: Path, text: str, wanted: Mapping[str, Any]) -> bool:
    """Whether the text holds these data (an empty list and no list are the same)."""
    try:
        data = yamlfile.read(path, text.encode()).data
    except (ConfigError, UnicodeEncodeError):
        return False
    return {key: value for key, value in data.items() if value != []} == {
        key: value for key, value in wanted.items() if value != []
    }


# -- by lines ------------------------------------------------------------------------------------------------------


def _by_lines(file: YamlFile, change: _Change) -> str | None:
    """The text with whole lines put in or taken out, or items before a `]`; None when that cannot be done."""
    lines = file.text.splitlines(keepends=True)
    end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    key, node = _nodes(file.root(), change.way)
    if change.removed >= 0:
        return _without(lines, node, change.removed) if _is_block(node) else None
    if key is None:
        return _with_section(lines, change, end)
    if _is_block(node):
        flow = bool(getattr(node.value[-1], "flow_style", False))
        new = _rendered(change.added, node.start_mark.column, end, flow=flow)
        at = _last_line(lines, node.value[-1]) + 1
    elif isinstance(node, yaml.ScalarNode) and not node.value:
        new, at = _rendered(change.added, 2, end, flow=False), key.start_mark.line + 1
    else:
        return _before_bracket(lines, node, change.added)
    return "".join([*_closed(lines[:at], end), *new, *lines[at:]])


def _nodes(node: Any, way: Loc) -> tuple[Any, Any]:
    """The nodes of the key that a way ends with and of its value."""
    key = None
    for part in way:
        if isinstance(part, int):
            node = node.value[part]
        else:
            pairs = node.value if isinstance(node, yaml.MappingNode) else []
            key, node = next(((key, value) for key, value in pairs if key.value == part), (None, None))
    return key, node


def _with_section(lines: list[str], change: _Change, end: str) -> str:
    """The text with a list of its own at the end; an empty file gets a line that says what it is."""
    section = str(change.way[0])
    start = [] if lines else [_HEADERS[section].replace("\n", end)]
    return "".join([*start, *_closed(lines, end), f"{section}:{end}", *_rendered(change.added, 2, end, flow=False)])


def _before_bracket(lines: list[str], node: Any, added: Sequence[Any]) -> str | None:
    """The text with items put before the `]` of a list that has some."""
    if not isinstance(node, yaml.SequenceNode) or not node.value:
        return None
    row, column = node.end_mark.line, node.end_mark.column - 1
    new = "".join(f", {_inline(item, flow=True)}" for item in added)
    return "".join([*lines[:row], lines[row][:column], new, lines[row][column:], *lines[row + 1 :]])


def _is_block(node: Any) -> bool:
    return isinstance(node, yaml.SequenceNode) and not node.flow_style and bool(node.value)


def _closed(lines: list[str], end: str) -> list[str]:
    """The lines, the last one with a line end."""
    return lines if not lines or lines[-1].endswith(("\n", "\r")) else [*lines[:-1], lines[-1] + end]


def _last_line(lines: list[str], node: Any) -> int:
    """The number (from 0) of the last line of a node, without the blank lines and comments after it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _last_line(lines, last[1] if isinstance(last, tuple) else last)
    row = int(node.end_mark.line) - (1 if node.end_mark.column == 0 else 0)
    row = min(max(row, int(node.start_mark.line)), len(lines) - 1)
    while row > node.start_mark.line and not lines[row].strip():
        row -= 1
    return row


def _without(lines: list[str], node: Any, position: int) -> str:
    """The text without one item's lines."""
    item = node.value[position]
    first, last = item.start_mark.line, _last_line(lines, item)
    return "".join([*lines[:first], *lines[last + 1 :]])


def _rendered(rows: Sequence[Any], column: int, end: str, *, flow: bool) -> list[str]:
    """Items of a block list, each on one line (`flow`) or one key to a line."""
    indent = " " * column
    lines = []
    for row in rows:
        if flow or not isinstance(row, dict):
            pairs = [_inline(row, flow=flow)]
        else:
            pairs = [f"{key}: {_inline(value, flow=False)}" for key, value in row.items()]
        lines += [f"{indent}- {pairs[0]}", *(f"{indent}  {pair}" for pair in pairs[1:])]
    return [line + end for line in lines]


def _inline(value: Any, *, flow: bool) -> str:
    """A value on one line, quoted where YAML needs it (inside brackets it needs it more often)."""
    if isinstance(value, list):
        return f"[{', '.join(_inline(item, flow=True) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_inline(item, flow=True)}' for key, item in value.items())}}}"
    whole: Any = [value] if flow else value
    text: str = yaml.safe_dump(whole, default_flow_style=True, allow_unicode=True, width=10**9)
    text = text.strip()[1:-1] if flow else text.removesuffix("...\n").strip()
    return json.dumps(value, ensure_ascii=False) if len(text.splitlines()) > 1 else text


# -- by round trip -------------------------------------------------------------------------------------------------


def _by_round_trip(file: YamlFile, change: _Change) -> str | None:
    """The text as ruamel.yaml writes it after the change; None when it cannot."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    editor = YAML()
    editor.indent(mapping=2, sequence=4, offset=2)
    editor.width = 4096
    editor.preserve_quotes = True
    out = io.StringIO()
    try:
        data = editor.load(file.text) or {}
        listed = _list_at(data, change.way)
        listed.extend(_round_trip(item) for item in change.added)
        if change.removed >= 0:
            del listed[change.removed]
        editor.dump(data, out)
    except (YAMLError, AttributeError, TypeError, ValueError, RecursionError):
        return None
    return out.getvalue()


def _round_trip(value: Any) -> Any:
    """A value for ruamel.yaml, quoted where it begins with a mark: inside brackets it writes `[:a]`, which libyaml refuses."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    if isinstance(value, dict):
        return {key: _round_trip(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_round_trip(item) for item in value]
    return DoubleQuotedScalarString(value) if isinstance(value, str) and re.match(r"\W", value) else value


# -- the file ------------------------------------------------------------------------------------------------------


def _replace(path: Path, data: bytes) -> None:
    """Put a file in place of the old one in one step, with the old one's mode; a link stays a link."""
    path = path.resolve()
    draft = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_new(draft, data, path.stat().st_mode & 0o7777 if path.exists() else 0o644)
        draft.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise ConfigError(f"{path}: cannot be written: {error.strerror or error}; the old file is untouched") from None
