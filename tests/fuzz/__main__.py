"""`python -m tests.fuzz NAME [--seconds N] [--seed N] [--dice] [--keep FOLDER]`: hunt for inputs that break a promise.

Where atheris is installed, coverage leads (libFuzzer: what reaches new code is kept in FOLDER and damaged further); else dice.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
from pathlib import Path
from typing import Any

INSTRUMENTED = ["aggregator", "feedparser"]


def main(arguments: list[str]) -> int:
    """Hunt, print what came of it; 1 where something was found."""
    asked = argparse.ArgumentParser(prog="python -m tests.fuzz")
    asked.add_argument("name")
    asked.add_argument("--seconds", type=float, default=600.0)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--dice", action="store_true", help="without atheris")
    asked.add_argument("--keep", type=Path, help="folder of the inputs that reach new code, and of what was found")
    given = asked.parse_args(arguments)
    if not given.dice and importlib.util.find_spec("atheris") is not None:
        return led_by_coverage(given)
    return led_by_dice(given)


def led_by_dice(given: argparse.Namespace) -> int:
    """The hunt of `make storm`."""
    from tests.fuzz.hunt import hunt
    from tests.fuzz.targets import TARGETS

    bag = hunt(TARGETS[given.name], given.seed, seconds=given.seconds)
    sys.stdout.write(f"{bag}, seed {given.seed}\n")
    for found in bag.findings:
        sys.stdout.write(f"\n{found.kind}: {found.data[:2_000]!r}\n{found.trace}\n")
    return 1 if bag.findings else 0


def led_by_coverage(given: argparse.Namespace) -> int:
    """The same by libFuzzer, which ends the process itself."""
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=INSTRUMENTED):
        from tests.fuzz.targets import TARGETS
    target = TARGETS[given.name]
    folder = given.keep or Path(tempfile.mkdtemp(prefix=f"fuzz-{given.name}-"))
    corpus, samples = folder / "corpus", folder / "samples"
    for each in (corpus, samples):
        each.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(target.samples()):
        (samples / f"{number:04}").write_bytes(data)
    lines = "".join(_quoted(word) for word in target.words if 0 < len(word) <= 60)
    (folder / "words").write_text(lines, encoding="ascii")
    options = [
        f"-max_total_time={given.seconds:.0f}", f"-seed={given.seed}", "-timeout=20", "-max_len=60000", "-rss_limit_mb=3000", "-len_control=50",
        f"-dict={folder / 'words'}", f"-artifact_prefix={folder}/found-", "-print_final_stats=1", "-reload=0", "-verbosity=1",
    ]  # fmt: skip
    atheris.Setup([f"fuzz {given.name}", *options, str(corpus), str(samples)], target.run)
    atheris.Fuzz()
    return 0


def _quoted(word: bytes) -> str:
    """A word as a line of libFuzzer's dictionary."""
    return '"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n'


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
