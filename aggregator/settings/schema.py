"""JSON Schema of the four files, for editors that check and complete YAML."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from aggregator.settings.fields import show_duration
from aggregator.settings.files import DigestsFile, FeedsFile, WatchlistsFile
from aggregator.settings.models import Settings
from aggregator.settings.section import Section

FILES: dict[str, type[Section]] = {
    "feeds.yaml": FeedsFile,
    "config/watchlists.yaml": WatchlistsFile,
    "config/digests.yaml": DigestsFile,
    "config/aggregator.yaml": Settings,
}
"""Each file and what may stand in it."""


def json_schema() -> dict[str, dict[str, Any]]:
    """File name -> its JSON Schema."""
    return {name: _schema(name, model) for name, model in FILES.items()}


class _Generator(GenerateJsonSchema):
    """Defaults as they are written in the file."""

    def encode_default(self, dft: Any) -> Any:
        """`30s` rather than ISO 8601's PT30S."""
        return show_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)


def _schema(name: str, model: type[Section]) -> dict[str, Any]:
    """One file's schema."""
    schema = model.model_json_schema(schema_generator=_Generator)
    for owner in (schema, *schema.get("$defs", {}).values()):
        owner["properties"] = {key: _or_empty(value) for key, value in owner.get("properties", {}).items()}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": name}


def _or_empty(value: dict[str, Any]) -> dict[str, Any]:
    """A section or list may be there without anything in it."""
    is_container = "$ref" in value or value.get("type") in ("array", "object")
    return {"anyOf": [value, {"type": "null"}]} if is_container else value
