"""How much a test that can be repeated does: a little in `make test`, a lot in `make storm`; a table says what was done."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass

STORM = os.environ.get("AGGREGATOR_STORM", "") not in ("", "0")
USUAL_SEED = 20230202


@dataclass(frozen=True)
class Row:
    """What one test did over and over, and what came of it."""

    what: str
    tried: int
    failed: int
    remark: str = ""


rows: list[Row] = []


def _seed() -> int:
    told = os.environ.get("AGGREGATOR_SEED", "")
    if told:
        return int(told)
    return random.SystemRandom().randrange(2**32) if STORM else USUAL_SEED


_chosen = _seed()
# Read before the tests clear what begins so.
_fuzz = os.environ.get("AGGREGATOR_FUZZ_SECONDS", "") or "600"


def count(small: int, storm: int) -> int:
    """How many rounds to do: `small` in `make test`, `storm` in `make storm`."""
    return storm if STORM else small


def seed() -> int:
    """The seed of this run's dice: always the same in `make test`, a new one in each storm; AGGREGATOR_SEED repeats one."""
    return _chosen


def fuzz_seconds() -> float:
    """How long inputs of a main kind are made in a storm: ten minutes, unless AGGREGATOR_FUZZ_SECONDS says otherwise."""
    return float(_fuzz)


def report(what: str, tried: int, failed: int, remark: str = "") -> None:
    """Put a row into the table at the end of the run."""
    rows.append(Row(what, tried, failed, remark))


def table() -> list[str]:
    """The table's lines; empty when nothing was reported."""
    if not rows:
        return []
    wide = max(len(r.what) for r in rows)
    head = f"{'repeated':<{wide}}  {'rounds':>8}  {'failed':>6}  remark"
    lines = [f"{r.what:<{wide}}  {r.tried:>8,}  {r.failed:>6,}  {r.remark}".rstrip() for r in rows]
    return [f"seed {_chosen} (AGGREGATOR_SEED={_chosen} repeats it)", head, *lines]
