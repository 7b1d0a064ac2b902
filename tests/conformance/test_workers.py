"""The Workers port over real processes: a document may ruin its own attempt and nothing else."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from aggregator.errors import ConfigError, Quarantine, Retry
from aggregator.feeds import parse
from aggregator.ports import Workers
from aggregator.workers import Pool

FEED = b"<rss version='2.0'><channel><title>t</title><item><guid>1</guid><title>One</title></item></channel></rss>"


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    made = Pool(max_workers=2, timeout=1.5, memory=200 * 1024 * 1024)
    yield made
    made.close()


def _wait(seconds: float) -> None:
    threading.Event().wait(seconds)


def double(number: int) -> int:
    return number * 2


def process() -> int:
    return os.getpid()


def process_beside(_: bytes) -> int:
    return os.getpid()


def abort() -> None:
    os.abort()


def loop() -> None:
    while True:
        pass


def loop_in_c() -> None:
    sum(range(10**12))


def hog() -> int:
    return len(bytearray(2**30))


def sleep(seconds: float) -> float:
    _wait(seconds)
    return seconds


def refuse() -> None:
    raise Retry("empty", "nothing there", "https://x.by/rss")


def misuse() -> None:
    raise KeyError("missing")


class StubbornError(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


def stubborn() -> None:
    raise StubbornError(1, 2)


def unsendable() -> object:
    return lambda: None


def die_politely() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    _wait(5)


def test_work_is_done_in_another_process(pool: Workers) -> None:
    assert pool.submit(double, 21).result(10) == 42
    assert pool.submit(process).result(10) != os.getpid()


def test_a_feed_is_parsed_in_a_worker(pool: Workers) -> None:
    assert pool.submit(parse.document, FEED, "https://x.by/rss", "").result(10).entries[0].title == "One"


def test_errors_of_ours_keep_their_type_and_words(pool: Workers) -> None:
    with pytest.raises(Retry, match="nothing there") as caught:
        pool.submit(refuse).result(10)
    assert (caught.value.error_class, caught.value.subject) == ("empty", "https://x.by/rss")


def test_ordinary_errors_keep_their_type(pool: Workers) -> None:
    with pytest.raises(KeyError, match="missing"):
        pool.submit(misuse).result(10)


def test_an_error_that_cannot_travel_arrives_in_words(pool: Workers) -> None:
    with pytest.raises(RuntimeError, match="StubbornError: 1 and 2"):
        pool.submit(stubborn).result(10)


def test_a_value_that_cannot_travel_is_an_error_of_that_task(pool: Workers) -> None:
    with pytest.raises(Exception, match="pickle"):
        pool.submit(unsendable).result(10)
    assert pool.submit(double, 1).result(10) == 2


def test_work_that_cannot_travel_is_refused_at_once(pool: Workers) -> None:
    with pytest.raises(Exception, match="pickle"):
        pool.submit(lambda: 1)


@pytest.mark.parametrize("work", [loop, loop_in_c])
def test_an_endless_loop_ends_and_its_neighbours_do_not(pool: Workers, work: Callable[[], None]) -> None:
    bad = pool.submit(work)
    good = [pool.submit(double, n) for n in range(20)]
    assert [g.result(10) for g in good] == [n * 2 for n in range(20)]
    with pytest.raises(Quarantine, match=r"longer than 1\.5 s") as caught:
        bad.result(10)
    assert caught.value.error_class == "parse_timeout"


def test_a_crash_ends_its_own_task_alone(pool: Workers) -> None:
    good = [pool.submit(sleep, 0.3)]
    bad = pool.submit(abort)
    good += [pool.submit(sleep, 0.01) for _ in range(20)]
    with pytest.raises(Quarantine, match=r"signal 6|exit") as caught:
        bad.result(15)
    assert caught.value.error_class == "parse_timeout"
    assert len([g.result(10) for g in good]) == 21


def test_a_crash_with_nobody_else_at_work_is_told_too(pool: Workers) -> None:
    for _ in range(2):
        with pytest.raises(Quarantine):
            pool.submit(abort).result(15)
    assert pool.submit(double, 4).result(10) == 8


def test_a_memory_hog_is_stopped(pool: Workers) -> None:
    with pytest.raises(Quarantine, match="200 MB") as caught:
        pool.submit(hog).result(10)
    assert caught.value.error_class == "parse_timeout"
    assert pool.submit(double, 3).result(10) == 6


def test_a_worker_stopped_from_outside_costs_no_document_its_name() -> None:
    pool = Pool(max_workers=2, timeout=20)
    try:
        with pytest.raises(Quarantine, match=r"signal 15|exit"):
            pool.submit(die_politely).result(30)
        victim = pool.submit(process).result(30)
        tasks = [pool.submit(sleep, 0.5), pool.submit(sleep, 0.5)]
        _wait(0.1)
        os.kill(victim, signal.SIGTERM)
        started = time.monotonic()
        assert [t.result(30) for t in tasks] == [0.5, 0.5]
        assert time.monotonic() - started < 10
    finally:
        pool.close()


def test_an_idle_worker_that_dies_is_replaced(pool: Workers) -> None:
    for _ in range(2):
        os.kill(pool.submit(process).result(10), signal.SIGKILL)
        _wait(0.3)
        assert pool.submit(double, 5).result(10) == 10


def test_tasks_come_from_many_threads(pool: Workers) -> None:
    results: list[int] = []
    threads = [threading.Thread(target=lambda: results.append(pool.submit(double, 1).result(20))) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [2] * 30


def test_a_task_that_is_cancelled_frees_its_worker() -> None:
    pool = Pool(max_workers=1, timeout=30)
    try:
        first = pool.submit(sleep, 20)
        waiting = pool.submit(sleep, 20)
        _wait(0.5)
        assert waiting.cancel()
        assert first.cancel()
        assert pool.submit(double, 2).result(10) == 4
    finally:
        pool.close()


def test_workers_are_replaced_after_their_share_of_tasks() -> None:
    pool = Pool(max_workers=1, max_tasks=3)
    try:
        assert len({pool.submit(process).result(10) for _ in range(9)}) >= 3
    finally:
        pool.close()


def test_small_tasks_that_wait_together_travel_together() -> None:
    pool = Pool(max_workers=1, max_tasks=1, timeout=20)
    try:
        pool.submit(sleep, 0.3)
        assert len({task.result(20) for task in [pool.submit(process) for _ in range(8)]}) == 1
        pool.submit(sleep, 0.3)
        large = [pool.submit(process_beside, bytes(400_000)) for _ in range(3)]
        assert len({task.result(20) for task in large}) == 3
    finally:
        pool.close()


@pytest.mark.parametrize("work", [loop_in_c, abort, hog, refuse])
def test_whoever_travels_with_a_bad_task_arrives(work: Callable[[], None]) -> None:
    pool = Pool(max_workers=1, timeout=1.5, memory=200 * 2**20)
    try:
        pool.submit(sleep, 0.3)
        before = [pool.submit(double, n) for n in range(3)]
        bad = pool.submit(work)
        cancelled = pool.submit(double, 0)
        after = [pool.submit(double, n) for n in range(3)]
        assert cancelled.cancel()
        assert [task.result(20) for task in before + after] == [0, 2, 4, 0, 2, 4]
        assert isinstance(bad.exception(20), (Quarantine, Retry))
    finally:
        pool.close()


def test_a_task_that_is_cancelled_under_way_costs_its_company_nothing() -> None:
    pool = Pool(max_workers=1, timeout=30)
    try:
        pool.submit(sleep, 0.3)
        long = pool.submit(sleep, 20)
        company = [pool.submit(double, n) for n in range(3)]
        _wait(1)
        assert long.cancel()
        assert [task.result(10) for task in company] == [0, 2, 4]
    finally:
        pool.close()


def test_closing_is_quick_cancels_the_rest_and_leaves_no_process() -> None:
    pool = Pool(max_workers=2, timeout=30)
    pids = {pool.submit(process).result(10) for _ in range(8)}
    busy = [pool.submit(loop_in_c) for _ in range(5)]
    _wait(0.2)
    started = time.monotonic()
    pool.close()
    pool.close()
    assert time.monotonic() - started < 1.0
    for future in busy:
        with pytest.raises(CancelledError):
            future.result(1)
    with pytest.raises(RuntimeError, match="closed"):
        pool.submit(double, 1)
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_closing_before_any_work_starts_nothing() -> None:
    Pool().close()


def processor() -> float:
    return resource.getrlimit(resource.RLIMIT_CPU)[0] - time.process_time()


def test_every_task_has_its_own_share_of_processor_time(pool: Workers) -> None:
    assert all(1.5 < pool.submit(processor).result(10) <= 4 for _ in range(3))


ORPHAN = """
import os, signal, sys
from aggregator.workers import Pool

