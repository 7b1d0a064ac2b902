"""What no single value can tell: names used twice, names that do not exist, queries that do not parse.

All of it reads the raw data, whatever its shape, so that these problems are told together with those of single values.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from aggregator import query
from aggregator.errors import QueryError
from aggregator.settings.fields import nearest, shown
from aggregator.settings.files import same_url
from aggregator.settings.problems import Finding, dotted
from aggregator.settings.yamlfile import Loc, YamlFile

Aliases = Mapping[str, tuple[str, ...]]
Fault = tuple[Loc, QueryError]


def items(data: Mapping[str, Any], section: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The mappings in a list of the raw file, with their positions, whatever else stands there."""
    listed = data.get(section)
    for position, item in enumerate(listed if isinstance(listed, list) else []):
        if isinstance(item, dict):
            yield position, item


def names(data: Mapping[str, Any], section: str) -> list[str]:
    """The ids that a list of the raw file gives."""
    return [item["id"] for _, item in items(data, section) if isinstance(item.get("id"), str)]


def feeds(file: YamlFile) -> list[Finding]:
    """Ids and addresses of feeds that stand there twice."""
    return [*repeated(file, "feeds", "id"), *repeated(file, "feeds", "url")]


def repeated(file: YamlFile, section: str, key: str) -> list[Finding]:
    """Values of `key` that an earlier item of the list has already."""
    first: dict[str, int] = {}
    again: list[tuple[Loc, Loc]] = []
    for position, item in items(file.data, section):
        value = item.get(key)
        if isinstance(value, str):
            before = first.setdefault(same_url(value) if key == "url" else value, position)
            if before != position:
                again.append(((section, position, key), (section, before, key)))
    lines = file.lines([before for _, before in again])
    return [
        (loc, f"{dotted(loc)}: the same {key} as {dotted(before[:-1])} in line {line}")
        for (loc, before), line in zip(again, lines, strict=True)
    ]


def watchlists(file: YamlFile) -> list[Finding]:
    """Ids that stand there twice, and queries that do not parse, those of aliases where the alias stands."""
    aliases = raw_aliases(file.data)
    of_aliases = _alias_faults(file.data, aliases)
    of_watchlists = _watchlist_faults(file.data, aliases)
    if of_aliases:
        of_watchlists = [fault for fault in of_watchlists if not isinstance(fault[1], query.AliasError)]
    told = [
        (loc, f"{dotted(loc)}: {error}\n{_indented(error.caret())}") for loc, error in [*of_aliases, *of_watchlists]
    ]
    return [*repeated(file, "watchlists", "id"), *told]


def raw_aliases(data: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The aliases of the raw file, as far as they are lists of text."""
    listed = data.get("aliases")
    return {
        name: tuple(text.strip() for text in texts if isinstance(text, str) and text.strip())
        for name, texts in (listed.items() if isinstance(listed, dict) else ())
        if isinstance(texts, list)
    }


def _alias_faults(data: Mapping[str, Any], aliases: Aliases) -> list[Fault]:
    """The faults of the aliases' own queries; one that another alias brings in only when there is no other."""
    faults = [(_alias_loc(data, fault), fault.inner) for fault in query.check_aliases(aliases)]
    own = [fault for fault in faults if not isinstance(fault[1], query.AliasError)]
    return own or faults


def _alias_loc(data: Mapping[str, Any], fault: query.AliasError) -> Loc:
    """Where the alias's faulty query stands, or the alias itself."""
    for place, text in enumerate(data["aliases"][fault.alias]):
        if isinstance(text, str) and text.strip() == fault.inner.query:
            return ("aliases", fault.alias, place)
    return ("aliases", fault.alias)


def _watchlist_faults(data: Mapping[str, Any], aliases: Aliases) -> list[Fault]:
    """The watchlists' queries that do not parse."""
    faults: list[Fault] = []
    for place, item in items(data, "watchlists"):
        text = item.get("query")
        if isinstance(text, str) and text.strip():
            try:
                query.parse(text.strip(), aliases)
            except QueryError as error:
                faults.append((("watchlists", place, "query"), error))
    return faults


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


def digests(file: YamlFile, known: Collection[str] | None) -> list[Finding]:
    """Ids that stand there twice, and watchlists and channels that do not exist (`known` is None when that cannot be told)."""
    found = [*repeated(file, "digests", "id"), *repeated(file, "channels", "id"), *_channels(file)]
    for position, item in items(file.data, "digests"):
        listed = item.get("watchlists")
        for place, name in enumerate(listed if isinstance(listed, list) else ()):
            if known is not None and isinstance(name, str) and name not in known:
                loc = ("digests", position, "watchlists", place)
                hint = nearest(name, known) or "; name one of config/watchlists.yaml"
                found.append((loc, f"{dotted(loc)}: there is no watchlist {shown(name)}{hint}"))
    return found


def _channels(file: YamlFile) -> Iterator[Finding]:
    """Readers that are channels of which the file does not speak."""
    known = names(file.data, "channels")
    for position, item in items(file.data, "digests"):
        for place, reader in items(item, "to"):
            name = reader.get("channel")
            if isinstance(name, str) and name not in known:
                loc = ("digests", position, "to", place, "channel")
                hint = nearest(name, known) or "; name one of `channels` in this file"
                yield loc, f"{dotted(loc)}: there is no channel {shown(name)}{hint}"
