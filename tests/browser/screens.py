"""Pages to look at: `python -m tests.browser.screens OUT [NAME ...]` writes a picture of every page, or of those whose names begin so.

Each as the operator sees it, 320 and 1280 pixels wide, light and dark; what letters lead to as a visitor does. Look at all of them.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.browser.chromium import Chromium, missing
from tests.browser.installation import Place, open_house
from tests.browser.rooms import LETTERS, LOOKS, built, rooms


def main(out: Path, wanted: tuple[str, ...]) -> None:
    """Write the pictures."""
    lack = missing()
    if lack:
        sys.exit(lack)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, Chromium() as browser, open_house(Path(home)) as place:
        shoot(browser, place, out, wanted or ("",))


def shoot(browser: Chromium, place: Place, out: Path, wanted: tuple[str, ...]) -> None:
    """The pages whose names begin as wanted."""
    # Half an hour later, so that "ago" has something to say.
    now = place.clock.now().timestamp() * 1000 + 1_800_000
    with (
        browser.visit(place.url, {"session": place.session}, now=now) as operator,
        browser.visit(place.url, now=now) as visitor,
    ):
        for room in rooms(place).values():
            if room.path not in built(place) or not room.name.startswith(wanted):
                continue
            visit = visitor if room.name in LETTERS else operator
            visit.open(room.address)
            for width, scheme in LOOKS:
                visit.wear(width, scheme)
                visit.shoot(out / f"{room.name}-{width}-{scheme}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]), tuple(sys.argv[2:]))
