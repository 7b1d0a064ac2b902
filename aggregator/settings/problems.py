"""pydantic's findings as one clear line each: where in the file, which key, and what to write instead."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from aggregator.settings.fields import nearest, shown
from aggregator.settings.yamlfile import Loc, Problem, YamlFile, brief, kind

Finding = tuple[Loc, str]
"""Where something is wrong, and the whole sentence about it."""

MOST = 20
"""Problems told of one file."""

_WANTED = {
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "keys with values",
    "model_type": "keys with values",
    "model_attributes_type": "keys with values",
    "string_type": "plain text",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a smaller number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
}


def findings(error: ValidationError, model: type[BaseModel]) -> list[Finding]:
    """Every finding of a validation; that a list is too short is left out where it is so for its refused items."""
    details = [(_loc(detail["loc"]), detail) for detail in error.errors(include_url=False)]
    around = {loc[:-1] for loc, _ in details if loc}
    return [
        (loc, _sentence(detail["type"], loc, detail, model))
        for loc, detail in details
        if detail["type"] != "too_short" or loc not in around
    ]


def _loc(raw: Iterable[int | str]) -> Loc:
    """The way to the value; its mark for a mapping's own key is left out."""
    return tuple(part for part in raw if part != "[key]")


def dotted(loc: Loc) -> str:
    """`feeds[3].interval`."""
    way = ""
    for part in loc:
        way += f"[{part}]" if isinstance(part, int) else f".{brief(part)}" if way else brief(part)
    return way


def _sentence(code: str, loc: Loc, detail: Mapping[str, Any], model: type[BaseModel]) -> str:
    """`way: what is wrong; what to write`."""
    context, value = detail.get("ctx", {}), detail.get("input")
    way = dotted(loc)
    if code == "extra_forbidden":
        return f"{way}: unknown key{_known(str(loc[-1]), keys_at(model, loc[:-1]))}"
    if code == "missing":
        return f"{dotted(loc[:-1])}: `{loc[-1]}` is missing"
    return f"{way or 'the file'}: {_message(code, context, value, detail.get('msg', ''))}"


def _known(word: str, names: list[str]) -> str:
    """The name that was probably meant, or all there are."""
    return nearest(word, names) or f"; known here: {', '.join(names)}"


def _message(code: str, context: Mapping[str, Any], value: Any, fallback: str) -> str:
    """What is wrong with a value."""
    if code == "value_error":
        return str(context.get("error", fallback))
    if code == "literal_error":
        return f"{shown(value)} is not one of {context.get('expected', '')}"
    if code in {"greater_than_equal", "less_than_equal"}:
        return f"must be at {'least' if code[0] == 'g' else 'most'} {context.get('ge', context.get('le'))}"
    if code == "too_short":
        return "the list is empty"
    if code in _WANTED:
        return f"expected {_WANTED[code]}, found {shown(value) if isinstance(value, str) else kind(value)}"
    return fallback


def keys_at(model: type[BaseModel], loc: Loc) -> list[str]:
    """The keys that may stand at this place."""
    for part in loc:
        if isinstance(part, int):
            continue
        info = model.model_fields.get(part)
        inner = _model_in(info.annotation) if info else None
        if inner is None:
            return []
        model = inner
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model inside `Model`, `tuple[Model, ...]` or `Model | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in typing.get_args(annotation) if (model := _model_in(part))), None)


def tell(file: YamlFile, found: list[Finding]) -> list[str]:
    """What is wrong with a file, as `file:line: text`, in the order of the file and not more than a person reads."""
    lines = file.lines([loc for loc, _ in found])
    located = [Problem(line, text) for line, (_, text) in zip(lines, found, strict=True)]
    told = file.refuse([*file.problems, *located])
    return told if len(told) <= MOST else [*told[:MOST], f"{file.path}: and {len(told) - MOST} more"]