def spin(*told):
    signal.alarm(0)
    print(os.getpid(), flush=True)
    while True:
        pass

def main():
    Pool(max_workers=1, timeout=1.0).submit(spin).exception(0.5)

if __name__ == "__main__":
    try:
        main()
    finally:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_loop_ends_even_when_its_parent_is_gone(tmp_path: Path) -> None:
    script = tmp_path / "orphan-script"
    script.write_text(ORPHAN)
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as parent:
        assert parent.stdout is not None
        orphan = int(parent.stdout.readline())
        assert parent.wait(20) == -signal.SIGKILL
        until = time.monotonic() + 60
        while _runs(orphan) and time.monotonic() < until:
            _wait(0.1)
        left = _runs(orphan)
        if left:
            os.kill(orphan, signal.SIGKILL)
        assert not left


def _runs(pid: int) -> bool:
    """Whether the process is there and no zombie, which a container's first process may leave standing."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


SCRIPT = """
import sys
from aggregator.feeds import parse
from aggregator.workers import Pool

def main():
    pool = Pool(max_workers=2)
    body = b"<rss version='2.0'><channel><item><guid>1</guid><title>One</title></item></channel></rss>"
    print(len(pool.submit(parse.document, body, "https://x.by/", "").result(20).entries))
    if "--leave-open" not in sys.argv:
        pool.close()

