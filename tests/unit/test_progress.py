"""Who hangs and who only works for long."""

from __future__ import annotations

import logging

import pytest

from aggregator.progress import QUIET, Progress
from aggregator.settings.models import Settings
from aggregator.systemd import Notifier
from aggregator.watchdog import HUNG, Watchdog, stacks, tell_state, usual_limits


class Seconds:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def made(limits: dict[str, float]) -> tuple[Progress, Seconds]:
    seconds = Seconds()
    return Progress(seconds, limits), seconds


def late(progress: Progress) -> list[str]:
    return [one.name for one in progress.late()]


def test_work_that_gets_on_is_never_late_however_long_it_takes() -> None:
    progress, seconds = made({"compose": 5})
    with progress.pulse("compose").work():
        for _ in range(1000):
            seconds.now += 4
            progress.pulse("compose").beat()
        assert late(progress) == []
        assert (progress.at_work()[0].seconds, progress.at_work()[0].beats) == (4000, 1000)
        seconds.now += 6
        assert late(progress) == ["compose"]
        progress.allow({"compose": 60})
        assert late(progress) == []
    assert late(progress) == []


def test_a_part_that_hangs_is_seen_while_the_rest_of_its_line_gets_on() -> None:
    progress, seconds = made({"send": 5, "send/": 20})
    send = progress.pulse("send")
    with send.work(), send.part("mail").work(), send.part("channel:desk").work():
        for _ in range(6):
            seconds.now += 4
            send.beat()
            send.part("channel:desk").beat()
        assert late(progress) == ["send/mail"]


def test_what_rests_or_has_no_limit_is_never_late() -> None:
    progress, seconds = made({"poll": 5})
    with progress.pulse("poll").work(), progress.pulse("other").work():
        pass
    progress.beat("poll")
    progress.begin("other")
    seconds.now += 1000
    assert late(progress) == []
    with QUIET.work(), QUIET.part("more").work():
        QUIET.beat()


def test_every_usual_limit_leaves_the_time_that_others_may_take() -> None:
    """A feed may take 30 s, a document 10, a mail server ten minutes for its answer to a body."""
    options = Settings()
    limits = usual_limits(options)
    assert limits["poll"] >= options.network.total_timeout.total_seconds() + options.limits.parse_time.total_seconds()
    assert limits["send/"] > 600 + options.mail.timeout.total_seconds()
    assert min(limits.values()) >= 60


def test_a_hang_is_told_once_with_every_thread_and_so_is_its_end(caplog: pytest.LogCaptureFixture) -> None:
    progress, seconds = made({"poll": 5})
    changes: list[list[str]] = []
    watchdog = Watchdog(
        progress, Notifier({}), seconds, changed=lambda found: changes.append([one.name for one in found])
    )
    progress.begin("poll")
    with caplog.at_level(logging.WARNING, "aggregator"):
        for _ in range(5):
            seconds.now += 6
            watchdog.look()
        progress.beat("poll")
        watchdog.look()
    assert [r.getMessage().partition(":")[0] for r in caplog.records] == [
        "poll hangs", "what every thread is at", "poll goes on",
    ]  # fmt: skip
    assert "test_progress.py" in caplog.text
    assert changes == [["poll"], []]


@pytest.mark.parametrize(("hang", "ended"), [(0.0, []), (30.0, [HUNG])])
def test_a_process_that_nobody_watches_ends_itself_only_where_that_is_wanted(hang: float, ended: list[int]) -> None:
    progress, seconds = made({"poll": 5})
    codes: list[int] = []
    watchdog = Watchdog(progress, Notifier({}), seconds, hang=hang, end=codes.append)
    progress.begin("poll")
    for _ in range(3):
        seconds.now += 12
        watchdog.look()
    assert codes == []
    seconds.now += 12
    watchdog.look()
    assert codes == ended


def test_the_state_names_who_is_at_work_and_where_threads_are(caplog: pytest.LogCaptureFixture) -> None:
    progress, seconds = made({})
    progress.begin("enrich")
    seconds.now += 7
    with caplog.at_level(logging.INFO, "aggregator"):
        tell_state(progress)
    assert "enrich: at work for 7 s, got on 0 times" in caplog.text
    assert "test_the_state_names_who" in stacks()
