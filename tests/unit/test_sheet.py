"""The pages' one style sheet: nothing in it that no page wears, colours by name, sizes that follow the reader's text."""

from __future__ import annotations

import re
from pathlib import Path

import aggregator

WEB = Path(aggregator.__file__).parent / "web"
SHEET = re.sub(r"/\*.*?\*/", "", (WEB / "static/aggregator.css").read_text("utf-8"), flags=re.DOTALL)
WORN = "".join(file.read_text("utf-8") for file in [*(WEB / "templates").glob("*.j2"), WEB / "static/aggregator.js"])


def test_every_class_of_the_sheet_is_worn() -> None:
    classes = set(re.findall(r"\.([a-z][\w-]*)", SHEET))
    assert {c for c in classes if not re.search(rf"""["' ]{c}["' ]""", WORN)} == set()


def test_colours_stand_in_the_variables_alone() -> None:
    assert [line for line in SHEET.splitlines() if "#" in line and "--" not in line] == []


def test_text_and_space_are_measured_in_rem() -> None:
    sizes = [line for line in SHEET.splitlines() for found in re.findall(r"(\d+)px", line) if int(found) > 6]
    assert [line for line in sizes if ".chart svg" not in line] == []
