"""`python -m aggregator`."""

from __future__ import annotations

from aggregator.cli import run

if __name__ == "__main__":
    run()
