"""What the image promises, as far as it can be seen without Docker: the daemon as the first process of its own table of processes."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tests.conformance.feedserver import FeedServer
from tests.e2e.program import Wire, aggregator, alive, descendants, environment, until, write_home

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
UNSHARE = shutil.which("unshare")
needs_namespace = pytest.mark.skipif(
    UNSHARE is None or os.geteuid() != 0, reason="only root may make a table of processes, with unshare"
)


@contextmanager
def first_process(home: Path, **environ: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """`aggregator run` as PID 1, as the image starts it; the process around it, and its pid as we see it."""
    assert UNSHARE is not None
    words = [UNSHARE, "--pid", "--fork", "--mount-proc", "--kill-child", sys.executable, "-m", "aggregator", "run"]
    env = environment(AGGREGATOR_HOME=str(home), **environ)
    with subprocess.Popen(words, env=env, stderr=subprocess.PIPE, text=True) as outer:
        try:
            assert outer.stderr is not None
            for line in outer.stderr:
                if "running on" in line:
                    break
            inner = next(descendants(outer.pid))
            yield outer, inner
        finally:
            outer.kill()
            assert outer.stderr is not None
            outer.stderr.read()


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@needs_namespace
def test_as_the_first_process_it_takes_care_of_orphans_and_ends_in_time(tmp_path: Path) -> None:
    with FeedServer() as server:
        wire = Wire("wire", *(f"News {n}" for n in range(30)))
        home = write_home(tmp_path, {"wire": server.add("/rss", wire)}, interval="1s")
        with first_process(home, AGGREGATOR__POLLING__FLOOR="1s") as (outer, inner):
            until(lambda: len(list(descendants(inner))) >= 3, "a fork server, its tracker and a worker", 30)
            [server_of_forks] = {parent(pid) for pid in descendants(inner)} - {inner}
            orphans = [pid for pid in descendants(inner) if parent(pid) == server_of_forks]
            os.kill(server_of_forks, signal.SIGKILL)
            for pid in orphans:
                os.kill(pid, signal.SIGKILL)
            wire.add(*(f"More {n}" for n in range(150)))  # more than would be read without a worker (parse.FEW)
            until(
                lambda: not any(Path(f"/proc/{pid}").exists() for pid in orphans), "no orphan is left in the table", 30
            )

            def again() -> bool:
                """A poll that was under way when its worker fell waits, unless somebody asks for another."""
                aggregator(home, "feeds", "resume", "wire")
                return len([pid for pid in descendants(inner) if alive(pid)]) >= 3

            # A task that was just on its way to the worker counts as lost after its own time and 30 s (workers.PATIENCE).
            until(again, "there is a new worker", 90)
            began = time.monotonic()
            os.kill(inner, signal.SIGTERM)
            assert outer.wait(20) == 0
            assert time.monotonic() - began < 10


def test_health_says_0_while_it_works_and_1_when_it_does_not(tmp_path: Path) -> None:
    """The image's HEALTHCHECK, of a daemon that serves no pages; then of none."""
    home = write_home(tmp_path, {}, settings={"web": {"enabled": False}})
    stopped = aggregator(home, "health")
    assert (stopped.code, "no daemon runs" in stopped.out) == (1, True)
    words = [sys.executable, "-m", "aggregator", "--home", str(home), "run"]
    with subprocess.Popen(words, env=environment(), stderr=subprocess.PIPE, text=True) as daemon:
        assert daemon.stderr is not None
        try:
            until(lambda: "running on" in daemon.stderr.readline(), "it runs")  # type: ignore[union-attr]
            assert aggregator(home, "health").out == "healthy\n"
            assert json.loads(aggregator(home, "health", "--json").out) == {"healthy": True, "problem": ""}
            health = home / "var/daemon.json"
            # It is written once more, when upkeep has been through.
            until(lambda: bool(json.loads(health.read_text()).get("upkeep", {}).get("last_ok_at")), "upkeep")
            health.write_text(json.dumps({"poll": {"hung_since": "2026-01-01T00:00:00+00:00"}}))
            hung = aggregator(home, "health")
            assert (hung.code, "poll hangs" in hung.out) == (1, True)
            health.write_text("{}")
            os.utime(health, (1, 1))
            silent = aggregator(home, "health")
            assert (silent.code, "three minutes" in silent.out) == (1, True)
        finally:
            daemon.terminate()
            daemon.stderr.read()


