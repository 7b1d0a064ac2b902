"""Settings from the environment: `AGGREGATOR__SECTION__KEY`, or `..._FILE` with the path of a file that holds the value."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aggregator.settings.fields import nearest
from aggregator.settings.models import Settings, known_settings
from aggregator.settings.yamlfile import Loc, brief

PREFIX = "AGGREGATOR__"
_MAX_FILE = 65_536


@dataclass(slots=True)
class Overrides:
    """What the environment says.

    Attributes:
        values: the way to a setting -> its new value (None: back to the default).
        names: the way to a setting -> the variable that gave it.
        problems: whole lines about variables that cannot be used.
    """

    values: dict[Loc, Any] = field(default_factory=dict)
    names: dict[Loc, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def name(self, loc: Loc) -> str:
        """The variable behind the value at `loc`, or ""."""
        return next((self.names[loc[:end]] for end in range(len(loc), 0, -1) if loc[:end] in self.names), "")


def variable(loc: Loc) -> str:
    """`("mail", "host")` -> `AGGREGATOR__MAIL__HOST`."""
    return PREFIX + "__".join(str(part).upper() for part in loc)


def read(environ: Mapping[str, str]) -> Overrides:
    """Every override in the environment."""
    known = _known()
    overrides = Overrides()
    for name in sorted(environ):
        if name.startswith(PREFIX):
            try:
                _take(overrides, known, name, environ[name])
            except ValueError as error:
                overrides.problems.append(f"{brief(name)}: {error}")
    return overrides


def _known() -> dict[str, Loc]:
    """Variable name -> the way to its setting or section."""
    locs: set[Loc] = set()
    for loc, _ in known_settings():
        locs.update(loc[:end] for end in range(1, len(loc) + 1))
    return {variable(loc): loc for loc in sorted(locs)}


def _take(overrides: Overrides, known: Mapping[str, Loc], name: str, value: str) -> None:
    """Add one variable, or say in a ValueError why not."""
    loc = known.get(name.upper())
    if loc is None and name.upper().endswith("_FILE"):
        loc = known.get(name.upper().removesuffix("_FILE"))
        value = contents(value) if loc and value else value
    if loc is None:
        raise ValueError(f"unknown setting{nearest(name, known)}")
    if loc in overrides.names:
        raise ValueError(f"{overrides.names[loc]} sets the same; keep one")
    overrides.values[loc] = _parsed(loc, value)
    overrides.names[loc] = name


def contents(path: str) -> str:
    """The value in a file, without the line end that editors leave; ValueError when it cannot be had."""
    try:
        with Path(path).open("rb") as file:
            raw = file.read(_MAX_FILE + 1)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path!r} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(raw) > _MAX_FILE:
        raise ValueError(f"{path!r} is larger than 64 kB; is this the right file?")
    try:
        return raw.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError(f"{path!r} is not UTF-8 text") from None


def _parsed(loc: Loc, value: str) -> Any:
    """JSON where a list or a section is meant; else the text itself. Empty means the default."""
    if value == "":
        return None
    wanted, example = _shape(loc)
    if wanted is str:
        return value
    try:
        data = json.loads(value)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, wanted):
        raise ValueError(f"expected JSON, for example '{example}'")  # noqa: TRY004 - the user's text is wrong, not a type
    return _untyped(data)


def _shape(loc: Loc) -> tuple[type, str]:
    """What JSON a setting takes: list, dict or (str) none."""
    info, model = None, Settings
    for part in loc:
        info = model.model_fields[str(part)]
        model = info.annotation  # type: ignore[assignment]  # walked only through sections
    if hasattr(model, "model_fields"):
        return dict, '{"key": "value"}'
    return (list, '["127.0.0.0/8"]') if "tuple" in str(model) else (str, "")


def _untyped(value: Any, depth: int = 0) -> Any:
    """JSON's scalars as the text that a YAML file would hold."""
    if depth > 8:
        raise ValueError("nested too deeply")
    if isinstance(value, dict):
        return {key: _untyped(item, depth + 1) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_untyped(item, depth + 1) for item in value]
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)


def merge(data: Mapping[str, Any], overrides: Overrides) -> dict[str, Any]:
    """The file's data with the overrides put in; the data itself is left alone."""
    merged: dict[str, Any] = dict(data)
    for loc in sorted(overrides.values, key=len):
        _put(merged, loc, overrides.values[loc])
    return merged


def _put(target: dict[str, Any], loc: Loc, value: Any) -> None:
    """Set one value; a file that has something else than keys on the way keeps it and will be refused for it."""
    for part in loc[:-1]:
        inner = target.get(str(part), {})
        if not isinstance(inner, dict):
            return
        copy = dict(inner)
        target[str(part)] = copy
        target = copy
    key = str(loc[-1])
    if value is None:
        target.pop(key, None)
    elif isinstance(value, dict) and isinstance(target.get(key), dict):
        target[key] = {**target[key], **value}
    else:
        target[key] = value
