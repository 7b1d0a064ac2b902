"""One headless Chromium, told what to do by driver.js: its visits, and what is measured on their pages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).parents[2]
# Read here, as the tests themselves run without the person's settings.
NAMED = os.environ.get("AGGREGATOR_CHROMIUM", "")
WANTED = os.environ.get("AGGREGATOR_BROWSER") == "1"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
PACKAGES = ("playwright-core", "axe-core")


def find() -> str | None:
    """The browser to use."""
    return NAMED or next((found for name in PROGRAMS if (found := shutil.which(name))), None)


def missing() -> str:
    """What there is not of what a browser test needs; "" where there is all."""
    if not find():
        return "no Chromium here (AGGREGATOR_CHROMIUM names one)"
    if not shutil.which("node"):
        return "no node here"
    if not all((ROOT / "node_modules" / name).is_dir() for name in PACKAGES):
        return "the packages of package.json are not installed: make browser"
    return ""


class Trouble(Exception):  # noqa: N818 - it is trouble
    """The browser could not do what it was told."""


class Chromium:
    """The browser, for as long as the `with` block lasts."""

    def __enter__(self) -> Self:
        command = ["node", str(Path(__file__).with_name("driver.js")), str(find())]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        self.version = self._answer()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()  # the end of its stdin ends it

    def tell(self, verb: str, **given: Any) -> Any:
        """Have a verb of driver.js done. Raises Trouble."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"do": verb, **given}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise Trouble("the browser ended")
        answer = json.loads(line)
        if "error" in answer:
            raise Trouble(answer["error"])
        return answer["value"]

    def visit(self, url: str, cookies: Mapping[str, str] | None = None, **how: Any) -> Visit:
        """Somebody who comes to `url`; for `how` see driver.js."""
        jar = [{"name": name, "value": value, "url": url} for name, value in (cookies or {}).items()]
        return Visit(self, url, self.tell("visit", cookies=jar, **how))


class Visit:
    """Somebody at the pages, with one window."""

    def __init__(self, browser: Chromium, url: str, number: int) -> None:
        self._browser = browser
        self._url = url.rstrip("/")
        self._number = number

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tell("leave")

    def _tell(self, verb: str, **given: Any) -> Any:
        return self._browser.tell(verb, visit=self._number, **given)

    def open(self, path: str) -> int:
        """Go to a path; the status of the answer."""
        return int(self._tell("open", url=self._url + path))

    def wear(self, width: int, scheme: str) -> None:
        """Change the window and the colours under the page."""
        self._tell("wear", width=width, scheme=scheme)

    def axe(self) -> list[str]:
        """What axe finds wrong by WCAG 2.2 AA, a line each."""
        found = self._tell("axe")
        assert found["rules"] > 10
        return list(found["wrong"])

    def press(self, *keys: str) -> None:
        """Keys, one after the other."""
        self._tell("press", keys=keys)

    def lead(self, *keys: str) -> None:
        """Keys of which the last leads to another page."""
        self._tell("lead", keys=keys)

    def type(self, text: str) -> None:
        """Text where the focus is."""
        self._tell("type", text=text)

    def fill(self, selector: str, text: str) -> None:
        """Text into a field."""
        self._tell("fill", selector=selector, text=text)

    def choose(self, selector: str, value: str) -> None:
        """An option of a select."""
        self._tell("choose", selector=selector, text=value)

    def click(self, selector: str, *, leads: bool = True) -> None:
        """A click, with the mouse; `leads` to another page."""
        self._tell("click", selector=selector, leads=leads)

    def back(self) -> None:
        """To the page before."""
        self._tell("back")

    def ask(self, script: str) -> Any:
        """The value of an expression on the page."""
        return self._tell("ask", script=script)

    @property
    def path(self) -> str:
        """Where the visit is."""
        where = str(self._tell("where"))
        assert where.startswith(self._url), where
        return where.removeprefix(self._url)

    @property
    def text(self) -> str:
        """What the page says, as it is read."""
        return str(self.ask("document.body.innerText"))

    def shoot(self, path: Path) -> None:
        """The whole page as a picture."""
        self._tell("shoot", path=str(path))

    def noise(self) -> list[str]:
        """What the console said and what was asked of other places, since the last time.

        That a page is an error page is no noise: the console tells it of the address of the page itself.
        """
        heard = self._tell("heard")
        said = [
            f"{n['text']} ({n['of']})"
            for n in heard["noise"]
            if not (n["of"] == self._tell("where") and "status of 4" in n["text"])
        ]
        return [*said, *(f"asked for {url}" for url in heard["asked"] if not url.startswith(self._url + "/"))]

    def tab_to(self, text: str, most: int = 80) -> Sequence[str]:
        """Press Tab until the focus is on what is called so, or begins so; the names on the way. Raises AssertionError where it never is."""
        passed = []
        for _ in range(most):
            self.press("Tab")
            name = str(self.ask(FOCUSED))
            passed.append(name)
            if name.startswith(text):
                return passed
        raise AssertionError(f"Tab never comes to {text!r} but to {passed}")


FOCUSED = """(() => { const e = document.activeElement; if (!e) return "";
    return (e.labels && e.labels.length ? e.labels[0].firstChild.textContent : e.textContent || e.getAttribute("aria-label") || "").trim(); })()"""
