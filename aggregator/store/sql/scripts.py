"""Files of statements that lie beside an engine's modules."""

from __future__ import annotations

from importlib import resources


def statements(package: str, name: str) -> list[str]:
    """The statements of a .sql file of this package; a line that holds only a semicolon ends each."""
    text = resources.files(package).joinpath(name).read_text("utf-8")
    return [s.strip() for s in text.split("\n;\n") if s.strip()]