def test_health_asks_the_pages_where_they_are_served(tmp_path: Path) -> None:
    with FeedServer() as free:
        port = free.port
    home = write_home(tmp_path, {}, settings={"web": {"port": port}})
    words = [sys.executable, "-m", "aggregator", "--home", str(home), "run"]
    env = environment(AGGREGATOR__WEB__PORT=str(port))
    with subprocess.Popen(words, env=env, stderr=subprocess.PIPE, text=True) as daemon:
        assert daemon.stderr is not None
        try:
            until(lambda: "running on" in daemon.stderr.readline(), "it runs")  # type: ignore[union-attr]
            assert aggregator(home, "health").out == "healthy\n"
            # Elsewhere nobody answers.
            deaf = aggregator(home, "health", environ={"AGGREGATOR__WEB__PORT": "1"})
            assert (deaf.code, "does not answer" in deaf.out) == (1, True)
        finally:
            daemon.terminate()
            daemon.stderr.read()


# -- the files -----------------------------------------------------------------------------------------------------------


def test_everything_the_image_is_made_of_exists_and_reaches_the_builder() -> None:
    copied = [
        word for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE) for word in line.split()[:-1]
    ]
    ignored = (ROOT / ".dockerignore").read_text("utf-8").split("\n")
    assert copied
    for name in copied:
        assert (ROOT / name).exists(), name
        assert f"!{name}" in ignored, name
    assert not [line for line in ignored if line.startswith("!") and line[1:] not in copied]


def test_the_image_runs_as_nobody_in_particular_and_stops_by_the_signal_that_ends_us_well() -> None:
    assert re.search(r"^USER \d+:\d+$", DOCKERFILE, re.MULTILINE)
    assert "STOPSIGNAL SIGTERM" in DOCKERFILE
    [home] = re.findall(r"^VOLUME (\S+)$", DOCKERFILE, re.MULTILINE)
    assert f"AGGREGATOR_HOME={home}" in DOCKERFILE
    # In exec form: a shell in between would take the signals.
    assert re.findall(r"^(ENTRYPOINT|CMD) (\[.*\])$", DOCKERFILE, re.MULTILINE) == [
        ("ENTRYPOINT", '["aggregator"]'), ("CMD", '["run"]'),
    ]  # fmt: skip
    assert re.search(r'HEALTHCHECK .* CMD \["aggregator", "health"\]', DOCKERFILE)


@pytest.mark.parametrize("file", ["compose.yaml", "compose.several.yaml"])
def test_the_settings_of_the_image_and_of_the_compose_files_are_settings(tmp_path: Path, file: str) -> None:
    compose = (ROOT / file).read_text("utf-8")
    image = dict(re.findall(r"(AGGREGATOR__\w+)=(\S+)", DOCKERFILE))
    composed = dict(re.findall(r"(AGGREGATOR__\w+): \$\{\w+:-(.*)\}", compose))
    composed |= dict(
        re.findall(r"(AGGREGATOR__\w+): (postgresql://\S+)", re.sub(r"\$\{\w+:\?[^}]*\}", "word", compose))
    )
    assert image
    assert composed
    home = write_home(tmp_path, {})
    checked = aggregator(home, "check", environ=image | composed)
    assert checked.code == 0, checked.err


def test_several_workers_and_the_pages_share_a_database_and_a_home() -> None:
    parts = yaml.safe_load((ROOT / "compose.several.yaml").read_text("utf-8"))["services"]
    ours = {name: part for name, part in parts.items() if name != "database"}
    assert {name: part["command"] for name, part in ours.items()} == {"worker": ["worker"], "web": ["web"]}
    assert parts["worker"]["deploy"]["replicas"] == 2
    for part in ours.values():
        assert part["volumes"] == ["news:/home/aggregator/news"]
        assert part["environment"]["AGGREGATOR__STORAGE__URL"].endswith("@database/news")
        assert part["depends_on"]["database"]["condition"] == "service_healthy"
    [extras] = re.findall(r'EXTRAS: "(.+)"', (ROOT / "compose.several.yaml").read_text("utf-8"))
    assert extras == "[postgres]"
    assert '".${EXTRAS}"' in DOCKERFILE
