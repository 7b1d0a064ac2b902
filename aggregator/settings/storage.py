"""Where everything is stored: a file, or a database on a server."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

from aggregator.settings import fields as f
from aggregator.settings.section import Section
from aggregator.urls import mask


def database_url(value: str) -> str:
    """The URL of the database: a file for SQLite, a server and a name for PostgreSQL as libpq takes it."""
    if value.startswith("postgresql://") and not f.CONTROL.search(value):
        try:
            if urlsplit(value).path.strip("/"):
                return value
        except ValueError:
            pass
        raise ValueError(f"{_unnamed(value)} names no database; write it like postgresql://user@host/aggregator")
    if not value.startswith("sqlite:///") or value.endswith("/") or f.CONTROL.search(value):
        raise ValueError(
            f"{_unnamed(value)} is not a database URL; write it like sqlite:///var/aggregator.db "
            "or postgresql://user@host/aggregator"
        )
    return value


def without_password(url: str) -> str:
    """A database's URL as it may be shown to whoever gave it."""
    hidden = re.sub(r"//([^/:@]*):.*@", r"//\1:***@", url, flags=re.DOTALL)
    return re.sub(r"(password=)[^&]*", r"\1***", hidden)


def _unnamed(url: str) -> str:
    """A database's URL for an error: who signs in, and with what, stays out."""
    return f.shown(re.sub(r"//.*@", "//***@", url, flags=re.DOTALL))


_DatabaseUrl = Annotated[str, AfterValidator(database_url), PlainSerializer(mask)]


class StorageSettings(Section):
    """Where everything is stored."""

    url: _DatabaseUrl = Field(
        default="sqlite:///var/aggregator.db",
        description="The database: a file, whose relative path starts in the home folder, or `postgresql://user@host/name`.",
    )
    connections: int = Field(
        default=12, ge=8, le=1_000, description="Connections of one process to a PostgreSQL server at most."
    )
    durability: Annotated[Literal["full", "normal"], BeforeValidator(f.lower)] = Field(
        default="full",
        description="full: survives a power cut at any moment; normal: faster, may lose the last seconds.",
    )
