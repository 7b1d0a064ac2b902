"""What Atom (RFC 4287) and JSON Feed 1.1 ask of a document, and feedparser's opinion: faults, one line each."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import feedparser
import jsonschema_rs
from lxml import etree

DATA = Path(__file__).parent / "data"
A = "{http://www.w3.org/2005/Atom}"


@cache
def _schema() -> Any:
    return etree.RelaxNG(etree.parse(DATA / "atom.rng"))


def atom_faults(body: bytes) -> list[str]:
    """What is wrong with an Atom feed: by its schema, by what a schema cannot say, and by feedparser."""
    root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
    schema = _schema()
    faults = [] if schema.validate(root) else [str(e) for e in schema.error_log]
    entries = root.findall(f"{A}entry")
    ids = [entry.findtext(f"{A}id") for entry in entries]
    if len(ids) != len(set(ids)):
        faults.append("two entries have one id (§4.1.1)")
    for entry in entries:
        if not (entry.findall(f"{A}author") or root.findall(f"{A}author") or entry.findall(f"{A}source/{A}author")):
            faults.append("an entry has no author (§4.1.2)")
        kinds = [
            (one.get("rel", "alternate"), one.get("type"), one.get("hreflang")) for one in entry.findall(f"{A}link")
        ]
        if len({k for k in kinds if k[0] == "alternate"}) < sum(k[0] == "alternate" for k in kinds):
            faults.append("two alternate links of one type and language (§4.1.2)")
        if entry.find(f"{A}content") is None and "alternate" not in {k[0] for k in kinds}:
            faults.append("an entry has neither content nor an alternate link (§4.1.2)")
    read = feedparser.parse(body)
    if read.bozo:
        faults.append(f"feedparser: {read.bozo_exception}")
    if read.version != "atom10" or len(read.entries) != len(entries):
        faults.append("feedparser: not an Atom feed with all entries")
    return faults


def json_faults(body: bytes) -> list[str]:
    """What is wrong with a JSON Feed."""
    validator = jsonschema_rs.Draft202012Validator(JSON_FEED, validate_formats=True)
    value = json.loads(body)
    faults = [f"{error.instance_path}: {error.message}" for error in validator.iter_errors(value)]
    ids = [item.get("id") for item in value.get("items", ())]
    return faults + (["two items have one id"] if len(ids) != len(set(ids)) else [])


_URL = {"type": "string", "format": "uri", "pattern": "^https?://"}
_AUTHORS = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "properties": {"name": {"type": "string", "minLength": 1}, "url": _URL, "avatar": _URL},
        "minProperties": 1,
        "additionalProperties": False,
    },
}
_TAG = {"type": "string", "pattern": "^[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*$"}
_DATE = {"type": "string", "format": "date-time"}
JSON_FEED = {
    "type": "object",
    "required": ["version", "title", "items"],
    "additionalProperties": False,
    "properties": {
        "version": {"const": "https://jsonfeed.org/version/1.1"},
        "title": {"type": "string", "minLength": 1},
        "home_page_url": _URL,
        "feed_url": _URL,
        "description": {"type": "string"},
        "language": _TAG,
        "authors": _AUTHORS,
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id"],
                "anyOf": [{"required": ["content_html"]}, {"required": ["content_text"]}],
                "additionalProperties": False,
                "properties": {
                    "id": {"type": "string", "minLength": 1},
                    "url": _URL,
                    "external_url": _URL,
                    "title": {"type": "string"},
                    "content_html": {"type": "string"},
                    "content_text": {"type": "string"},
                    "summary": {"type": "string"},
                    "date_published": _DATE,
                    "date_modified": _DATE,
                    "authors": _AUTHORS,
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "language": _TAG,
                },
            },
        },
    },
}
"""jsonfeed.org/version/1.1, of which what we publish; a key that it does not know is a fault."""
