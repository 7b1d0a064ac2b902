"""The configuration: feeds.yaml, config/ and the environment, read and checked; docs/configuration.md is its manual.

yamlfile      bytes -> plain data and lines        environment   AGGREGATOR__SECTION__KEY -> overrides
models files  what may stand in each file          checks        names and queries across values
loading       all of it -> Configuration           problems      pydantic's findings -> file:line: text
edit          one item more or less in a list      home          paths, folders, the secret
swap          another database in its place
"""

from __future__ import annotations

from aggregator.settings.edit import add_digest, add_feed, add_feeds, add_to_digest, add_watchlist, remove_feed
from aggregator.settings.environment import variable
from aggregator.settings.fields import address, http_url, show_duration, slug
from aggregator.settings.files import host_id, same_url
from aggregator.settings.home import Home, is_file
from aggregator.settings.loading import Configuration, load
from aggregator.settings.models import Settings, known_settings, masked
from aggregator.settings.moments import moment
from aggregator.settings.operations import BackupSettings
from aggregator.settings.schema import json_schema
from aggregator.settings.swap import prepare, scratch, secret, swap

__all__ = [
    "BackupSettings",
    "Configuration",
    "Home",
    "Settings",
    "add_digest",
    "add_feed",
    "add_feeds",
    "add_to_digest",
    "add_watchlist",
    "address",
    "host_id",
    "http_url",
    "is_file",
    "json_schema",
    "known_settings",
    "load",
    "masked",
    "moment",
    "prepare",
    "remove_feed",
    "same_url",
    "scratch",
    "secret",
    "show_duration",
    "slug",
    "swap",
    "variable",
]
