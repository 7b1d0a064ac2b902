"""`aggregator demo`: the main job, offline, and honest about whether it happened."""

from __future__ import annotations

import subprocess
import sys
import time
from email import message_from_bytes, policy
from pathlib import Path

from tests.e2e.program import aggregator, done, environment


def test_the_demo_does_the_main_job_and_says_what_to_open(tmp_path: Path) -> None:
    home = tmp_path / "news"
    began = time.monotonic()
    command = [sys.executable, "-m", "aggregator", "demo", "--dir", str(home)]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=60, check=False)
    seconds = time.monotonic() - began
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert seconds < 15
    said = ended.stdout
    assert "2 February 2023, 15:00 (Minsk)" in said.splitlines()[0]
    for words in (
        "old-lantern",
        "410",
        "malformed",
        "slow",
        "304",
        "same bytes",
        "“АДКБ” in the title",
        "Minsk Wire + 4",
    ):
        assert words in said, words
    assert "FAIL" not in said
    assert "Traceback" not in said + ended.stderr
    opened = [Path(line.rpartition(" ")[2]) for line in said.partition("\nOpen ")[2].partition("\n\n")[0].splitlines()]
    assert [p.suffix for p in opened] == [".html", ".html", ".eml"]
    assert all(p.is_file() for p in opened)
    assert "CSTO" in opened[1].read_text("utf-8")
    mail = message_from_bytes(opened[2].read_bytes(), policy=policy.default)
    assert mail["To"] == "desk@news.example"

    for words in ("a search for @csto finds those 18 entries", "adds up to 18", "who was read without it"):
        assert words in said, words

    # The home it leaves behind is an ordinary one, whose pages can be looked at.
    invited = said.partition("\nLook around: ")[2].splitlines()
    assert invited[0].endswith(f"-m aggregator --home {home} web")
    assert "http://127.0.0.1:8080/days/2023-02-02" in invited[1]
    assert done(home, "admin", "link").out.startswith("http://127.0.0.1:8080/sign-in/")
    assert "11 feeds, 2 watchlists, 2 digests: valid" in done(home, "check").out
    assert len(done(home, "entries", "--json").lines) == 64
    assert max(story["feeds"] for story in done(home, "stories", "--json").lines) == 5

    again = aggregator(tmp_path, "demo", "--dir", str(home))
    assert again.code == 2
    assert f"{home}: not empty" in again.err


def test_the_demo_takes_no_file_for_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    inside = aggregator(tmp_path, "demo", "--dir", str(tmp_path / "file/news"))
    assert inside.code == 2
    assert str(tmp_path / "file/news") in inside.err
