"""Do the fault tests see what they are there for? Two known mistakes are made in a copy; the suite must fail there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATCHES = sorted((ROOT / "tests/mutations").glob("*.patch"))


def test_both_mutations_are_kept() -> None:
    assert [p.stem for p in PATCHES] == ["match-after-commit", "validators-before-entries"]


@pytest.mark.parametrize("patch", PATCHES, ids=lambda p: p.stem)
def test_the_suite_fails_on(patch: Path, tmp_path: Path) -> None:
    for part in ("aggregator", "tests", "pyproject.toml"):
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path / part)
    subprocess.run(["git", "apply", "--unsafe-paths", str(patch)], cwd=tmp_path, check=True, env=_environ(tmp_path))
    tests = ["tests/faults/test_kill.py", "-k", "after_any_commit", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *tests],
        cwd=tmp_path,
        env=_environ(tmp_path),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert " lost: " in done.stdout, done.stdout


def _environ(folder: Path) -> dict[str, str]:
    """The copy's own code goes before the installed one; git looks for no repository above."""
    # One of the commits is where the mistake shows; before the first entries there is nothing to lose.
    every = {"AGGREGATOR_STORM": "1", "AGGREGATOR_KILL_FROM": "5"}
    return os.environ | every | {"PYTHONPATH": str(folder), "GIT_CEILING_DIRECTORIES": str(folder.parent)}
