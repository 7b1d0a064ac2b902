"""The end-to-end and delivery tests on PostgreSQL: a few files in `make test`, chosen for what they ask of the store, all of them in a storm.

By hand: AGGREGATOR_TEST_STORE=postgres pytest tests/e2e
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import counts, stored

HERE = Path(__file__).parent
CHOSEN = ("test_told_once", "test_retention", "test_stats")
"""The main job and its mail, pruning, numbers."""
ALL = sorted(file.stem for file in HERE.glob("test_*.py") if file.stem != Path(__file__).stem)


@pytest.mark.skipif(stored.POSTGRES, reason="it is on PostgreSQL already")
@pytest.mark.parametrize("name", ALL if counts.STORM else CHOSEN)
def test_what_holds_of_a_file_holds_of_a_server(name: str, postgres_server: str, tmp_path: Path) -> None:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("AGGREGATOR", "PYTEST"))}
    env |= {"AGGREGATOR_TEST_STORE": "postgres", "AGGREGATOR_TEST_POSTGRES": postgres_server}
    command = [sys.executable, "-m", "pytest", "-n0", "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'base'}"]
    ended = subprocess.run(
        [*command, str(HERE / f"{name}.py")], env=env, cwd=HERE.parents[1], capture_output=True, text=True, check=False
    )
    # 5: there was nothing to run but what is about files.
    assert ended.returncode in (0, 5), ended.stdout[-6000:] + ended.stderr[-2000:]
    passed = re.search(r"(\d+) passed", ended.stdout)
    counts.report(f"{name} on PostgreSQL", int(passed[1]) if passed else 0, 0)
