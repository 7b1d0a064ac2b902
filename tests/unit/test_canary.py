"""Copies in the canary's mailbox: which are overdue, and when mail as a whole does not arrive."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from aggregator.canary import LOOKED_AT, Copy, overdue, rings

NOW = datetime(2023, 2, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def copy(hours: float, *, arrived: bool = False) -> Copy:
    sent_at = NOW - timedelta(hours=hours)
    return Copy("morning", f"{hours}", sent_at, sent_at if arrived else None)


@pytest.mark.parametrize(
    ("copies", "missing", "alarm"),
    [
        ([], [], False),
        ([copy(2, arrived=True)], [], False),
        ([copy(0.5)], [], False),  # it has its hour
        ([copy(1)], ["1"], True),
        ([copy(2), copy(26, arrived=True)], ["2"], True),
        ([copy(0.5), copy(2)], ["2"], True),  # the newest may still come
        ([copy(2, arrived=True), copy(26)], ["26"], False),  # one was lost, mail arrives again
        ([copy(0.5, arrived=True), copy(2)], ["2"], False),
        ([copy(26), copy(2), copy(50)], ["2", "26", "50"], True),
        ([copy(LOOKED_AT / HOUR + 1)], [], False),
    ],
)
def test_what_is_missed(copies: list[Copy], missing: list[str], alarm: bool) -> None:
    assert [c.key for c in overdue(copies, NOW, HOUR)] == missing
    assert rings(copies, NOW, HOUR) == alarm
