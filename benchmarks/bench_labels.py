"""Our labelled sets, queries x texts and pairs of entries: what `python -m tests.labels` prints, which the tests hold."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

if __name__ == "__main__":
    command = [sys.executable, "-m", "tests.labels", *sys.argv[1:]]
    sys.exit(subprocess.run(command, cwd=Path(__file__).parent.parent, check=False).returncode)