if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize("arguments", [[], ["--leave-open"]])
@pytest.mark.parametrize("closed", [(), (0,), (0, 1, 2)])
def test_it_works_from_a_script_whatever_files_are_open(
    tmp_path: Path, arguments: list[str], closed: tuple[int, ...]
) -> None:
    script = tmp_path / "aggregator-script"
    script.write_text(SCRIPT)
    shut = " ".join(f"{number}<&-" for number in closed)
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {shut}', "sh", sys.executable, "-W", "error", str(script), *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode in ((0, 120) if 1 in closed else (0,)), done.stderr
    assert done.stderr == ""
    assert done.stdout == ("" if 1 in closed else "1\n")


def test_interrupting_the_terminal_leaves_the_workers_to_us(pool: Workers) -> None:
    pid = pool.submit(process).result(10)
    os.kill(pid, signal.SIGINT)
    assert pool.submit(double, 8).result(10) == 16


def test_our_errors_survive_the_journey_only_as_themselves(pool: Workers) -> None:
    with pytest.raises(ConfigError):
        pool.submit(raise_config).result(10)


def raise_config() -> None:
    raise ConfigError("feeds.yaml:1: no")


def test_a_worker_with_nothing_to_do_is_let_go_and_the_next_task_has_another() -> None:
    pool = Pool(max_workers=1)
    pool.idle = 0.1
    try:
        first = pool.submit(process).result(20)
        deadline = time.monotonic() + 20
        while Path(f"/proc/{first}").exists():
            assert time.monotonic() < deadline, "it is still there"
            _wait(0.05)
        second = pool.submit(process).result(20)
        assert second != first
    finally:
        pool.close()
