"""The figures on docs/promises.md: the table that `make storm` ends with, put in place.

make storm | tee storm.log; python -m tests.figures storm.log
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs/promises.md"
BEGIN = "<!-- measured: make storm | tee storm.log; python -m tests.figures storm.log -->"
END = "<!-- end -->"
ROW = re.compile(r"(?P<what>\S.*?) {2,}(?P<tried>[\d,]+) +(?P<failed>[\d,]+)(?: {2,}(?P<remark>.*))?")


def page(text: str, log: str, day: str) -> str:
    """The page with the figures of a storm. Raises ValueError when the log ends without them."""
    seed = re.search(r"^seed (\d+) ", log, re.MULTILINE)
    rows = list(_rows(log[seed.end() :])) if seed else []
    if seed is None or not rows:
        raise ValueError("the log holds no table of what was repeated")
    told = [
        f"A storm of {day}, seed {seed[1]}.",
        "",
        "| tried again and again | rounds | failed | |",
        "|---|--:|--:|---|",
        *rows,
    ]
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return "\n".join([head + BEGIN, "", *told, "", END + tail])


def _rows(text: str) -> Iterator[str]:
    for line in text.splitlines()[2:]:
        found = ROW.fullmatch(line.rstrip())
        if found is None:
            return
        yield f"| {found['what']} | {found['tried']} | {found['failed']} | {found['remark'] or ''} |"


if __name__ == "__main__":
    today = f"{datetime.now(UTC):%Y-%m-%d}"  # noqa: TID251 - of the storm, not of the program
    PAGE.write_text(page(PAGE.read_text("utf-8"), Path(sys.argv[1]).read_text("utf-8"), today), "utf-8")
