"""The unit file as its judge sees it, and the daemon under what it promises a service manager and under what that takes away."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import counts
from tests.e2e.program import Daemon, aggregator, done, until, write_home

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "packaging/aggregator.service"
JUDGE = shutil.which("systemd-analyze")
needs_judge = pytest.mark.skipif(
    JUDGE is None and not os.environ.get("AGGREGATOR_SYSTEMD"), reason="there is no systemd-analyze here"
)
NEWER = ("RestartSteps", "RestartMaxDelaySec")
"""Keys of systemd 254; older ones say that they do not know them, and go on."""
PR_SET_MDWE, REFUSE_EXEC_GAIN = 65, 1


def judged(*words: str) -> str:
    assert JUDGE is not None
    ended = subprocess.run([JUDGE, *words], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def printed(tmp_path: Path, *words: str) -> Path:
    file = tmp_path / "aggregator.service"
    file.write_text(done(tmp_path, *words).out)
    return file


def test_the_unit_that_is_printed_is_that_of_the_repository_with_the_paths_of_this_installation(tmp_path: Path) -> None:
    program = str(Path(sys.prefix) / "bin/aggregator")
    assert printed(tmp_path, "systemd").read_text() == UNIT.read_text().replace("/usr/bin/aggregator", program)
    assert Path(program).is_file()


@needs_judge
@pytest.mark.parametrize("words", [["systemd"], ["systemd", "--user", "daemon"]])
def test_systemd_finds_no_fault_with_it_and_little_exposure(tmp_path: Path, words: list[str]) -> None:
    file = printed(tmp_path, *words)
    said = judged("verify", "--man=no", str(file)).splitlines()
    assert [line for line in said if not any(f"'{key}'" in line for key in NEWER)] == []
    found = re.search(r"exposure level for \S+: ([\d.]+)", judged("security", "--offline=true", str(file)))
    assert found
    assert float(found[1]) < 2.0


def test_a_home_of_ones_own_is_read_and_only_var_is_written(tmp_path: Path) -> None:
    text = printed(tmp_path, "systemd", "--user", "news").read_text()
    assert f"--home {tmp_path} run" in text
    assert f"User=news\nReadWritePaths={tmp_path}/var\n" in text
    assert "DynamicUser" not in text
    assert "%S" not in text


def test_what_a_unit_file_would_misread_is_refused(tmp_path: Path) -> None:
    (tmp_path / "my news").mkdir()
    refused = aggregator(tmp_path / "my news", "systemd", "--user", "news")
    assert (refused.code, "without blanks" in refused.err) == (2, True)
    assert aggregator(tmp_path, "systemd", "--user", "news\nExecStart=/bin/sh").code == 2


def test_codes_that_no_start_mends_are_not_tried_again() -> None:
    """DESIGN §6: 2 usage, 3 configuration, 4 another instance; a database (5) may come back."""
    assert re.search(r"^RestartPreventExitStatus=2 3 4$", UNIT.read_text(), re.MULTILINE)
    assert re.search(r"^Restart=on-failure$", UNIT.read_text(), re.MULTILINE)


def test_the_daemon_says_ready_reloading_and_stopping_and_feeds_the_watchdog(tmp_path: Path) -> None:
    home = write_home(tmp_path / "home", {})
    said: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))

        def listen() -> None:
            while words := ear.recv(4096).decode():
                said.append(words)

        threading.Thread(target=listen, daemon=True).start()
        with Daemon(home, {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000000"}) as daemon:
            daemon.ready()
            until(lambda: said.count("WATCHDOG=1") >= 2, "it is fed", 20)
            daemon.process.send_signal(signal.SIGHUP)
            until(lambda: sum("READY=1" in one for one in said) == 2, "it is ready again", 20)
            daemon.process.send_signal(signal.SIGUSR1)
            daemon.wait_for("main: at work for")
            daemon.wait_for("what every thread is at")
            assert daemon.end()[0] == 0
        ear.shutdown(socket.SHUT_RDWR)
    first, *_, last = [one for one in said if one != "WATCHDOG=1"]
    assert first.startswith("READY=1\nSTATUS=0 feeds, 1 watchlist, 1 digest")
    assert last.startswith("STOPPING=1")
    [taking] = [n for n, one in enumerate(said) if one.startswith("RELOADING=1\nMONOTONIC_USEC=")]
    assert any(one.startswith("READY=1") for one in said[taking:])


def without_new_code() -> None:
    """MemoryDenyWriteExecute= as the kernel has it (since 6.3)."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0):
        os._exit(77)


def run(words: list[str], before: Callable[[], None] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, check=False, preexec_fn=before)


def test_what_it_is_made_of_needs_no_memory_that_is_written_and_executed(tmp_path: Path) -> None:
    """In `make storm` the whole demo; else every compiled part is loaded."""
    parts = "import aiohttp, lxml.etree, nh3, pydantic, sqlite3, Stemmer, trafilatura, uvicorn, yaml"
    demo = ["-m", "aggregator", "demo", "--dir", str(tmp_path / "demo")]
    ended = run([sys.executable, *(demo if counts.STORM else ["-c", parts])], without_new_code)
    if ended.returncode == 77:
        pytest.skip("this kernel does not know PR_SET_MDWE")
    assert ended.returncode == 0, ended.stderr


def calls(name: str) -> set[str]:
    """The system calls of one of systemd's sets, other sets in it included."""
    found: set[str] = set()
    for line in judged("syscall-filter", name).splitlines()[1:]:
        word = line.strip()
        if word and not word.startswith("#"):
            found |= calls(word) if word.startswith("@") else {word}
    return found


@pytest.mark.slow
@pytest.mark.skipif(not counts.STORM, reason="the demo under strace takes half a minute")
@pytest.mark.skipif(not shutil.which("strace"), reason="there is no strace here")
@needs_judge
def test_the_whole_demo_makes_no_system_call_that_the_unit_forbids(tmp_path: Path) -> None:
    report = tmp_path / "calls"
    demo = [sys.executable, "-m", "aggregator", "demo", "--dir", str(tmp_path / "demo")]
    ended = run(["strace", "-f", "-qq", "-c", "-U", "name", "-o", str(report), *demo])
    assert ended.returncode == 0, ended.stderr
    used = {line.strip() for line in report.read_text().splitlines()} - {"syscall", "total"}
    used = {name for name in used if name.isidentifier()}
    # As root SQLite gives its files to their folder's owner; the service is not root.
    forbidden = used - (calls("@system-service") - calls("@privileged")) - ({"fchown"} if os.geteuid() == 0 else set())
    counts.report("system calls of the demo", len(used), len(forbidden), "held against the unit's filter")
    assert forbidden == set()
