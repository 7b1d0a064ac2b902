"""One sweep by the `reader` package: runs in the peers' environment.

Arguments: database, file with one URL a line, workers (0: only open the database; search: fill its search).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from reader import make_reader  # type: ignore[import-not-found, unused-ignore]


def main(database: str, urls: str, workers: str) -> None:
    """Add feeds the first time, then ask every feed once."""
    new = not Path(database).exists()
    # scheduled=False: every feed now, as `poll --all` does for us.
    with make_reader(database) as reader:
        if new:
            for url in Path(urls).read_text().split():
                reader.add_feed(url)
        polled = (
            reader.update_feeds_iter(scheduled=False, workers=int(workers))
            if workers.isdigit() and int(workers)
            else ()
        )
        failed = sum(isinstance(r.value, Exception) for r in polled)
        if workers == "search":
            reader.enable_search()
            reader.update_search()
        print(json.dumps({"entries": reader.get_entry_counts().total, "failed": failed}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3])
