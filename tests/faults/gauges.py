"""What a process and its database take up, read from outside: memory, files, threads, children, pages, rows."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from statistics import fmean

from tests.e2e.program import descendants


def process(pid: int) -> dict[str, int]:
    """Kilobytes of memory of a process and of those below it, its open files and threads, and how many are below it."""
    below = list(descendants(pid))
    return {
        "rss_kb": rss(pid),
        "workers_kb": sum(map(rss, below)),
        "files": len(list(Path(f"/proc/{pid}/fd").iterdir())),
        "threads": _status(pid, "Threads"),
        "children": len(below),
    }


def rss(pid: int) -> int:
    """Resident kilobytes; 0 for a process that has ended."""
    return _status(pid, "VmRSS")


def _status(pid: int, name: str) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1])
    return 0


def database(file: Path) -> dict[str, int]:
    """Bytes of the file and of its log, free pages, and the rows of every table as `rows_NAME`."""
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as conn:
        (free,) = conn.execute("PRAGMA freelist_count").fetchone()
        (size,) = conn.execute("PRAGMA page_size").fetchone()
        names = [r[0] for r in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        rows = {f"rows_{n}": conn.execute(f"SELECT count(*) FROM {n}").fetchone()[0] for n in names if _counts(n)}
    log = file.with_name(f"{file.name}-wal")
    return {"db": file.stat().st_size, "wal": size_of(log), "free": free * size} | rows


def _counts(name: str) -> bool:
    """Whether a table is one of ours: not of SQLite, nor a part of the search index."""
    return not name.startswith(("sqlite_", "_sqlite", "entry_index"))


def bytes_by_table(file: Path) -> dict[str, int]:
    """Bytes of every table with its indexes, the search index as one; reads the whole file."""
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as conn:
        owner = dict(conn.execute("SELECT name, tbl_name FROM sqlite_master"))
        found: dict[str, int] = {}
        for name, taken in conn.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name"):
            table = owner.get(name, name)
            table = "entry_index" if table.startswith("entry_index") else table
            found[table] = found.get(table, 0) + taken
    return found


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; 0 where there is none."""
    with contextlib.suppress(OSError):
        if path.is_dir():
            return sum(size_of(one) for one in path.iterdir())
        return path.stat().st_size
    return 0


def slope(values: list[tuple[float, float]]) -> float:
    """The rise of the second for one of the first, by least squares; 0 for a single one."""
    if len(values) < 2:
        return 0.0
    x, y = fmean(v[0] for v in values), fmean(v[1] for v in values)
    return sum((a - x) * (b - y) for a, b in values) / sum((a - x) ** 2 for a, _ in values)
