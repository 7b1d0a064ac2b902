"""Run a command and say what it cost: CPU seconds of its whole process tree, and the tree's peak memory.

As a script it is the wrapper that runs the command: it adopts orphans (PR_SET_CHILD_SUBREAPER), so that worker processes
whose parent is a fork server are waited for, and counted, too.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Cost:
    """What one command took.

    Attributes:
        cpu: user and system seconds of the process and of every process it started, directly or not.
        peak_mb: highest sum of proportional memory (PSS) over the process tree, sampled every 20 ms.
        wall: seconds on the wall; it says little on a shared machine.
    """

    cpu: float
    peak_mb: float
    wall: float
    out: str


def run(command: Sequence[str], env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Cost:
    """Run to the end; raises when the command fails."""
    with tempfile.TemporaryDirectory(prefix="bench-cost-") as folder:
        report = Path(folder) / "cost.json"
        out, err = Path(folder) / "out", Path(folder) / "err"
        wrapped = [sys.executable, __file__, str(report), *command]
        with out.open("w") as o, err.open("w") as e:
            child = subprocess.Popen(wrapped, stdout=o, stderr=e, env=env, cwd=cwd)
            peak = [0]
            done = threading.Event()
            watch = threading.Thread(target=_watch, args=(child.pid, peak, done))
            watch.start()
            code = child.wait()
            done.set()
            watch.join()
        if code:
            raise SystemExit(f"{' '.join(command)} ended with {code}:\n{err.read_text()[-2000:]}")
        facts = json.loads(report.read_text())
        return Cost(facts["cpu"], peak[0] / 1024, facts["wall"], out.read_text())


def _watch(wrapper: int, peak: list[int], done: threading.Event) -> None:
    while not done.wait(0.02):
        peak[0] = max(peak[0], sum(_pss(p) for p in _tree(wrapper)[1:]))


def _tree(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        try:
            for task in Path(f"/proc/{parent}/task").iterdir():
                found += [int(p) for p in (task / "children").read_text().split()]
        except OSError:
            continue
    return found


def _pss(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def _wrap(report: Path, command: Sequence[str]) -> int:
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")
    began = time.monotonic()
    code = subprocess.run(command, check=False).returncode
    wall = time.monotonic() - began
    try:
        while True:
            os.wait()
    except ChildProcessError:
        pass
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    report.write_text(json.dumps({"cpu": usage.ru_utime + usage.ru_stime, "wall": wall}))
    return code


if __name__ == "__main__":
    sys.exit(_wrap(Path(sys.argv[1]), sys.argv[2:]))
