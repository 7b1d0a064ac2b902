"""The program as the base install has it: the extras that this environment holds for its tests are not found."""

from __future__ import annotations

import sys

EXTRAS = ("py3langid", "numpy")

if __name__ == "__main__":
    sys.modules.update(dict.fromkeys(EXTRAS))
    from aggregator.cli import run

    run()
