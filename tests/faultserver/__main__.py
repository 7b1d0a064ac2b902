"""Serve the faults by hand: `python -m tests.faultserver` prints their addresses, --home DIR makes a home that polls them."""

from __future__ import annotations

import argparse
import json
import signal
from pathlib import Path

from tests.faultserver.site import FAULTS, feeds_file, served


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tests.faultserver", description=__doc__)
    parser.add_argument("--home", type=Path, help="write feeds.yaml and settings into this folder")
    home = parser.parse_args().home
    with served() as site:
        for fault in FAULTS:
            print(f"{fault.name:<24} {site.urls[fault.name]:<44} {fault.does}")  # noqa: T201 - what it is for
        if home:
            (home / "config").mkdir(parents=True, exist_ok=True)
            (home / "feeds.yaml").write_text(feeds_file(site))
            network = {"network": {"allow_private": ["127.0.0.0/8"], "host_spacing": "0s"}}
            (home / "config/aggregator.yaml").write_text(json.dumps(network))
            print(f"\naggregator --home {home} poll && aggregator --home {home} feeds list")  # noqa: T201 - the same
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    main()
